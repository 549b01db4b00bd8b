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
    tables = [np.concatenate([t(by) for _, _, by in frames]) for t in (_both, _sampled)]
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


def _both(by: Lookup) -> npt.NDArray[np.uint32]:
    """Low in the lower sixteen bits and high in the upper ones: one look for both."""
    return by.high.astype(np.uint32) << np.uint32(16) | by.low


def _sampled(by: Lookup) -> npt.NDArray[np.uint32]:
    return by.sampled.astype(np.uint32)


@jit_parallel
def _add(
    raw: Any, regions: Any, place: Any, both: Any, sampled: Any, share: Any, span: Any, told: Any,
    least: Any, out_low: Any, out_high: Any, out_beyond: Any,
) -> None:  # fmt: skip
    """Trapezoids of one block of rows; a cell that is dry in every frame takes what dry cells of
    its region and column have, which is added up once."""
    dry = _dry(place, both, share, told)
    whole = np.zeros(told.size, dtype=np.int64)
    for w in range(told.size):
        whole[w] = span[: told[w] + 1].sum()
    for i in numba.prange(raw.shape[1]):
        for w in range(told.size):
            known = whole[w] >= least[w]
            for j in range(raw.shape[2]):
                out_low[w, i, j] = np.float32(0) if known else np.float32(np.nan)
                out_high[w, i, j] = dry[w, regions[i, j], j] if known else np.float32(np.nan)
                out_beyond[w, i, j] = False
        wet = _wet(raw, i)
        spot = _spots(regions, i, wet)
        now, over = np.empty((2, wet.size), np.float32), np.zeros((4, wet.size), np.uint8)
        last, minutes = np.full((2, wet.size), np.float32(np.nan)), np.zeros(wet.size, np.int32)
        sums, window = np.zeros((2, wet.size), np.float32), 0
        for f in range(raw.shape[0]):
            _look_up(raw[f, i], place[f], both, sampled, wet, spot, now[0], now[1], over[0])
            _add_frame(share[f], np.int32(span[f]), now[0], last[0], sums[0], minutes, over)
            _add_high(share[f], over[3], now[1], last[1], sums[1])
            if window < told.size and told[window] == f:
                for k in range(wet.size):
                    known = minutes[k] >= least[window]
                    out_low[window, i, wet[k]] = sums[0, k] if known else np.float32(np.nan)
                    out_high[window, i, wet[k]] = sums[1, k] if known else np.float32(np.nan)
                    out_beyond[window, i, wet[k]] = over[2, k] > 0
                window += 1


@jit
def _wet(raw: Any, i: Any) -> Any:
    """Columns of row `i` with anything but zero in any frame."""
    found = np.zeros(raw.shape[2], dtype=np.uint16)
    for f in range(raw.shape[0]):
        for j in range(found.size):
            found[j] |= raw[f, i, j]
    return np.flatnonzero(found).astype(np.uint32)


@jit
def _spots(regions: Any, i: Any, wet: Any) -> Any:
    """Where the curves of these cells stand in `place` of a frame, read as one row."""
    out = np.empty(wet.size, dtype=np.uint32)
    for k in range(wet.size):
        out[k] = regions[i, wet[k]] * regions.shape[1] + wet[k]
    return out


@jit
def _look_up(
    raw: Any, place: Any, both: Any, sampled: Any, wet: Any, spot: Any, low: Any, high: Any,
    over: Any,
) -> None:  # fmt: skip
    """Band of each cell in one frame, NaN where it is not known, and whether the frame is beyond
    the samples there. By row, so that the curves of the frame are at hand for all of its cells;
    no index has a sign, which the compiler would ask for each time."""
    curves, bands = place.ravel(), both.ravel()
    width = np.uint32(both.shape[1])
    most = width - np.uint32(1)
    for k in range(wet.size):
        value, p = np.uint32(raw[wet[k]]), np.uint32(curves[spot[k]])
        x = value if value < most else most
        band = bands[np.uint32(p * width + x)]
        known = value != np.uint32(UNKNOWN)
        low[k] = np.float32(band & np.uint32(65_535)) if known else np.float32(np.nan)
        high[k] = np.float32(band >> np.uint32(16)) if known else np.float32(np.nan)
        over[k] = np.uint8(known & (value > sampled[p]))


@jit
def _add_frame(
    share: Any, span: Any, now: Any, last: Any, total: Any, minutes: Any, over: Any
) -> None:
    """The trapezoids since the frame before of one band, and how long they are; `over`: beyond the
    samples in this frame, in the one before, in any that counts, and whether this one counts."""
    beyond, before, ever, counts = over[0], over[1], over[2], over[3]
    for k in range(minutes.size):
        both = now[k] + last[k]
        known = (both == both) & (span > 0)
        total[k] += both * share if known else np.float32(0)
        minutes[k] += span if known else np.int32(0)
        counts[k] = np.uint8(known)
        last[k] = now[k]
    for k in range(minutes.size):
        ever[k] |= (beyond[k] | before[k]) & counts[k]
        before[k] = beyond[k]


@jit
def _add_high(share: Any, counts: Any, now: Any, last: Any, total: Any) -> None:
    for k in range(total.size):
        total[k] += (now[k] + last[k]) * share if counts[k] else np.float32(0)
        last[k] = now[k]


@jit
def _dry(place: Any, both: Any, share: Any, told: Any) -> Any:
    """High totals of a cell without any rain, of each window, region and column."""
    out = np.zeros((told.size, place.shape[1], place.shape[2]), dtype=np.float32)
    for region in range(place.shape[1]):
        for j in range(place.shape[2]):
            total, window = np.float32(0), 0
            for f in range(place.shape[0]):
                if f:
                    now = np.float32(both[place[f, region, j], 0] >> np.uint32(16))
                    before = np.float32(both[place[f - 1, region, j], 0] >> np.uint32(16))
                    total += (now + before) * share[f]
                if window < told.size and told[window] == f:
                    out[window, region, j] = total
                    window += 1
    return out
