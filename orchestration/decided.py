"""A cycle's decisions are one transaction: all of them are written, or none.

Each event is decided on what stood before the cycle, then everything is written at once, with a
mark of what was known. A cycle that dies before that has changed nothing; one that dies after it
and is done again finds its mark, and decides nothing a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, delete, select

from kentongan.audit import canonical
from kentongan.db import decided
from kentongan.errors import RuleViolation
from kentongan.store import sha256_hex
from kentongan.times import iso
from kentongan.transactions import writing
from orchestration.event_runs import note_links

if TYPE_CHECKING:
    from kentongan.types import HazardId
    from orchestration.context import CycleContext
    from orchestration.deciding import Looked, Outcome
    from risk.decision import Neighbours


class Guarded(Protocol):
    """Does the work; None, and the trouble named, where it failed."""

    def __call__(self, what: str, work: Callable[[], Any]) -> Any: ...

    @property
    def failed(self) -> bool: ...


def fingerprint(context: CycleContext, looked: Sequence[Looked], blind: frozenset[HazardId]) -> str:
    """Of everything from outside the tables of warnings that a decision rests on."""
    body = {
        "events": [[one.known.id, one.stored.field_hash] for one in looked],
        "blind": sorted(map(str, blind)),
        "rules": context.decision.model_dump(mode="json"),
        "live": context.live,
    }
    return sha256_hex(canonical(body).encode())


def decided_already(
    context: CycleContext, at: datetime, inputs: str
) -> list[dict[str, Any]] | None:
    """What this cycle said when it decided on the same knowledge; None: it has not yet."""
    query = select(decided.c.answers).where(decided.c.at == iso(at), decided.c.inputs == inputs)
    with context.engine.connect() as connection:
        answers: list[dict[str, Any]] | None = connection.execute(query).scalar()
    return answers


def write_all(
    context: CycleContext,
    outcomes: Sequence[Outcome],
    neighbours: Neighbours,
    at: datetime,
    inputs: str,
    guarded: Guarded,
) -> list[dict[str, Any]]:
    """All outcomes in one transaction, each behind a savepoint; returns what is said."""
    links = [
        (one.event_id, str(one.relation), one.other_id, one.reason) for one in neighbours.links
    ]
    with writing(context.engine) as connection:
        note_links(connection, links, at)
        said = [
            guarded(f"decision on {one.event_id}", partial(_write, connection, one, at))
            for one in outcomes
        ]
        answers = [answer for answer in said if answer is not None]
        connection.execute(delete(decided))
        if guarded.failed:  # done again, it is decided again
            return answers
        connection.execute(decided.insert().values(at=iso(at), inputs=inputs, answers=answers))
    return answers


def _write(connection: Connection, one: Outcome, at: datetime) -> dict[str, Any] | None:
    """One event; what a rule refuses leaves its run, and the event at its end."""
    try:
        with connection.begin_nested():
            return one.write(connection, at)
    except RuleViolation as error:
        with connection.begin_nested():
            return one.refused(str(error)).write(connection, at)
