"""The land of one window: heights, slope, sea, strip, rivers; and what of it is not known.

A hole, a fill value, or heights of another datum is *not known*, and never dry land.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage

from kentongan.grid import Grid
from kentongan.policy import CoastRules
from risk.access.friction import METRES_PER_DEGREE
from risk.layers.rasters import WGS84, open_raster, read_values

HEIGHTS_M = (-50.0, 5_100.0)
"""Outside is a fill value: Puncak Jaya is 4,884 m high; no land here lies far below the sea."""
_FEW_SHORE_CELLS = 20
"""With fewer, nothing can be said of the datum."""
_LOWEST_TENTH = 10.0
_AROUND = np.ones((3, 3), dtype=np.bool_)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Shapes = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Terrain:
    """Cells of one window; every array has the shape of the grid, rows from south to north.

    Attributes:
        low_m: lowest height in each cell; NaN where any of it is not known.
        sine: sin of the slope; 0 where not known, for flat land lets a wave farthest.
        land: True where a village or the inland core is, or heights above the sea.
        strip: within the coast strip of the layer set, or at sea.
        river: a river runs through; all False without a river layer.
        datum_wrong: heights were thrown away, for the shore does not lie near 0.
    """

    grid: Grid
    low_m: Floats
    sine: Floats
    land: Mask
    strip: Mask
    river: Mask
    datum_wrong: bool = False


def read_terrain(
    path: Path,
    grid: Grid,
    villages: Shapes,
    core: Shapes,
    rules: CoastRules,
    rivers: Shapes | None = None,
) -> Terrain:
    """Heights of a raster in degrees, and what else is in the window.

    Args:
        path: metres, EPSG:4326.
        villages: polygons that meet the window: land.
        core: land farther from the sea than the coast strip (`risk.layers.coast`).
        rivers: lines; None: no river layer.
    """
    heights = read_heights(path, grid)
    inland = burnt(core, grid, touched=False)
    drawn = burnt(villages, grid, touched=True) | inland
    wrong = other_datum(heights, drawn, rules)
    if wrong:
        heights = heights.none()
    land = drawn | (heights.mean > 0)
    return Terrain(
        grid=grid,
        low_m=_lowest(heights, _sea_fringe(land)),
        sine=_sine(heights.mean, grid),
        land=land,
        strip=~inland,
        river=burnt(rivers, grid, touched=True),
        datum_wrong=wrong,
    )


def _lowest(heights: Heights, fringe: Mask) -> Floats:
    """Lowest height of each cell, NaN where it is not known.

    At the water's edge a hole is the sea: the known part of a cell speaks, and beside known cells
    one that has no height at all lies as low as the sea.
    """
    known = np.isfinite(heights.lowest)
    # Cells of both rasters do not agree: a strip of partly known ones lies behind the fringe.
    shore = ndimage.binary_dilation(fringe, _AROUND)
    low = np.where(heights.complete | shore, heights.lowest, np.nan)
    return np.where(fringe & ~known & ndimage.binary_dilation(known, _AROUND), 0.0, low)


def other_datum(heights: Heights, land: Mask, rules: CoastRules) -> bool:
    """Whether the shore shows that the heights are not above the sea.

    Heights above the ellipsoid are tens of metres off in most of Indonesia, so a shore at 20 m or
    at -30 m is none. Too few cells of shore prove nothing, so they are not believed.

    Args:
        land: by shapes alone; heights of another datum make land of the sea.
    """
    if land.all() or not np.isfinite(heights.lowest).any():
        return False
    shore = heights.lowest[land & _sea_fringe(land)]
    shore = shore[np.isfinite(shore)]
    if shore.size < _FEW_SHORE_CELLS:
        return True
    return bool(abs(np.percentile(shore, _LOWEST_TENTH)) > rules.datum_m)


def _sea_fringe(land: Mask) -> Mask:
    """Sea, and the land cells that touch it."""
    found: Mask = ndimage.binary_dilation(~land, _AROUND)
    return found


@dataclass(frozen=True, eq=False)
class Heights:
    """Of each cell: lowest and mean of the part that is known (NaN: nothing is), and whether all
    of it is known."""

    lowest: Floats
    mean: Floats
    complete: Mask

    def none(self) -> Heights:
        """As if no height were known."""
        nothing = np.full_like(self.lowest, np.nan)
        return Heights(nothing, nothing, np.zeros_like(self.complete))


def read_heights(path: Path, grid: Grid) -> Heights:
    """Heights of a raster in degrees, brought to the cells of the grid."""
    from rasterio.windows import Window

    north = grid.south + grid.rows * grid.step
    target = Affine(grid.step, 0, grid.west, 0, -grid.step, north)
    with open_raster(path) as source:
        window = _around(source, grid)
        if window is None:
            shape = (grid.rows, grid.columns)
            nothing = np.full(shape, np.nan)
            return Heights(nothing, nothing, np.zeros(shape, dtype=np.bool_))
        values = read_values(source, Window(*window))
        a, e = source.transform.a, source.transform.e
        west, top = source.transform.c + a * window[0], source.transform.f + e * window[1]
    values[(values < HEIGHTS_M[0]) | (values > HEIGHTS_M[1])] = np.nan
    given = Affine(a, 0, west, 0, e, top)
    lowest, mean = (_brought(values, given, target, grid, how) for how in ("min", "average"))
    whole = np.isfinite(values).astype(np.float32)
    return Heights(lowest, mean, _brought(whole, given, target, grid, "min") > 0)


def _around(source: Any, grid: Grid) -> tuple[int, int, int, int] | None:
    """Columns and rows of the raster that meet the grid, two more on each side."""
    a, e, left, top = (getattr(source.transform, name) for name in ("a", "e", "c", "f"))
    east, north = grid.west + grid.columns * grid.step, grid.south + grid.rows * grid.step
    first = max(0, int((grid.west - left) // a) - 2)
    last = min(source.width, int((east - left) // a) + 3)
    rows = sorted(((grid.south - top) // e, (north - top) // e))
    upper, lower = max(0, int(rows[0]) - 2), min(source.height, int(rows[1]) + 3)
    if first >= last or upper >= lower:
        return None
    return first, upper, last - first, lower - upper


def _brought(values: Any, given: Affine, target: Affine, grid: Grid, how: str) -> Floats:
    """To the cells of the grid, rows from south to north."""
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    out = np.full((grid.rows, grid.columns), np.nan, dtype=np.float32)
    reproject(
        values, out, src_transform=given, src_crs=WGS84, dst_transform=target, dst_crs=WGS84,
        src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling[how],
    )  # fmt: skip
    return np.asarray(out[::-1], dtype=np.float64)


def _sine(mean: Floats, grid: Grid) -> Floats:
    north = grid.step * METRES_PER_DEGREE
    east = north * np.cos(np.radians(grid.latitude))[:, None]
    if min(mean.shape) < 2:
        return np.zeros_like(mean)
    by_row, by_column = np.gradient(mean)
    rise = np.hypot(by_row / north, by_column / east)
    sine: Floats = np.nan_to_num(rise / np.sqrt(1 + rise**2))
    return sine


def burnt(shapes: Shapes | None, grid: Grid, *, touched: bool) -> Mask:
    """Cells that shapes touch, or whose centre they hold."""
    from rasterio.features import rasterize

    empty = shapes is None or not len(shapes) or bool(shapely.is_empty(shapes).all())
    if empty or shapes is None:
        return np.zeros((grid.rows, grid.columns), dtype=np.bool_)
    north = grid.south + grid.rows * grid.step
    found = rasterize(
        [(shape, 1) for shape in shapes if not shape.is_empty],
        out_shape=(grid.rows, grid.columns),
        transform=Affine(grid.step, 0, grid.west, 0, -grid.step, north),
        all_touched=touched,
        dtype="uint8",
    )
    return np.ascontiguousarray(found[::-1] > 0)
