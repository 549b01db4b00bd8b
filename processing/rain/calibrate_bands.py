"""How far the rain of the last hours may lie from its central value: p10 and p90 of sums.

The bands of the frames are added as if every frame of a window erred the same way: quantiles add
up only then, and nothing wider can be said. The true band is narrower by as much as errors differ
from frame to frame, which no sample of ours tells yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit_parallel
from processing.rain.calibrate_curves import HUNDREDTHS, Amounts, Lookup
from processing.rain.sums import LEAST_COVERAGE, LONGEST_GAP, UNKNOWN

Grid2 = npt.NDArray[np.float32]
_Frame = tuple[datetime, Amounts, Lookup]


@dataclass(frozen=True)
class Bands:
    """Of one window, mm; NaN where less than three quarters of it are known."""

    low: Grid2
    high: Grid2
    beyond: npt.NDArray[np.bool_]
    """Some frame saw more than any sample of its curve: what stands there is extrapolated."""


def banded(
    frames: Iterable[tuple[datetime, Amounts, Lookup]], windows_h: Sequence[int]
) -> dict[int, Bands]:
    """p10 and p90 of the windows that end with the newest frame.

    Args:
        frames: time, retrieval before calibration and curves, newest first, all on one grid. Read
            no farther than the longest window; where they end earlier, longer windows are left out.
        windows_h: hours.
    """
    found: dict[int, Bands] = {}
    totals: _Totals | None = None
    left, last = sorted(windows_h), None
    for time, raw, by in frames:
        if totals is None or last is None:
            totals = _Totals(time, raw.shape)
        else:
            totals.add((time, raw, by), last)
        last = (time, raw, by)
        while left and time <= totals.end - timedelta(hours=left[0]):
            found[left[0]] = totals.of(left[0])
            left.pop(0)
        if not left:
            break
    return found


class _Totals:
    def __init__(self, end: datetime, shape: tuple[int, ...]) -> None:
        self.end = end
        self._low, self._high = (np.zeros(shape, dtype=np.float32) for _ in range(2))
        self._minutes = np.zeros(shape, dtype=np.int16)
        self._beyond = np.zeros(shape, dtype=np.bool_)

    def add(self, earlier: _Frame, later: _Frame) -> None:
        (start, raw_a, a), (end, raw_b, b) = earlier, later
        if end - start > LONGEST_GAP:
            return
        span = (end - start).total_seconds()
        _add(
            raw_a, a.place, a.low, a.high, a.sampled, raw_b, b.place, b.low, b.high, b.sampled,
            a.regions, np.float32(span / 7200 / HUNDREDTHS), np.int16(round(span / 60)),
            self._low, self._high, self._minutes, self._beyond,
        )  # fmt: skip

    def of(self, hours: int) -> Bands:
        known = self._minutes >= LEAST_COVERAGE * hours * 60
        nothing = np.float32(np.nan)
        low, high = (np.where(known, total, nothing) for total in (self._low, self._high))
        return Bands(low, high, self._beyond.copy())


@jit_parallel
def _add(
    raw_a: Any, place_a: Any, low_a: Any, high_a: Any, sampled_a: Any,
    raw_b: Any, place_b: Any, low_b: Any, high_b: Any, sampled_b: Any,
    regions: Any, share: Any, span: Any, low: Any, high: Any, minutes: Any, beyond: Any,
) -> None:  # fmt: skip
    most = low_a.shape[1] - 1
    for i in numba.prange(raw_a.shape[0]):
        for j in range(raw_a.shape[1]):
            a, b = raw_a[i, j], raw_b[i, j]
            if a == UNKNOWN or b == UNKNOWN:
                continue
            p, q = place_a[regions[i, j], j], place_b[regions[i, j], j]
            x, y = min(a, most), min(b, most)
            low[i, j] += (np.float32(low_a[p, x]) + np.float32(low_b[q, y])) * share
            high[i, j] += (np.float32(high_a[p, x]) + np.float32(high_b[q, y])) * share
            minutes[i, j] += span
            if a > sampled_a[p] or b > sampled_b[q]:
                beyond[i, j] = True
