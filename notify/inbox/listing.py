"""The inbox for people: numbers masked, texts as they may be shown, and a second try by hand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, update

from kentongan import audit
from kentongan.db import inbound, outbox
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.firewall.answers import answer_id
from notify.inbox.cleaning import from_raw
from notify.inbox.handling import incoming
from notify.inbox.store import DONE, FAILED, NEW
from notify.registry.numbers import masked
from notify.tasks.listing import safe_cell

STATES = (NEW, DONE, FAILED)
_NUMBER = re.compile(r"\+?\d(?:[\s().-]?\d){8,}")
_COLUMNS = ("number", "route", "sender", "text", "received_at", "state", "kind", "ref", "flood",
            "answer", "detail")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One message."""

    number: int
    route: str
    sender: str
    """`62812****890`."""
    text: str
    """Numbers in it masked as well."""
    received_at: str
    state: str
    kind: str
    ref: str
    flood: bool
    answer: str
    """State of its answer in the outbox; empty: none."""
    detail: str


def listed(
    connection: Connection, keys: Keys, *, state: str | None = None, limit: int = 50
) -> list[Line]:
    """The newest messages first."""
    query = select(inbound).order_by(inbound.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(inbound.c.state == state)
    rows = connection.execute(query).all()
    answers = _answers(connection, [row.id for row in rows])
    return [_line(keys, row, answers.get(row.id, "")) for row in rows]


def one(connection: Connection, keys: Keys, number: int) -> tuple[Line, str]:
    """A message, and its text as it came where that is something else, escaped for a terminal.

    Raises:
        RuleViolation: there is no message of this number.
    """
    row = connection.execute(select(inbound).where(inbound.c.id == number)).first()
    if row is None:
        raise RuleViolation(f"message {number}: not in the inbox; see: kentongan inbox list")
    raw = from_raw(row.raw).encode("unicode_escape").decode("ascii") if row.raw else ""
    line = _line(keys, row, _answers(connection, [number]).get(number, ""))
    return line, _NUMBER.sub(lambda found: masked(found[0]), raw)


def counts(connection: Connection) -> dict[str, int]:
    """State -> messages."""
    query = select(inbound.c.state, func.count()).group_by(inbound.c.state)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {state: found.get(state, 0) for state in STATES}


def retry(engine: Engine, number: int, *, at: datetime, actor: str) -> None:
    """Let the handlers read a message once more; one that was answered gets no second answer.

    Raises:
        RuleViolation: no name, no such message, or it waits already.
    """
    if not actor.strip():
        raise RuleViolation("inbox retry: expected who wants it, found an empty name")
    with writing(engine) as connection:
        again = (
            update(inbound)
            .where(inbound.c.id == number, inbound.c.state.in_((DONE, FAILED)))
            .values(state=NEW, kind="", ref="", detail="", handled_at=None)
        )
        if connection.execute(again).rowcount != 1:
            raise RuleViolation(
                f"message {number}: expected one that was handled or failed; see: kentongan inbox "
                f"show {number}"
            )
        audit.append(connection, at=at, actor=actor, action="inbox.retry", body={"message": number})


def as_csv(lines: Sequence[Line]) -> str:
    """A cell that a spreadsheet could run as a formula is made text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows([safe_cell(str(value)) for value in asdict(line).values()] for line in lines)
    return out.getvalue()


def _line(keys: Keys, row: Row[Any], answer: str) -> Line:
    return Line(
        number=row.id,
        route=row.route,
        sender=_masked_sender(keys, row),
        text=_NUMBER.sub(lambda found: masked(found[0]), row.text),
        received_at=row.received_at,
        state=row.state,
        kind=row.kind,
        ref=row.ref,
        flood=row.flood,
        answer=answer,
        detail=row.detail,
    )


def _masked_sender(keys: Keys, row: Row[Any]) -> str:
    try:
        return masked(incoming(keys, row).sender)
    except RuleViolation:
        return "(does not open)"


def _answers(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    by_key = {answer_id(number): number for number in ids}
    query = select(outbox.c.alert_version, outbox.c.state).where(
        outbox.c.alert_version.in_(list(by_key))
    )
    return {
        by_key[key]: OutboxState(state).name.lower() for key, state in connection.execute(query)
    }
