"""A grid of motion, MMI or classes in one compiled pass a row; no root and no logarithm a cell.

The place in the table is taken from the bits of sin^2 of half the arc: the upper bits of a float
count octaves and even parts of them, so the table is fine where the curve is steep. MMI is linear
in ln PGV on either side of one knee.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kentongan.compiled import jit


@jit
def _far_row(bits: Any, shift: Any, first: Any, base: Any, far: Any, vs30: Any, out: Any) -> None:
    """Table plus site; signed 64-bit indices are what LLVM gathers by."""
    for j in range(out.size):
        k = np.uint64((bits[j] >> shift) - first)
        out[j] = base[k] + far[np.uint64(vs30[j])]


@jit
def _near_row(
    bits: Any, shift: Any, first: Any, base: Any, bend: Any, site: Any, vs30: Any, out: Any
) -> None:
    """The same where the site term depends on the motion: `bend` has a row of each such place."""
    for j in range(out.size):
        k = (bits[j] >> shift) - first
        if k < bend.shape[0]:
            v = np.uint64(vs30[j])
            found = base[k] + site[v, 0] + bend[k, 0] * site[v, 1]
            out[j] = found + bend[k, 1] * site[v, 2]


@jit
def ln_motion(
    row_term: Any, row_scale: Any, column_term: Any, first: Any, shift: Any, base: Any, bend: Any,
    far: Any, site: Any, vs30: Any, out: Any,
) -> None:  # fmt: skip
    """ln motion of each cell.

    Args:
        row_term: sin^2 of half the latitude difference, plus the table's `near`, shape (rows,).
        row_scale: product of the cosines of latitude, shape (rows,).
        column_term: sin^2 of half the longitude difference, shape (columns,).
        first: upper bits, as a float32 counts them, of the table's first entry.
        shift: lower bits that do not count.
        base: motion on reference ground, one entry a place, shape (n,).
        bend: gain and bend of the nearest places, shape (m, 2); none where m is 0.
        far: site term of each Vs30 in whole m/s beyond them, shape (v,).
        site: site, slope_b, slope of each Vs30, shape (v, 3).
        vs30: m/s, shape (rows, columns), below v.
        out: filled, shape (rows, columns).
    """
    place = np.empty(out.shape[1], np.float32)
    bits = place.view(np.uint32)
    low = np.uint32(first) << shift
    ends = np.array([low, ((np.uint32(first) + np.uint32(base.size)) << shift) - 1], np.uint32)
    least, most = ends.view(np.float32)
    bent = (np.uint32(first) + np.uint32(bend.shape[0])) << shift
    nearest = column_term.min()
    for i in range(out.shape[0]):
        a, b = row_term[i], row_scale[i]
        for j in range(place.size):
            place[j] = min(max(a + b * column_term[j], least), most)
        _far_row(bits, shift, first, base, far, vs30[i], out[i])
        ends[0] = bent
        if bend.shape[0] and a + b * nearest < ends.view(np.float32)[0]:
            _near_row(bits, shift, first, base, bend, site, vs30[i], out[i])


@jit
def to_mmi(low: Any, high: Any, knee: Any, out: Any) -> None:
    """Turn ln PGV into clipped MMI in place; `low` and `high` are intercept and slope."""
    a, b, c, d = low[0], low[1], high[0], high[1]
    for i in range(out.size):
        x = out[i]
        y = a + b * x if x <= knee else c + d * x
        out[i] = min(max(y, np.float32(1.0)), np.float32(10.0))


@jit
def count_edges(values: Any, edges: Any, out: Any) -> None:
    """How many edges each value reaches, by blocks that stay in the cache; NaN reaches none."""
    for start in range(0, values.size, 4096):
        stop = min(start + 4096, values.size)
        part, found = values[start:stop], out[start:stop]
        found[:] = 0
        for edge in edges:
            for i in range(found.size):
                found[i] += np.int8(part[i] >= edge)


@jit
def whole_mmi(mmi: Any, out: Any) -> None:
    """Whole intensity less one of each cell, halves to the higher; NaN and less than 1 give 0."""
    for i in range(mmi.size):
        x = min(mmi[i] if mmi[i] >= 1.0 else np.float32(1.0), np.float32(10.0))
        whole = np.int32(x)
        out[i] = np.int8(whole - 1 + np.int32(x - np.float32(whole) >= np.float32(0.5)))


@jit
def add_member(
    ln_pgv: Any, added: Any, low: Any, high: Any, knee: Any, sigma: Any, total: Any, square: Any
) -> None:
    """Sum up the intensity of one member, and its square with the spread about it.

    Args:
        ln_pgv: one member's, flat.
        added: ln by which that quake is stronger than its median.
        low, high: intercept and slope of MMI below and above `knee`.
        sigma: standard deviation of MMI at a place below and above it.
        total, square: float64, flat, added to.
    """
    a, b, c, d = low[0], low[1], high[0], high[1]
    under, over = np.float64(sigma[0]) ** 2, np.float64(sigma[1]) ** 2
    for i in range(ln_pgv.size):
        x = ln_pgv[i] + added
        below = x <= knee
        y = min(max(a + b * x if below else c + d * x, np.float32(1.0)), np.float32(10.0))
        total[i] += y
        square[i] += np.float64(y) * y + (under if below else over)
