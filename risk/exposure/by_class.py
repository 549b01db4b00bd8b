"""People of each village by any number of classes, e.g. by intensity: MMI I to X.

The operator's own count has levels 0 to 4; here a class is whatever the grid says. Rounding is the
same: whole people on running sums from the highest class down, so a stronger hazard never counts
fewer, and what is not known goes before the lowest class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import GridMismatch
from risk.exposure import kernels
from risk.exposure.operator import ExposureOperator

_I64 = NDArray[np.int64]
MOST_CLASSES = 100


def people_by_class(
    operator: ExposureOperator, classes: NDArray[np.int8], count: int, out: _I64 | None = None
) -> _I64:
    """Whole people of each village in each class.

    Args:
        classes: int8, shape of the operator's grid, rows from south to north; 0 to count - 1,
            -1 where it is not known.
        count: how many classes there are, at most 100.
        out: takes the answer if given, shape (villages, count + 1).

    Returns:
        int64, shape (villages, count + 1): the classes, then unknown; each row sums to the people
        of its village.

    Raises:
        GridMismatch: another shape or type, or a class that is not.
    """
    flat = _checked(operator, classes, count)
    counts = np.empty((operator.people.size, count + 1), np.int64) if out is None else out
    fast = kernels.compiled()
    if fast:
        shift = operator.scale.bit_length()
        fast.count_classes(
            *(operator.pointer, operator.unsigned_cell, operator.share),
            *(operator.people, shift, flat, counts),
        )
    else:
        counts[:] = _plain(operator, flat, count)
    return counts


def _checked(operator: ExposureOperator, classes: NDArray[np.int8], count: int) -> NDArray[np.int8]:
    expected = (operator.grid.rows, operator.grid.columns)
    if classes.shape != expected or classes.dtype != np.int8 or not 1 <= count <= MOST_CLASSES:
        raise GridMismatch(
            f"classes: expected int8 of shape {expected} and 1 to {MOST_CLASSES} classes, found "
            f"{classes.dtype} of shape {classes.shape} and {count}"
        )
    flat = np.ascontiguousarray(classes).ravel()
    if flat.size and (flat.min() < -1 or flat.max() >= count):
        raise GridMismatch(
            f"classes go from {flat.min()} to {flat.max()}; expected -1 (not known) to {count - 1}"
        )
    return flat


def _plain(operator: ExposureOperator, flat: NDArray[np.int8], count: int) -> _I64:
    column = flat[operator.cell].astype(np.int64)
    column[column < 0] = count
    key = operator.row * np.int64(count + 1) + column
    # float64 sums of whole numbers below 2**53 are exact
    sums = np.bincount(key, weights=operator.share, minlength=operator.people.size * (count + 1))
    parts = sums.astype(np.int64).reshape(-1, count + 1)
    order = [*range(count - 1, 0, -1), count, 0]
    running = np.cumsum(parts[:, order], axis=1)
    rounded = (operator.people[:, None] * running * 2 + operator.scale) // (2 * operator.scale)
    counts: _I64 = np.empty_like(rounded)
    counts[:, order] = np.diff(rounded, axis=1, prepend=0)
    return counts
