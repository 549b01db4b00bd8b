"""Intensity as BMKG will map it, from what is published of a quake.

    bmkg_shaking(QuakeFacts(5.6, 11.0, -6.84, 107.05), latitude, longitude, vs30=load(path))

How near it comes to BMKG's maps, and where not: docs/shaking.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from processing.gmm import gmice
from processing.gmm.chain import SOURCES, Chain, Model, bmkg_chain, choose
from processing.gmm.coefficients import Measure, ba08, zhao06
from processing.gmm.kernel import count_edges, ln_motion, to_mmi, whole_mmi
from processing.gmm.motion import curve, site_factors
from processing.gmm.vs30 import DEFAULT_VS30, UNKNOWN, Vs30Map
from processing.gmm.zhao06 import type_of
from processing.quakes import DEPTHS_KM, EARTH_RADIUS_KM, MAGNITUDES

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

METHOD = "bmkg-shakemap/1"
FITTED_MAGNITUDES = (1.6, 8.7)
"""Of the maps that the chain was compared with."""
FITTED_KM = 400.0
ASSUMED_DEPTH_KM = 10.0
"""Where no depth is published: what fast solutions are fixed to, and on the strong side."""
MAX_TABLE_KM = 1500.0
"""Beyond, the motion at this distance stands: never less than the curve."""
MAX_VS30 = 2000
"""m/s; harder rock counts as this."""
WHOLE_MMI = tuple(i + 0.5 for i in range(1, 10))
"""Lower edges of the whole intensities II to X: halves are rounded up, as PAGER does."""
LN_KNEE = np.float32(gmice.PGV_KNEE * math.log(10.0))
"""ln of the PGV at which the two branches of MMI meet."""
_NEAR = np.float32((2.0 / (2 * EARTH_RADIUS_KM)) ** 2)
"""sin^2 of half an arc of 2 km, added to that of each cell: the table has even steps of the square
of the distance up to about there, of its logarithm beyond."""
_COARSE = np.uint32(15)
"""256 knots an octave of that: one in 0.2 to 0.4 % of the distance, 0.1 km at 30 km."""
_SHIFT = np.uint32(12)
_PARTS = 1 << int(_COARSE - _SHIFT)
"""Entries between two knots: within 2.5e-4 of a distance, so within 1e-3 of an MMI."""


@dataclass(frozen=True)
class QuakeFacts:
    """What the chain needs of a quake.

    Raises:
        DataError: a figure is missing or cannot be of a quake.
    """

    magnitude: float
    depth_km: float | None
    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        limits = {
            "magnitude": MAGNITUDES,
            "depth_km": DEPTHS_KM,
            "latitude": (-90.0, 90.0),
            "longitude": (-180.0, 180.0),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is None and name == "depth_km":
                continue
            if not isinstance(value, Real) or not low <= float(value) <= high:
                raise DataError(
                    f"quake: expected {name} of {low:g} to {high:g}, found {value}; not computed"
                )

    @property
    def depth(self) -> float:
        return ASSUMED_DEPTH_KM if self.depth_km is None else float(self.depth_km)

    @property
    def extrapolated(self) -> bool:
        low, high = FITTED_MAGNITUDES
        return self.depth_km is None or not low <= self.magnitude <= high


def model_for(quake: QuakeFacts, chain: Chain | None = None) -> Model:
    return choose(quake.magnitude, quake.depth, (chain or bmkg_chain()).choice)


@dataclass(frozen=True)
class Sites:
    """Cells to compute: axes in degrees, Vs30 in m/s as whole numbers below `MAX_VS30` + 1."""

    latitude: Floats
    longitude: Floats
    vs30: npt.NDArray[np.uint16]
    known: float
    """Share of the cells whose Vs30 is known."""


def sites(
    latitude: Floats, longitude: Floats, vs30: Vs30Map | npt.NDArray[np.number] | None = None
) -> Sites:
    """Cells of two axes; what is not known of Vs30 (0, NaN, none) is the default.

    Raises:
        DataError: an axis is not finite, or Vs30 is of another shape.
    """
    shape = (latitude.size, longitude.size)
    if not (np.isfinite(latitude).all() and np.isfinite(longitude).all()):
        raise DataError("sites: expected finite latitudes and longitudes")
    if vs30 is None:
        whole = np.full(shape, DEFAULT_VS30, np.uint16)
        return Sites(latitude, longitude, whole, 0.0)
    found = vs30.on(latitude, longitude) if isinstance(vs30, Vs30Map) else np.asarray(vs30)
    if found.shape != shape:
        raise DataError(f"sites: expected Vs30 of shape {shape}, found {found.shape}")
    if found.dtype == np.uint16:
        known = found != UNKNOWN
        whole = np.minimum(found, np.uint16(MAX_VS30))
        whole[~known] = DEFAULT_VS30
    else:
        known = np.isfinite(found) & (found > UNKNOWN)
        held = np.clip(np.nan_to_num(found, posinf=0), 1, MAX_VS30)
        whole = np.rint(np.where(known, held, DEFAULT_VS30)).astype(np.uint16)
    share = np.count_nonzero(known) / known.size if known.size else 0.0
    return Sites(latitude, longitude, whole, share)


@dataclass(frozen=True)
class _Table:
    """Motion over place; see `kernel.ln_motion`."""

    first: np.uint32
    base: Singles
    bend: Singles
    far_gain: float


def ln_motion_grid(
    measure: Measure, quake: QuakeFacts, where: Sites, chain: Chain | None = None
) -> Singles:
    """ln of PGA (g) or PGV (cm/s), float32, shape (latitude, longitude)."""
    chain = chain or bmkg_chain()
    p = math.pi / 180.0
    row = np.sin((where.latitude - quake.latitude) * (p / 2)) ** 2
    scale = np.cos(where.latitude * p) * math.cos(quake.latitude * p)
    column = np.sin((where.longitude - quake.longitude) * (p / 2)) ** 2
    out = np.empty((row.size, column.size), np.float32)
    if not out.size:
        return out
    table = _table(measure, quake, chain, float(row.max()) + float(scale.max() * column.max()))
    site = _site_table(measure, model_for(quake, chain))
    ln_motion(
        (row + _NEAR).astype(np.float32), scale.astype(np.float32), column.astype(np.float32),
        table.first, _SHIFT, table.base, table.bend,
        site[:, 0] + np.float32(table.far_gain) * site[:, 1], site,
        np.ascontiguousarray(where.vs30), out,
    )  # fmt: skip
    return out


def _table(measure: Measure, quake: QuakeFacts, chain: Chain, reach: float) -> _Table:
    """Base, gain and bend over place; `reach` is sin^2 of half the longest arc."""
    longest = min(reach, math.sin(MAX_TABLE_KM / (2 * EARTH_RADIUS_KM)) ** 2)
    ends = np.array([_NEAR, _NEAR + longest], np.float32).view(np.uint32) >> _COARSE
    place = np.arange(ends[0], ends[1] + 2, dtype=np.uint32) << _COARSE
    half_arc = np.arcsin(np.sqrt(np.maximum(place.view(np.float32) - float(_NEAR), 0.0)))
    found = curve(measure, chain, quake.magnitude, quake.depth, 2 * EARTH_RADIUS_KM * half_arc)
    gain, bend = found.gain, found.bend
    bent = np.flatnonzero((bend != 0.0) | (gain != gain[-1]))
    last = int(bent[-1]) + 2 if bent.size else 0
    near = np.stack([_finer(gain[: last + 1]), _finer(bend[: last + 1])], axis=1)
    return _Table(ends[0] << (_COARSE - _SHIFT), _finer(found.base), near, float(gain[-1]))


def _finer(knots: Floats) -> Singles:
    """The middles of `_PARTS` even parts between each two knots."""
    share = (np.arange(_PARTS) + 0.5) / _PARTS
    return (knots[:-1, None] + np.diff(knots)[:, None] * share).ravel().astype(np.float32)


@lru_cache(maxsize=8)
def _site_table(measure: Measure, model: Model) -> Singles:
    every = np.maximum(np.arange(MAX_VS30 + 1, dtype=float), 1.0)
    found = site_factors(measure, model, every)
    table = np.stack([found.site, found.slope_b, found.slope], axis=1).astype(np.float32)
    table.setflags(write=False)
    return table


def mmi_from_ln_pgv(ln_pgv: Singles, magnitude: float) -> Singles:
    """`gmice.bmkg_mmi` in one compiled pass, float32."""
    return _to_mmi(ln_pgv.copy(), magnitude)


def branches(magnitude: float) -> tuple[Singles, Singles]:
    """Intercept and slope of BMKG's MMI over ln PGV, below and above the knee."""
    ten, added = math.log(10.0), gmice.pgv_residual(magnitude)
    low, high = (
        np.array([a + added, b / ten], np.float32) for a, b in (gmice.PGV_LOW, gmice.PGV_HIGH)
    )
    return low, high


