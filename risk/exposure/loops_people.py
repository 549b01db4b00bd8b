"""Compiled form of `risk.exposure.stripe`: the same operations in the same order.

One long loop on purpose: a call for each piece of a border, with its dozen arrays, costs
several times what the piece itself does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kentongan.compiled import jit


@jit
def left_of(
    people: Any, fine_column: Any, width: Any, begin: Any, most: Any, left: Any, total: Any
) -> Any:
    """Fill `total`, given as zeros, and `left` where there is somebody; whether all can be."""
    impossible = False
    for r in range(people.shape[0]):
        for k in range(begin.size - 1):
            b, e = np.uint64(begin[k]), np.uint64(begin[k + 1])  # unsigned: never from the end
            anybody = False
            for j in range(fine_column[b], fine_column[e - np.uint64(1)] + 1):
                anybody |= people[r, j] != 0
            if not anybody:
                continue
            running = 0.0
            for c in range(b, e):
                here = people[r, np.uint64(fine_column[c])]
                impossible |= (here < 0) | (here > most)
                if here != here:  # NaN is nobody
                    here = np.float32(0)
                left[r, c] = running
                running += np.float64(here) * width[c]
            total[r, k] = running
    return not impossible


@jit
def add_totals(total: Any, fine_row: Any, row: Any, y: Any, s0: Any, s1: Any, out: Any) -> None:
    """Add the people of strips s0 to s1 - 1 to their hazard cells; rows count from `total`'s."""
    for s in range(s0, s1):
        r, height = fine_row[s], y[s + 1] - y[s]
        for k in range(total.shape[1]):
            if total[r, k] != 0:
                out[row[s], k] += np.int64(np.rint(height * total[r, k]))


@jit
def stripe(
    villages: Any, k_low: Any, k_high: Any, s_low: Any, s_high: Any, start: Any, stop: Any,
    turn: Any, px: Any, py: Any, joined: Any, x: Any, y: Any, first_strip: Any, column: Any,
    fine_column: Any, fine_row: Any, row: Any, first_row: Any, columns: Any, people: Any,
    left: Any, total: Any,
    out_village: Any, out_cell: Any, out_units: Any,
) -> Any:  # fmt: skip
    """Entries of the villages within the strips of one stripe; how many were written."""
    count = 0
    n = x.size - 1
    for i in range(villages.size):
        v, k0, s0, s1 = villages[i], k_low[i], s_low[i], s_high[i]
        wide = k_high[i] - k0
        low_row = row[s1 - 1]
        cover = np.zeros((s1 - s0, wide), np.int64)
        units = np.zeros((row[s0] - low_row + 1, wide), np.int64)
        for p in range(start[v], stop[v]):
            if not joined[p]:
                continue
            ya, yb = py[p], py[p + 1]
            top, bottom = min(ya, yb), max(ya, yb)
            if top == bottom or bottom <= y[s0] or top >= y[s1]:
                continue
            sign = turn[v] if yb < ya else -turn[v]
            xa, xb = px[p], px[p + 1]
            slope = (xb - xa) / (yb - ya)
            x_end = xb if ya < yb else xa
            s = s0
            if top < y[s0]:
                y_here = y[s0]
                x_here = xa + (y_here - ya) * slope
            else:
                y_here, x_here = top, xa if ya < yb else xb
                if y[s + 1] <= top:
                    s = s0 + np.searchsorted(y[s0 : s1 + 1], top, side="right") - 1
            while y_here < bottom and s < s1:
                y_down = min(bottom, y[s + 1])
                x_down = x_end if y_down == bottom else xa + (y_down - ya) * slope
                low, high = min(x_here, x_down), max(x_here, x_down)
                height = y_down - y_here
                r, u, t = fine_row[s] - first_row, row[s] - low_row, s - s0
                x_here, y_here = x_down, y_down
                s += 1
                if high <= x[0]:
                    continue
                done = np.int64(0)
                from_x = low
                steep = height / (high - low) if high > low else 0.0
                if low < x[0]:
                    done = np.int64(np.rint(min((x[0] - low) * steep, height)))
                    from_x = x[0]
                    c = 0
                elif low >= x[n]:
                    c = n
                else:
                    c = int(first_strip[int(low)])
                    while x[c + 1] <= low:
                        c += 1
                while True:
                    last = c == n or high <= x[c + 1]
                    upto, end = np.int64(height), high
                    if not last:
                        end = x[c + 1]
                        upto = np.int64(np.rint(min((end - low) * steep, height)))
                    part = sign * (upto - done)
                    if part != 0:
                        strip = min(c, n - 1)
                        k = column[strip]
                        cover[t, k - k0] += part
                        if total[r, k] != 0:
                            offset = x[n] - x[n - 1] if c == n else (from_x + end) / 2 - x[c]
                            known = np.float64(people[r, fine_column[strip]])
                            west = left[r, strip] + (offset * known if known == known else 0.0)
                            units[u, k - k0] += np.int64(np.rint(part * west))
                    if last:
                        break
                    done = upto
                    c += 1
                    from_x = end
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
