"""Worker processes under watch: one that hangs or dies names its mutant, and is replaced."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.fuzz.corpus import ROOT
from tests.fuzz.worker import MAX_CPU_S

CHUNK = 250
"""Mutants to a request: small, so that both workers end together."""
START_S = 60.0
"""Until a worker must be ready for a request: at first it reads every seed."""
MAX_WALL_S = 30.0
"""For one mutant on a busy machine; the limit proper is processor time."""


@dataclass(frozen=True)
class Finding:
    """A mutant and what was wrong with what a reader made of it."""

    parser: str
    index: int
    seed: str
    fault: str


@dataclass
class Tally:
    """Of one parser."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    peak_mb: float = 0.0

    @property
    def count(self) -> int:
        return self.outcomes.total()


@dataclass(frozen=True)
class Task:
    parser: str
    start: int
    stop: int


class _Worker:
    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=ROOT,
            bufsize=0,
        )
        self.ready = False
        self.task: Task | None = None
        self.next = 0
        self.rest = b""
        self.since = time.monotonic()
        self.cpu_s = 0.0
        self.last_words = ""

    def give(self, task: Task) -> None:
        assert self.process.stdin is not None
        self.task, self.next, self.ready = task, task.start, False
        self.process.stdin.write(f"{task.parser} {task.start} {task.stop}\n".encode())
        self.begin()

    def begin(self) -> None:
        self.since, self.cpu_s = time.monotonic(), self._cpu_s()

    def _cpu_s(self) -> float:
        try:
            taken = psutil.Process(self.process.pid).cpu_times()
        except psutil.Error:
            return self.cpu_s
        return float(taken.user + taken.system)

    def overdue(self, limit_s: float) -> str:
        """Why it has to be ended; empty while all is well."""
        wall = time.monotonic() - self.since
        if not self.ready:
            return f"not ready within {START_S:g} s" if wall > START_S else ""
        if wall < limit_s:
            return ""
        # Twice the limit: a mutant just above it ends by itself and says so.
        hung = self._cpu_s() - self.cpu_s > 2 * limit_s or wall > MAX_WALL_S
        return f"hang: no answer after {wall:.0f} s" if hung else ""

    def lines(self) -> list[dict[str, Any]] | None:
        """Whole lines that have come; None at the end."""
        assert self.process.stdout is not None
        block = self.process.stdout.read(1 << 16)
        if not block:
            return None
        *whole, self.rest = (self.rest + block).split(b"\n")
        return [json.loads(line) for line in whole]

    def end(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait()
        self.errors.seek(0)
        self.last_words = self.errors.read()[-600:].decode("utf-8", "replace")
        self.errors.close()
        return status


def campaign(
    tasks: Iterable[Task], *, workers: int, seconds: float, limit_s: float = MAX_CPU_S
) -> tuple[dict[str, Tally], list[Finding]]:
    """Judge the mutants of all tasks, or as many as the time allows."""
    run = _Campaign(deque(split(tasks)), time.monotonic() + seconds, limit_s)
    return run.through(workers)


def split(tasks: Iterable[Task]) -> list[Task]:
    """In pieces, parsers in turn, so that a campaign that is cut short has seen all of them."""
    pieces = [
        [Task(t.parser, at, min(t.stop, at + CHUNK)) for at in range(t.start, t.stop, CHUNK)]
        for t in tasks
    ]
    longest = max((len(piece) for piece in pieces), default=0)
    return [piece[turn] for turn in range(longest) for piece in pieces if turn < len(piece)]


class _Campaign:
    def __init__(self, queue: deque[Task], until: float, limit_s: float) -> None:
        self.queue = queue
        self.until = until
        self.limit_s = limit_s
        self.tallies: dict[str, Tally] = {}
        self.findings: list[Finding] = []
        self.selector = selectors.DefaultSelector()

    def through(self, workers: int) -> tuple[dict[str, Tally], list[Finding]]:
        active = {self._started() for _ in range(min(workers, len(self.queue)))}
        try:
            while active:
                for worker in self._turn(active):
                    active.discard(worker)
                    if self.queue and time.monotonic() < self.until:
                        active.add(self._started())
        finally:
            for worker in active:
                worker.end()
        return self.tallies, self.findings

    def _started(self) -> _Worker:
        worker = _Worker()
        self.selector.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
        worker.give(self.queue.popleft())
        return worker

    def _turn(self, active: Sequence[_Worker] | set[_Worker]) -> list[_Worker]:
        """Read what came; the workers that are gone, whether done, dead or ended."""
        gone: list[_Worker] = []
        for key, _ in self.selector.select(timeout=0.2):
            worker: _Worker = key.data
            lines = worker.lines()
            if lines is None or not all(self._heard(worker, line) for line in lines):
                self._bury(worker, "" if lines is not None else "died")
                gone.append(worker)
        for worker in active:
            if worker not in gone and (why := worker.overdue(self.limit_s)):
                self._bury(worker, why)
                gone.append(worker)
        return gone

    def _heard(self, worker: _Worker, line: dict[str, Any]) -> bool:
        """Whether the worker goes on."""
        if "ready" in line:
            worker.ready = True
            worker.begin()
            return True
        tally = self.tallies.setdefault(worker.task.parser, Tally())  # type: ignore[union-attr]
        if "done" in line:
            tally.peak_mb = max(tally.peak_mb, line["peak_mb"])
            return self._more(worker)
        self._count(worker, tally, line)
        return True

    def _count(self, worker: _Worker, tally: Tally, line: dict[str, Any]) -> None:
        assert worker.task is not None
        worker.next = line["i"] + 1
        worker.begin()
        tally.outcomes[line["o"]] += 1
        tally.slowest_s = max(tally.slowest_s, line["s"])
        for fault in line.get("faults", ()):
            self.findings.append(Finding(worker.task.parser, line["i"], line["seed"], fault))

    def _more(self, worker: _Worker) -> bool:
        worker.task = None
        if not self.queue or time.monotonic() > self.until:
            return False
        worker.give(self.queue.popleft())
        return True

    def _bury(self, worker: _Worker, why: str) -> None:
        """End it; the mutant that it was at is a finding, the rest of its task goes on."""
        self.selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
        task = worker.task
        status = worker.end()
        if not worker.ready:
            raise RuntimeError(
                f"a fuzz worker ended before it was ready: {why} ({status}); {worker.last_words}"
            )
        if task is None:
            return
        fault = f"{why} (status {status})"
        self.findings.append(Finding(task.parser, worker.next, "?", fault))
        tally = self.tallies.setdefault(task.parser, Tally())
        tally.outcomes["hang" if why.startswith("hang") else "died"] += 1
        if worker.next + 1 < task.stop:
            self.queue.appendleft(Task(task.parser, worker.next + 1, task.stop))
