"""Loops over every cell of a raster, compiled: a nation at 100 m has a billion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kentongan.compiled import jit

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_I64 = NDArray[np.int64]

VALID, NEGATIVE, BEYOND, INFINITE, PAIRS, EQUAL = range(6)
TOTAL, LOW, HIGH, LOWEST = range(4)


@jit
def scan_block(
    values: _F32, fills: _F32, beyond: float, counts: _I64, numbers: _F64, hits: _I64
) -> None:
    """Add one block to running counts.

    Args:
        values: NaN is declared nodata.
        fills: numbers that stand for nothing, all of a size of at least the first one's.
        beyond: size above which no number is believed.
        counts: by `VALID` … `EQUAL`; numbers: by `TOTAL` … `LOWEST`; hits: by fill. Changed in
            place.
    """
    least = abs(fills[0])
    for i in range(values.shape[0]):
        last = np.float32(np.nan)
        for j in range(values.shape[1]):
            v = values[i, j]
            if np.isnan(v):
                last = v
                continue
            if abs(v) >= least:
                known = -1
                for k in range(fills.size):
                    if v == fills[k]:
                        known = k
                if known >= 0:
                    hits[known] += 1
                elif np.isinf(v):
                    counts[INFINITE] += 1
                elif abs(v) > beyond:
                    counts[BEYOND] += 1
                if known >= 0 or abs(v) > beyond:
                    last = np.float32(np.nan)
                    continue
            counts[VALID] += 1
            numbers[TOTAL] += v
            numbers[LOW] = min(numbers[LOW], v)
            numbers[HIGH] = max(numbers[HIGH], v)
            if v < 0:
                counts[NEGATIVE] += 1
                numbers[LOWEST] = min(numbers[LOWEST], v)
            if v > 0 and not np.isnan(last):
                counts[PAIRS] += 1
                if v == last:
                    counts[EQUAL] += 1
            last = v


@jit
def sum_to_grid(values: _F32, row: _I64, column: _I64, out: _F64) -> None:
    """Add each cell to the grid cell at its row and column; -1 is outside, NaN is nobody."""
    for i in range(values.shape[0]):
        if row[i] < 0:
            continue
        for j in range(values.shape[1]):
            v = values[i, j]
            if column[j] >= 0 and not np.isnan(v):
                out[row[i], column[j]] += v
