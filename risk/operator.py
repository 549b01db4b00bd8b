"""The exposure operator: which share of each village's people lives in which grid cell.

Compiled once per layer set; a new hazard field then costs one `bincount`. Coverage is exact
for polygons on the grid (no centre-of-cell rule): every edge is cut at the cell borders and
leaves its signed height and its area in the cells that it crosses; a running sum along each
grid row fills the inside. This is the area-coverage accumulation of scan converters (Green's
theorem), so the work grows with the length of the borders, not with the area.

Shares are whole parts of `PARTS`, and people are rounded on running sums from the highest
class down. Both together make sums exact and exposure monotone: a stronger hazard never
exposes fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kentongan.errors import GridMismatch, LayerError
from kentongan.grid import BASE_GRID, Grid

PARTS = 1 << 20
"""Whole parts of one village: one part of a village of 100,000 is a tenth of a person."""

CLASSES = 6
"""Columns of a count: levels 0 to 4, then unknown."""
UNKNOWN = 5

_CHUNK = 4_000
"""Villages compiled at once: bounds the memory to some 200 MB for detailed polygons."""
_NOISE = 1e-9
"""Coverage of a cell below this is rounding, not land (2.2 km cell: 5 mm2)."""

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExposureOperator:
    """Sparse matrix villages x cells, rows compressed.

    Attributes:
        pointer: int64, shape (villages + 1,): entries of village v are pointer[v]:pointer[v+1].
        cell: int32, shape (entries,): row * columns + column of the grid.
        share: int32, shape (entries,): parts of `PARTS`; each village's parts sum to `PARTS`.
        people: int64, shape (villages,).
    """

    grid: Grid
    pointer: _I64
    cell: NDArray[np.int32]
    share: NDArray[np.int32]
    people: _I64

    @property
    def row(self) -> NDArray[np.int32]:
        """int32, shape (entries,): the village of each entry."""
        villages = np.arange(self.people.size, dtype=np.int32)
        return np.repeat(villages, np.diff(self.pointer))

    def parts(self, classes: NDArray[np.int8]) -> _I64:
        """Parts of each village in each class.

        Args:
            classes: int8, shape (rows, columns) of the grid, rows from south to north; 0..4,
                -1 where the hazard is not known.

        Returns:
            int64, shape (villages, 6): levels 0 to 4, then unknown; each row sums to `PARTS`.

        Raises:
            GridMismatch: another shape, or a class outside -1..4.
        """
        flat = self._checked(classes)
        column = flat[self.cell].astype(np.int64)
        column[column < 0] = UNKNOWN
        key = self.row * np.int64(CLASSES) + column
        # float64 sums of whole numbers below 2**53 are exact.
        sums = np.bincount(key, weights=self.share, minlength=self.people.size * CLASSES)
        return sums.astype(np.int64).reshape(-1, CLASSES)

    def overlay(self, classes: NDArray[np.int8]) -> _I64:
        """Whole people of each village in each class; see `parts` for the shapes.

        Each row sums to the people of the village.
        """
        return whole_people(self.people, self.parts(classes))

    def _checked(self, classes: NDArray[np.int8]) -> NDArray[np.int8]:
        expected = (self.grid.rows, self.grid.columns)
        if classes.shape != expected:
            raise GridMismatch(
                f"hazard classes have the shape {classes.shape}, the layer set {expected}; "
                "bring the field to the base grid first"
            )
        if classes.size and (classes.min() < -1 or classes.max() > 4):
            raise GridMismatch(
                f"hazard classes go from {classes.min()} to {classes.max()}; expected -1 (not "
                "known) to 4"
            )
        return classes.ravel()


def whole_people(people: _I64, parts: _I64) -> _I64:
    """Share out whole people by parts, on running sums from the highest class down.

    Args:
        people: shape (n,).
        parts: shape (n, 6): levels 0 to 4, unknown; rows sum to `PARTS`.

    Returns:
        int64, shape (n, 6); rows sum to `people`. Each running sum (at least level l; then
        with unknown) is its exact value rounded half up, so it never falls when parts move to
        a higher class.
    """
    order = [4, 3, 2, 1, UNKNOWN, 0]
    running = np.cumsum(parts[:, order], axis=1)
    rounded = (people[:, None] * running * 2 + PARTS) // (2 * PARTS)
    counts = np.empty_like(rounded)
    counts[:, order] = np.diff(rounded, axis=1, prepend=0)
    return counts


def compile_operator(
    geometry: NDArray[np.object_], people: _I64, grid: Grid = BASE_GRID
) -> ExposureOperator:
    """People spread evenly over each village's area, laid on the grid's cells.

    Args:
        geometry: polygons or multipolygons, EPSG:4326, valid, shape (villages,).
        people: whole people, shape (villages,).

    Raises:
        LayerError: a village without area, or one that reaches out of the grid.
    """
    pieces = [
        _compile_chunk(geometry[start : start + _CHUNK], start, grid)
        for start in range(0, len(geometry), _CHUNK)
    ]
    village, cell, share = (np.concatenate(column) for column in zip(*pieces, strict=True))
    counts = np.bincount(village, minlength=len(geometry))
    pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return ExposureOperator(
        grid, pointer, cell.astype(np.int32), share.astype(np.int32), people.astype(np.int64)
    )


def _compile_chunk(
    geometry: NDArray[np.object_], start: int, grid: Grid
) -> tuple[_I64, _I64, _I64]:
    oriented = shapely.orient_polygons(geometry)
    edges = _edges(oriented, grid)
    _require_inside(edges, start, grid)
    village, cell, cover = _fill_rows(*_split_at_cells(*edges), grid)
    row = cell // grid.columns
    # Cells of one row have one area; rows differ by the cosine of their latitude.
    area = cover * np.cos(np.radians(grid.south + (row + 0.5) * grid.step))
    total = np.bincount(village, weights=area, minlength=len(geometry))
    if (total <= 0).any():
        raise LayerError(
            f"village number {start + int(np.argmin(total))} has no area; give it a shape"
        )
    share = _whole_parts(village, area / total[village])
    some = share > 0
    return village[some] + start, cell[some], share[some]


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


def _whole_parts(village: _I64, share: _F64) -> _I64:
    """Parts of `PARTS` by largest remainder within each village (sorted by village)."""
    exact = share * PARTS
    parts = np.floor(exact).astype(np.int64)
    missing = PARTS - np.bincount(village, weights=parts).astype(np.int64)
    order = np.lexsort((-(exact - parts), village))
    start = np.searchsorted(village, np.arange(missing.size))
    rank = np.arange(village.size) - start[village[order]]
    parts[order[rank < missing[village[order]]]] += 1
    return parts
