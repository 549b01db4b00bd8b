"""A running overlay: each new frame costs only the cells that changed.

Parts are whole numbers, so the table after any number of frames is the one that a fresh
overlay gives, to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exposure import kernels
from risk.exposure.operator import ExposureOperator, whole_people

_I64 = NDArray[np.int64]


class LiveOverlay:
    """The last frame and the whole people under it.

    Attributes:
        parts: int64, shape (villages, 6).
        counts: int64, shape (villages, 6), whole people; rows sum to the village's people.
    """

    def __init__(self, operator: ExposureOperator, classes: NDArray[np.int8]) -> None:
        self._operator = operator
        self._classes = kernels.padded(operator.flat(classes).copy())
        self.parts = operator.parts(classes)
        self.counts = whole_people(operator.people, self.parts)

    def update(self, classes: NDArray[np.int8]) -> _I64:
        """Take the next frame; int64 rows of the villages with a changed cell, ascending."""
        flat = self._operator.flat(classes)
        rows = kernels.move(self._operator, self._classes, flat, self.parts)
        kernels.count_parts(self._operator, rows, self.parts, self.counts)
        return rows

    def holds(self, classes: NDArray[np.int8]) -> bool:
        """Whether the table is the one of this frame by a pass over every entry: a check."""
        fresh = kernels.recount(self._operator, self._operator.flat(classes))
        return bool((fresh == self.counts).all())
