"""Bands of intensity: errors of the first figures and of the model, carried to p10, p50, p90.

What shifts a whole field (magnitude, depth, place, the quake's own strength) is drawn by a fixed
sequence, so the same quake always gives the same members and people can be counted in each. What
differs from place to place (ground motion within a quake, felt intensity) widens the bands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from processing.gmm import gmice
from processing.gmm.bmkg import (
    LN_KNEE,
    QuakeFacts,
    Singles,
    Sites,
    branches,
    ln_motion_grid,
    mmi_from_ln_pgv,
    motion_sigma,
    sigma_by_branch,
)
from processing.gmm.kernel import add_member
from processing.quakes import DEPTHS_KM, MAGNITUDES

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]

MEMBERS = 32
"""256 members move p10, p50 and p90 by less than 0.1 MMI."""
_KM_PER_DEGREE = 111.195
_Z90 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True)
class Spread:
    """Standard deviations of a first solution; all unconfirmed, to be set by a duty office.

    No published comparison of BMKG's first and final solutions was found. Epicentres are said to
    move by 5 to 20 km; depth is often fixed at 10 km at first.
    """

    magnitude: float = 0.2
    depth_km: float = 10.0
    position_km: float = 8.0
    """Of each of the two directions."""

    def __post_init__(self) -> None:
        for name in ("magnitude", "depth_km", "position_km"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise DataError(f"spread: expected {name} of 0 and more, found {value}")


DEPTH_NOT_KNOWN_KM = 40.0
"""Standard deviation where no depth is published: half of the members then lie deeper than about
30 km, in the slab. Unconfirmed."""
FIRST = Spread()
REVIEWED = Spread(magnitude=0.1, depth_km=5.0, position_km=4.0)
"""Half of it once the solution was revised; unconfirmed."""


def members(
    quake: QuakeFacts, spread: Spread, count: int = MEMBERS
) -> list[tuple[QuakeFacts, float]]:
    """Quakes that the figures may stand for, each as likely, and how many sigma it is stronger.

    Depth beyond 0 to 800 km is turned back at the end, magnitude is held at its ends.
    """
    found = []
    for m, h, x, y, strength in _normal(count, 5):
        depth = abs(quake.depth + h * spread.depth_km)
        latitude = quake.latitude + y * spread.position_km / _KM_PER_DEGREE
        east = _KM_PER_DEGREE * max(math.cos(math.radians(quake.latitude)), 0.01)
        longitude = quake.longitude + x * spread.position_km / east
        one = QuakeFacts(
            min(max(quake.magnitude + m * spread.magnitude, MAGNITUDES[0]), MAGNITUDES[1]),
            min(depth, 2 * DEPTHS_KM[1] - depth),
            min(max(latitude, -90.0), 90.0),
            (longitude + 180.0) % 360.0 - 180.0,
        )
        found.append((one, float(strength)))
    return found


def _normal(count: int, dimensions: int) -> Floats:
    """Evenly spread normal deviates, shape (count, dimensions), the same every time.

    Roberts (2018), the R sequence: multiples of powers of the root of x^(d+1) = x + 1; then each
    column is centred and scaled, so that mean 0 and variance 1 hold exactly.
    """
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    even = (0.5 + np.outer(np.arange(1, count + 1), steps)) % 1.0
    rank = np.argsort(np.argsort(even, axis=0), axis=0)
    inverse = NormalDist().inv_cdf
    quantile = np.array([inverse((i + 0.5) / count) for i in range(count)])
    found: Floats = (quantile / quantile.std())[rank]
    return found


def member_fields(
    quake: QuakeFacts, where: Sites, spread: Spread = FIRST, *, count: int = MEMBERS
) -> Iterator[tuple[Singles, Singles]]:
    """Median MMI of each member and the standard deviation about it at a place.

    Shapes (latitude, longitude). Counting people in each member gives their own p10 to p90: what
    is drawn here is common to all villages.
    """
    for one, strength in members(quake, spread, count):
        between, within = motion_sigma(one)
        ln_pgv = ln_motion_grid("pgv", one, where)
        ln_pgv += np.float32(strength * between)
        local = np.where(ln_pgv <= LN_KNEE, *sigma_by_branch(within))
        yield mmi_from_ln_pgv(ln_pgv, one.magnitude), local


def mmi_bands(
    quake: QuakeFacts, where: Sites, spread: Spread = FIRST, *, count: int = MEMBERS
) -> xr.Dataset:
    """`mmi_p10`, `mmi_p50`, `mmi_p90`: what may be felt at each place, float32.

    The members' fields are normal about their own median; their mixture is taken as normal with
    its mean and variance.
    """
    shape = (where.latitude.size, where.longitude.size)
    total, square = np.zeros(shape), np.zeros(shape)
    for one, strength in members(quake, spread, count):
        between, within = motion_sigma(one)
        add_member(
            ln_motion_grid("pgv", one, where).reshape(-1), np.float32(strength * between),
            *branches(one.magnitude), LN_KNEE, np.array(sigma_by_branch(within)),
            total.reshape(-1), square.reshape(-1),
        )  # fmt: skip
    mean = total / count
    sigma_all = np.sqrt(np.maximum(square / count - mean**2, 0.0))
    return _dataset(
        where, {p: mean + z * sigma_all for p, z in ((10, -_Z90), (50, 0.0), (90, _Z90))}
    )


def _dataset(where: Sites, fields: dict[int, Floats]) -> xr.Dataset:
    import xarray as xr

    from processing.rasters import grid_coordinates

    return xr.Dataset(
        {
            f"mmi_p{p}": (
                ("latitude", "longitude"),
                gmice.clipped(values).astype(np.float32),
                {"long_name": f"macroseismic intensity (MMI), quantile {p} %", "units": "1"},
            )
            for p, values in fields.items()
        },
        coords=grid_coordinates(where.latitude, where.longitude),
    )


def people_band(counts: npt.NDArray[np.integer]) -> tuple[int, int, int]:
    """p10, p50, p90 of people over members, whole people; members along the first axis.

    Raises:
        DataError: no member.
    """
    if not counts.size:
        raise DataError("people: expected a count of each member, found none")
    low, middle, high = np.quantile(counts, (0.1, 0.5, 0.9))
    return math.floor(low), round(middle), math.ceil(high)
