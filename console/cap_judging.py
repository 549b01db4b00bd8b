"""Many CAP documents judged at once, and the verdict as a person reads it at night."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from kentongan.errors import DataError
from notify.cap.rules import MAX_BYTES, Finding, check, check_thread, errors_of
from notify.cap.rules.check import in_order

STDIN = "-"
_HEAD = 4_000
"""Bytes of a file in a folder that must name CAP for it to be judged."""
_MARK = b"urn:oasis:names:tc:emergency:cap:"
_LINES_SHOWN = 4


@dataclass
class Judged:
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    """By name of document, in the order given."""
    unread: dict[str, str] = field(default_factory=dict)
    """What could not be read, and why."""
    skipped: int = 0
    """Files in folders that are no CAP."""

    @property
    def invalid(self) -> int:
        return sum(bool(errors_of(found)) for found in self.findings.values())

    @property
    def status(self) -> int:
        if self.unread or not self.findings:
            return 2
        return 1 if self.invalid else 0


def judge(names: Sequence[str], *, thread: bool, at: datetime | None) -> Judged:
    """Documents by their own rules and, with `thread`, by those of what they refer to."""
    judged = Judged()
    documents: dict[str, bytes] = {}
    for name in names:
        try:
            documents.update(_documents(name, judged))
        except OSError as error:
            judged.unread[name] = error.strerror or str(error)
    together = check_thread(documents) if thread else {}
    for name, xml in documents.items():
        judged.findings[name] = in_order([*check(xml, at=at), *together.get(name, [])])
    return judged


def read_document(name: str) -> bytes:
    """A file, or standard input for `-`; one byte more than the limit of a larger one.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1) if name == STDIN else _read(Path(name))
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}") from error


def _documents(name: str, judged: Judged) -> Iterator[tuple[str, bytes]]:
    if name == STDIN:
        yield "standard input", read_document(name)
        return
    path = Path(name)
    if not path.is_dir():
        yield name, _read(path)
        return
    for one in sorted(p for p in path.rglob("*") if p.suffix == ".xml" and p.is_file()):
        xml = _read(one)
        if _MARK in xml[:_HEAD]:
            yield str(one), xml
        else:
            judged.skipped += 1


def _read(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(MAX_BYTES + 1)


def as_document(judged: Judged) -> dict[str, Any]:
    return {
        "valid": judged.status == 0,
        "files": [
            {
                "file": name,
                "valid": not errors_of(found),
                "findings": [asdict(finding) for finding in found],
            }
            for name, found in judged.findings.items()
        ],
        "unread": judged.unread,
        "skipped": judged.skipped,
    }


def report(judged: Judged) -> str:
    """One verdict for each document, its reasons below it, the sum at the end."""
    lines: list[str] = []
    for name, found in judged.findings.items():
        errors = len(errors_of(found))
        verdict = f"NOT VALID, {_count(errors, 'error')}" if errors else "valid"
        advice = len(found) - errors
        tail = f", {_count(advice, 'piece')} of advice" if advice else ""
        lines += [f"{name}: {verdict}{tail}", *_reasons(found)]
    return "\n".join([*lines, _sum(judged)])


def unread(judged: Judged) -> list[str]:
    """What could not be read, or that there was nothing: not for standard output."""
    lines = [f"{name}: NOT READ: {why}" for name, why in judged.unread.items()]
    if not judged.findings and not lines:
        lines.append(f"no CAP document found; {judged.skipped} other XML files passed over")
    return lines


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _reasons(found: Sequence[Finding]) -> Iterator[str]:
    """What is the same in several places is told once."""
    places: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in found:
        places.setdefault((finding.severity, finding.rule, finding.message), []).append(finding)
    for (severity, rule, message), same in places.items():
        word = "error " if severity == "error" else "advice"
        yield f"  {word} {rule:<20} {message}{_where(same)}"


def _where(same: Sequence[Finding]) -> str:
    lines = [finding.line for finding in same if finding.line]
    if not lines:
        return ""
    if len(same) == 1:
        place = f", {same[0].element}" if same[0].element else ""
        return f"  [line {lines[0]}{place}]"
    shown = ", ".join(str(line) for line in lines[:_LINES_SHOWN])
    more = ", …" if len(lines) > _LINES_SHOWN else ""
    return f"  [{len(same)} times: line {shown}{more}]"


def _sum(judged: Judged) -> str:
    count = len(judged.findings)
    text = f"{_count(count, 'document')}: {count - judged.invalid} valid, {judged.invalid} not"
    text += f"; {len(judged.unread)} not read" if judged.unread else ""
    return text + (f"; {judged.skipped} other XML files passed over" if judged.skipped else "")
