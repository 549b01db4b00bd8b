"""People of the raster in no village: coast cells, unsettled borders, water."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from kentongan.grid import Grid
from risk.exposure.people import UNITS, Found

_I64 = NDArray[np.int64]
_DUST = UNITS >> 20
"""A millionth of a person in a cell is rounding, not somebody."""
_KM_PER_DEGREE = 111.2


def to_nearest(
    found: Found, left: _I64, geometry: NDArray[np.object_], grid: Grid, nearest_km: float
) -> tuple[_I64, _I64, _I64, _I64]:
    """Give people outside every village to the nearest one, if it is near enough.

    A cell in which villages have people: to the village with most of them. Else to the village
    whose shape lies nearest to the cell's, within `nearest_km`; 0 gives nobody away.

    Args:
        left: int64, shape (cells,): people of the raster that no village holds; below zero
            where villages overlap.

    Returns:
        Village, cell and people of all entries, ascending; then people that stay in no
        village, shape (cells,). People in `UNITS`.
    """
    kept = np.where(left > _DUST, left, 0)
    if nearest_km <= 0 or not kept.any():
        return found.village, found.cell, found.units, kept
    cell = np.flatnonzero(kept)
    village = _largest(found, cell)
    alone = np.flatnonzero(village < 0)
    village[alone] = _near(cell[alone], geometry, grid, nearest_km)
    given = village >= 0
    units = kept[cell[given]]
    kept[cell[given]] = 0
    return *_added(found, village[given], cell[given], units, grid), kept


def _largest(found: Found, cell: _I64) -> _I64:
    """The village with most people in each cell, the first of equals; -1: none has any."""
    order = np.lexsort((found.village, -found.units, found.cell))
    sorted_cell = found.cell[order]
    at = np.searchsorted(sorted_cell, cell)
    at_safe = np.minimum(at, sorted_cell.size - 1)
    if not sorted_cell.size:
        return np.full(cell.size, -1, dtype=np.int64)
    hit = sorted_cell[at_safe] == cell
    return np.where(hit, found.village[order][at_safe], -1)


def _near(cell: _I64, geometry: NDArray[np.object_], grid: Grid, nearest_km: float) -> _I64:
    west = grid.west + cell % grid.columns * grid.step
    south = grid.south + cell // grid.columns * grid.step
    boxes = shapely.box(west, south, west + grid.step, south + grid.step)
    village = np.full(cell.size, -1, dtype=np.int64)
    tree = shapely.STRtree(geometry)
    box, row = tree.query_nearest(boxes, max_distance=nearest_km / _KM_PER_DEGREE, all_matches=True)
    # Several at one distance: the first in the order of the villages.
    order = np.lexsort((row, box))
    which, first = np.unique(box[order], return_index=True)
    village[which] = row[order][first]
    return village


def _added(
    found: Found, village: _I64, cell: _I64, units: _I64, grid: Grid
) -> tuple[_I64, _I64, _I64]:
    cells = np.int64(grid.rows * grid.columns)
    key = np.concatenate([found.village * cells + found.cell, village * cells + cell])
    unique, where = np.unique(key, return_inverse=True)
    summed = np.zeros(unique.size, dtype=np.int64)
    np.add.at(summed, where, np.concatenate([found.units, units]))
    return unique // cells, unique % cells, summed
