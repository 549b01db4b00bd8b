"""People spread evenly over each village's area, in the cells of a grid.

Coverage is exact for polygons on the grid (no centre-of-cell rule): every edge is cut at the
cell borders and leaves its signed height and its area in the cells that it crosses; a running
sum along each grid row fills the inside. This is the area-coverage accumulation of scan
converters (Green's theorem), so the work grows with the length of the borders, not with the
area.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from kentongan.errors import LayerError
from kentongan.grid import Grid

_CHUNK = 4_000
"""Villages compiled at once: bounds the memory to some 200 MB for detailed polygons."""
_NOISE = 1e-9
"""Coverage of a cell below this is rounding, not land (2.2 km cell: 5 mm2)."""

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]


def area_entries(geometry: NDArray[np.object_], grid: Grid) -> tuple[_I64, _I64, _F64]:
    """Village, cell and area of every village in every cell that it covers.

    Args:
        geometry: polygons or multipolygons, EPSG:4326, valid, shape (villages,).

    Returns:
        Ascending by village, then cell; areas in cells of the equator (cosine of latitude).

    Raises:
        LayerError: a village that reaches out of the grid.
    """
    pieces = [
        _entries(geometry[start : start + _CHUNK], start, grid)
        for start in range(0, len(geometry), _CHUNK)
    ]
    village, cell, area = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return village, cell, area


def _entries(geometry: NDArray[np.object_], start: int, grid: Grid) -> tuple[_I64, _I64, _F64]:
    edges = _edges(shapely.orient_polygons(geometry), grid)
    _require_inside(edges, start, grid)
    village, cell, cover = _fill_rows(*_split_at_cells(*edges), grid)
    row = cell // grid.columns
    # Cells of one row have one area; rows differ by the cosine of their latitude.
    area = cover * np.cos(np.radians(grid.south + (row + 0.5) * grid.step))
    return village + start, cell, area


def _edges(geometry: NDArray[np.object_], grid: Grid) -> tuple[_I64, _F64, _F64, _F64, _F64]:
    """Village, x0, y0, x1, y1 of every edge, in cells of the grid."""
    parts, part_village = shapely.get_parts(geometry, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    x = (points[:, 0] - grid.west) / grid.step
    y = (points[:, 1] - grid.south) / grid.step
    same = ring[1:] == ring[:-1]
    village = part_village[ring_part[ring[:-1][same]]].astype(np.int64)
    return village, x[:-1][same], y[:-1][same], x[1:][same], y[1:][same]


def _require_inside(edges: tuple[_I64, _F64, _F64, _F64, _F64], start: int, grid: Grid) -> None:
    village, x, y = edges[0], edges[1], edges[2]
    outside = (x < 0) | (x > grid.columns) | (y < 0) | (y > grid.rows)
    if outside.any():
        raise LayerError(
            f"village number {start + int(village[outside][0])} reaches out of the grid, which "
            f"begins at {grid.west} E {grid.south} N; are longitude and latitude swapped?"
        )


def _split_at_cells(
    village: _I64, x0: _F64, y0: _F64, x1: _F64, y1: _F64
) -> tuple[_I64, _F64, _F64, _F64, _F64]:
    """The same edges cut wherever they cross a grid line; each piece lies in one cell."""
    edge = np.arange(village.size)
    owners, at = [edge, edge], [np.zeros(edge.size), np.ones(edge.size)]
    for a, b in ((x0, x1), (y0, y1)):
        owner, position = _crossings(a, b)
        owners.append(owner)
        at.append(position)
    owner, t = np.concatenate(owners), np.concatenate(at)
    order = np.lexsort((t, owner))
    owner, t = owner[order], t[order]
    piece = owner[1:] == owner[:-1]
    own, t0, t1 = owner[:-1][piece], t[:-1][piece], t[1:][piece]
    dx, dy = x1 - x0, y1 - y0
    return (
        village[own],
        x0[own] + t0 * dx[own],
        y0[own] + t0 * dy[own],
        x0[own] + t1 * dx[own],
        y0[own] + t1 * dy[own],
    )


def _crossings(a: _F64, b: _F64) -> tuple[_I64, _F64]:
    """Edges and positions (0..1 along the edge) at which a coordinate passes a whole number."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    first = np.floor(low).astype(np.int64) + 1
    count = np.maximum(np.ceil(high).astype(np.int64) - first, 0)
    owner = np.repeat(np.arange(a.size), count)
    within = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
    line = first[owner] + within
    return owner, (line - a[owner]) / (b - a)[owner]


def _fill_rows(
    village: _I64, x0: _F64, y0: _F64, x1: _F64, y1: _F64, grid: Grid
) -> tuple[_I64, _I64, _F64]:
    """Village, cell and covered share of the cell, for every cell with any cover."""
    row = np.clip(np.floor((y0 + y1) / 2).astype(np.int64), 0, grid.rows - 1)
    column = np.clip(np.floor((x0 + x1) / 2).astype(np.int64), 0, grid.columns - 1)
    height = y1 - y0
    # Rings run anticlockwise: an edge that climbs has the village on its left, so cover
    # counts from the west with the sign of falling edges.
    key = (village * grid.rows + row) * grid.columns + column
    unique, where = np.unique(key, return_inverse=True)
    fall = np.bincount(where, weights=-height)
    east = np.bincount(where, weights=-height * (column + 1 - (x0 + x1) / 2))
    line = unique // grid.columns
    running = np.cumsum(fall)
    # Falls of one grid row of one village cancel; each line starts again from nothing.
    new_line = np.concatenate([[True], line[1:] != line[:-1]])
    before = running - fall
    base = before[np.flatnonzero(new_line)][np.cumsum(new_line) - 1]
    cover = east + before - base
    inner_key, inner_cover = _between(unique, line, running - base)
    keys = np.concatenate([unique, inner_key])
    covers = np.concatenate([cover, inner_cover])
    order = np.argsort(keys, kind="stable")
    keys, covers = keys[order], covers[order]
    kept = covers > _NOISE
    cells = grid.rows * grid.columns
    return keys[kept] // cells, keys[kept] % cells, covers[kept]


def _between(unique: _I64, line: _I64, running: _F64) -> tuple[_I64, _F64]:
    """Cells that no edge touches, between two touched ones of the same grid row."""
    gap = np.where(line[1:] == line[:-1], unique[1:] - unique[:-1] - 1, 0)
    gap[np.abs(running[:-1]) <= _NOISE] = 0
    owner = np.repeat(np.arange(gap.size), gap)
    within = np.arange(owner.size) - np.repeat(np.cumsum(gap) - gap, gap)
    return unique[owner] + 1 + within, running[owner]
