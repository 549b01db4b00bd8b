"""MMI of a grid in one compiled pass: a table over distance, factors over Vs30, no logarithm.

MMI is linear in ln PGV on either side of one knee, so nothing but a root is taken a cell.
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
def _places(a: Any, b: Any, column_term: Any, scale: Any, last: Any, out: Any) -> None:
    """Place in the table of each cell of a row; free of branches, so several go at a time."""
    for j in range(out.size):
        out[j] = min(scale * np.sqrt(a + b * column_term[j]), last)


@_jit
def ln_motion(
    row_term: Any, row_scale: Any, column_term: Any, table: Any, per_km: Any, site: Any,
    bent: Any, vs30: Any, out: Any,
) -> None:  # fmt: skip
    """ln motion of each cell.

    Args:
        row_term: sin^2 of half the latitude difference, shape (rows,).
        row_scale: product of the cosines of latitude, shape (rows,).
        column_term: sin^2 of half the longitude difference, shape (columns,).
        table: base, gain, bend at even steps of chord distance, shape (n, 3).
        per_km: steps of the table a km.
        site: site, slope_b, slope of each Vs30 in whole m/s, shape (m, 3).
        bent: whether gain and bend are anything but zero.
        vs30: m/s, shape (rows, columns), below m.
        out: filled, shape (rows, columns).
    """
    scale = np.float32(2.0 * 6371.0088 * per_km)
    last = np.float32(table.shape[0] - 1.001)
    place = np.empty(out.shape[1], np.float32)
    for i in range(out.shape[0]):
        _places(row_term[i], row_scale[i], column_term, scale, last, place)
        for j in range(out.shape[1]):
            x = place[j]
            step = np.int32(x)
            k = np.uint64(step)
            u = x - np.float32(step)
            v = np.uint64(vs30[i, j])
            next_ = k + np.uint64(1)
            found = table[k, 0] + u * (table[next_, 0] - table[k, 0]) + site[v, 0]
            if bent:
                gain = table[k, 1] + u * (table[next_, 1] - table[k, 1])
                bend = table[k, 2] + u * (table[next_, 2] - table[k, 2])
                found += gain * site[v, 1] + bend * site[v, 2]
            out[i, j] = found


@_jit
def to_mmi(low: Any, high: Any, knee: Any, out: Any) -> None:
    """Turn ln PGV into clipped MMI in place; `low` and `high` are intercept and slope."""
    a, b, c, d = low[0], low[1], high[0], high[1]
    for i in range(out.size):
        x = out[i]
        y = a + b * x if x <= knee else c + d * x
        out[i] = min(max(y, np.float32(1.0)), np.float32(10.0))


@_jit
def levels(mmi: Any, edges: Any, out: Any) -> None:
    """Level 0 to 4 of each cell by its lower edges; an edge belongs to the level above it."""
    for i in range(out.size):
        found = np.int8(0)
        for edge in edges:
            found += np.int8(mmi[i] >= edge)
        out[i] = found
