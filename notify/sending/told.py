"""Who was told: exactly those whom a message of a warning reached, or may have reached.

An end goes to them and to nobody else: by the rows of the outbox, not by area. Who moved since,
or stands outside the area by now, got the alert and gets the end, on every channel that carried
it; to whom nothing went, nothing goes. What waits of the warning is suppressed in the same
transaction, so no row is both unsent and answered by a correction.

However many were told, an end is written at once: a segment for each message of an earlier version,
whose people are looked up chunk by chunk when they are told (`notify.sending.filling`). That may be
later, because nobody is added to them any more: what had not left when the end was released
never leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, literal, select, update

from kentongan.db import insert_ignore, messages, outbox, recipients, segments
from kentongan.tables.sending import is_busy
from kentongan.times import iso
from kentongan.types import OutboxState, SegmentState
from notify.firewall.gate import RECORDER, TEST_ROUTE, Routes
from notify.sending.messages import Message
from notify.sending.rows import (
    COLUMNS,
    PRIO_CORRECTION,
    REACHED,
    SUPPRESSED_BY_END,
    WAITING,
    ended_later,
    is_overtaken,
    is_told_by,
    lock,
    precise,
    reads_texts_of,
)
from notify.sending.segments import Segment, close
from notify.sending.segments import write as write_segments
from notify.warning import WarningRef

__all__ = [
    "COLUMNS", "PRIO_CORRECTION", "REACHED", "SUPPRESSED_BY_END", "WAITING", "coordinators_told",
    "count_rows", "ended_later", "is_overtaken", "precise", "suppress_waiting", "write_rows",
]  # fmt: skip

_CHUNK = 10_000
"""Rows that one transaction suppresses."""


def suppress_waiting(
    connection: Connection,
    ref: WarningRef,
    *,
    at: datetime | None = None,
    tasks: bool,
    states: Sequence[OutboxState] = WAITING,
    limit: int | None = None,
) -> int:
    """What was not sent yet of earlier versions; returns how many messages.

    Segments come first: where another worker makes rows of one, this waits for them.

    Args:
        tasks: the requests to volunteers too.
        limit: rows at most.
    """
    earlier = _earlier(ref) if tasks else _earlier(ref).where(messages.c.purpose != "task")
    stopped = close(connection, segments.c.message_id.in_(earlier), SegmentState.SUPPRESSED)
    waiting = and_(outbox.c.message_id.in_(earlier), outbox.c.state.in_(states))
    if OutboxState.READY not in states:
        waiting = and_(waiting, is_busy)
    if limit is not None:
        some = select(outbox.c.id).where(waiting).order_by(outbox.c.id).limit(limit)
        waiting = outbox.c.id.in_(list(connection.execute(some).scalars())) & waiting
    lock(connection, waiting)
    change = (
        update(outbox)
        .where(waiting)
        .values(
            state=OutboxState.SUPPRESSED,
            lease_until=None,
            lease_owner=None,
            last_error=SUPPRESSED_BY_END,
            final_at=precise(at) if at else None,
        )
    )
    return stopped + int(connection.execute(change).rowcount)


def coordinators_told(connection: Connection, ref: WarningRef) -> dict[str, str]:
    """Coordinators whom a message of an earlier version reached -> the regency it was about."""
    query = (
        select(outbox.c.recipient_id, messages.c.area_code)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(outbox.c.message_id.in_(_of_coordinators(ref)), outbox.c.state.in_(REACHED))
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
    """An end for everybody told: rows for coordinators and people on the list of test numbers,
    segments for all others.

    Each person gets the text of the regency that they were told about, the others any of them.

    Returns:
        New messages; those of segments are counted at most.
    """
    new = 0
    for message in made:
        if message.recipient_ids or routes.test_numbers:
            rows = _direct(ref, message, at=at, not_after=not_after, routes=routes, prio=prio)
            result = connection.execute(
                insert_ignore(connection, outbox).from_select(list(COLUMNS), rows),
                execution_options={"preserve_rowcount": True},
            )
            new += max(result.rowcount, 0)
    planned = list(_segments(connection, ref, made, to_public=routes.real, prio=prio))
    return new + write_segments(connection, planned, at=at, not_after=not_after)


def count_rows(connection: Connection, ref: WarningRef) -> int:
    """Messages of an end: its rows, and of open segments the people who may get it at most."""
    own = (messages.c.warning_id == ref.warning_id) & (messages.c.version == ref.version)
    ids = select(messages.c.message_id).where(own)
    rows = select(func.count()).where(outbox.c.message_id.in_(ids))
    left = select(func.coalesce(func.sum(segments.c.people - segments.c.rows), 0)).where(
        segments.c.message_id.in_(ids), segments.c.state == SegmentState.OPEN
    )
    return int(connection.execute(rows).scalar_one() + connection.execute(left).scalar_one())


def _segments(
    connection: Connection,
    ref: WarningRef,
    made: Sequence[Message],
    *,
    to_public: bool,
    prio: int | None,
) -> Iterator[Segment]:
    """One for each earlier message to residents and each language that the end speaks."""
    kinds: dict[tuple[str, str], Message] = {}
    places: dict[tuple[str, str, str], Message] = {}
    for message in made:
        if not message.recipient_ids:
            kinds.setdefault((message.channel, message.language), message)
            place = (message.area_code[:5], message.channel, message.language)
            places.setdefault(place, message)
    for source, channel, spoken, area_code, people in connection.execute(_sources(ref)):
        for (way, language), first in kinds.items():
            if way == channel:
                message = places.get((area_code[:5], channel, language), first)
                yield Segment(
                    alert_version=message.alert_version,
                    message_id=message.message_id,
                    adm4_code=area_code,
                    channel=channel,
                    language=language,
                    prio=message.prio if prio is None else prio,
                    people=int(people or 0) if language == spoken else 0,
                    source=source,
                    to_public=to_public,
                )


def _sources(ref: WarningRef) -> Select[Any]:
    """Earlier messages to residents: channel, area, and how many people have a row of it."""
    rows = (
        select(func.sum(segments.c.rows))
        .where(segments.c.message_id == messages.c.message_id)
        .correlate(messages)
        .scalar_subquery()
    )
    filled = select(segments.c.message_id).where(segments.c.message_id == messages.c.message_id)
    table = messages.c
    return (
        select(table.message_id, table.channel, table.language, table.area_code, rows)
        .where(messages.c.message_id.in_(_earlier(ref)))
        .where(messages.c.purpose.in_(("alert", "all-clear")) | filled.correlate(messages).exists())
        .order_by(messages.c.message_id)
    )


def _direct(
    ref: WarningRef,
    message: Message,
    *,
    at: datetime,
    not_after: datetime,
    routes: Routes,
    prio: int | None,
) -> Select[Any]:
    """Rows of one message for those whom an earlier one reached."""
    return (
        _told(ref, message)
        .with_only_columns(
            literal(message.alert_version), outbox.c.recipient_id, literal(message.channel),
            literal(0), literal(message.message_id), _route(routes),
            literal(message.prio if prio is None else prio), literal(int(OutboxState.READY)),
            literal(0), literal(precise(at)), literal(iso(at)), literal(iso(not_after)),
            literal(message.area_code), literal(0),
        )
        .distinct()
    )  # fmt: skip


def _told(ref: WarningRef, message: Message) -> Select[Any]:
    earlier = _earlier(ref) if not message.recipient_ids else _of_coordinators(ref)
    query = (
        select(outbox.c.recipient_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(outbox.c.message_id.in_(earlier), outbox.c.channel == message.channel)
        .where(outbox.c.state.in_(REACHED), is_told_by(literal(message.channel)))
    )
    if message.recipient_ids:
        chosen = recipients.c.recipient_id.in_(message.recipient_ids)
        return query.where(recipients.c.role != "resident", chosen)
    there = func.substr(messages.c.area_code, 1, 5) == message.area_code[:5]
    reads = reads_texts_of(literal(message.language))
    listed = outbox.c.route == TEST_ROUTE
    near = query.join(messages, messages.c.message_id == outbox.c.message_id).where(there)
    return near.where(recipients.c.role == "resident", listed, reads)


def _earlier(ref: WarningRef) -> Select[Any]:
    """Ids of the messages of earlier versions."""
    return select(messages.c.message_id).where(
        messages.c.warning_id == ref.warning_id, messages.c.version < ref.version
    )


def _of_coordinators(ref: WarningRef) -> Select[Any]:
    """Of those the ones that were written to people by their ids: no segment made their rows."""
    filled = select(segments.c.message_id).where(segments.c.message_id == messages.c.message_id)
    return _earlier(ref).where(~filled.correlate(messages).exists())


def _route(routes: Routes) -> Any:
    """The way that the alert went; a way that is closed to this end leads to the recorder."""
    opened = [RECORDER]
    if routes.test_numbers:
        opened.append(TEST_ROUTE)
    way = outbox.c.route
    allowed = way != TEST_ROUTE if routes.real else way.in_(opened)
    return case((recipients.c.synthetic | ~allowed, RECORDER), else_=way)
