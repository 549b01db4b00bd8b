"""One process that judges mutants, one line of JSON each, until its input ends.

A request is a line `parser start stop`. What kills or stops this process is seen from outside:
the line that does not come names the mutant.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import warnings
from functools import cache
from typing import Any

from ingest.registry import SOURCES
from kentongan.errors import SourceDown
from tests.fuzz import png
from tests.fuzz.corpus import TEXT_FORMS, Seed, parsers
from tests.fuzz.dangers import Dangers, dangers
from tests.fuzz.mutate import mutant
from tests.fuzz.oracle import Original, Verdict, judge, original, run

MAX_PEAK_MB = 500
"""Of the whole process, with what it imported."""
MAX_CPU_S = 2.0
_ADDRESS_SPACE = 6_000_000_000
"""Bytes that may be reserved; far above what is in use, so that a bomb ends this process alone."""


def main() -> None:
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        parser, start, stop = line.split()
        if not parser.startswith("self/"):
            parsers()
        _say({"ready": os.getpid()})
        for index in range(int(start), int(stop)):
            _say(examined(parser, index))
        _say({"done": parser, "peak_mb": peak_mb()})


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


def examined(parser: str, index: int) -> dict[str, Any]:
    if parser.startswith("self/"):
        return _misbehaving(parser, index)
    seed, payload = mutant(parser, index, parsers()[parser], _all_texts())
    started = time.process_time()
    verdict = verdict_on(seed, payload)
    taken = time.process_time() - started
    faults = list(verdict.faults)
    if taken > MAX_CPU_S:
        faults.append(f"took {taken:.1f} s")
    if peak_mb() > MAX_PEAK_MB:
        faults.append(f"peak memory {peak_mb():.0f} MB")
    found: dict[str, Any] = {"i": index, "o": verdict.outcome, "s": round(taken, 4)}
    return found | ({"seed": seed.name, "faults": faults} if faults else {})


def _misbehaving(parser: str, index: int) -> dict[str, Any]:
    """Number 3 hangs, dies or bursts, to see that the watch works."""
    while index == 3 and parser == "self/hang":
        pass
    if index == 3 and parser == "self/die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if index == 3 and parser == "self/burst":
        bytes(2 * _ADDRESS_SPACE)
    return {"i": index, "o": "read", "s": 0.0}


def verdict_on(seed: Seed, payload: bytes) -> Verdict:
    source = SOURCES[seed.source_id]
    _, _, faults = run(lambda: source.links(payload, seed.path))
    reading, refusal, more = run(lambda: source.read(payload, seed.context(payload)))
    if refusal:
        return Verdict(refusal, (*faults, *more))
    found, _, crash = run(lambda: dangers(reading.records))
    if crash:
        return Verdict("crash", crash)
    verdict = judge(_original(seed), payload, reading, found)
    if seed.form == "png" and not png.is_sound(payload):
        faults = (*faults, "a damaged image was read")
    return Verdict(verdict.outcome, (*faults, *verdict.faults))


@cache
def _original(seed: Seed) -> Original:
    return original(seed.payload, seed.form, _base(seed))


@cache
def _base(seed: Seed) -> Dangers:
    try:
        return dangers(SOURCES[seed.source_id].read(seed.payload, seed.context()).records)
    except SourceDown:
        return {}


@cache
def _all_texts() -> tuple[bytes, ...]:
    own = {s.payload: s for every in parsers().values() for s in every if s.form in TEXT_FORMS}
    return tuple(own)


def peak_mb() -> float:
    """Largest resident set so far; the kernel's figure for this very program."""
    with open("/proc/self/status", encoding="ascii") as lines:  # noqa: PTH123 - read per mutant
        for line in lines:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


if __name__ == "__main__":
    main()
