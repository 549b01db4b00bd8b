"""Sums of rain cell by cell: amounts in whole hundredths, `UNKNOWN` where they are not known."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from kentongan.compiled import jit, jit_parallel

UNKNOWN = 65_535
"""Largest stored value: not known."""


@jit_parallel
def trapezoid(earlier: Any, later: Any, half_hours: Any, out: Any) -> None:
    for i in numba.prange(out.shape[0]):
        for j in range(out.shape[1]):
            if earlier[i, j] == UNKNOWN or later[i, j] == UNKNOWN:
                out[i, j] = UNKNOWN
            else:
                both = np.float64(earlier[i, j]) + np.float64(later[i, j])
                out[i, j] = min(int(both * half_hours + 0.5), UNKNOWN - 1)


@jit_parallel
def take(total: Any, known: Any, old: Any, minutes: Any) -> None:
    for i in numba.prange(total.shape[0]):
        for j in range(total.shape[1]):
            if old[i, j] != UNKNOWN:
                total[i, j] -= old[i, j]
                known[i, j] -= minutes


@jit_parallel
def tell(total: Any, known: Any, least: Any, out: Any) -> None:
    for i in numba.prange(total.shape[0]):
        for j in range(total.shape[1]):
            enough = known[i, j] >= least
            out[i, j] = np.float32(total[i, j]) * np.float32(0.01) if enough else np.nan


@jit_parallel
def come_and_go(
    come: Any, minutes: Any, old: Any, gone: Any, total: Any, known: Any, least: Any, told: Any
) -> None:
    """Every window in one pass; a window that nothing leaves has `gone` 0 and no amounts.

    Row by row, so that what the loops of a row share is still at hand; `told` may be empty.
    """
    rows, columns = come.shape
    for i in numba.prange(rows):
        for window in range(len(old)):
            leaving = old[window]
            if gone[window] > 0 and told.size > 0:
                _advance_row(
                    come[i], minutes, leaving[i], gone[window], total[window, i], known[window, i],
                    least[window], told[window, i],
                )  # fmt: skip
                continue
            for j in range(columns):
                if come[i, j] != UNKNOWN:
                    total[window, i, j] += come[i, j]
                    known[window, i, j] += minutes
            if gone[window] > 0:
                for j in range(columns):
                    if leaving[i, j] != UNKNOWN:
                        total[window, i, j] -= leaving[i, j]
                        known[window, i, j] -= gone[window]
            if told.size > 0:
                for j in range(columns):
                    enough = known[window, i, j] >= least[window]
                    amount = np.float32(total[window, i, j]) * np.float32(0.01)
                    told[window, i, j] = amount if enough else np.float32(np.nan)


@jit
def _advance_row(
    come: Any, minutes: Any, old: Any, gone: Any, total: Any, known: Any, least: Any, told: Any
) -> None:
    """One row of a window that one increment comes into and one leaves. Without a branch: the
    compiler then takes many cells at once, and memory alone sets the pace."""
    for j in range(come.size):
        comes, goes = come[j] != UNKNOWN, old[j] != UNKNOWN
        amount = np.int32(come[j]) if comes else np.int32(0)
        amount = total[j] + amount - (np.int32(old[j]) if goes else np.int32(0))
        time = np.int16(minutes) if comes else np.int16(0)
        time = np.int16(known[j] + time - (np.int16(gone) if goes else np.int16(0)))
        total[j], known[j] = amount, time
        told[j] = np.float32(amount) * np.float32(0.01) if time >= least else np.float32(np.nan)
