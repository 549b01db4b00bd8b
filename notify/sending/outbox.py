"""The outbox: one row for each alert version, recipient, channel and part, written once.

A release writes texts, rows for the few whom a message names, and segments for all others
(`notify.sending.segments`). The first chunk of rows follows at once, the rest as it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    String,
    case,
    literal,
    or_,
    select,
)

from kentongan import audit
from kentongan.db import contacts, insert_ignore, messages, outbox, recipients
from kentongan.errors import RuleViolation
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify import versions
from notify.cap.publisher import Publisher
from notify.firewall.clearance import spellings
from notify.firewall.gate import RECORDER, RECORDER_ONLY, TEST_ROUTE, Routes
from notify.sending import rows, segments, told
from notify.sending.broadcast import messages_for_topics
from notify.sending.filling import fill_first
from notify.sending.messages import Message, messages_for, parts_of
from notify.sending.recipients import reads
from notify.tasks.duty import BPBD, holders
from notify.versions import Version
from notify.warning import WarningRef

_CHUNK = 5_000
"""Codes in one statement; SQLite binds up to 32,766 values."""
_ROWS = 10_000
"""Rows of one transaction beside a sender that works."""
SYSTEM = "kentongan"


def fill_outbox(
    engine: Engine,
    ref: WarningRef,
    *,
    at: datetime,
    routes: Routes = RECORDER_ONLY,
    coordinators: Mapping[str, str] | None = None,
    publisher: Publisher | None = None,
    urgent: bool = False,
) -> int:
    """Segments and rows for everybody whom a released version concerns; returns how many messages
    are new, of an end at most.

    Whole or not at all, and the same call twice adds nothing but people who came since. An end
    goes to those who were told (`notify.sending.told`); a version that an end has overtaken goes
    to nobody.

    Args:
        routes: from `notify.firewall.gate.routes_for`.
        coordinators: coordinator_id -> adm2_code.
        urgent: of an end, leave the many rows that wait to `clear_waiting`, so that its first
            message leaves sooner. None of them can go out: the dispatcher asks each time.

    Raises:
        RuleViolation: the version is not released.
    """
    publisher = publisher or Publisher()
    with writing(engine) as connection:
        versions.lock(connection, ref.warning_id)
        version = versions.get(connection, ref.warning_id, ref.version)
        alert = versions.alert_of(connection, version.ref)
        if alert is None:
            raise RuleViolation(
                f"{ref.warning_id} v{ref.version} is {version.state}: only a released version "
                "may be sent; call release first"
            )
        routes = routes.open_to(version.body.status)
        topics = messages_for_topics(connection, version, alert, publisher, at=at)
        if version.body.is_end:
            states = (OutboxState.LEASED,) if urgent else told.WAITING
            return _fill_end(
                connection, version, topics, at=at, routes=routes, publisher=publisher,
                states=states,
            )  # fmt: skip
        made = messages_for(
            version.ref, version.body, publisher=publisher, coordinators=coordinators or {},
            offices=holders(connection, BPBD),
        )  # fmt: skip
        made += topics
        if told.is_overtaken(connection, version.ref):
            keep_texts(connection, version.ref, made)
            return 0
        new = write(connection, ref, made, at=at, not_after=version.body.expires, routes=routes)
        fill_first(connection, version.ref.identifier, at=at)
        return new


def clear_waiting(engine: Engine, ref: WarningRef) -> int:
    """Suppress what still waits of a warning that this version ended; returns how many messages.

    In small transactions: corrections go out meanwhile.
    """
    total = 0
    while True:
        with writing(engine) as connection:
            cancels = ref.action == "cancel"
            done = told.suppress_waiting(connection, ref, tasks=cancels, limit=_ROWS)
        total += done
        if not done:
            return total


def _fill_end(
    connection: Connection,
    version: Version,
    topics: Sequence[Message],
    *,
    at: datetime,
    routes: Routes,
    publisher: Publisher,
    states: Sequence[OutboxState],
) -> int:
    """To exactly those who were told; what waits of the warning is not sent any more."""
    ref, body = version.ref, version.body
    cancels = body.action == "cancel"
    stopped = told.suppress_waiting(connection, ref, tasks=cancels, states=states)
    people = told.coordinators_told(connection, ref)
    made = messages_for(ref, body, publisher=publisher, coordinators={}, asked=people)
    made += topics
    keep_texts(connection, ref, made)
    before = told.count_rows(connection, ref)
    new = told.write_rows(
        connection, ref, made, at=at, not_after=body.expires, routes=routes,
        prio=told.PRIO_CORRECTION if cancels else None,
    )  # fmt: skip
    if new or stopped:
        fill_first(connection, ref.identifier, at=at)
        new = told.count_rows(connection, ref) - before
    if new or stopped:
        content = {"identifier": ref.identifier, "told": new, "suppressed": stopped}
        audit.append(connection, at=at, actor=SYSTEM, action="warning.ended", body=content)
    return new


def write(
    connection: Connection,
    ref: WarningRef,
    made: Sequence[Message],
    *,
    at: datetime,
    not_after: datetime,
    routes: Routes,
) -> int:
    """Messages, rows for those whom they name, and segments for everybody else; what exists stays
    as it is.

    Returns:
        New messages; those of segments have no rows yet (`notify.sending.filling`).
    """
    keep_texts(connection, ref, made)
    new = 0
    for message in made:
        for audience in _direct(message, routes):
            rows = _fan_out(message, audience, at=at, not_after=not_after, routes=routes)
            result = connection.execute(
                insert_ignore(connection, outbox).from_select(list(told.COLUMNS), rows),
                execution_options={"preserve_rowcount": True},
            )
            new += max(result.rowcount, 0)
    villages = sorted({code for message in made for code in message.villages})
    people = segments.count_people(connection, villages)
    planned = segments.of_villages(made, people, to_public=routes.real)
    return new + segments.write(connection, planned, at=at, not_after=not_after)


def keep_texts(connection: Connection, ref: WarningRef, made: Sequence[Message]) -> None:
    """The texts alone; those that exist stay as they are."""
    if made:
        connection.execute(insert_ignore(connection, messages), [_row(ref, m) for m in made])


def _row(ref: WarningRef, message: Message) -> dict[str, object]:
    return {
        "message_id": message.message_id,
        "purpose": message.purpose,
        "warning_id": ref.warning_id,
        "version": ref.version,
        "channel": message.channel,
        "language": message.language,
        "area_code": message.area_code,
        "level": message.level,
        "text": message.text,
        "payload": message.payload,
        "parts": parts_of(message.channel, message.text),
    }


def _direct(message: Message, routes: Routes) -> Iterator[Select[Any]]:
    """Those whose rows are written at once: people named by id, and listed test numbers."""
    told_so = rows.is_told_by(literal(message.channel))
    base = select(recipients).where(told_so)
    role = "coordinator" if message.role == "resident" else message.role
    for chunk in _chunks(message.recipient_ids):
        yield base.where(recipients.c.role == role, recipients.c.recipient_id.in_(chunk))
    if not routes.test_numbers or message.channel != "sms":
        return
    for chunk in _chunks(message.villages):
        residents = base.where(recipients.c.role == "resident", recipients.c.adm4_code.in_(chunk))
        yield residents.where(reads(message.language), _listed(routes))


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _fan_out(
    message: Message,
    audience: Select[Any],
    *,
    at: datetime,
    not_after: datetime,
    routes: Routes,
) -> Select[Any]:
    """One row for each recipient; the route is decided here, once."""
    now, own = iso(at), literal(message.area_code)
    values: tuple[ColumnElement[Any], ...] = (
        literal(message.alert_version), recipients.c.recipient_id, literal(message.channel),
        literal(0), literal(message.message_id), _route(message.channel, routes),
        literal(message.prio), literal(int(OutboxState.READY)), literal(0),
        literal(told.precise(at)), literal(now), literal(iso(not_after)), own, literal(0),
    )  # fmt: skip
    return audience.with_only_columns(*values)


def _route(channel: str, routes: Routes) -> ColumnElement[Any]:
    if routes.real:
        made_up = (rows.is_made_up(), literal(RECORDER, String))
        return case(made_up, else_=literal(channel, String))
    if routes.test_numbers and channel == "sms":
        listed = (_listed(routes), literal(TEST_ROUTE, String))
        return case(listed, else_=literal(RECORDER, String))
    return literal(RECORDER, String)


def _listed(routes: Routes) -> ColumnElement[bool]:
    """Real people whose number is on the list of a rehearsal."""
    ways = sorted({way for one in routes.test_numbers for way in spellings(one)})
    sealed = select(contacts.c.recipient_id).where(
        contacts.c.channel == "sms", contacts.c.blind.in_(routes.test_blinds)
    )
    listed = or_(recipients.c.address.in_(ways), recipients.c.recipient_id.in_(sealed))
    return listed & ~rows.is_made_up()
