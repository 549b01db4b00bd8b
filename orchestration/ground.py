"""Vs30 for the shaking line: loaded once a process, the slope of the land kept in the home."""

from __future__ import annotations

import logging
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kentongan.errors import KentonganError
from kentongan.store import sha256_hex

if TYPE_CHECKING:
    from orchestration.context import CycleContext
    from processing.gmm.vs30 import Vs30Map
    from processing.shaking.site import Ground

log = logging.getLogger(__name__)
SLOPE_STEP = 1.0 / 120.0
"""Degrees: Wald & Allen (2007) took slopes over 30 arc-seconds."""


def ground_of(context: CycleContext) -> Ground:
    """What is loaded of BMKG's Vs30 and of the slope. A file that cannot be read is logged and left
    out: the evidence of each event says which ground was taken."""
    from processing.shaking.site import Ground

    return Ground(grids=_grids(context.settings.vs30), slope=_slope(context))


def _grids(path: Path | None) -> Vs30Map | None:
    if path is None:
        return None
    try:
        return _loaded(path, path.stat().st_mtime_ns)
    except (KentonganError, OSError) as error:
        log.warning("Vs30 map left out: %s", error)
        return None


@lru_cache(maxsize=2)
def _loaded(path: Path, _stamp: int) -> Vs30Map:
    from processing.gmm.vs30 import load

    return load(path)


def _slope(context: CycleContext) -> Vs30Map | None:
    elevation = context.layers.raster("elevation")
    if elevation is None:
        return None
    folder = context.settings.home.resolve() / "cache"
    try:
        return _from_elevation(elevation, elevation.stat().st_mtime_ns, folder)
    except (KentonganError, OSError, ValueError) as error:
        log.warning("slope left out: %s", error)
        return None


@lru_cache(maxsize=2)
def _from_elevation(path: Path, stamp: int, folder: Path) -> Vs30Map:
    from processing.gmm.vs30 import load, save

    name = sha256_hex(f"{path.resolve()} {stamp}".encode())[:16]
    kept = folder / f"vs30-slope-{name}.npz"
    if kept.is_file():
        return load(kept)
    found = slope_map(path)
    folder.mkdir(parents=True, exist_ok=True)
    save(found, kept)
    return found


def slope_map(path: Path, step: float = SLOPE_STEP) -> Vs30Map:
    """Vs30 by the class of the slope, from a raster of heights in m; sea and gaps are not known.

    Heights are averaged to `step` degrees first.

    Raises:
        LayerError: no raster that can be used.
    """
    import numpy as np
    from affine import Affine
    from rasterio.warp import Resampling, reproject

    from processing.gmm.vs30 import UNKNOWN, Vs30Map, slope_of, vs30_from_slope
    from risk.layers.rasters import degrees_bounds, open_raster

    with open_raster(path) as source:
        west, south, east, north = degrees_bounds(source)
        rows, columns = math.ceil((north - south) / step), math.ceil((east - west) / step)
        heights = np.full((rows, columns), np.nan, np.float32)
        reproject(
            source=_band(source),
            destination=heights,
            dst_transform=Affine(step, 0, west, 0, -step, south + rows * step),
            dst_crs="EPSG:4326",
            dst_nodata=float("nan"),
            resampling=Resampling.average,
        )
    latitude = south + (np.arange(rows, dtype=np.float64) + 0.5) * step
    vs30 = vs30_from_slope(slope_of(heights[::-1].astype(np.float64), latitude, step))
    values = np.where(np.isnan(vs30), UNKNOWN, np.nan_to_num(vs30)).astype(np.uint16)
    return Vs30Map(west, south, step, values)


def _band(source: object) -> object:
    import rasterio

    return rasterio.band(source, 1)
