"""Compiled loops over the operator (numba); each has a numpy form that gives the same bytes.

Compiled code is kept on disk beside this file, or below the user's cache folder where this
one cannot be written. No fast-math: the same operations in the same order as numpy. Indices
are unsigned where it counts: a signed one is looked at twice, for it may count from the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kentongan.compiled import jit


@jit
def active(new: Any, word: Any, pointer: Any, place: Any, village: Any, seen: Any) -> None:
    """Mark the villages with a cell that is not in class 0."""
    for i in range(word.size):
        now = new[word[i]]
        if now != 0:
            for e in range(np.uint64(pointer[i]), np.uint64(pointer[i + 1])):
                seen[village[e]] |= (now >> np.uint64(place[e])) & np.uint64(255) != 0


@jit
def move(
    old: Any, new: Any, word: Any, pointer: Any, place: Any, village: Any, share: Any,
    parts_: Any, seen: Any,
) -> None:  # fmt: skip
    """Move the shares of cells that changed to their new class, and mark their villages.

    `old` becomes `new` in all words that have entries.
    """
    for i in range(word.size):
        was, now = old[word[i]], new[word[i]]
        bits = was ^ now
        if bits == 0:
            continue
        old[word[i]] = now
        for e in range(np.uint64(pointer[i]), np.uint64(pointer[i + 1])):
            bit = np.uint64(place[e])
            if (bits >> bit) & np.uint64(255):
                a, b = (
                    np.int8((was >> bit) & np.uint64(255)),
                    np.int8((now >> bit) & np.uint64(255)),
                )
                v = village[e]
                parts_[v, np.uint64(a if a >= 0 else 5)] -= share[e]
                parts_[v, np.uint64(b if b >= 0 else 5)] += share[e]
                seen[v] = True


@jit
def marked(seen: Any, rows: Any) -> Any:
    """Fill `rows` with the marked villages, ascending; how many there are."""
    count = np.uint64(0)
    for v in range(seen.size):
        rows[count] = v
        count += np.uint64(seen[v])
    return count


@jit
def _sum_village(pointer: Any, cell: Any, share: Any, flat: Any, v: Any, acc: Any) -> None:
    acc[:] = 0
    for i in range(np.uint64(pointer[v]), np.uint64(pointer[v + 1])):
        level = flat[cell[i]]
        acc[np.uint64(level if level >= 0 else 5)] += share[i]


@jit
def parts(pointer: Any, cell: Any, share: Any, flat: Any, rows: Any, out: Any) -> None:
    """Parts of the named villages in each class."""
    for i in range(rows.size):
        _sum_village(pointer, cell, share, flat, rows[i], out[i])


@jit
def _round_village(people: Any, acc: Any, shift: Any, out: Any) -> None:
    """Whole people by class, from the highest down; `shift` = log2(scale) + 1."""
    half, twice = np.int64(1) << (shift - 1), 2 * people
    r4 = acc[4]
    r3 = r4 + acc[3]
    r2 = r3 + acc[2]
    r1 = r2 + acc[1]
    r5 = r1 + acc[5]
    n4, n3 = (twice * r4 + half) >> shift, (twice * r3 + half) >> shift
    n2, n1 = (twice * r2 + half) >> shift, (twice * r1 + half) >> shift
    n5 = (twice * r5 + half) >> shift
    out[4], out[3], out[2], out[1] = n4, n3 - n4, n2 - n3, n1 - n2
    out[5], out[0] = n5 - n1, people - n5


@jit
def all_in_none(people: Any, counts: Any) -> None:
    """Everybody in class 0."""
    for v in range(people.size):
        counts[v, 0] = people[v]
        for k in range(1, 6):
            counts[v, k] = 0


@jit
def count(
    rows: Any, pointer: Any, cell: Any, share: Any, people: Any, shift: Any, flat: Any, counts: Any
) -> None:
    """Whole people of the named villages."""
    acc = np.zeros(6, np.int64)
    for v in rows:
        _sum_village(pointer, cell, share, flat, v, acc)
        _round_village(people[v], acc, shift, counts[v])


@jit
def count_parts(rows: Any, people: Any, parts_: Any, shift: Any, counts: Any) -> None:
    """Whole people of the named villages from their parts."""
    for v in rows:
        _round_village(people[v], parts_[v], shift, counts[v])


@jit
def count_classes(
    pointer: Any, cell: Any, share: Any, people: Any, shift: Any, flat: Any, counts: Any
) -> None:
    """Whole people of each village in any number of classes, the last column unknown.

    Most villages lie in one class: they are seen by looking, and nothing is summed.
    """
    last = counts.shape[1] - 1
    half = np.int64(1) << (shift - 1)
    for v in range(people.size):
        row, start, stop = counts[v], np.uint64(pointer[v]), np.uint64(pointer[v + 1])
        for k in range(row.size):
            row[k] = 0
        first = flat[cell[start]] if start < stop else np.int8(0)
        same = True
        for i in range(start, stop):
            same &= flat[cell[i]] == first
        if same:
            row[np.uint64(first if first >= 0 else last)] = people[v]
            continue
        for i in range(start, stop):
            found = np.int64(flat[cell[i]])
            row[np.uint64(found if found >= 0 else last)] += share[i]
        twice, running, before = 2 * people[v], np.int64(0), np.int64(0)
        for step in range(1, last + 1):
            c = last - step if step < last else last  # highest first, then unknown
            running += row[c]
            whole = (twice * running + half) >> shift
            row[c] = whole - before
            before = whole
        row[0] = people[v] - before
