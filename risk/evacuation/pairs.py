"""Pairs of places within reach of each other, listed by their first place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kentongan.compiled import jit
from risk.sphere import EARTH_RADIUS_KM

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
TENTHS = 10
"""Times are whole tenths of a minute: six seconds is finer than any travel time is known."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Attributes:
    start: int64, shape (n + 1,): the pairs of place i are `start[i]:start[i + 1]`.
    there: int64, second place of each pair, ascending within one first place.
    time: int64, tenths of a minute.
    left_out: pairs within reach that were beyond the most for one place.
    """

    start: I64
    there: I64
    time: I64
    left_out: int = 0

    @property
    def here(self) -> I64:
        """First place of each pair."""
        return np.repeat(np.arange(self.start.size - 1), np.diff(self.start))

    def kept(self, keep: NDArray[np.bool_]) -> Pairs:
        """Only some of the pairs."""
        before = np.concatenate([[0], np.cumsum(keep)])
        return replace(self, start=before[self.start], there=self.there[keep], time=self.time[keep])

    def nearest(self, count: int) -> NDArray[np.bool_]:
        """Whether a pair is among the nearest of its first place; of equals, all."""
        return np.asarray(_nearest(self.start, self.time, count))


def straight_pairs(
    here: F64, there: F64, *, minutes: F64, minutes_per_km: float, most: int
) -> Pairs:
    """Pairs by straight lines over the sphere, lengthened as `minutes_per_km` says.

    Args:
        here, there: unit vectors, shape (n, 3) and (m, 3); a place with NaN is in no pair.
        minutes: longest travel from each first place, shape (n,); negative or NaN: none.
        most: pairs of one place, the nearest ones.
    """
    limit = np.nan_to_num(minutes, nan=-1.0)
    chord = 2 * np.sin(np.minimum(limit / minutes_per_km / EARTH_RADIUS_KM, np.pi) / 2)
    square = np.where(limit >= 0, chord**2, -1.0)
    counts = _count(here, there, square)
    start = np.concatenate([[0], np.cumsum(counts)])
    other, apart = _fill(here, there, square, start)
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.clip(np.sqrt(apart) / 2, 0, 1))
    time = np.floor(km * minutes_per_km * TENTHS + 0.5).astype(np.int64)
    pairs = Pairs(start, other, time)
    if counts.size == 0 or counts.max() <= most:
        return pairs
    keep = pairs.nearest(most)
    return replace(pairs.kept(keep), left_out=int(keep.size - keep.sum()))


def listed_pairs(here: I64, there: I64, time: I64, n: int) -> Pairs:
    """Pairs from lists in any order."""
    order = np.lexsort((there, here))
    counts = np.bincount(here, minlength=n)
    return Pairs(np.concatenate([[0], np.cumsum(counts)]), there[order], time[order])


def components(start: I64, there: I64, places: int) -> I64:
    """For each first place the number of its component, by its smallest member, from 0 on."""
    root = _roots(start, there, start.size - 1, places)
    _, number = np.unique(root[: start.size - 1], return_inverse=True)
    return number.astype(np.int64)


@jit
def _count(here: F64, there: F64, square: F64) -> I64:
    counts = np.zeros(here.shape[0], np.int64)
    for i in range(here.shape[0]):
        limit = square[i]
        if limit < 0:
            continue
        x, y, z = here[i, 0], here[i, 1], here[i, 2]
        for j in range(there.shape[0]):
            apart = (there[j, 0] - x) ** 2 + (there[j, 1] - y) ** 2 + (there[j, 2] - z) ** 2
            if apart <= limit:
                counts[i] += 1
    return counts


@jit
def _fill(here: F64, there: F64, square: F64, start: I64) -> tuple[I64, F64]:
    other = np.empty(start[-1], np.int64)
    distance = np.empty(start[-1])
    for i in range(here.shape[0]):
        limit = square[i]
        if limit < 0:
            continue
        x, y, z = here[i, 0], here[i, 1], here[i, 2]
        at = start[i]
        for j in range(there.shape[0]):
            apart = (there[j, 0] - x) ** 2 + (there[j, 1] - y) ** 2 + (there[j, 2] - z) ** 2
            if apart <= limit:
                other[at] = j
                distance[at] = apart
                at += 1
    return other, distance


@jit
def _nearest(start: I64, time: I64, count: int) -> NDArray[np.bool_]:
    keep = np.zeros(time.size, np.bool_)
    for i in range(start.size - 1):
        low, high = start[i], start[i + 1]
        if high - low <= count:
            keep[low:high] = True
            continue
        last = np.partition(time[low:high], count - 1)[count - 1]
        keep[low:high] = time[low:high] <= last
    return keep


@jit
def _roots(start: I64, there: I64, n: int, m: int) -> I64:
    parent = np.arange(n + m)
    for i in range(n):
        for k in range(start[i], start[i + 1]):
            a, b = i, n + there[k]
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            if a < b:
                parent[b] = a
            elif b < a:
                parent[a] = b
    for a in range(n + m):
        b = a
        while parent[b] != b:
            b = parent[b]
        parent[a] = b
    return parent
