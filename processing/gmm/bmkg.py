"""Intensity as BMKG will map it, from what is published of a quake.

    bmkg_shaking(QuakeFacts(5.6, 11.0, -6.84, 107.05), latitude, longitude, vs30=load(path))

How near it comes to BMKG's maps, and where not: docs/shaking.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from processing.gmm import gmice
from processing.gmm.chain import SOURCES, Chain, Model, bmkg_chain, choose
from processing.gmm.coefficients import Measure, ba08, zhao06
from processing.gmm.kernel import levels, ln_motion, to_mmi
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
STEPS_PER_KM = 10.0
MAX_TABLE_KM = 1500.0
"""Beyond, the motion at this distance stands: never less than the curve."""
MAX_VS30 = 2000
"""m/s; harder rock counts as this."""


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
            if not isinstance(value, int | float) or not low <= value <= high:
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
        found: npt.NDArray[np.number] = np.zeros(shape)
    else:
        found = vs30.on(latitude, longitude) if isinstance(vs30, Vs30Map) else np.asarray(vs30)
    if found.shape != shape:
        raise DataError(f"sites: expected Vs30 of shape {shape}, found {found.shape}")
    known = np.isfinite(found) & (found > UNKNOWN)
    whole = np.where(known, np.clip(np.nan_to_num(found, posinf=0), 1, MAX_VS30), DEFAULT_VS30)
    share = float(known.mean()) if known.size else 0.0
    return Sites(latitude, longitude, np.rint(whole).astype(np.uint16), share)


def ln_motion_grid(
    measure: Measure, quake: QuakeFacts, where: Sites, chain: Chain | None = None
) -> Singles:
    """ln of PGA (g) or PGV (cm/s), float32, shape (latitude, longitude)."""
    chain = chain or bmkg_chain()
    p = math.pi / 180.0
    row = np.sin((where.latitude - quake.latitude) * (p / 2)) ** 2
    scale = np.cos(where.latitude * p) * math.cos(quake.latitude * p)
    column = np.sin((where.longitude - quake.longitude) * (p / 2)) ** 2
    reach = _reach_km(row, scale, column)
    out = np.empty((row.size, column.size), np.float32)
    bent = model_for(quake, chain) is Model.BA08
    ln_motion(
        row.astype(np.float32), scale.astype(np.float32), column.astype(np.float32),
        _table(measure, quake, chain, reach), STEPS_PER_KM, _site_table(measure, quake, chain),
        bent, where.vs30, out,
    )  # fmt: skip
    return out


def _reach_km(row: Floats, scale: Floats, column: Floats) -> float:
    if not row.size or not column.size:
        return 1.0
    far = math.sqrt(float(row.max()) + float(scale.max()) * float(column.max()))
    return min(2 * EARTH_RADIUS_KM * far + 1.0, MAX_TABLE_KM)


def _table(measure: Measure, quake: QuakeFacts, chain: Chain, reach_km: float) -> Singles:
    """Base, gain and bend over chord distance, shape (steps, 3)."""
    chord = np.arange(int(reach_km * STEPS_PER_KM) + 3) / STEPS_PER_KM
    arc = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / (2 * EARTH_RADIUS_KM), 1.0))
    found = curve(measure, chain, quake.magnitude, quake.depth, arc)
    return np.stack([found.base, found.gain, found.bend], axis=1).astype(np.float32)


def _site_table(measure: Measure, quake: QuakeFacts, chain: Chain) -> Singles:
    every = np.maximum(np.arange(MAX_VS30 + 1, dtype=float), 1.0)
    found = site_factors(measure, model_for(quake, chain), every)
    return np.stack([found.site, found.slope_b, found.slope], axis=1).astype(np.float32)


def mmi_from_ln_pgv(ln_pgv: Singles, magnitude: float) -> Singles:
    """`gmice.bmkg_mmi` in one compiled pass, float32."""
    return _to_mmi(ln_pgv.copy(), magnitude)


def _to_mmi(ln_pgv: Singles, magnitude: float) -> Singles:
    """The same, in place."""
    ten = math.log(10.0)
    added = gmice.pgv_residual(magnitude)
    low, high = (
        np.array([a + added, b / ten], np.float32) for a, b in (gmice.PGV_LOW, gmice.PGV_HIGH)
    )
    to_mmi(low, high, np.float32(gmice.PGV_KNEE * ten), ln_pgv.reshape(-1))
    return ln_pgv


def mmi_grid(quake: QuakeFacts, where: Sites, chain: Chain | None = None) -> Singles:
    """MMI, 1 to 10, float32, shape (latitude, longitude): the quick way to it alone."""
    return _to_mmi(ln_motion_grid("pgv", quake, where, chain), quake.magnitude)


def level_grid(mmi: Singles, edges: Sequence[float]) -> npt.NDArray[np.int8]:
    """Level 0 to 4, int8, shape of `mmi`; an edge belongs to the level above it."""
    out = np.empty(mmi.shape, np.int8)
    levels(mmi.ravel(), np.asarray(edges, np.float32), out.reshape(-1))
    return out


def motion_sigma(quake: QuakeFacts, chain: Chain | None = None) -> tuple[float, float]:
    """Standard deviations of ln PGV: between quakes, and between places of one quake."""
    model = model_for(quake, chain)
    if model is Model.BA08:
        row = ba08("pgv")
        return row.tau, row.sigma
    spectrum = zhao06("sa1")
    return type_of(spectrum, SOURCES[model]).tau, spectrum.sigma


def mmi_slope(ln_pgv: npt.NDArray[np.floating]) -> Singles:
    """MMI a unit of ln PGV."""
    ten = math.log(10.0)
    found = np.where(ln_pgv <= gmice.PGV_KNEE * ten, gmice.PGV_LOW[1], gmice.PGV_HIGH[1]) / ten
    return found.astype(np.float32)


def mmi_sigma(ln_pgv: npt.NDArray[np.floating], quake: QuakeFacts) -> Singles:
    """Standard deviation of the intensity felt at a place, the quake's own figures being true."""
    between, within = motion_sigma(quake)
    shaken = mmi_slope(ln_pgv) * np.float32(math.hypot(between, within))
    found: Singles = np.hypot(shaken, np.float32(gmice.SIGMA_PGV)).astype(np.float32)
    return found


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
