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

WORD = 8
"""Cells that are looked at together, as one 64-bit word."""

_I64 = NDArray[np.int64]
_I8 = NDArray[np.int8]
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


def parts(operator: ExposureOperator, flat: _I8, rows: _I64 | None = None) -> _I64:
    """Parts of villages (all, or the named ones) in each class, int64, shape (n, 6)."""
    fast = compiled()
    if fast:
        rows = np.arange(operator.people.size) if rows is None else rows
        out = np.empty((rows.size, _CLASSES), dtype=np.int64)
        fast.parts(operator.pointer, operator.unsigned_cell, operator.share, flat, rows, out)
        return out
    if rows is None:
        return _sums(operator.people.size, operator.row, flat[operator.cell], operator.share)
    entry = operator.entries(rows)
    owner = np.repeat(np.arange(rows.size), operator.pointer[rows + 1] - operator.pointer[rows])
    return _sums(rows.size, owner, flat[operator.cell[entry]], operator.share[entry])


def _sums(villages: int, row: NDArray[np.integer], classes: _I8, share: NDArray[np.int32]) -> _I64:
    column = classes.astype(np.int64)
    column[column < 0] = _UNKNOWN
    key = row * np.int64(_CLASSES) + column
    # float64 sums of whole numbers below 2**53 are exact.
    sums = np.bincount(key, weights=share, minlength=villages * _CLASSES)
    return sums.astype(np.int64).reshape(-1, _CLASSES)


def overlay(operator: ExposureOperator, flat: _I8, out: _I64 | None) -> _I64:
    """Whole people of each village in each class."""
    from risk.exposure.operator import whole_people

    fast = compiled()
    if fast:
        counts = np.empty((operator.people.size, _CLASSES), np.int64) if out is None else out
        fast.all_in_none(operator.people, counts)
        fast.count(
            *(_active(operator, flat), operator.pointer, operator.unsigned_cell, operator.share),
            *(operator.people, operator.scale.bit_length(), flat, counts),
        )
        return counts
    counts = whole_people(operator.people, parts(operator, flat))
    if out is None:
        return counts
    out[:] = counts
    return out


def touched(operator: ExposureOperator, flat: _I8) -> tuple[_I64, _I64]:
    """Villages with anything but class 0, ascending, and their parts."""
    fast = compiled()
    if fast:
        rows = _active(operator, flat)
    else:
        some = np.zeros(operator.people.size, dtype=np.bool_)
        some[operator.row[flat[operator.cell] != 0]] = True
        rows = np.flatnonzero(some)
    found = parts(operator, flat, rows)
    kept = found[:, 0] < operator.scale
    return rows[kept], found[kept]


def move(operator: ExposureOperator, old: _I8, new: _I8, found: _I64) -> _I64:
    """Bring parts from one frame to the next; villages with a changed cell, ascending.

    Args:
        old: as `padded` gives it; becomes `new` wherever villages are.
    """
    fast = compiled()
    if fast:
        words, seen = operator.words, np.zeros(operator.people.size, dtype=np.bool_)
        fast.move(
            *(old.view(np.uint64), padded(new).view(np.uint64)),
            *(words.word, words.pointer, words.place, words.village, words.share, found, seen),
        )
        return _marked(fast, seen)
    entry = np.flatnonzero((old[: new.size] != new)[operator.cell])
    village, share = operator.row[entry], operator.share[entry].astype(np.int64)
    for frame, sign in ((old, -1), (new, 1)):
        column = frame[operator.cell[entry]].astype(np.int64)
        column[column < 0] = _UNKNOWN
        np.add.at(found.reshape(-1), village * np.int64(_CLASSES) + column, sign * share)
    old[: new.size] = new
    return np.unique(village).astype(np.int64)


def recount(operator: ExposureOperator, flat: _I8) -> _I64:
    """`overlay` by a pass over every entry, skipping nothing: the plainest way, as a check."""
    fast = compiled()
    if not fast:
        return overlay(operator, flat, None)
    counts = np.empty((operator.people.size, _CLASSES), dtype=np.int64)
    fast.count(
        *(np.arange(operator.people.size), operator.pointer, operator.unsigned_cell),
        *(operator.share, operator.people, operator.scale.bit_length(), flat, counts),
    )
    return counts


def padded(flat: _I8) -> _I8:
    """The same cells, with zeros to a whole word at the end where one is needed."""
    rest = -flat.size % WORD
    return np.concatenate([flat, np.zeros(rest, dtype=np.int8)]) if rest else flat


def count_parts(operator: ExposureOperator, rows: _I64, found: _I64, counts: _I64) -> None:
    """Whole people of the named villages from their parts, into `counts`."""
    from risk.exposure.operator import whole_people

    fast = compiled()
    if fast:
        shift = operator.scale.bit_length()
        fast.count_parts(rows, operator.people, found, shift, counts)
    else:
        counts[rows] = whole_people(operator.people[rows], found[rows])


def _active(operator: ExposureOperator, flat: _I8) -> _I64:
    words, seen = operator.words, np.zeros(operator.people.size, dtype=np.bool_)
    fast = _compiled[0]
    fast.active(
        padded(flat).view(np.uint64), words.word, words.pointer, words.place, words.village, seen
    )
    return _marked(fast, seen)


def _marked(fast: ModuleType, seen: NDArray[np.bool_]) -> _I64:
    rows = np.empty(seen.size + 1, dtype=np.int64)  # one over: it is written before it counts
    return rows[: fast.marked(seen, rows)]
