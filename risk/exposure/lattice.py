"""The cells in which a people grid and a hazard grid overlap, whatever their origins and steps.

Coordinates are those of the people grid: x in its columns from the west, y in its rows from
the north. A fine cell that a line of the hazard grid cuts counts on both sides by area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import GridMismatch
from kentongan.grid import Grid
from risk.stripes import PeopleStripes

Y_UNITS = 1 << 32
"""Heights are whole units of 2**-32 row (100 m row: 23 nm): rings close exactly."""
_SNAP = 1e-6
"""Share of a fine cell within which two lines are one; origins carry rounding."""

_I64 = NDArray[np.int64]
_I32 = NDArray[np.int32]
_F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Lines and what lies between them; `n` strips along x, `m` along y.

    Attributes:
        x: float64, shape (n + 1,), ascending, columns of the people grid.
        y: int64, shape (m + 1,), ascending, `Y_UNITS` to a row of the people grid.
        fine_column, fine_row: int32, shape (n,), (m,): strip -> people grid.
        column, row: int32, shape (n,), (m,): strip -> hazard grid, its rows from the south.
        first_strip: int32, shape (columns of the people grid + 1,): first strip along x in or
            after each of its columns.
    """

    x: _F64
    y: _I64
    fine_column: _I32
    fine_row: _I32
    column: _I32
    row: _I32
    first_strip: _I32


def make_lattice(grid: Grid, people: PeopleStripes) -> Lattice:
    """The lattice of both grids where they overlap.

    Raises:
        GridMismatch: they do not overlap, or the people grid has no size.
    """
    if min(people.rows, people.columns, people.dx, people.dy) <= 0:
        raise GridMismatch(
            f"people grid of {people.rows} x {people.columns} cells of {people.dx} x {people.dy} "
            "degrees; expected a grid of EPSG:4326 with positive steps, the first row in the north"
        )
    east = (grid.west - people.west + np.arange(grid.columns + 1) * grid.step) / people.dx
    north = grid.south + grid.rows * grid.step
    down = (people.north - north + np.arange(grid.rows + 1) * grid.step) / people.dy
    x, fine_column, column = _lines(east, people.columns, "longitude")
    y, fine_row, from_north = _lines(down, people.rows, "latitude")
    units = np.rint(y * Y_UNITS).astype(np.int64)
    row = (grid.rows - 1 - from_north).astype(np.int32)
    first = np.searchsorted(fine_column, np.arange(people.columns + 1)).astype(np.int32)
    return Lattice(x, units, fine_column, fine_row, column, row, first)


def _lines(coarse: NDArray[np.floating], fine: int, name: str) -> tuple[_F64, _I32, _I32]:
    """All lines along one axis, and fine and coarse index of each strip between them."""
    near = np.rint(coarse)
    coarse = np.where(np.abs(coarse - near) < _SNAP, near, coarse)
    low, high = max(0.0, coarse[0]), min(float(fine), coarse[-1])
    if low >= high:
        raise GridMismatch(f"people grid and hazard grid do not overlap in {name}")
    lines = np.union1d(np.arange(fine + 1, dtype=np.float64), coarse)
    lines = lines[(lines >= low) & (lines <= high)]
    middle = (lines[1:] + lines[:-1]) / 2
    fine_index = np.floor(middle).astype(np.int32)
    coarse_index = (np.searchsorted(coarse, middle) - 1).astype(np.int32)
    return lines, fine_index, coarse_index