def _to_mmi(ln_pgv: Singles, magnitude: float) -> Singles:
    """The same, in place."""
    to_mmi(*branches(magnitude), LN_KNEE, ln_pgv.reshape(-1))
    return ln_pgv


def mmi_grid(quake: QuakeFacts, where: Sites, chain: Chain | None = None) -> Singles:
    """MMI, 1 to 10, float32, shape (latitude, longitude): the quick way to it alone."""
    return _to_mmi(ln_motion_grid("pgv", quake, where, chain), quake.magnitude)


def level_grid(mmi: Singles, edges: Sequence[float]) -> npt.NDArray[np.int8]:
    """Level (how many of the edges are reached), int8, shape of `mmi`; at most 100 edges."""
    out = np.empty(mmi.shape, np.int8)
    count_edges(mmi.ravel(), np.asarray(edges, np.float32), out.reshape(-1))
    return out


def mmi_classes(mmi: Singles) -> npt.NDArray[np.int8]:
    """Whole intensity less one, int8: 0 is I, 9 is X; halves belong to the higher."""
    out = np.empty(mmi.shape, np.int8)
    whole_mmi(mmi.reshape(-1), out.reshape(-1))
    return out


def motion_sigma(quake: QuakeFacts, chain: Chain | None = None) -> tuple[float, float]:
    """Standard deviations of ln PGV: between quakes, and between places of one quake."""
    model = model_for(quake, chain)
    if model is Model.BA08:
        row = ba08("pgv")
        return row.tau, row.sigma
    spectrum = zhao06("sa1")
    return type_of(spectrum, SOURCES[model]).tau, spectrum.sigma


