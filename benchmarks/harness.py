"""How a figure is taken: ours and the peer in turns, the median of the pairs, same answer."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PAIRS = 5


@dataclass(frozen=True)
class Result:
    """One line of output. `met` None: nothing to judge, `note` says why."""

    bench: str
    value: float | None
    unit: str
    ours_s: float | None
    peer: str | None
    peer_s: float | None
    target: float | None
    met: bool | None
    note: str = ""

    def line(self) -> str:
        return json.dumps({k: _short(v) for k, v in asdict(self).items() if v != ""})


Bench = Callable[[], Iterator[Result]]


def _short(value: Any) -> Any:
    """Four significant figures; more would claim what was not measured."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of one call, and its answer."""
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def alternate(
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    same: Callable[[Any, Any], None],
    *,
    pairs: int = PAIRS,
) -> tuple[float, float]:
    """Median seconds of each, taken in turns after one unmeasured pair.

    Args:
        same: raises AssertionError where the two answers differ.
    """
    same(ours(), peer())
    taken: list[tuple[float, float]] = []
    for _ in range(pairs):
        ours_s, left = seconds(ours)
        peer_s, right = seconds(peer)
        same(left, right)
        taken.append((ours_s, peer_s))
    return statistics.median(t[0] for t in taken), statistics.median(t[1] for t in taken)


def times_faster(
    bench: str, ours_s: float, peer: str, peer_s: float, *, at_least: float | None, note: str = ""
) -> Result:
    ratio = peer_s / ours_s
    met = None if at_least is None else ratio >= at_least
    return Result(bench, ratio, "x", ours_s, peer, peer_s, at_least, met, note)


def within(
    bench: str, value: float, unit: str, *, at_most: float, seconds: float, note: str = ""
) -> Result:
    """A figure against a fixed limit, without a peer."""
    return Result(bench, value, unit, seconds, None, None, at_most, value <= at_most, note)


def not_measured(bench: str, why: str) -> Result:
    return Result(bench, None, "", None, None, None, None, None, f"not measured: {why}")


@dataclass(frozen=True)
class Finished:
    seconds: float
    cpu_s: float
    """Processor time; on a busy machine the wall shows others' work too."""
    peak_mb: float
    """Largest resident set of the process or of any process that it waited for."""
    status: int
    output: str


def run_process(command: Sequence[str], environment: Mapping[str, str]) -> Finished:
    """Run to the end; its own peak memory, whatever ran before in this process."""
    launcher = Path(__file__).with_name("launch.py")
    done = subprocess.run(
        [sys.executable, "-I", str(launcher), *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Finished(**json.loads(done.stdout))
