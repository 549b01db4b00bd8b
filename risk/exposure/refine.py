"""A hazard field on another grid: no cell of it is moved or averaged.

A cell of the operator that lies in one class by all field cells over it counts as it is. One
that field cells of several classes divide is cut along their borders: its people of a village
are shared out by the area of the village in each part. The people of a cell never leave it,
so sums are those of the operator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import GridMismatch
from kentongan.grid import Grid
from risk.exposure import kernels
from risk.exposure.lattice import Y_UNITS, Lattice
from risk.exposure.operator import CLASSES, HIGHEST_FIRST, UNKNOWN, ExposureOperator
from risk.exposure.outline import make_outline
from risk.exposure.people import laid_under, make_sweep
from risk.exposure.stripe import lay
from risk.stripes import ArrayStripes

_SNAP = 1e-6
"""Share of an operator's cell within which a line of the field is one of its own."""

_I8 = NDArray[np.int8]
_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]
MIXED = np.int8(-2)


@dataclass(frozen=True, eq=False)
class FieldCells:
    """A field's cells laid on an operator's grid.

    Attributes:
        x, y: lines of the field in cells of the operator's grid, from its west and south,
            ascending, shapes (columns + 1,), (rows + 1,).
        classes: int8, shape (rows, columns), from south to north.
        outside: class of all that lies beyond, 0 or -1.
    """

    x: _F64
    y: _F64
    classes: _I8
    outside: int


def field_cells(
    latitude: _F64, longitude: _F64, classes: _I8, outside: int, grid: Grid
) -> FieldCells:
    """Cells around centres in degrees, ascending; their borders lie half-way between.

    Raises:
        GridMismatch: fewer than two centres, or not ascending.
    """
    x = _lines(longitude, grid.west, grid.step, "longitude")
    y = _lines(latitude, grid.south, grid.step, "latitude")
    return FieldCells(x, y, classes, outside)


def _lines(centre: _F64, origin: float, step: float, name: str) -> _F64:
    if centre.size < 2 or not (np.diff(centre) > 0).all():
        raise GridMismatch(f"{name}: expected at least two ascending cell centres in degrees")
    middle = (centre[1:] + centre[:-1]) / 2
    first, last = 2 * centre[0] - middle[0], 2 * centre[-1] - middle[-1]
    lines = (np.concatenate([[first], middle, [last]]) - origin) / step
    near = np.rint(lines)
    found: _F64 = np.where(np.abs(lines - near) < _SNAP, near, lines)
    return found


def on_grid(field: FieldCells, grid: Grid) -> _I8:
    """The class of each cell of the grid, MIXED where field cells of several classes divide it."""
    if _same_cells(field):
        return _window(field, grid)
    low = _over(_over(field.classes, field.y, grid.rows, np.minimum, field.outside), field.x,
                grid.columns, np.minimum, field.outside, axis=1)  # fmt: skip
    high = _over(_over(field.classes, field.y, grid.rows, np.maximum, field.outside), field.x,
                 grid.columns, np.maximum, field.outside, axis=1)  # fmt: skip
    return np.where(low == high, low, MIXED).astype(np.int8)


def _same_cells(field: FieldCells) -> bool:
    """Whether every cell of the field is one of the grid."""
    return all(bool((np.diff(a) == 1).all() and a[0] == np.rint(a[0])) for a in (field.x, field.y))


def _window(field: FieldCells, grid: Grid) -> _I8:
    out = np.full((grid.rows, grid.columns), field.outside, dtype=np.int8)
    there, here = [], []
    for lines, cells in ((field.y, grid.rows), (field.x, grid.columns)):
        first, last = int(lines[0]), int(lines[-1])
        low, high = max(first, 0), max(min(last, cells), max(first, 0))
        there.append(slice(low, high))
        here.append(slice(low - first, high - first))
    out[tuple(there)] = field.classes[tuple(here)]
    return out


