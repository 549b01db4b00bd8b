"""Levels of anybody's hazard on the grid of the roads: what it would close."""

from __future__ import annotations

import numpy as np
import rasterio.warp
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from kentongan.errors import DataError
from kentongan.grid import Grid
from kentongan.hazard import LEVEL_UNKNOWN
from risk.analyst.hazard import Hazard
from risk.coverage import LevelsOn
from risk.layers.rasters import WGS84

_HIGHEST = 4


def closing_levels(hazard: Hazard) -> LevelsOn:
    """Levels at the centre of each road cell (raster), or of all that a polygon touches.

    Raises:
        DataError: several fields, or classes beyond the levels 0 to 4.
    """
    if hazard.members != 1:
        raise DataError(f"{hazard.name}: {hazard.members} fields; expected one; choose a quantile")
    if hazard.keys[-1] > _HIGHEST:
        raise DataError(
            f"{hazard.name}: classes up to {hazard.keys[-1]}; expected levels 0 to 4; give four "
            "thresholds for the levels 1 to 4"
        )

    def levels(grid: Grid) -> NDArray[np.int8]:
        return _of_cells(hazard, grid) if hazard.cells is not None else _of_polygons(hazard, grid)

    return levels


def _of_cells(hazard: Hazard, grid: Grid) -> NDArray[np.int8]:
    cells, index = hazard.cells, hazard.index
    assert cells is not None and index is not None  # noqa: S101 asked by the caller
    lon, lat = np.meshgrid(grid.longitude, grid.latitude)
    x, y = rasterio.warp.transform(WGS84, cells.crs, lon.ravel(), lat.ravel())
    u, v = np.asarray(x), np.asarray(y)
    if cells.turned is not None:
        back = ~cells.turned
        u, v = back.a * u + back.b * v + back.c, back.d * u + back.e * v + back.f
    column = np.searchsorted(cells.x, u, side="right") - 1
    row = np.searchsorted(cells.y, v, side="right") - 1
    rows, columns = cells.shape
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    place = index[0][np.where(inside, row, 0), np.where(inside, column, 0)]
    keys = np.array([*hazard.keys, LEVEL_UNKNOWN], dtype=np.int8)
    levels = np.where(inside, keys[place], np.int8(LEVEL_UNKNOWN))
    return levels.reshape(lon.shape).astype(np.int8)


def _of_polygons(hazard: Hazard, grid: Grid) -> NDArray[np.int8]:
    keys = np.array([*hazard.keys, LEVEL_UNKNOWN])
    polygons, column = hazard.polygons, hazard.column
    assert polygons is not None and column is not None  # noqa: S101 the other form
    if not polygons.size:
        return np.zeros((grid.rows, grid.columns), dtype=np.int8)
    order = np.argsort(keys[column], kind="stable")
    north = grid.south + grid.rows * grid.step
    raster = rasterize(
        ((polygons[i], int(keys[column[i]])) for i in order),
        out_shape=(grid.rows, grid.columns),
        transform=Affine(grid.step, 0, grid.west, 0, -grid.step, north),
        all_touched=True,
        dtype="int16",
    )
    levels: NDArray[np.int8] = raster[::-1].astype(np.int8)
    return levels
