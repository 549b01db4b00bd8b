"""Whole people, rounded last, so that rows and columns of a table still add up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_NOISE = 1e-6
"""People: what floating point leaves of a whole number."""


def whole_table(exact: NDArray[np.float64]) -> NDArray[np.int64]:
    """A table of whole numbers near a table of people.

    The grand total is rounded half up. Rows get whole sums that add up to it, by largest
    remainder. Within a row the missing people go where most of a column's people are still
    missing. No cell and no row is off by a person or more, and columns hardly are.

    Args:
        exact: not negative, shape (rows, columns).
    """
    out = np.zeros(exact.shape, dtype=np.int64)
    wanted = _row_sums(exact.sum(axis=1))
    missing = [0.0] * exact.shape[1]
    for number, (row, want) in enumerate(zip(exact.tolist(), wanted.tolist(), strict=True)):
        low = [math.floor(value + _NOISE) for value in row]
        rest = [value - least for value, least in zip(row, low, strict=True)]
        missing = [m + r for m, r in zip(missing, rest, strict=True)]
        _level(low, rest, missing, want - sum(low))
        out[number] = low
    return out


def _row_sums(exact: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole sums of the rows by largest remainder; the first of equals goes first."""
    low = np.floor(exact + _NOISE).astype(np.int64)
    short = math.floor(float(exact.sum()) + 0.5 + _NOISE) - int(low.sum())
    order = np.lexsort((np.arange(exact.size), low - exact))
    low[order[: max(short, 0)]] += 1
    return low


def _level(low: list[int], rest: list[float], missing: list[float], short: int) -> None:
    """Give (or take) whole people until the row has its sum; changes `low` and `missing`."""
    while short > 0:
        some = [i for i, part in enumerate(rest) if part > _NOISE] or list(range(len(low)))
        best = max(some, key=lambda i: (missing[i], rest[i]))
        low[best], missing[best], rest[best] = low[best] + 1, missing[best] - 1, 0.0
        short -= 1
    while short < 0:
        some = [i for i, value in enumerate(low) if value > 0]
        best = min(some, key=lambda i: (missing[i], -i))
        low[best], missing[best] = low[best] - 1, missing[best] + 1
        short += 1
