"""How far the rain of the last hours may lie from its central value: p10 and p90 of sums.

The bands of the frames are added as if every frame of a window erred the same way: quantiles add
up only then, and nothing wider can be said. The true band is narrower by as much as errors differ
from frame to frame, which no sample of ours tells yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit, jit_parallel
from processing.rain.calibrate_curves import HUNDREDTHS, Amounts, Lookup
from processing.rain.sums import LEAST_COVERAGE, LONGEST_GAP, UNKNOWN

Grid2 = npt.NDArray[np.float32]
_Frame = tuple[datetime, Amounts, Lookup]
_ROWS = 150
"""Of a block: nineteen frames of as many rows are 13 MB, where all of them together are 80."""


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
    used: list[_Frame] = []
    told: dict[int, int] = {}
    left = sorted(windows_h)
    for frame in frames:
        used.append(frame)
        while left and len(used) > 1 and frame[0] <= used[0][0] - timedelta(hours=left[0]):
            told[left.pop(0)] = len(used) - 1
        if not left:
            break
    return _summed(used, told) if told else {}


def _summed(frames: Sequence[_Frame], told: Mapping[int, int]) -> dict[int, Bands]:
    """Bands of each window, whose oldest frame is told by its place."""
    shape, windows = frames[0][1].shape, sorted(told)
    low, high = (np.empty((len(windows), *shape), dtype=np.float32) for _ in range(2))
    beyond = np.empty((len(windows), *shape), dtype=np.bool_)
    spans = [(later[0] - earlier[0]) / timedelta(seconds=1) for later, earlier in pairwise(frames)]
    kept = [span if span <= LONGEST_GAP.total_seconds() else 0.0 for span in spans]
    first = np.cumsum([0, *(len(by.low) for _, _, by in frames[:-1])])
    tables = [np.concatenate([t(by) for _, _, by in frames]) for t in (_low, _high, _sampled)]
    shared: tuple[Any, ...] = (
        np.stack([by.place + np.int32(n) for n, (_, _, by) in zip(first, frames, strict=True)]),
        *tables,
        np.array([0, *(span / 7200 / HUNDREDTHS for span in kept)], dtype=np.float32),
        np.array([0, *(round(span / 60) for span in kept)], dtype=np.int64),
        np.array([told[h] for h in windows], dtype=np.int64),
        np.array([LEAST_COVERAGE * h * 60 for h in windows]),
    )
    for start in range(0, shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        block = np.stack([raw[rows] for _, raw, _ in frames])
        out = low[:, rows], high[:, rows], beyond[:, rows]
        given: tuple[Any, ...] = (block, frames[0][2].regions[rows], *shared, *out)
        _add(*given)
    return {h: Bands(low[k], high[k], beyond[k]) for k, h in enumerate(windows)}


def _low(by: Lookup) -> npt.NDArray[np.uint16]:
    return by.low


def _high(by: Lookup) -> npt.NDArray[np.uint16]:
    return by.high


def _sampled(by: Lookup) -> npt.NDArray[np.int64]:
    return by.sampled


@jit_parallel
def _add(
    raw: Any, regions: Any, place: Any, low: Any, high: Any, sampled: Any, share: Any, span: Any,
    told: Any, least: Any, out_low: Any, out_high: Any, out_beyond: Any,
) -> None:  # fmt: skip
    """Trapezoids of one block of rows; a cell that is dry in every frame takes what dry cells of
    its region and column have, which is added up once."""
    most, columns, frames = low.shape[1] - 1, raw.shape[2], raw.shape[0]
    dry = _dry(place, high, share, told)
    whole = np.zeros(told.size, dtype=np.int64)
    for w in range(told.size):
        whole[w] = span[: told[w] + 1].sum()
    nothing = np.float32(np.nan)
    for i in numba.prange(raw.shape[1]):
        wet = np.zeros(columns, dtype=np.uint16)
        for f in range(frames):
            for j in range(columns):
                wet[j] |= raw[f, i, j]
        for j in range(columns):
            region = regions[i, j]
            if not wet[j]:
                for w in range(told.size):
                    known = whole[w] >= least[w]
                    out_low[w, i, j] = np.float32(0) if known else nothing
                    out_high[w, i, j] = dry[w, region, j] if known else nothing
                    out_beyond[w, i, j] = False
                continue
            last_low, last_high, over, beyond = nothing, nothing, False, False
            total_low, total_high, minutes, window = np.float32(0), np.float32(0), 0, 0
            for f in range(frames):
                value = raw[f, i, j]
                if value == UNKNOWN:
                    last_low = last_high = nothing
                    over = False
                else:
                    p = place[f, region, j]
                    x = min(value, most)
                    now_low, now_high = np.float32(low[p, x]), np.float32(high[p, x])
                    now_over = value > sampled[p]
                    if span[f] and not np.isnan(last_low):
                        total_low += (now_low + last_low) * share[f]
                        total_high += (now_high + last_high) * share[f]
                        minutes += span[f]
                        beyond |= now_over or over
                    last_low, last_high, over = now_low, now_high, now_over
                if window < told.size and told[window] == f:
                    known = minutes >= least[window]
                    out_low[window, i, j] = total_low if known else nothing
                    out_high[window, i, j] = total_high if known else nothing
                    out_beyond[window, i, j] = beyond
                    window += 1


@jit
def _dry(place: Any, high: Any, share: Any, told: Any) -> Any:
    """High totals of a cell without any rain, of each window, region and column."""
    out = np.zeros((told.size, place.shape[1], place.shape[2]), dtype=np.float32)
    for region in range(place.shape[1]):
        for j in range(place.shape[2]):
            total, window = np.float32(0), 0
            for f in range(place.shape[0]):
                if f:
                    now = np.float32(high[place[f, region, j], 0])
                    before = np.float32(high[place[f - 1, region, j], 0])
                    total += (now + before) * share[f]
                if window < told.size and told[window] == f:
                    out[window, region, j] = total
                    window += 1
    return out
