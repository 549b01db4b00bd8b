"""A phone book into the registry: in one transaction, the same file twice changes nothing."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from kentongan import audit
from kentongan.db import outbox
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.store import sha256_hex
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.registry.addresses import require_index
from notify.registry.numbers import masked
from notify.registry.people import REFUSALS, Outcome, Role, Via, enrol
from notify.registry.phone_book import BadLine, PhoneBook

IMPORTED = "recipient.import"
SMALL = 2_000
"""People whose rows are written within some tenths of a second."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Imported:
    """What came of a phone book."""

    counts: dict[Outcome, int]
    """People by outcome, refusals of the registry not among them."""
    bad: tuple[BadLine, ...]
    """Lines that were not taken, in order."""

    @property
    def people(self) -> int:
        return sum(self.counts.values())


def import_book(
    engine: Engine,
    book: PhoneBook,
    data: bytes,
    keys: Keys,
    *,
    role: Role,
    at: datetime,
    actor: str,
    dry: bool = False,
) -> Imported:
    """Register everybody in a phone book, or nobody when anything fails.

    Args:
        data: its bytes, for the audit: their SHA-256 says later which file it was.
        dry: only say what would come of it.

    Raises:
        RuleViolation: many people, on SQLite, while messages are being sent.
    """
    people = [entry.prepared for entry in book.entries]
    if not dry and len(people) > SMALL:
        _nothing_is_sent(engine)
    if dry:
        with engine.connect() as connection:
            done = enrol(connection, people, via=Via.IMPORT, at=at, dry=True)
        return _imported(book, [one.outcome for one in done])
    with writing(engine) as connection:
        require_index(connection, keys)
        done = enrol(connection, people, via=Via.IMPORT, at=at)
        found = _imported(book, [one.outcome for one in done])
        body = {
            "sha256": sha256_hex(data), "role": str(role), "lines": book.lines,
            "refused": len(found.bad),
            "outcomes": {str(outcome): count for outcome, count in found.counts.items()},
        }  # fmt: skip
        audit.append(connection, at=at, actor=actor, action=IMPORTED, body=body)
    return found


def _nothing_is_sent(engine: Engine) -> None:
    """SQLite has one writer: a large phone book must not stand in the way of a warning."""
    if engine.dialect.name != "sqlite":
        return
    going = (OutboxState.READY, OutboxState.LEASED, OutboxState.ON_WIRE)
    with engine.connect() as connection:
        query = select(outbox.c.id).where(outbox.c.state.in_(going)).limit(1)
        if connection.execute(query).first() is not None:
            raise RuleViolation(
                "messages are being sent, and a phone book of this size holds the database for "
                "seconds: import it when none waits (kentongan dispatch status), or in files of "
                f"at most {SMALL:,} people, or use PostgreSQL"
            )


def _imported(book: PhoneBook, outcomes: Sequence[Outcome]) -> Imported:
    refused = [
        BadLine(entry.line, masked(entry.prepared.person.number), str(outcome))
        for entry, outcome in zip(book.entries, outcomes, strict=True)
        if outcome in REFUSALS
    ]
    taken = Counter(outcome for outcome in outcomes if outcome not in REFUSALS)
    return Imported(dict(taken), tuple(sorted([*book.bad, *refused], key=lambda one: one.line)))


def as_csv(bad: Iterable[BadLine]) -> str:
    """The lines that were not taken, for a spreadsheet; nothing in it is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("line", "number", "reason"))
    for one in bad:
        writer.writerow((one.line, _tame(one.shown), _tame(one.reason)))
    return out.getvalue()


def _tame(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def most_common(bad: Iterable[BadLine], count: int) -> list[tuple[str, int]]:
    """The reasons that occur most, figures in them left out."""
    return Counter(re.sub(r"\d[\d.]*", "…", one.reason) for one in bad).most_common(count)
