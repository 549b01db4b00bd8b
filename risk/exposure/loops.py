"""Compiled loops (numba); each has a numpy form that gives the same bytes.

Compiled code is kept on disk beside this file, or below the user's cache folder where this
one cannot be written. No fast-math: the same operations in the same order as numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

_F = TypeVar("_F", bound=Callable[..., Any])


def _jit(function: _F) -> _F:
    try:
        return cast(_F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no folder where compiled code could be kept
        return cast(_F, numba.njit(nogil=True)(function))


@_jit
def _sum_village(pointer: Any, cell: Any, share: Any, flat: Any, v: Any, acc: Any) -> Any:
    """Parts by class of one village in `acc`; whether all of it is in one class."""
    start, stop = pointer[v], pointer[v + 1]
    first = flat[cell[start]] if stop > start else np.int8(0)
    e = start
    while e < stop and flat[cell[e]] == first:
        e += 1
    if e == stop:
        return first, True
    for k in range(6):
        acc[k] = 0
    for i in range(start, stop):
        level = flat[cell[i]]
        acc[level if level >= 0 else 5] += share[i]
    return first, False


@_jit
def parts(pointer: Any, cell: Any, share: Any, flat: Any, out: Any) -> None:
    """Parts of each village in each class."""
    acc = np.zeros(6, np.int64)
    for v in range(pointer.size - 1):
        level, alone = _sum_village(pointer, cell, share, flat, v, acc)
        if not alone:
            out[v, :] = acc
            continue
        out[v, :] = 0
        total = np.int64(0)
        for i in range(pointer[v], pointer[v + 1]):
            total += share[i]
        out[v, level if level >= 0 else 5] = total


@_jit
def _round_village(people: Any, acc: Any, shift: Any, out: Any) -> None:
    """Whole people by class, from the highest down; `shift` = log2(scale) + 1."""
    half = np.int64(1) << (shift - 1)
    running = np.int64(0)
    before = np.int64(0)
    for k in (4, 3, 2, 1, 5, 0):
        running += acc[k]
        now = (2 * people * running + half) >> shift
        out[k] = now - before
        before = now


@_jit
def overlay(
    pointer: Any, cell: Any, share: Any, people: Any, shift: Any, flat: Any, out: Any
) -> None:
    """Whole people of each village in each class."""
    acc = np.zeros(6, np.int64)
    for v in range(pointer.size - 1):
        level, alone = _sum_village(pointer, cell, share, flat, v, acc)
        if alone:
            for k in range(6):
                out[v, k] = 0
            out[v, level if level >= 0 else 5] = people[v]
        else:
            _round_village(people[v], acc, shift, out[v])


@_jit
def touched(pointer: Any, village: Any, share: Any, flat: Any, villages: Any) -> Any:
    """Villages with an active cell in order of discovery, and their parts in classes 1 to 5."""
    slot = np.full(villages, -1, np.int32)
    rows = np.empty(villages, np.int64)
    found = np.zeros((1024, 6), np.int64)
    count = 0
    words = flat[: flat.size // 8 * 8].view(np.int64)
    for w in range(words.size + 1):
        if w < words.size and words[w] == 0:
            continue
        for c in range(w * 8, min(w * 8 + 8, flat.size)):
            level = flat[c]
            if level == 0:
                continue
            column = level if level > 0 else 5
            for e in range(pointer[c], pointer[c + 1]):
                v = village[e]
                at = slot[v]
                if at < 0:
                    if count == found.shape[0]:
                        more = np.zeros((count * 2, 6), np.int64)
                        more[:count] = found
                        found = more
                    at = count
                    slot[v] = at
                    rows[at] = v
                    count += 1
                found[at, column] += share[e]
    return rows[:count], found[:count]


@_jit
def update(
    pointer: Any, village: Any, share: Any, old: Any, new: Any, parts_: Any, seen: Any, rows: Any
) -> Any:
    """Move parts where cells changed; `old` becomes `new`. The number of villages in `rows`."""
    count = 0
    size = old.size // 8 * 8
    left, right = old[:size].view(np.int64), new[:size].view(np.int64)
    for w in range(left.size + 1):
        if w < left.size and left[w] == right[w]:
            continue
        for c in range(w * 8, min(w * 8 + 8, old.size)):
            was, now = old[c], new[c]
            if was == now:
                continue
            old[c] = now
            a = was if was >= 0 else 5
            b = now if now >= 0 else 5
            for e in range(pointer[c], pointer[c + 1]):
                v = village[e]
                parts_[v, a] -= share[e]
                parts_[v, b] += share[e]
                if not seen[v]:
                    seen[v] = True
                    rows[count] = v
                    count += 1
    for i in range(count):
        seen[rows[i]] = False
    return count


@_jit
def round_rows(rows: Any, people: Any, parts_: Any, shift: Any, counts: Any) -> None:
    """Whole people of the named villages anew."""
    for i in range(rows.size):
        v = rows[i]
        _round_village(people[v], parts_[v], shift, counts[v])
