"""A running overlay: each new frame costs only the cells that changed.

Parts are whole numbers, so the table after any number of frames is the one that a fresh
overlay gives, to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exposure import kernels
from risk.exposure.operator import CLASSES, UNKNOWN, ExposureOperator, whole_people

_I64 = NDArray[np.int64]


class LiveOverlay:
    """The last frame, the parts and the whole people under it.

    Attributes:
        parts: int64, shape (villages, 6).
        counts: int64, shape (villages, 6), whole people; rows sum to the village's people.
    """

    def __init__(self, operator: ExposureOperator, classes: NDArray[np.int8]) -> None:
        self._operator = operator
        self._classes = operator.flat(classes).copy()
        self.parts = operator.parts(classes)
        self.counts = whole_people(operator.people, self.parts)
        self._seen = np.zeros(operator.people.size, dtype=np.bool_)
        self._rows = np.empty(operator.people.size, dtype=np.int64)

    def update(self, classes: NDArray[np.int8]) -> _I64:
        """Take the next frame; int64 rows of the villages whose cells changed, ascending."""
        flat = self._operator.flat(classes)
        fast = kernels.compiled()
        if not fast:
            return self._update_plainly(flat)
        operator, by_cell = self._operator, self._operator.by_cell
        count = fast.update(
            by_cell.pointer,
            by_cell.village,
            by_cell.share,
            self._classes,
            flat,
            self.parts,
            self._seen,
            self._rows,
        )
        rows = np.sort(self._rows[:count])
        shift = operator.scale.bit_length()
        fast.round_rows(rows, operator.people, self.parts, shift, self.counts)
        return rows

    def _update_plainly(self, flat: NDArray[np.int8]) -> _I64:
        by_cell = self._operator.by_cell
        changed = np.flatnonzero(self._classes != flat)
        start, stop = by_cell.pointer[changed], by_cell.pointer[changed + 1]
        count = (stop - start).astype(np.int64)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        entry = np.repeat(start, count) + within
        village, share = by_cell.village[entry], by_cell.share[entry].astype(np.int64)
        for classes, sign in ((self._classes, -1), (flat, 1)):
            column = np.repeat(classes[changed].astype(np.int64), count)
            column[column < 0] = UNKNOWN
            np.add.at(self.parts.reshape(-1), village * np.int64(CLASSES) + column, sign * share)
        self._classes[changed] = flat[changed]
        rows = np.unique(village).astype(np.int64)
        self.counts[rows] = whole_people(self._operator.people[rows], self.parts[rows])
        return rows
