"""How far the rain of the last hours may lie from its central value: p10 and p90 of sums.

The bands of the frames are added as if every frame of a window erred the same way: quantiles add
up only then, and nothing wider can be said. The true band is narrower by as much as errors differ
from frame to frame, which no sample of ours tells yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit_parallel
from processing.rain.calibrate_curves import Amounts, Lookup
from processing.rain.sums import LEAST_COVERAGE, LONGEST_GAP, UNKNOWN

Grid2 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Bands:
    """Of one window, mm; NaN where less than three quarters of it are known."""

    low: Grid2
    high: Grid2
    beyond: npt.NDArray[np.bool_]
    """Some frame saw more than any sample of its curve: what stands there is extrapolated."""


def banded(frames: Sequence[tuple[datetime, Amounts, Lookup]], hours: int) -> Bands:
    """p10 and p90 of the rain between the first and the last frame.

    Args:
        frames: time, retrieval before calibration and curves, oldest first, all on one grid.
        hours: of the window that they span.

    Raises:
        ValueError: no frame.
    """
    if not frames:
        raise ValueError("no frame: expected at least one")
    shape = frames[0][1].shape
    low, high = (np.zeros(shape, dtype=np.float32) for _ in range(2))
    minutes = np.zeros(shape, dtype=np.int16)
    beyond = np.zeros(shape, dtype=np.bool_)
    for (start, raw_a, by_a), (end, raw_b, by_b) in pairwise(frames):
        if end - start > LONGEST_GAP:
            continue
        span = (end - start).total_seconds()
        _add(
            raw_a, by_a.place, by_a.low, by_a.high, by_a.sampled,
            raw_b, by_b.place, by_b.low, by_b.high, by_b.sampled,
            np.float32(span / 7200 / 100), np.int16(round(span / 60)), low, high, minutes, beyond,
        )  # fmt: skip
    known = minutes >= LEAST_COVERAGE * hours * 60
    low[~known] = high[~known] = np.nan
    return Bands(low, high, beyond)


@jit_parallel
def _add(
    raw_a: Any, place_a: Any, low_a: Any, high_a: Any, sampled_a: Any,
    raw_b: Any, place_b: Any, low_b: Any, high_b: Any, sampled_b: Any,
    share: Any, span: Any, low: Any, high: Any, minutes: Any, beyond: Any,
) -> None:  # fmt: skip
    most = low_a.shape[1] - 1
    for i in numba.prange(raw_a.shape[0]):
        for j in range(raw_a.shape[1]):
            a, b = raw_a[i, j], raw_b[i, j]
            if a == UNKNOWN or b == UNKNOWN:
                continue
            p, q = place_a[i, j], place_b[i, j]
            x, y = min(a, most), min(b, most)
            low[i, j] += (np.float32(low_a[p, x]) + np.float32(low_b[q, y])) * share
            high[i, j] += (np.float32(high_a[p, x]) + np.float32(high_b[q, y])) * share
            minutes[i, j] += span
            if a > sampled_a[p] or b > sampled_b[q]:
                beyond[i, j] = True
