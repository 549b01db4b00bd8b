"""Who was told: exactly those whom a message of a warning reached, or may have reached.

An end goes to them and to nobody else: by the rows of the outbox, not by area. Who moved since,
or stands outside the area by now, got the alert and gets the end, on every channel that carried
it; to whom nothing went, nothing goes. What waits of the warning is suppressed in the same
transaction, so no row is both unsent and answered by a correction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    ScalarSelect,
    Select,
    case,
    exists,
    func,
    literal,
    select,
    update,
)

from kentongan.db import alerts, insert_ignore, messages, outbox, recipients, warnings
from kentongan.times import iso, require_aware
from kentongan.types import OutboxState
from notify.firewall.gate import RECORDER, TEST_ROUTE, Routes
from notify.sending.messages import Message
from notify.sending.recipients import reads
from notify.warning import WarningRef

PRIO_CORRECTION = -1
"""Before the first Awas SMS (0). Only calls back out of a tsunami zone (-2) are before it: a few
dozen messages to people who are on their way into the water."""
SUPPRESSED_BY_END = "the warning was ended before this was sent"
REACHED = (
    OutboxState.ON_WIRE,
    OutboxState.ACCEPTED,
    OutboxState.DELIVERED,
    OutboxState.UNKNOWN,
)
"""Sent, or perhaps sent: in doubt a correction is owed."""
WAITING = (OutboxState.READY, OutboxState.LEASED)
COLUMNS = (
    "alert_version", "recipient_id", "channel", "part", "message_id", "route", "prio", "state",
    "attempts", "created_at", "due", "not_after",
)  # fmt: skip


def precise(at: datetime) -> str:
    """`2026-09-24T07:35:00.123456Z`: rows of one second keep their order."""
    return require_aware(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ended_later() -> ScalarSelect[bool]:
    """Correlated to `messages`: whether a later version took the warning back or ended it.

    After an all-clear tasks go on (a team waits for PD-4 to go in); after a cancel nothing does.
    """
    end = (
        select(literal(1))
        .select_from(
            alerts.join(
                warnings,
                (warnings.c.warning_id == alerts.c.warning_id)
                & (warnings.c.version == alerts.c.version),
            )
        )
        .where(
            warnings.c.warning_id == messages.c.warning_id,
            warnings.c.version > messages.c.version,
            (warnings.c.msg_type == "Cancel")
            | (warnings.c.all_clear & (messages.c.purpose != "task")),
        )
        .correlate(messages)
    )
    return select(exists(end)).scalar_subquery()


def is_overtaken(connection: Connection, ref: WarningRef) -> bool:
    """Whether a released end came after this version, so that it must not go out any more."""
    query = (
        select(alerts.c.version)
        .join(
            warnings,
            (warnings.c.warning_id == alerts.c.warning_id)
            & (warnings.c.version == alerts.c.version),
        )
        .where(alerts.c.warning_id == ref.warning_id, alerts.c.version > ref.version)
        .where((warnings.c.msg_type == "Cancel") | warnings.c.all_clear)
    )
    return connection.execute(query.limit(1)).first() is not None


def suppress_waiting(
    connection: Connection,
    ref: WarningRef,
    *,
    tasks: bool,
    states: Sequence[OutboxState] = WAITING,
) -> int:
    """Rows of earlier versions that were not sent yet; returns how many.

    Args:
        tasks: the requests to volunteers too.
    """
    earlier = _earlier(ref) if tasks else _earlier(ref).where(messages.c.purpose != "task")
    change = (
        update(outbox)
        .where(outbox.c.message_id.in_(earlier), outbox.c.state.in_(states))
        .values(
            state=OutboxState.SUPPRESSED,
            lease_until=None,
            lease_owner=None,
            last_error=SUPPRESSED_BY_END,
        )
    )
    return int(connection.execute(change).rowcount)


def coordinators_told(connection: Connection, ref: WarningRef) -> dict[str, str]:
    """Coordinators whom a message of an earlier version reached -> the regency it was about."""
    query = (
        select(outbox.c.recipient_id, messages.c.area_code)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(outbox.c.message_id.in_(_earlier(ref)), outbox.c.state.in_(REACHED))
        .where(recipients.c.role == "coordinator")
        .order_by(outbox.c.id.desc())
    )
    return {person: area_code[:5] for person, area_code in connection.execute(query)}


def write_rows(
    connection: Connection,
    ref: WarningRef,
    made: Sequence[Message],
    *,
    at: datetime,
    not_after: datetime,
    routes: Routes,
    prio: int | None,
) -> int:
    """Rows of an end for everybody told, set by set; returns how many are new.

    Each person gets the text of the regency that they were told about, the others any of them.
    """
    new = 0
    for message, audience in _audiences(ref, made):
        rows = audience.with_only_columns(
            literal(message.alert_version), outbox.c.recipient_id, literal(message.channel),
            literal(0), literal(message.message_id), _route(routes),
            literal(message.prio if prio is None else prio), literal(int(OutboxState.READY)),
            literal(0), literal(precise(at)), literal(iso(at)), literal(iso(not_after)),
        ).distinct()  # fmt: skip
        result = connection.execute(
            insert_ignore(connection, outbox).from_select(list(COLUMNS), rows),
            execution_options={"preserve_rowcount": True},
        )
        new += max(result.rowcount, 0)
    return new


def _audiences(
    ref: WarningRef, made: Sequence[Message]
) -> Iterator[tuple[Message, Select[tuple[object, ...]]]]:
    """Each text with those told about its regency, then the first of each kind with the rest."""
    kinds: dict[tuple[str, str, str], Message] = {}
    for message in made:
        role = "coordinator" if message.recipient_ids else "resident"
        kinds.setdefault((role, message.channel, message.language), message)
        earlier = _earlier(ref)
        if role == "resident":
            there = func.substr(messages.c.area_code, 1, 5) == message.area_code[:5]
            earlier = earlier.where(there)
        yield message, _told(earlier, role, message)
    for (role, _, _), message in kinds.items():
        if role == "resident":
            yield message, _told(_earlier(ref), role, message)


def _told(earlier: Select[Any], role: str, message: Message) -> Select[tuple[object, ...]]:
    query = (
        select(outbox.c.recipient_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(outbox.c.message_id.in_(earlier), outbox.c.channel == message.channel)
        .where(outbox.c.state.in_(REACHED), recipients.c.role == role)
    )
    if role == "coordinator":
        return query.where(recipients.c.recipient_id.in_(message.recipient_ids))
    return query.where(reads(message.language))


def _earlier(ref: WarningRef) -> Select[Any]:
    """Ids of the messages of earlier versions."""
    return select(messages.c.message_id).where(
        messages.c.warning_id == ref.warning_id, messages.c.version < ref.version
    )


def _route(routes: Routes) -> Any:
    """The way that the alert went; a way that is closed to this end leads to the recorder."""
    opened = [RECORDER]
    if routes.test_numbers:
        opened.append(TEST_ROUTE)
    way = outbox.c.route
    allowed = way != TEST_ROUTE if routes.real else way.in_(opened)
    return case((recipients.c.synthetic | ~allowed, RECORDER), else_=way)
