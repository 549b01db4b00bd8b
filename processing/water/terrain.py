"""What the ground does with water: where it runs to, how far above the drains a place lies.

Flow directions by priority flood over filled depressions (pyflwdir). HAND: height above the
nearest drain, Nobre et al. (2011), J. Hydrol. 404, 13-29; wetness index: Beven & Kirkby (1979),
Hydrol. Sci. Bull. 24, 43-69.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit

Field = npt.NDArray[np.float32]

SEA = -9999.0
DRAIN_CELLS = 60
"""A stream begins where so many cells run together: it sets how dense the network is, and HAND with
it."""
LEAST_SLOPE = 1e-3
"""m/m; flat ground would have an endless wetness index."""


@dataclass(frozen=True)
class Ways:
    """Where water goes. Positions count cells by rows, from north-west."""

    down: npt.NDArray[np.int32]
    """Cell into which each one runs; itself where water leaves, -1 at sea."""
    order: npt.NDArray[np.int32]
    """Cells that are land, each after the one that it runs into."""

    def total(
        self, field: npt.NDArray[np.floating] | npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        """Sum over everything that runs through each cell, itself counted; 0 at sea."""
        summed = field.ravel().astype(np.float64)
        summed[self.down < 0] = 0.0
        _sum_down(self.order[::-1], self.down, summed)
        return summed.reshape(field.shape)


@dataclass(frozen=True)
class Terrain:
    """All of shape (rows, columns), rows from north to south as in the raster that was read.

    NaN: not known, or the sea.
    """

    elevation: Field
    """m, depressions filled."""
    hand: Field
    """m above the nearest drain."""
    slope: Field
    """m/m."""
    wetness: Field
    """ln(a / tan beta), a in m."""
    upstream: npt.NDArray[np.float32]
    """Cells that run through this one, itself counted."""
    ways: Ways | None = None
    """None: nothing runs anywhere, for ground that stands by itself."""


def terrain(
    elevation: npt.NDArray[np.floating], *, cell_m: float, drain_cells: int = DRAIN_CELLS
) -> Terrain:
    """Everything from a raster of heights.

    Args:
        elevation: m, rows from north to south; NaN or -9999: sea or not known. Water runs out there
            and over the rim.
        cell_m: side of a cell, m.

    Raises:
        ValueError: nothing known, or heights that no ground has.
    """
    import pyflwdir
    from affine import Affine

    height = _checked(elevation)
    place = Affine(cell_m, 0.0, 0.0, 0.0, -cell_m, 0.0)
    filled, _ = pyflwdir.dem.fill_depressions(height, nodata=SEA)
    flow = pyflwdir.from_dem(height, nodata=SEA, transform=place, latlon=False)
    upstream = flow.upstream_area("cell").astype(np.float32)
    drains = upstream >= drain_cells
    land = filled != SEA
    slope = pyflwdir.dem.slope(filled, nodata=SEA, latlon=False, transform=tuple(place)[:6])
    hand = _hand(flow, drains, filled)
    steep = np.maximum(slope, LEAST_SLOPE)
    with np.errstate(invalid="ignore", divide="ignore"):
        wetness = np.log(np.where(land, upstream, 1.0) * cell_m / steep)
    filled, hand, slope, wetness, upstream = (
        _known(part, land) for part in (filled, hand, slope, wetness, upstream)
    )
    return Terrain(filled, hand, slope, wetness, upstream, _ways(flow))


def _ways(flow: Any) -> Ways:
    """Of `pyflwdir.FlwdirRaster`."""
    return Ways(
        np.asarray(flow.idxs_ds).astype(np.int32), np.asarray(flow.idxs_seq).astype(np.int32)
    )


def _hand(flow: Any, drains: npt.NDArray[np.bool_], filled: Field) -> Field:
    """A place whose way ends at the rim or the sea before any drain stands above that end."""
    ends = np.zeros(drains.shape, dtype=bool)
    ends.flat[flow.idxs_pit] = True
    height: Field = flow.hand(drains | ends, filled)
    return height


def _checked(elevation: npt.NDArray[np.floating]) -> Field:
    height = np.asarray(elevation, dtype=np.float32)
    height = np.where(np.isfinite(height), height, np.float32(SEA))
    known = height[height != SEA]
    if not known.size:
        raise ValueError("heights: nothing is known; expected metres, NaN or -9999 for the sea")
    # The lowest and the highest ground on Earth, with room for noise.
    if known.min() < -500 or known.max() > 9000:
        raise ValueError(
            f"heights from {known.min():.0f} to {known.max():.0f}: expected metres, -500 to 9000"
        )
    return height


def _known(part: Any, land: npt.NDArray[np.bool_]) -> Field:
    return np.where(land, part, np.nan).astype(np.float32)


LEAST_KNOWN = 0.75
"""Share of a catchment whose rain must be known for its mean."""


def upstream_mean(ground: Terrain, field: Field) -> Field:
    """Mean over everything that runs through each cell: the rain of its catchment.

    Args:
        field: e.g. rain of some hours, mm, shape of the terrain; NaN: not known.

    Returns:
        Mean over the known part of the catchment; NaN where less than three quarters of the
        catchment are known, and at sea.
    """
    return Catchments(ground).mean(field)


class Catchments:
    """Means over catchments, one field after the other: what is known of them is counted once."""

    def __init__(self, ground: Terrain) -> None:
        self._ground, self._ways = ground, ways_of(ground)
        self._known: npt.NDArray[np.bool_] | None = None
        self._count = np.empty(0)

    def mean(self, field: Field) -> Field:
        """As `upstream_mean`."""
        known = np.isfinite(field) & np.isfinite(self._ground.upstream)
        if self._known is None or not np.array_equal(known, self._known):
            self._known, self._count = known, self._ways.total(known)
        total = self._ways.total(np.where(known, field, np.float32(0)))
        enough = self._count >= np.maximum(LEAST_KNOWN * self._ground.upstream, 1)
        out = np.full(field.shape, np.nan, dtype=np.float32)
        np.divide(total, self._count, out=out, where=enough, casting="same_kind")
        return out


def ways_of(ground: Terrain) -> Ways:
    """
    Raises:
        ValueError: of this ground no ways are known.
    """
    if ground.ways is None:
        raise ValueError("terrain without ways: expected one that `terrain` made")
    return ground.ways


def concentration_hours(ground: Terrain, *, cell_m: float) -> Field:
    """Hours from the farthest point of each catchment: the lead time that its rain gives.

    Kirpich (1940), Civil Eng. 10, 362: t = 0.0195 L^0.77 S^-0.385 minutes, L the longest way in m
    and S the fall along it; made for small basins, quoted from textbooks and not re-checked.
    """
    cells, top = _from_above(ground)
    length = np.maximum(cells * cell_m, cell_m)
    fall = np.maximum((top - ground.elevation) / length, LEAST_SLOPE)
    hours: Field = (0.0195 / 60 * length**0.77 * fall**-0.385).astype(np.float32)
    return hours


def _from_above(ground: Terrain) -> tuple[Field, Field]:
    """Cells along the longest way down to each cell, and the highest ground above it, m."""
    ways = ways_of(ground)
    length = np.zeros(ways.down.size, dtype=np.float32)
    top = np.nan_to_num(ground.elevation, nan=SEA).ravel().astype(np.float32)
    _gather(ways.order[::-1], ways.down, ground.elevation.shape[1], length, top)
    shape = ground.elevation.shape
    return length.reshape(shape), top.reshape(shape)


@jit
def _gather(order: Any, down: Any, columns: Any, length: Any, top: Any) -> None:
    for cell in order:
        below = down[cell]
        if below == cell:
            continue
        askew = (cell // columns != below // columns) and (cell % columns != below % columns)
        way = length[cell] + (np.float32(1.4142135) if askew else np.float32(1.0))
        length[below] = max(length[below], way)
        top[below] = max(top[below], top[cell])


@jit
def _sum_down(order: Any, down: Any, summed: Any) -> None:
    for cell in order:
        below = down[cell]
        if below != cell:
            summed[below] += summed[cell]
