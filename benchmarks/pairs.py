"""Ours and a peer in turns, by processor time: other work on the machine weighs less on it.

Both run on one thread, so on an idle machine processor and wall time are the same; the wall
ratio stands in the note.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import Result


@dataclass(frozen=True)
class Pair:
    """Median seconds of both, processor and wall."""

    ours: float
    peer: float
    ours_wall: float
    peer_wall: float

    def times(self, scale: float) -> Pair:
        """The peer's times multiplied up from a sample."""
        return Pair(self.ours, self.peer * scale, self.ours_wall, self.peer_wall * scale)


def taken(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Processor and wall seconds of one call, and its answer."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = work()
    return time.process_time() - cpu, time.perf_counter() - wall, answer


def paired(
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    same: Callable[[Any, Any], None],
    *,
    pairs: int = 5,
    repeat: int = 5,
) -> Pair:
    """Medians over pairs, after one that is not measured.

    Args:
        same: raises AssertionError where the two answers differ.
        repeat: calls of ours in each pair, of which the median counts: it is the shorter.
    """
    same(ours(), peer())
    left, right = [], []
    for _ in range(pairs):
        mine = [taken(ours) for _ in range(repeat)]
        left.append([statistics.median(m[i] for m in mine) for i in (0, 1)])
        right.append(taken(peer))
        same(mine[-1][2], right[-1][2])
    ours_s, ours_wall = (statistics.median(m[i] for m in left) for i in (0, 1))
    peer_s, peer_wall = (statistics.median(m[i] for m in right) for i in (0, 1))
    return Pair(ours_s, peer_s, ours_wall, peer_wall)


def ratio(
    bench: str, pair: Pair, peer: str, *, floor: float | None, goal: float | None, note: str
) -> Result:
    """How many times less processor time ours takes, against the floor; the goal in the note."""
    value = pair.peer / pair.ours
    wall = f"wall {pair.peer_wall / pair.ours_wall:,.0f}x"
    words = [f"goal {goal:,.0f}x {'met' if value >= goal else 'open'}"] if goal else []
    note = "; ".join([*words, wall, note])
    met = None if floor is None else value >= floor
    return Result(bench, value, "x", pair.ours, peer, pair.peer, floor, met, note)


def at_most(
    bench: str, value: float, unit: str, *, floor: float, goal: float, seconds: float, note: str
) -> Result:
    """A figure that must not be above the floor; the goal in the note."""
    words = f"goal {goal:g} {'met' if value <= goal else 'open'}"
    return Result(
        bench, value, unit, seconds, None, None, floor, value <= floor, f"{words}; {note}"
    )
