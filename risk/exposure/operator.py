"""The exposure operator: which share of each village's people lives in which grid cell.

Compiled once per layer set (`risk.exposure.compile`); a new hazard field then costs one pass
over the entries. Shares are whole parts of `scale` and people are rounded last, on running
sums from the highest class down. So sums are exact in any order, an update by differences
never drifts, and exposure is monotone: a stronger hazard never exposes fewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import GridMismatch
from kentongan.grid import Grid
from risk.exposure import kernels

PARTS = 1 << 20
"""Whole parts of one village where shares come from shapes alone: a tenth of a person of
100,000."""
FINE_PARTS = 1 << 30
"""Whole parts where people come from a raster: below 1e-6 of a village over all its cells.
The largest power of two that a 32-bit share holds."""

CLASSES = 6
"""Columns of a count: levels 0 to 4, then unknown."""
UNKNOWN = 5
HIGHEST_FIRST = (4, 3, 2, 1, UNKNOWN, 0)
"""Order in which people are rounded: what is not known goes before what is safe."""

BY_RASTER, BY_AREA, PARTLY = 0, 1, 2
"""How a village's people are spread: by the people raster; evenly over the area, for the
raster has nobody there; by a raster that reaches only a part of the village."""

_I64 = NDArray[np.int64]
_Classes = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Unassigned:
    """People of the raster who live in no village: int32 cells, ascending, and whole people."""

    cell: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    people: _I64 = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Words:
    """The entries by word: `kernels.WORD` cells one after the other, where villages are.

    Attributes:
        word: uint32, shape (words,), ascending: cell // WORD.
        pointer: int32, shape (words + 1,): entries of word i are pointer[i]:pointer[i+1].
        place: uint8, shape (entries,): first bit of the cell in its word.
        village, share: int32, shape (entries,), by cell, then village.
    """

    word: NDArray[np.uint32]
    pointer: NDArray[np.int32]
    place: NDArray[np.uint8]
    village: NDArray[np.int32]
    share: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ExposureOperator:
    """Sparse matrix villages x cells, rows compressed.

    Attributes:
        pointer: int64, shape (villages + 1,): entries of village v are pointer[v]:pointer[v+1].
        cell: int32, shape (entries,): row * columns + column of the grid.
        share: int32, shape (entries,): parts of `scale`; each village's parts sum to `scale`.
        people: int64, shape (villages,).
        scale: a power of two.
        spread: uint8, shape (villages,), BY_RASTER, BY_AREA or PARTLY; None: all by area.
        unassigned: people of the raster outside every village, if totals are the raster's.
        notes: what the compilation counted, in people; see `risk.exposure.compile`.
    """

    grid: Grid
    pointer: _I64
    cell: NDArray[np.int32]
    share: NDArray[np.int32]
    people: _I64
    scale: int = PARTS
    spread: NDArray[np.uint8] | None = None
    unassigned: Unassigned = field(default_factory=Unassigned)
    notes: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def row(self) -> NDArray[np.int32]:
        """int32, shape (entries,): the village of each entry."""
        villages = np.arange(self.people.size, dtype=np.int32)
        return np.repeat(villages, np.diff(self.pointer))

    @cached_property
    def unsigned_cell(self) -> NDArray[np.uint32]:
        """`cell` for compiled loops, the same memory."""
        return self.cell.view(np.uint32)

    @cached_property
    def words(self) -> Words:
        """Made at first use (some 0.1 s for the nation)."""
        order = np.argsort(self.cell, kind="stable")
        word, first = np.unique(self.cell[order] // kernels.WORD, return_index=True)
        return Words(
            word.astype(np.uint32),
            np.append(first, order.size).astype(np.int32),
            (self.cell[order] % kernels.WORD * 8).astype(np.uint8),
            self.row[order],
            self.share[order],
        )

    def take(self, start: int, stop: int) -> ExposureOperator:
        """The operator of villages start:stop; people in no village stay with the whole."""
        first, last = self.pointer[start], self.pointer[stop]
        return replace(
            self,
            pointer=self.pointer[start : stop + 1] - first,
            cell=self.cell[first:last],
            share=self.share[first:last],
            people=self.people[start:stop],
            spread=None if self.spread is None else self.spread[start:stop],
            unassigned=Unassigned(),
        )

    def entries(self, rows: _I64) -> _I64:
        """Positions of all entries of the named villages, one village after the other."""
        start, count = self.pointer[rows], self.pointer[rows + 1] - self.pointer[rows]
        first = np.repeat(start - (np.cumsum(count) - count), count)
        found: _I64 = first + np.arange(first.size)
        return found

    @property
    def by_area(self) -> NDArray[np.bool_]:
        """Villages in which no people raster says where people live, shape (villages,)."""
        if self.spread is None:
            return np.ones(self.people.size, dtype=np.bool_)
        found: NDArray[np.bool_] = self.spread == BY_AREA
        return found

    def parts(self, classes: _Classes) -> _I64:
        """Parts of each village in each class.

        Args:
            classes: int8, shape (rows, columns) of the grid, rows from south to north; 0..4,
                -1 where the hazard is not known.

        Returns:
            int64, shape (villages, 6): levels 0 to 4, then unknown; each row sums to `scale`.

        Raises:
            GridMismatch: another shape, or a class outside -1..4.
        """
        return kernels.parts(self, self.flat(classes))

    def overlay(self, classes: _Classes, out: _I64 | None = None) -> _I64:
        """Whole people of each village in each class; see `parts` for the shapes.

        Each row sums to the people of the village. `out` takes the answer if given.
        """
        return kernels.overlay(self, self.flat(classes), out)

    def touched(self, classes: _Classes) -> tuple[_I64, _I64]:
        """Villages that are not wholly in class 0, and their parts.

        The same as the rows of `parts` with less than `scale` in class 0; quicker the fewer
        cells are active.

        Returns:
            int64 rows, ascending, shape (n,), and int64 parts, shape (n, 6).
        """
        return kernels.touched(self, self.flat(classes))

    def overlay_unassigned(self, classes: _Classes) -> _I64:
        """Whole people outside every village in each class, int64, shape (6,)."""
        column = self.flat(classes)[self.unassigned.cell].astype(np.int64)
        column[column < 0] = UNKNOWN
        out = np.zeros(CLASSES, dtype=np.int64)
        np.add.at(out, column, self.unassigned.people)
        return out

    def flat(self, classes: _Classes) -> _Classes:
        """Classes of all cells in one row, int8; see `parts` for what is refused."""
        expected = (self.grid.rows, self.grid.columns)
        if classes.shape != expected:
            raise GridMismatch(
                f"hazard classes have the shape {classes.shape}, the layer set {expected}; "
                "bring the field to the base grid first"
            )
        if classes.dtype != np.int8:
            raise GridMismatch(f"hazard classes are {classes.dtype}; expected int8")
        flat = np.ascontiguousarray(classes).ravel()
        if flat.size and (flat.min() < -1 or flat.max() > 4):
            raise GridMismatch(
                f"hazard classes go from {flat.min()} to {flat.max()}; expected -1 (not known) to 4"
            )
        return flat


def whole_people(people: _I64, parts: _I64) -> _I64:
    """Share out whole people by parts, on running sums from the highest class down.

    Args:
        people: shape (n,).
        parts: shape (n, 6): levels 0 to 4, unknown; each row sums to its village's scale.

    Returns:
        int64, shape (n, 6); rows sum to `people`. Each running sum (at least level l; then
        with unknown) is its exact value rounded half up, so it never falls when parts move to
        a higher class.
    """
    order = list(HIGHEST_FIRST)
    running = np.cumsum(parts[:, order], axis=1)
    whole = np.maximum(running[:, -1:], 1)
    rounded = (people[:, None] * running * 2 + whole) // (2 * whole)
    counts: _I64 = np.empty_like(rounded)
    counts[:, order] = np.diff(rounded, axis=1, prepend=0)
    return counts
