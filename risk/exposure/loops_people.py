"""Compiled form of `risk.exposure.stripe`: the same operations in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np

from risk.exposure.loops import _jit


@_jit
def left_of(people: Any, fine_column: Any, width: Any, column: Any, left: Any, total: Any) -> Any:
    """Fill `left` and `total`; the lowest and the highest number of people in a cell."""
    low, high = np.float32(0), np.float32(0)
    for r in range(people.shape[0]):
        running = 0.0
        last = -1
        for c in range(width.size):
            if column[c] != last:
                if last >= 0:
                    total[r, last] = running
                running = 0.0
                last = column[c]
            left[r, c] = running
            here = people[r, fine_column[c]]
            if here == here:  # not NaN
                running += np.float64(here) * width[c]
                low = min(low, here)
                high = max(high, here)
        total[r, last] = running
    return low, high


@_jit
def _column_pieces(
    x_a: Any, x_b: Any, height: Any, sign: Any, x: Any, first_strip: Any, column: Any,
    fine_column: Any, people: Any, left: Any, units: Any, cover: Any, k0: Any,
) -> None:  # fmt: skip
    """Share out one piece that lies in one row of strips: `units` and `cover` of that row."""
    low, high = min(x_a, x_b), max(x_a, x_b)
    n = x.size - 1
    if high <= x[0]:
        return
    done = np.int64(0)
    c = 0
    start = low
    if low < x[0]:
        done = np.int64(np.rint((x[0] - low) / (high - low) * height))
        start = x[0]
    elif low >= x[n]:
        c = n
    else:
        c = first_strip[np.int64(low)]
        while x[c + 1] <= low:
            c += 1
    while True:
        beyond = c == n
        last = beyond or high <= x[c + 1]
        upto = height if last else np.int64(np.rint((x[c + 1] - low) / (high - low) * height))
        part = upto - done
        if part != 0:
            strip = n - 1 if beyond else c
            if beyond:
                offset = x[n] - x[n - 1]
            else:
                offset = (start + (high if last else x[c + 1])) / 2 - x[c]
            known = people[fine_column[strip]]
            here = np.float64(known) if known == known else np.float64(0)
            k = column[strip] - k0
            units[k] += np.int64(np.rint(sign * part * (left[strip] + offset * here)))
            cover[k] += sign * part
        if last:
            return
        done = upto
        c += 1
        start = x[c]


@_jit
def stripe(
    villages: Any, k_low: Any, k_high: Any, s_low: Any, s_high: Any, start: Any, px: Any, py: Any,
    joined: Any, x: Any, y: Any, first_strip: Any, column: Any, fine_column: Any, fine_row: Any,
    row: Any, first_row: Any, columns: Any, people: Any, left: Any, total: Any,
    out_village: Any, out_cell: Any, out_units: Any,
) -> Any:  # fmt: skip
    """Entries of the villages within the strips of one stripe; how many were written."""
    count = 0
    for i in range(villages.size):
        v, k0, s0, s1 = villages[i], k_low[i], s_low[i], s_high[i]
        wide = k_high[i] - k0
        cover = np.zeros((s1 - s0, wide), np.int64)
        low_row = row[s1 - 1]
        units = np.zeros((row[s0] - low_row + 1, wide), np.int64)
        for p in range(start[v], start[v + 1]):
            if not joined[p]:
                continue
            ya, yb = py[p], py[p + 1]
            top, bottom = min(ya, yb), max(ya, yb)
            if top == bottom or bottom <= y[s0] or top >= y[s1]:
                continue
            sign = 1 if yb < ya else -1
            slope = (px[p + 1] - px[p]) / (yb - ya)
            x_top, x_bottom = (px[p], px[p + 1]) if ya < yb else (px[p + 1], px[p])
            s = s0
            here, x_here = top, x_top
            if top < y[s0]:
                here = y[s0]
                x_here = px[p] + (here - ya) * slope
            else:
                s = s0 + np.searchsorted(y[s0 : s1 + 1], top, side="right") - 1
            while here < bottom and s < s1:
                down = min(bottom, y[s + 1])
                x_down = x_bottom if down == bottom else px[p] + (down - ya) * slope
                r = fine_row[s] - first_row
                _column_pieces(
                    x_here, x_down, down - here, sign, x, first_strip, column, fine_column,
                    people[r], left[r], units[row[s] - low_row], cover[s - s0], k0,
                )  # fmt: skip
                here, x_here = down, x_down
                s += 1
        for s in range(s0, s1):
            running = np.int64(0)
            r, u = fine_row[s] - first_row, row[s] - low_row
            for k in range(wide - 1, -1, -1):
                if running != 0:
                    units[u, k] += np.int64(np.rint(running * total[r, k0 + k]))
                running += cover[s - s0, k]
        for u in range(units.shape[0]):
            for k in range(wide):
                if units[u, k] != 0:
                    out_village[count] = v
                    out_cell[count] = np.int64(low_row + u) * columns + k0 + k
                    out_units[count] = units[u, k]
                    count += 1
    return count
