"""The outbox: one row for each alert version, recipient, channel and part, written once."""

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
from kentongan.db import insert_ignore, messages, outbox, recipients
from kentongan.errors import RuleViolation
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify import versions
from notify.cap.publisher import Publisher
from notify.firewall.clearance import spellings
from notify.firewall.gate import RECORDER, RECORDER_ONLY, SYNTHETIC_PREFIX, TEST_ROUTE, Routes
from notify.sending import told
from notify.sending.messages import Message, messages_for
from notify.sending.recipients import reads
from notify.versions import Version
from notify.warning import WarningRef

_CHUNK = 5_000
"""Codes in one statement; SQLite binds up to 32,766 values."""
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
    """Rows for everybody whom a released version concerns; returns how many are new.

    Whole or not at all, and the same call twice adds nothing. An end goes to those who were
    told (`notify.sending.told`); a version that an end has overtaken goes to nobody.

    Args:
        routes: from `notify.firewall.gate.routes_for`.
        coordinators: coordinator_id -> adm2_code.
        urgent: of an end, leave the many rows that wait to `clear_waiting`, so that its first
            message leaves sooner. None of them can go out: the dispatcher asks each time.

    Raises:
        RuleViolation: the version is not released.
    """
    with writing(engine) as connection:
        versions.lock(connection, ref.warning_id)
        version = versions.get(connection, ref.warning_id, ref.version)
        if versions.alert_of(connection, version.ref) is None:
            raise RuleViolation(
                f"{ref.warning_id} v{ref.version} is {version.state}: only a released version "
                "may be sent; call release first"
            )
        routes = routes.open_to(version.body.status)
        publisher = publisher or Publisher()
        if version.body.is_end:
            states = (OutboxState.LEASED,) if urgent else told.WAITING
            return _fill_end(
                connection, version, at=at, routes=routes, publisher=publisher, states=states
            )
        made = messages_for(
            version.ref, version.body, publisher=publisher, coordinators=coordinators or {}
        )
        if told.is_overtaken(connection, version.ref):
            keep_texts(connection, version.ref, made)
            return 0
        return write(connection, ref, made, at=at, not_after=version.body.expires, routes=routes)


def clear_waiting(engine: Engine, ref: WarningRef) -> int:
    """Suppress what still waits of a warning that this version ended; returns how many rows."""
    with writing(engine) as connection:
        return told.suppress_waiting(connection, ref, tasks=ref.action == "cancel")


def _fill_end(
    connection: Connection,
    version: Version,
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
    keep_texts(connection, ref, made)
    new = told.write_rows(
        connection, ref, made, at=at, not_after=body.expires, routes=routes,
        prio=told.PRIO_CORRECTION if cancels else None,
    )  # fmt: skip
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
    """Messages and their outbox rows, set by set; rows that exist stay as they are."""
    keep_texts(connection, ref, made)
    new = 0
    for message in made:
        for audience in audiences(message):
            rows = _fan_out(message, audience, at=at, not_after=not_after, routes=routes)
            result = connection.execute(
                insert_ignore(connection, outbox).from_select(list(told.COLUMNS), rows),
                execution_options={"preserve_rowcount": True},
            )
            new += max(result.rowcount, 0)
    return new


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
    }


def audiences(message: Message) -> Iterator[Select[Any]]:
    """The recipients of one message, in sets that do not overlap."""
    base = select(recipients)
    if message.recipient_ids:
        for chunk in _chunks(message.recipient_ids):
            yield base.where(
                recipients.c.role == "coordinator", recipients.c.recipient_id.in_(chunk)
            )
    for chunk in _chunks(message.villages):
        residents = base.where(recipients.c.role == "resident", recipients.c.adm4_code.in_(chunk))
        yield residents.where(reads(message.language))


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
    now = iso(at)
    values: tuple[ColumnElement[Any], ...] = (
        literal(message.alert_version), recipients.c.recipient_id, literal(message.channel),
        literal(0), literal(message.message_id), _route(message.channel, routes),
        literal(message.prio), literal(int(OutboxState.READY)), literal(0),
        literal(told.precise(at)), literal(now), literal(iso(not_after)),
    )  # fmt: skip
    return audience.with_only_columns(*values)


def _route(channel: str, routes: Routes) -> ColumnElement[Any]:
    synthetic = or_(
        recipients.c.synthetic, recipients.c.address.startswith(SYNTHETIC_PREFIX, autoescape=True)
    )
    if routes.real:
        return case((synthetic, literal(RECORDER, String)), else_=literal(channel, String))
    if routes.test_numbers and channel == "sms":
        ways = sorted({way for one in routes.test_numbers for way in spellings(one)})
        listed = recipients.c.address.in_(ways) & ~synthetic
        return case((listed, literal(TEST_ROUTE, String)), else_=literal(RECORDER, String))
    return literal(RECORDER, String)
