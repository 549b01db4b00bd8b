"""Levels of amounts of rain, cell by cell: of what fell, and of what the nowcast still brings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit, jit_inline, jit_parallel
from kentongan.hazard import LEVEL_UNKNOWN
from processing.rain.policy import Edges

Grid2 = npt.NDArray[np.float32]
Levels = npt.NDArray[np.int8]


def level_of(amounts_mm: Mapping[int, Grid2], edges: Mapping[int, Edges]) -> Levels:
    """The worst level over the durations that are known; -1 where none is."""
    worst: Levels | None = None
    for hours, amount in amounts_mm.items():
        if worst is None:
            worst = np.full(amount.shape, LEVEL_UNKNOWN, dtype=np.int8)
        _raise(amount, np.array(edges[hours], dtype=np.float32), worst)
    if worst is None:
        raise ValueError("no duration of rain: expected at least one sum")
    return worst


@jit_parallel
def _raise(amount: Any, edges: Any, worst: Any) -> None:
    for i in numba.prange(amount.shape[0]):
        _raise_row(amount[i], edges, worst[i])


@jit
def _raise_row(amount: Any, edges: Any, worst: Any) -> None:
    one, two, three, four = edges[0], edges[1], edges[2], edges[3]
    for j in range(amount.size):
        found = _class_of(amount[j], one, two, three, four)
        worst[j] = found if found > worst[j] else worst[j]


@jit_inline
def _class_of(amount: Any, one: Any, two: Any, three: Any, four: Any) -> Any:
    """Choices alone, no sum: the compiler then compares many cells at once."""
    low = np.int8(1) if amount >= one else (np.int8(0) if amount == amount else np.int8(-1))
    low = np.int8(2) if amount >= two else low
    low = np.int8(3) if amount >= three else low
    return np.int8(4) if amount >= four else low


@jit_parallel
def look_ahead(
    rates: Any, past: Any, leads: Any, within: Any, left: Any, hours: Any, edges: Any, out: Any
) -> None:
    """The worst level over the windows of each lead: a share of the past and the sum of steps.

    Row by row, so that the steps of a row are at hand for every lead.

    Args:
        rates: mm/h, shape (steps, rows, columns); NaN: not known.
        past: mm, shape (windows, rows, columns).
        leads: steps ahead, shape (leads,).
        within: of these the last that lie in the window, shape (leads, windows).
        left: share of the past that does, same shape; of 0 the past need not be known.
        hours: of one step.
        edges: mm, shape (windows, 4).
        out: int8, shape (leads, rows, columns).
    """
    for i in numba.prange(out.shape[1]):
        coming = np.empty(out.shape[2], dtype=np.float32)
        for lead in range(leads.size):
            out[lead, i] = LEVEL_UNKNOWN
            for window in range(within.shape[1]):
                count = within[lead, window]
                if window == 0 or count != within[lead, window - 1]:
                    _sum_steps(rates[:, i], leads[lead] - count, leads[lead], hours, coming)
                share = left[lead, window]
                _worst(coming, past[window, i], share, edges[window], out[lead, i])


@jit
def _sum_steps(rates: Any, first: Any, end: Any, hours: Any, out: Any) -> None:
    out[:] = 0
    for step in range(first, end):
        for j in range(out.size):
            out[j] += rates[step, j]
    for j in range(out.size):
        out[j] *= hours


@jit
def _worst(coming: Any, past: Any, share: Any, edges: Any, out: Any) -> None:
    if not share > 0:
        _raise_row(coming, edges, out)
        return
    one, two, three, four = edges[0], edges[1], edges[2], edges[3]
    for j in range(out.size):
        found = _class_of(coming[j] + past[j] * share, one, two, three, four)
        out[j] = found if found > out[j] else out[j]
