"""Compiled form of `risk.inside`: points of sorted cells under polygons."""

from __future__ import annotations

from typing import Any

import numpy as np

from kentongan.compiled import jit

_ROOM = 1e-6
"""Share of a cell by which a border cell is taken wider than its edge: far above rounding."""
_UNSURE = 1e-14
"""Relative size of a cross product below which its sign is not trusted: some 50 roundings."""


@jit
def _crossings(px: Any, py: Any, row: Any, edges: Any) -> Any:
    """1 if the point lies inside by the edges of its row; plus 2 if that is in doubt.

    No branches: which edges a point lies beside cannot be guessed.
    """
    odd, doubt = 0, 0
    for i in range(edges):
        x0, y0, x1, y1 = row[0, i], row[1, i], row[2, i], row[3, i]
        beside = (y0 <= py) != (y1 <= py)
        a, b = (x1 - x0) * (py - y0), (px - x0) * (y1 - y0)
        # Of an edge that runs up, the point is on the west where a > b.
        odd ^= beside & ((a > b) == (y1 > y0))
        doubt |= beside & (abs(a - b) <= _UNSURE * (abs(a) + abs(b)))
        level = (py == y0) | (py == y1)
        doubt |= level & (min(x0, x1) <= px) & (px <= max(x0, x1))
    return odd + 2 * doubt


@jit
def _box(
    b: Any, z: Any, ex: Any, ey: Any, west: Any, south: Any, step: Any, rows: Any, columns: Any
) -> Any:
    """First and last row and column of cells that points b to z - 1 enclose, cut to the grid."""
    r_low, r_high, c_low, c_high = rows, -1, columns, -1
    for e in range(b, z):
        r = int(np.floor((ey[e] - south) / step - _ROOM))
        c = int(np.floor((ex[e] - west) / step - _ROOM))
        r_low, c_low = min(r_low, r), min(c_low, c)
        r_high, c_high = max(r_high, r + 1), max(c_high, c + 1)
    return max(r_low, 0), min(r_high, rows - 1), max(c_low, 0), min(c_high, columns - 1)


@jit
def _edges_by_row(
    b: Any, z: Any, joined: Any, ey: Any, south: Any, step: Any, r_low: Any, r_high: Any
) -> Any:
    """Edges that meet each row of cells: those of row r_low + i are edges[at[i]:at[i+1]]."""
    tall = r_high - r_low + 1
    low, high = np.empty(z - b, np.int64), np.full(z - b, -1, np.int64)
    at = np.zeros(tall + 1, np.int64)
    for e in range(b, z - 1):
        if joined[e]:
            v0, v1 = (ey[e] - south) / step, (ey[e + 1] - south) / step
            low[e - b] = max(int(np.floor(min(v0, v1) - _ROOM)), r_low) - r_low
            high[e - b] = min(int(np.floor(max(v0, v1) + _ROOM)), r_high) - r_low
            for r in range(low[e - b], high[e - b] + 1):
                at[r + 1] += 1
    for r in range(tall):
        at[r + 1] += at[r]
    fill, edges = at[:tall].copy(), np.empty(at[tall], np.int64)
    for e in range(b, z - 1):
        if joined[e]:
            for r in range(low[e - b], high[e - b] + 1):
                edges[fill[r]] = e
                fill[r] += 1
    return at, edges


@jit
def _mark_row(
    edges: Any, first: Any, last: Any, r: Any, c_low: Any, c_high: Any, ex: Any, ey: Any,
    west: Any, south: Any, step: Any, mark: Any, turn: Any, row: Any,
) -> None:  # fmt: skip
    """Cells of a row that the border meets, where inside turns to outside, and its edges."""
    mark[c_low : c_high + 1] = False
    turn[c_low : c_high + 1] = False
    middle = r + 0.5
    for i in range(first, last):
        e = edges[i]
        row[0, i - first], row[1, i - first] = ex[e], ey[e]
        row[2, i - first], row[3, i - first] = ex[e + 1], ey[e + 1]
        u0, v0 = (ex[e] - west) / step, (ey[e] - south) / step
        u1, v1 = (ex[e + 1] - west) / step, (ey[e + 1] - south) / step
        left, right = min(u0, u1), max(u0, u1)
        if v0 != v1:
            slope = (u1 - u0) / (v1 - v0)
            low = u0 + (max(min(v0, v1), r - _ROOM) - v0) * slope
            high = u0 + (min(max(v0, v1), r + 1 + _ROOM) - v0) * slope
            left, right = max(left, min(low, high)), min(right, max(low, high))
            if (v0 <= middle) != (v1 <= middle):
                c = int(np.floor(u0 + (middle - v0) * slope)) + 1
                if c <= c_high:
                    turn[max(c, c_low)] ^= True
        begin = max(int(np.floor(left - _ROOM)), c_low)
        end = min(int(np.floor(right + _ROOM)), c_high)
        for c in range(begin, end + 1):
            mark[c] = True


@jit
def _take_row(
    edges: Any, row: Any, cell: Any, c_low: Any, c_high: Any, start: Any, xy: Any,
    mark: Any, turn: Any, place: Any, doubt: Any, count: Any,
) -> Any:  # fmt: skip
    """Append the hits of one row of cells; how many there are then."""
    within = False
    c = c_low
    while c <= c_high:
        within ^= turn[c]
        low, first = start[cell + c], c
        c += 1
        if mark[first]:
            for q in range(low, start[cell + c]):
                hit = _crossings(xy[q, 0], xy[q, 1], row, edges)
                place[count], doubt[count] = q, hit > 1
                count += hit > 0
        elif within:
            while c <= c_high and not mark[c] and not turn[c]:
                c += 1
            high = start[cell + c]
            for q in range(low, high):
                place[count + q - low] = q
            doubt[count : count + high - low] = False
            count += high - low
    return count


@jit
def inside(
    begin: Any, ex: Any, ey: Any, joined: Any, start: Any, xy: Any,
    west: Any, south: Any, step: Any, rows: Any, columns: Any,
) -> Any:  # fmt: skip
    """Pointer, places in sorted order and doubts of the points in each polygon."""
    pointer = np.zeros(begin.size, np.int64)
    place, doubt = np.empty(1024, np.int64), np.empty(1024, np.bool_)
    mark, turn = np.zeros(columns, np.bool_), np.zeros(columns, np.bool_)
    count = 0
    for p in range(begin.size - 1):
        b, z = begin[p], begin[p + 1]
        r_low, r_high, c_low, c_high = _box(b, z, ex, ey, west, south, step, rows, columns)
        if r_low > r_high or c_low > c_high:
            pointer[p + 1] = count
            continue
        at, edges = _edges_by_row(b, z, joined, ey, south, step, r_low, r_high)
        row = np.empty((4, z - b))
        for r in range(r_low, r_high + 1):
            first, last = at[r - r_low], at[r - r_low + 1]
            if first == last or start[r * columns + c_low] == start[r * columns + c_high + 1]:
                continue
            _mark_row(
                edges, first, last, r, c_low, c_high, ex, ey, west, south, step, mark, turn, row
            )
            most = count + 1 + start[r * columns + c_high + 1] - start[r * columns + c_low]
            if most > place.size:
                more, many = np.empty(most * 2, np.int64), np.empty(most * 2, np.bool_)
                more[:count], many[:count] = place[:count], doubt[:count]
                place, doubt = more, many
            count = _take_row(
                last - first, row, r * columns, c_low, c_high, start, xy, mark, turn,
                place, doubt, count,
            )  # fmt: skip
        pointer[p + 1] = count
    return pointer, place[:count], doubt[:count]
