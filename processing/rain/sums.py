"""Rain of the last 1, 3, 6 and 24 hours, kept up to date frame by frame.

Between two frames the rain is the trapezoid of their rates over the real time between them. Amounts
are whole hundredths of a millimetre, so that what is added and taken away again leaves nothing
behind. A gap of more than 20 minutes is not bridged: it counts as not known.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError, GridMismatch
from kentongan.times import iso
from processing.rain.sum_cells import UNKNOWN as UNKNOWN
from processing.rain.sum_cells import come_and_go, take, tell, trapezoid

Amounts = npt.NDArray[np.uint16]
Field = npt.NDArray[np.float32]

HUNDREDTHS = 100
"""Stored units in a millimetre (or a millimetre an hour)."""
WINDOWS_H = (1, 3, 6, 24)
LONGEST_GAP = timedelta(minutes=20)
"""Two scans of Himawari; a storm lives and dies in a longer gap."""
HELD_H = 6
"""Increments of so many hours are held in memory: 150 MB of the base grid."""
LEAST_COVERAGE = 0.75
"""Share of a window that must be known for its sum to be told."""


@dataclass(frozen=True)
class Increment:
    """Rain between two frames."""

    start: datetime
    end: datetime
    load: Callable[[], Amounts]
    """Hundredths of a millimetre, shape (rows, columns); read again when it leaves a window that
    is so long that its increments are not held in memory."""
    kept: list[Amounts] = field(default_factory=list)
    """The amounts, while they are held."""

    @property
    def amounts(self) -> Amounts:
        if not self.kept:
            self.kept.append(self.load())
        return self.kept[0]

    def release(self) -> None:
        """Hold the amounts no longer."""
        self.kept.clear()

    @property
    def minutes(self) -> int:
        return round((self.end - self.start).total_seconds() / 60)


def stored(rate: Field) -> Amounts:
    """Rates (mm/h) as they are kept: hundredths, NaN as UNKNOWN; what is too much is cut."""
    whole = np.rint(np.nan_to_num(rate, nan=0.0) * HUNDREDTHS)
    kept = np.clip(whole, 0, UNKNOWN - 1).astype(np.uint16)
    kept[np.isnan(rate)] = UNKNOWN
    return kept


def opened(kept: Amounts) -> Field:
    """The reverse of `stored`."""
    field: Field = kept.astype(np.float32) / np.float32(HUNDREDTHS)
    field[kept == UNKNOWN] = np.nan
    return field


def increment(
    earlier: Amounts, later: Amounts, *, start: datetime, end: datetime
) -> Increment | None:
    """The trapezoid between two frames of rates; None over a gap that is not bridged.

    Raises:
        ValueError: `end` is not after `start`.
        GridMismatch: frames of two shapes.
    """
    if end <= start:
        raise ValueError(f"frames at {iso(start)} and {iso(end)}: expected the earlier one first")
    if earlier.shape != later.shape:
        raise GridMismatch(f"frames of shapes {earlier.shape} and {later.shape}")
    if end - start > LONGEST_GAP:
        return None
    amounts = np.empty_like(earlier)
    trapezoid(earlier, later, (end - start).total_seconds() / 7200.0, amounts)
    return Increment(start, end, lambda: amounts, [amounts])


class RunningSums:
    """Sums over the windows that end with the newest increment.

    An increment belongs to a window when its middle lies inside.
    """

    def __init__(self, shape: tuple[int, int], windows_h: Sequence[int] = WINDOWS_H) -> None:
        self.windows_h = tuple(windows_h)
        self._held: tuple[deque[Increment], ...] = tuple(deque() for _ in self.windows_h)
        self._total = np.zeros((len(self.windows_h), *shape), dtype=np.int32)
        self._known = np.zeros((len(self.windows_h), *shape), dtype=np.int16)
        self._told: npt.NDArray[np.float32] | None = None
        self.end: datetime | None = None

    def add(self, new: Increment, *, tell: bool = False) -> None:
        """Take in the next increment, and let go of what is too old.

        Args:
            tell: the sums are wanted next; they then come out of the same pass over the field.

        Raises:
            ValueError: it begins before the newest one ends: the sums must be built again.
            GridMismatch: another shape.
        """
        come = new.amounts
        if come.shape != self.shape:
            raise GridMismatch(f"increment of shape {come.shape}: expected {self.shape}")
        if self.end is not None and new.start < self.end:
            raise ValueError(f"increment from {iso(new.start)}: the sums stand at {iso(self.end)}")
        self.end = new.end
        leaving = []
        for held, hours in zip(self._held, self.windows_h, strict=True):
            held.append(new)
            leaving.append(_too_old(held, new.end - timedelta(hours=hours)))
        # Nearly always one comes and at most one goes: all windows in one pass over the field.
        first = [gone.pop(0) if gone else None for gone in leaving]
        self._told = None
        told = np.empty(self._total.shape, np.float32) if tell and not any(leaving) else None
        self._advance(come, new.minutes, first, told)
        for window, gone in enumerate(leaving):
            for old in gone:
                take(self._total[window], self._known[window], old.amounts, old.minutes)
        self._told = told
        self._release([[f, *gone] if f else gone for f, gone in zip(first, leaving, strict=True)])

    def _advance(
        self,
        come: Amounts,
        minutes: int,
        old: Sequence[Increment | None],
        told: npt.NDArray[np.float32] | None,
    ) -> None:
        """`come` into every window, and out of each what leaves it."""
        nothing = np.zeros((1, 1), dtype=np.uint16)
        amounts = tuple(o.amounts if o else nothing for o in old)
        gone = np.array([o.minutes if o else 0 for o in old], dtype=np.int16)
        nobody = np.empty((0, 0, 0), dtype=np.float32)
        out = nobody if told is None else told
        least = np.array([self._least(hours) for hours in self.windows_h], dtype=np.int16)
        come_and_go(come, np.int16(minutes), amounts, gone, self._total, self._known, least, out)

    @staticmethod
    def _least(hours: int) -> int:
        """Minutes of a window that must be known: three quarters of it, in whole ones."""
        return math.ceil(LEAST_COVERAGE * hours * 60)

    def _release(self, leaving: Sequence[Sequence[Increment]]) -> None:
        """What has left the last window that is held in memory, and what comes back from disk."""
        for hours, gone in zip(self.windows_h, leaving, strict=True):
            if hours >= min(HELD_H, self.windows_h[-1]):
                for old in gone:
                    old.release()

    def skip(self, end: datetime) -> None:
        """Move on to `end` over a gap: nothing comes in, and what is too old goes."""
        self.end, self._told = end, None
        for window, hours in enumerate(self.windows_h):
            gone = _too_old(self._held[window], end - timedelta(hours=hours))
            for old in gone:
                take(self._total[window], self._known[window], old.amounts, old.minutes)
                if hours >= HELD_H:
                    old.release()

    @property
    def shape(self) -> tuple[int, ...]:
        return self._total.shape[1:]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Totals and known minutes by window: with the increments held, all there is to keep."""
        return {"total": self._total, "known": self._known}

    def held(self) -> tuple[tuple[Increment, ...], ...]:
        """Increments within each window, oldest first."""
        return tuple(tuple(part) for part in self._held)

    @classmethod
    def restored(
        cls,
        state: Mapping[str, npt.NDArray[Any]],
        held: Sequence[Sequence[Increment]],
        end: datetime,
        windows_h: Sequence[int] = WINDOWS_H,
    ) -> RunningSums:
        """What `state` and `held` came from.

        Raises:
            GridMismatch: arrays that do not belong together.
        """
        total, known = state["total"], state["known"]
        if total.shape != known.shape or total.shape[0] != len(windows_h) or total.ndim != 3:
            raise GridMismatch(f"sums of shapes {total.shape} and {known.shape} do not fit")
        sums = cls((total.shape[1], total.shape[2]), windows_h)
        sums._total[:], sums._known[:] = total, known
        for part, kept in zip(sums._held, held, strict=True):
            part.extend(kept)
        sums.end = end
        return sums

    def coverage(self, hours: int) -> Field:
        """Share of the window that is known, 0 to 1."""
        share: Field = self._known[self._place(hours)] / np.float32(hours * 60)
        return np.minimum(share, np.float32(1.0))

    def sum_mm(self, hours: int) -> Field:
        """Rain of the last hours, mm; NaN where less than three quarters of them are known.

        What is not known within a window that counts is not filled: the sum is a lower bound.
        """
        place = self._place(hours)
        out: Field
        if self._told is not None:
            out = self._told[place]
            return out
        out = np.empty(self.shape, dtype=np.float32)
        tell(self._total[place], self._known[place], np.int16(self._least(hours)), out)
        return out

    def _place(self, hours: int) -> int:
        if hours not in self.windows_h:
            raise ValueError(f"a window of {hours} h: expected one of {self.windows_h}")
        return self.windows_h.index(hours)


