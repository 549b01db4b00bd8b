"""The whole way: scenarios, one step, and how fast the command answers."""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import (
    PAIRS,
    Bench,
    Result,
    alternate,
    not_measured,
    run_process,
    within,
)

if TYPE_CHECKING:
    from kentongan.settings import Settings

SCENARIOS_S = 90.0
PEAK_MB = 2000.0
STEP_S = 3.0
HELP_S = 0.5


def _command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("kentongan")), *arguments]


def scenarios() -> Iterator[Result]:
    """All bundled scenarios by one command, in a home of their own; one run."""
    with tempfile.TemporaryDirectory() as home:
        done = run_process(_command("run", "--scenario", "all"), {"KENTONGAN_HOME": home})
    if done.status != 0:
        why = f"kentongan run --scenario all ended with {done.status}"
        yield not_measured("cycle.scenarios", why)
        return
    yield within(
        "cycle.scenarios",
        done.seconds,
        "s",
        at_most=SCENARIOS_S,
        seconds=done.seconds,
        note=f"processor time {done.cpu_s:.1f} s",
    )
    yield within(
        "cycle.scenarios_memory", done.peak_mb, "MB", at_most=PEAK_MB, seconds=done.seconds
    )


def step() -> Iterator[Result]:
    """The slowest step of all bundled scenarios, layers loaded, nothing left to import."""
    from kentongan.settings import Settings
    from orchestration.scenarios import bundled

    taken: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        _steps(bundled()[0], settings)
        for name in bundled():
            taken |= _steps(name, settings)
    slowest = max(taken, key=lambda name: taken[name])
    wall, cpu = taken[slowest]
    middle = statistics.median(wall for wall, _ in taken.values())
    note = (
        f"slowest of {len(taken)} steps: {slowest}, processor time {cpu:.2f} s; "
        f"median step {middle:.2f} s"
    )
    yield within("cycle.step", wall, "s", at_most=STEP_S, seconds=wall, note=note)


def _steps(name: str, settings: Settings) -> dict[str, tuple[float, float]]:
    """Wall and processor seconds of each step of one scenario, map included."""
    from console.situation_map import situation_map
    from orchestration.scenarios import run_scenario

    marks: list[tuple[float, float]] = []

    def mark(*_: object) -> None:
        marks.append((time.perf_counter(), time.process_time()))

    run_scenario(name, settings, progress=mark, draw=situation_map)
    mark()
    pairs = enumerate(itertools.pairwise(marks), 1)
    return {f"{name} {n}": (b[0] - a[0], b[1] - a[1]) for n, (a, b) in pairs}


def help_page() -> Iterator[Result]:
    """`kentongan --help`, beside a Python that does nothing."""
    ours_s, peer_s = alternate(
        lambda: run_process(_command("--help"), {}),
        lambda: run_process([sys.executable, "-c", "pass"], {}),
        lambda ours, peer: _require_ended(ours.status, peer.status),
    )
    yield Result(
        "cycle.help",
        ours_s,
        "s",
        ours_s,
        "python -c pass",
        peer_s,
        HELP_S,
        ours_s <= HELP_S,
        f"median of {PAIRS}",
    )


def _require_ended(*statuses: int) -> None:
    assert not any(statuses), f"exit statuses {statuses}, expected 0"


BENCHES: dict[str, Bench] = {
    "cycle.help": help_page,
    "cycle.step": step,
    "cycle.scenarios": scenarios,
}
