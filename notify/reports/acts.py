"""What a person does with a case: take, route anew, close. Each act stands in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, select, update

from kentongan import audit
from kentongan.db import cases, inbound, messages, reports, reputation
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.times import iso
from notify.firewall.answers import WITHIN, answer_id
from notify.inbox.answers import RECORDED, Ways, answer
from notify.inbox.handling import incoming
from notify.inbox.store import DONE, precise
from notify.reports import said
from notify.reports.cases import ALIVE, CLOSED, OPEN, TAKEN, case_of, step
from notify.reports.kinds import SMS
from notify.reports.routing import Routing
from notify.wording.gsm7 import to_basic

_MOST_REPORTERS = 200
"""Of one case who are told of its end; more are a crowd, told by the warning itself."""
_NOTE_CHARS = 60


class Verdict(StrEnum):
    """What a case turned out to be; the reputation of its callers learns from it."""

    USEFUL = "useful"
    PRANK = "prank"
    OTHER = "other"
    """Neither: a duplicate, nobody's fault, not known."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who heard of a case's end."""

    answered: int = 0
    not_sent: int = 0
    """Every message of theirs has its one answer, is too old, or came another way."""

    @property
    def line(self) -> str:
        return f"{self.answered} reporter(s) told by SMS, {self.not_sent} could not be"


def take(connection: Connection, case_id: str, *, by: str, at: datetime) -> None:
    """Somebody works on it from now on.

    Raises:
        RuleViolation: no name, no such case, closed, or somebody else has it.
    """
    _named(by)
    case = case_of(connection, case_id)
    mine = update(cases).where(cases.c.case_id == case_id, cases.c.state == OPEN)
    if not connection.execute(mine.values(state=TAKEN, taken_by=by[:80])).rowcount:
        raise RuleViolation(
            f"case {case_id}: expected one that is open, it is {case['state']}"
            f"{' by ' + case['taken_by'] if case['taken_by'] else ''}"
        )
    _note(connection, case_id, "taken", by=by, at=at)


def route(
    connection: Connection, case_id: str, unit: str, *, rules: Routing, by: str, at: datetime
) -> None:
    """Give it to another unit; its time begins anew, and nobody has it.

    Raises:
        RuleViolation: no name, no such case or unit, closed, or the unit is not valid now.
    """
    _named(by)
    case = case_of(connection, case_id)
    found = rules.by_code(unit)
    if found is None or not found.valid((at + timedelta(hours=7)).date()):
        known = ", ".join(u.code for u in rules.unit)
        raise RuleViolation(f"unit {unit!r}: expected one that is valid now: {known}")
    values = {
        "unit": found.code, "state": OPEN, "taken_by": None,
        "due_at": precise(rules.due(found, case["urgency"], at)),
    }  # fmt: skip
    _change(connection, case, values)
    _note(connection, case_id, "routed", by=by, at=at, note=f"{case['unit']} -> {found.code}")


def close(
    connection: Connection, keys: Keys, case_id: str, verdict: Verdict, note: str, *,
    by: str, at: datetime, ways: Ways = RECORDED,
) -> Told:  # fmt: skip
    """Close a case, tell who reported it, and let the callers' reputation learn.

    Raises:
        RuleViolation: no name, no such case, or it is closed.
    """
    _named(by)
    case = case_of(connection, case_id)
    outcome = f"{verdict}: {note}".strip(": ")
    values = {"state": CLOSED, "closed_at": precise(at), "outcome": outcome[:500]}
    _change(connection, case, values)
    _note(connection, case_id, "closed", by=by, at=at, note=outcome[:500])
    of_case = reports.c.case_id == case_id
    connection.execute(update(reports).where(of_case).values(state=CLOSED))
    _learn(connection, case_id, verdict, at)
    if verdict is Verdict.PRANK:
        return Told()
    told = _tell(connection, keys, case_id, to_basic(note)[:_NOTE_CHARS], at, ways)
    step(connection, case_id, "answered", at=at, actor=by, note=told.line)
    return told


def _change(connection: Connection, case: RowMapping, values: dict[str, Any]) -> None:
    """Only who finds it alive may change it."""
    mine = update(cases).where(cases.c.case_id == case["case_id"], cases.c.state.in_(ALIVE))
    if not connection.execute(mine.values(**values)).rowcount:
        raise RuleViolation(f"case {case['case_id']}: it is closed since {case['closed_at']}")


def _named(by: str) -> None:
    if not by.strip():
        raise RuleViolation("case: expected who acts, found an empty name")


def _note(
    connection: Connection, case_id: str, act: str, *, by: str, at: datetime, note: str = ""
) -> None:
    step(connection, case_id, act, at=at, actor=by, note=note)
    body = {"case_id": case_id, "note": note}
    audit.append(connection, at=at, actor=by, action=f"case.{act}", body=body)


def _learn(connection: Connection, case_id: str, verdict: Verdict, at: datetime) -> None:
    """Each caller of the case once, however often they wrote."""
    if verdict is Verdict.OTHER:
        return
    column = reputation.c.useful if verdict is Verdict.USEFUL else reputation.c.pranks
    callers = select(reports.c.caller_blind).where(reports.c.case_id == case_id)
    mine = update(reputation).where(reputation.c.caller_blind.in_(callers))
    connection.execute(mine.values({column: column + 1, reputation.c.updated_at: iso(at)}))


def _tell(
    connection: Connection, keys: Keys, case_id: str, note: str, at: datetime, ways: Ways
) -> Told:
    """One SMS to each who reported by SMS: as the answer to their newest message that has none.

    What may go out without a warning is one answer to one message within a day; where every
    message of a reporter has its answer, nothing is sent, and the case says so.
    """
    query = (
        select(reports.c.caller_blind, reports.c.via)
        .where(reports.c.case_id == case_id)
        .distinct()
        .order_by(reports.c.caller_blind)
    )
    people = connection.execute(query).all()
    text = said.closed(case_id, note)
    answered = 0
    for person in people[:_MOST_REPORTERS]:
        row = _unanswered(connection, person.caller_blind, at) if person.via == SMS else None
        if row is not None and text:
            answered += answer(connection, incoming(keys, row), text, at=at, ways=ways)
    return Told(answered, len(people) - answered)


def _unanswered(connection: Connection, caller: str, at: datetime) -> Any:
    if not caller:
        return None
    query = (
        select(inbound)
        .where(inbound.c.sender_blind == caller, inbound.c.state == DONE)
        .where(inbound.c.received_at > precise(at - WITHIN), inbound.c.flood.is_(False))
        .where(inbound.c.kind == "report")
        .order_by(inbound.c.received_at.desc(), inbound.c.id.desc())
        .limit(50)
    )
    for row in connection.execute(query):
        has_one = select(exists().where(messages.c.message_id == answer_id(row.id)))
        if not connection.execute(has_one).scalar():
            return row
    return None