def _too_old(held: deque[Increment], begin: datetime) -> list[Increment]:
    gone = []
    while held and _middle(held[0]) <= begin:
        gone.append(held.popleft())
    return gone


def _middle(one: Increment) -> datetime:
    return one.start + (one.end - one.start) / 2


def running(
    frames: Sequence[tuple[datetime, Callable[[], Amounts]]], windows_h: Sequence[int] = WINDOWS_H
) -> RunningSums:
    """Sums built from frames of rates, oldest first, as after a restart.

    Each frame is read once now, and again when its rain leaves a window.

    Raises:
        ValueError: no frame.
    """
    if not frames:
        raise ValueError("no frame: expected at least one")
    earlier = frames[0][1]()
    sums = RunningSums((earlier.shape[0], earlier.shape[1]), windows_h)
    sums.end = frames[0][0]
    for (start, load), (end, load_later) in itertools.pairwise(frames):
        later = load_later()
        step = increment(earlier, later, start=start, end=end)
        if step is None:
            sums.skip(end)
        else:
            sums.add(again(start, end, load, load_later, step.kept))
        earlier = later
    return sums


def again(
    start: datetime,
    end: datetime,
    load: Callable[[], Amounts],
    later: Callable[[], Amounts],
    kept: Sequence[Amounts] = (),
) -> Increment:
    """The increment between two frames that are read when its amounts are wanted.

    Args:
        kept: its amounts, if they were made already; once released, they are made again.
    """

    def amounts() -> Amounts:
        made = increment(load(), later(), start=start, end=end)
        if made is None:
            raise DataError(f"increment from {iso(start)}: no increment any more")
        return made.amounts

    return Increment(start, end, amounts, list(kept))