def _over(
    values: _I8, lines: _F64, cells: int, extreme: np.ufunc, outside: int, axis: int = 0
) -> _I8:
    """The lowest or highest class of the field cells over each cell along one axis."""
    values = np.moveaxis(values, axis, 0)
    edge = np.full((1, *values.shape[1:]), outside, dtype=np.int8)
    padded = np.concatenate([edge, values, edge])
    # Strip i lies between lines i - 1 and i; 0 and the last are beyond the field.
    first = np.searchsorted(lines, np.arange(cells), side="right")
    last = np.searchsorted(lines, np.arange(1, cells + 1), side="left")
    pairs = np.column_stack([first, np.maximum(last, first) + 1]).ravel()
    shut = np.concatenate([padded, edge])
    found: _I8 = extreme.reduceat(shut, pairs, axis=0)[::2].astype(np.int8)
    return np.moveaxis(found, 0, axis)


def refined_parts(
    operator: ExposureOperator, geometry: NDArray[np.object_], field: FieldCells
) -> tuple[_I64, bool]:
    """Parts of each village in each class, int64, shape (villages, 6); whether any cell was cut.

    Args:
        geometry: the shapes from which the operator was compiled.
    """
    classes = on_grid(field, operator.grid)
    mixed = (classes == MIXED).ravel()
    whole = np.where(mixed, np.int8(0), classes.ravel())
    parts = kernels.parts(operator, whole)
    entry = np.flatnonzero(mixed[operator.cell])
    if not entry.size:
        return parts, False
    village, share = operator.row[entry].astype(np.int64), operator.share[entry].astype(np.int64)
    portion = _portions(operator, geometry, field, entry)
    cut = share_out(share, portion)
    np.add.at(parts[:, 0], village, -share)
    np.add.at(parts, village, cut)
    return parts, True


def share_out(share: _I64, portion: _F64) -> _I64:
    """Whole parts by portions, on running sums from the highest class down.

    Args:
        share: shape (n,).
        portion: shape (n, 6), not negative, with a sum above 0.

    Returns:
        int64, shape (n, 6); rows sum to `share`, and no running sum falls when a portion moves
        to a higher class.
    """
    order = list(HIGHEST_FIRST)
    running = np.cumsum(portion[:, order], axis=1)
    rounded = np.floor(share[:, None] * (running / running[:, -1:]) + 0.5).astype(np.int64)
    rounded[:, -1] = share
    out: _I64 = np.empty_like(rounded)
    out[:, order] = np.diff(rounded, axis=1, prepend=0)
    return out


def _portions(
    operator: ExposureOperator, geometry: NDArray[np.object_], field: FieldCells, entry: _I64
) -> _F64:
    """Area of the village in each class within the cell of each entry, shape (n, 6)."""
    rows = np.unique(operator.row[entry])
    village, cell, column, units = _pieces(operator.grid, geometry[rows], field)
    cells = np.int64(operator.grid.rows * operator.grid.columns)
    wanted = np.searchsorted(rows, operator.row[entry]) * cells + operator.cell[entry]
    key = village * cells + cell
    at = np.minimum(np.searchsorted(wanted, key), wanted.size - 1)
    ours = wanted[at] == key
    portion = np.zeros((entry.size, CLASSES))
    np.add.at(portion, (at[ours], column[ours]), units[ours].astype(np.float64))
    empty = portion.sum(axis=1) <= 0
    # People taken in from beyond the shape: by the area of the cell itself.
    portion[empty] = box_portions(field, operator.cell[entry[empty]], operator.grid)
    return portion


def _pieces(
    grid: Grid, geometry: NDArray[np.object_], field: FieldCells
) -> tuple[_I64, _I64, _I64, _I64]:
    """Village, cell of the grid, column of the class and area of each piece of each village."""
    even = ArrayStripes(
        np.ones((grid.rows, grid.columns), dtype=np.float32),
        grid.west, grid.south + grid.rows * grid.step, grid.step, grid.step,
    )  # fmt: skip
    lattice = _union(grid, field)
    strips, n = lattice.row.size, lattice.column.size
    outline = make_outline(geometry, even)
    room = np.empty((grid.rows, n))
    laid = lay(0, even.people, lattice, room)
    sweep = make_sweep(outline, lattice)
    found = laid_under(laid, slice(0, strips), outline, lattice, sweep)
    village, piece, units = (np.concatenate(column) for column in zip(*found, strict=True))
    row, strip = strips - 1 - piece // n, piece % n
    cell = (grid.rows - 1 - lattice.fine_row[row]) * np.int64(grid.columns)
    middle_x = (lattice.x[:-1] + lattice.x[1:]) / 2
    middle_y = grid.rows - (lattice.y[:-1] + lattice.y[1:]) / 2 / Y_UNITS
    classes = _class_at(field, middle_y, middle_x)[row, strip].astype(np.int64)
    classes[classes < 0] = UNKNOWN
    return village, cell + lattice.fine_column[strip], classes, units


