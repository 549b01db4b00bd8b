"""The fuzzing campaigns: `python -m tests.fuzz`.

First the firewall: random homes, tables that lie, runs of every kind. Then the readers. Exit status
0 = nothing reached a phone that may not, and every mutant was read, refused or quarantined rightly;
1 = a finding, 2 = wrong use. `--parser P` leaves the firewall out, `--firewall N --parser none`
the readers; `--parser P --only N` judges one mutant again and writes its bytes.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import firewall
from tests.fuzz.corpus import TEXT_FORMS, parsers
from tests.fuzz.mutate import mutant
from tests.fuzz.pool import Finding, Tally, Task, campaign
from tests.fuzz.worker import _all_texts, examined

SHOWN = 60
NONE = "none"


def main(arguments: Sequence[str]) -> int:
    given = _parse(arguments)
    broken = False if given.parser not in ("", NONE) else _firewall(given)
    if given.parser == NONE:
        return int(broken)
    chosen = [name for name in parsers() if given.parser in name]
    if not chosen:
        sys.stderr.write(f"no parser {given.parser!r}; there are: {', '.join(parsers())}\n")
        return 2
    if given.only is not None:
        return _one(chosen[0], given.only, given.out)
    tasks = [_task(name, given) for name in chosen]
    started = time.monotonic()
    tallies, findings = campaign(tasks, workers=given.workers, seconds=given.seconds)
    say(table(tallies))
    wanted = sum(task.stop - task.start for task in tasks)
    done = sum(tally.count for tally in tallies.values())
    taken = time.monotonic() - started
    say(f"{done} of {wanted} mutants in {taken:.0f} s, {len(findings)} findings")
    for finding in findings[:SHOWN]:
        say(line(finding))
    return int(broken or bool(findings))


def _firewall(given: argparse.Namespace) -> bool:
    logging.getLogger("notify.sending.dispatch").setLevel(logging.ERROR)  # thrown on purpose
    result = firewall.campaign(given.firewall, start=given.start, seconds=given.seconds)
    say(result.line())
    for fault in result.faults[:SHOWN]:
        say(f"  {fault}")
    return bool(result.faults)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--parser", default="", help="only parsers whose name holds this")
    parser.add_argument("--texts", type=int, default=_number("FUZZ_TEXTS", 20_000))
    parser.add_argument("--images", type=int, default=_number("FUZZ_IMAGES", 2_000))
    parser.add_argument("--firewall", type=int, default=_number("FUZZ_FIREWALL", 20_000))
    parser.add_argument("--start", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--seconds", type=float, default=_number("FUZZ_SECONDS", 3_600))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, help="judge this one mutant again")
    parser.add_argument("--out", type=Path, help="with --only: write its bytes here")
    return parser.parse_args(arguments)


def _number(name: str, otherwise: int) -> int:
    return int(os.environ.get(name, otherwise))


def _task(name: str, given: argparse.Namespace) -> Task:
    count = given.texts if name.rpartition("/")[2] in TEXT_FORMS else given.images
    return Task(name, given.start, given.start + count)


def _one(parser: str, index: int, out: Path | None) -> int:
    seed, payload = mutant(parser, index, parsers()[parser], _all_texts())
    found = examined(parser, index)
    say(f"{parser} {index} from {seed.name}: {found}")
    if out:
        out.write_bytes(payload)
    return int("faults" in found)


def line(finding: Finding) -> str:
    return f"  {finding.parser} {finding.index} from {finding.seed}: {finding.fault}"


def table(tallies: dict[str, Tally]) -> str:
    """Counts by parser and outcome, the slowest mutant and the peak memory of its workers."""
    names = sorted({name for tally in tallies.values() for name in tally.outcomes})
    rows = [["parser", "mutants", *names, "slowest s", "peak MB"]]
    for parser, tally in sorted(tallies.items()):
        counts = [str(tally.outcomes[name]) for name in names]
        rows.append(
            [parser, str(tally.count), *counts, f"{tally.slowest_s:.2f}", f"{tally.peak_mb:.0f}"]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
