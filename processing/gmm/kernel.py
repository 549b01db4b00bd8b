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
def ln_motion(
    row_term: Any, row_scale: Any, column_term: Any, table: Any, per_km: Any, site: Any,
    vs30: Any, out: Any,
) -> None:  # fmt: skip
    """ln motion of each cell.

    Args:
        row_term: sin^2 of half the latitude difference, shape (rows,).
        row_scale: product of the cosines of latitude, shape (rows,).
        column_term: sin^2 of half the longitude difference, shape (columns,).
        table: base, gain, bend at even steps of chord distance, shape (n, 3).
        per_km: steps of the table a km.
        site: site, slope_b, slope of each Vs30 in whole m/s, shape (m, 3).
        vs30: m/s, shape (rows, columns), below m.
        out: filled, shape (rows, columns).
    """
    scale = np.float32(2.0 * 6371.0088 * per_km)
    last = np.float32(table.shape[0] - 1.001)
    for i in range(out.shape[0]):
        a, b = row_term[i], row_scale[i]
        for j in range(out.shape[1]):
            x = min(scale * np.sqrt(a + b * column_term[j]), last)
            k = np.uint64(np.int32(x))
            u = x - np.float32(np.int32(x))
            w = np.float32(1.0) - u
            v = np.uint64(vs30[i, j])
            base = w * table[k, 0] + u * table[k + np.uint64(1), 0]
            gain = w * table[k, 1] + u * table[k + np.uint64(1), 1]
            bend = w * table[k, 2] + u * table[k + np.uint64(1), 2]
            out[i, j] = base + site[v, 0] + gain * site[v, 1] + bend * site[v, 2]


@_jit
def mmi_of(ln_pgv: Any, low: Any, high: Any, knee: Any, out: Any) -> None:
    """Clipped MMI from ln PGV; `low` and `high` are intercept and slope over ln PGV."""
    for i in range(out.size):
        x = ln_pgv[i]
        y = low[0] + low[1] * x if x <= knee else high[0] + high[1] * x
        out[i] = min(max(y, np.float32(1.0)), np.float32(10.0))