def _union(grid: Grid, field: FieldCells) -> Lattice:
    """Every line of the grid and of the field; each strip is a hazard column of its own."""
    x = _with(field.x, grid.columns)
    y = _with(grid.rows - field.y, grid.rows)
    middle_x, middle_y = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
    column = np.floor(middle_x).astype(np.int32)
    return Lattice(
        x=x,
        y=np.rint(y * Y_UNITS).astype(np.int64),
        fine_column=column,
        fine_row=np.floor(middle_y).astype(np.int32),
        column=np.arange(column.size, dtype=np.int32),
        row=np.arange(middle_y.size - 1, -1, -1, dtype=np.int32),
        first_strip=np.searchsorted(column, np.arange(grid.columns + 1)).astype(np.int32),
    )


def _with(lines: _F64, cells: int) -> _F64:
    inside = lines[(lines > 0) & (lines < cells)]
    found: _F64 = np.union1d(np.arange(cells + 1, dtype=np.float64), inside)
    return found


def _class_at(field: FieldCells, y: _F64, x: _F64) -> _I8:
    """Class of the field at rows y and columns x of the grid, shape (y, x)."""
    row = np.searchsorted(field.y, y, side="right") - 1
    column = np.searchsorted(field.x, x, side="right") - 1
    rows, columns = field.classes.shape
    inside = ((row >= 0) & (row < rows))[:, None] & ((column >= 0) & (column < columns))
    taken = field.classes[np.ix_(np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1))]
    return np.where(inside, taken, np.int8(field.outside))


def box_portions(field: FieldCells, cells: NDArray[np.integer], grid: Grid) -> _F64:
    """Area in each class of whole cells of the grid, shape (n, 6), rows sum to 1.

    By the area of each class south-west of a point, which is bilinear within a field cell.
    """
    row, column = np.divmod(np.asarray(cells, dtype=np.float64), grid.columns)
    portion = np.zeros((row.size, CLASSES))
    area = np.diff(field.y)[:, None] * np.diff(field.x)
    for number in np.unique(field.classes).tolist():
        table = np.zeros((field.y.size, field.x.size))
        table[1:, 1:] = np.where(field.classes == number, area, 0).cumsum(axis=0).cumsum(axis=1)
        north, south = (_south_west(table, field, row + up, column) for up in (1, 0))
        inside = north[1] - north[0] - south[1] + south[0]
        portion[:, UNKNOWN if number < 0 else number] += np.maximum(inside, 0)
    beyond = UNKNOWN if field.outside < 0 else field.outside
    portion[:, beyond] += np.maximum(1 - portion.sum(axis=1), 0)
    return portion


def _south_west(table: _F64, field: FieldCells, y: _F64, x: _F64) -> tuple[_F64, _F64]:
    """The table at rows y and columns x, and at x + 1."""

    def place(lines: _F64, at: _F64) -> tuple[_I64, _F64]:
        inner = np.clip(at, lines[0], lines[-1])
        low = np.clip(np.searchsorted(lines, inner, side="right") - 1, 0, lines.size - 2)
        return low, (inner - lines[low]) / (lines[low + 1] - lines[low])

    r, up = place(field.y, y)
    found = []
    for east in (0, 1):
        c, along = place(field.x, x + east)
        low = table[r, c] * (1 - along) + table[r, c + 1] * along
        high = table[r + 1, c] * (1 - along) + table[r + 1, c + 1] * along
        found.append(low * (1 - up) + high * up)
    return found[0], found[1]
