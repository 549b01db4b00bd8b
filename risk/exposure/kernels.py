"""The inner loops of the operator: numpy, and the same compiled once a process has asked.

Both give the same bytes, for all sums are of whole numbers. numpy answers a single question
sooner than compiled code is loaded (some 2 s, once a process); a process that lives long or
asks often calls `warm`.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from risk.exposure.operator import ExposureOperator

_I64 = NDArray[np.int64]
_CLASSES = 6
_UNKNOWN = 5

_compiled: list[ModuleType] = []


def warm() -> None:
    """Load the compiled loops; all later calls in this process use them."""
    if not _compiled:
        from risk.exposure import loops, loops_people

        _compiled.extend([loops, loops_people])


def cool() -> None:
    """Go back to numpy: for a comparison of the two."""
    _compiled.clear()


def compiled() -> ModuleType | None:
    """The compiled loops if this process has asked for them."""
    return _compiled[0] if _compiled else None


def compiled_people() -> ModuleType | None:
    """The compiled loops that lay people under borders, if this process has asked for them."""
    return _compiled[1] if _compiled else None


def parts(
    pointer: _I64,
    cell: NDArray[np.int32],
    share: NDArray[np.int32],
    row: NDArray[np.int32],
    flat: NDArray[np.int8],
) -> _I64:
    """Parts of each village in each class, int64, shape (villages, 6)."""
    fast = compiled()
    if fast:
        out = np.empty((pointer.size - 1, _CLASSES), dtype=np.int64)
        fast.parts(pointer, cell, share, flat, out)
        return out
    column = flat[cell].astype(np.int64)
    column[column < 0] = _UNKNOWN
    key = row * np.int64(_CLASSES) + column
    # float64 sums of whole numbers below 2**53 are exact.
    sums = np.bincount(key, weights=share, minlength=(pointer.size - 1) * _CLASSES)
    return sums.astype(np.int64).reshape(-1, _CLASSES)


def overlay(operator: ExposureOperator, flat: NDArray[np.int8], out: _I64 | None) -> _I64:
    """Whole people of each village in each class."""
    from risk.exposure.operator import whole_people

    fast = compiled()
    if fast:
        counts = np.empty((operator.people.size, _CLASSES), np.int64) if out is None else out
        shift = operator.scale.bit_length()
        fast.overlay(
            operator.pointer, operator.cell, operator.share, operator.people, shift, flat, counts
        )
        return counts
    whole = parts(operator.pointer, operator.cell, operator.share, operator.row, flat)
    counts = whole_people(operator.people, whole)
    if out is None:
        return counts
    out[:] = counts
    return out


def touched(operator: ExposureOperator, flat: NDArray[np.int8]) -> tuple[_I64, _I64]:
    """Villages with anything but class 0, and their parts."""
    fast = compiled()
    if fast:
        by_cell = operator.by_cell
        rows, found = fast.touched(
            by_cell.pointer, by_cell.village, by_cell.share, flat, operator.people.size
        )
        order = np.argsort(rows)
        found = found[order]
        found[:, 0] = operator.scale - found[:, 1:].sum(axis=1)
        return rows[order], found
    active = flat[operator.cell] != 0
    some = np.zeros(operator.people.size, dtype=np.bool_)
    some[operator.row[active]] = True
    rows = np.flatnonzero(some)
    entry = np.flatnonzero(active)
    column = flat[operator.cell[entry]].astype(np.int64)
    column[column < 0] = _UNKNOWN
    key = np.searchsorted(rows, operator.row[entry]) * _CLASSES + column
    sums = np.bincount(key, weights=operator.share[entry], minlength=rows.size * _CLASSES)
    found = sums.astype(np.int64).reshape(-1, _CLASSES)
    found[:, 0] = operator.scale - found[:, 1:].sum(axis=1)
    return rows, found