def sigma_by_branch(motion_sigma_ln: float) -> tuple[np.float32, np.float32]:
    """Standard deviation of MMI below and above the curve's knee for one of ln PGV.

    Worden's own scatter is in both.
    """
    ten = math.log(10.0)
    low, high = (
        math.hypot(slope / ten * motion_sigma_ln, gmice.SIGMA_PGV)
        for _, slope in (gmice.PGV_LOW, gmice.PGV_HIGH)
    )
    return np.float32(low), np.float32(high)


def mmi_sigma(ln_pgv: Singles, quake: QuakeFacts) -> Singles:
    """Standard deviation of the intensity felt at a place, the quake's own figures being true."""
    low, high = sigma_by_branch(math.hypot(*motion_sigma(quake)))
    return np.where(ln_pgv <= LN_KNEE, low, high)


def bmkg_shaking(
    quake: QuakeFacts,
    latitude: Floats,
    longitude: Floats,
    *,
    vs30: Vs30Map | npt.NDArray[np.number] | None = None,
) -> xr.Dataset:
    """The map that BMKG's chain makes of these figures.

    Args:
        latitude: cell centres in degrees, ascending, shape (rows,).
        longitude: likewise, shape (columns,).
        vs30: a merged map, or m/s of shape (rows, columns); not known is the default.

    Returns:
        Dims (latitude, longitude), float32: `mmi` 1 to 10, `pga` in g, `pgv` in cm/s, `sigma` of
        MMI. Attributes: `method`, `model`, `depth_assumed`, `extrapolated`, `vs30_known_share`.

    Raises:
        DataError: axes or Vs30 do not fit.
    """
    where = sites(latitude, longitude, vs30)
    ln_pgv = ln_motion_grid("pgv", quake, where)
    fields = {
        "mmi": (mmi_from_ln_pgv(ln_pgv, quake.magnitude), "macroseismic intensity (MMI)", "1"),
        "pga": (np.exp(ln_motion_grid("pga", quake, where)), "peak ground acceleration", "g"),
        "pgv": (np.exp(ln_pgv), "peak ground velocity", "cm s-1"),
        "sigma": (mmi_sigma(ln_pgv, quake), "standard deviation of MMI", "1"),
    }
    return _dataset(where, fields).assign_attrs(
        method=METHOD,
        model=str(model_for(quake)),
        depth_assumed=int(quake.depth_km is None),
        extrapolated=int(quake.extrapolated),
        vs30_known_share=round(where.known, 3),
    )


def _dataset(where: Sites, fields: dict[str, tuple[Singles, str, str]]) -> xr.Dataset:
    import xarray as xr

    from processing.rasters import grid_coordinates

    dims = ("latitude", "longitude")
    return xr.Dataset(
        {
            name: (dims, values, {"long_name": words, "units": unit})
            for name, (values, words, unit) in fields.items()
        },
        coords=grid_coordinates(where.latitude, where.longitude),
    )
