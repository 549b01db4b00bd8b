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

from kentongan.db import insert_ignore, messages, outbox, recipients
from kentongan.errors import RuleViolation
from kentongan.times import iso, require_aware
from kentongan.types import OutboxState
from notify import versions
from notify.firewall import RECORDER, RECORDER_ONLY, SYNTHETIC_PREFIX, TEST_ROUTE, Routes
from notify.messages import Message, messages_for
from notify.publisher import Publisher
from notify.transactions import writing
from notify.warning import WarningRef

_CHUNK = 5_000
"""Codes in one statement; SQLite binds up to 32,766 values."""
_COLUMNS = (
    "alert_version", "recipient_id", "channel", "part", "message_id", "route", "prio", "state",
    "attempts", "created_at", "due", "not_after",
)  # fmt: skip


def fill_outbox(
    engine: Engine,
    ref: WarningRef,
    *,
    at: datetime,
    routes: Routes = RECORDER_ONLY,
    coordinators: Mapping[str, str] | None = None,
    publisher: Publisher | None = None,
) -> int:
    """Rows for everybody whom a released version concerns; returns how many are new.

    Whole or not at all, and the same call twice adds nothing.

    Args:
        routes: from `notify.firewall.routes_for`.
        coordinators: coordinator_id -> adm2_code.

    Raises:
        RuleViolation: the version is not released.
    """
    with writing(engine) as connection:
        version = versions.get(connection, ref.warning_id, ref.version)
        if versions.alert_of(connection, version.ref) is None:
            raise RuleViolation(
                f"{ref.warning_id} v{ref.version} is {version.state}: only a released version "
                "may be sent; call release first"
            )
        made = messages_for(
            version.ref,
            version.body,
            publisher=publisher or Publisher(),
            coordinators=coordinators or {},
            asked=_asked(connection, ref.warning_id) if version.body.is_end else None,
        )
        routes = routes.open_to(version.body.status)
        return write(connection, ref, made, at=at, not_after=version.body.expires, routes=routes)


def _asked(connection: Connection, warning_id: str) -> dict[str, str]:
    """Coordinators to whom a message of this warning was addressed -> the regency it was about."""
    query = (
        select(outbox.c.recipient_id, messages.c.area_code)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(messages.c.warning_id == warning_id, recipients.c.role == "coordinator")
        .order_by(outbox.c.id.desc())
    )
    return {person: area_code[:5] for person, area_code in connection.execute(query)}


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
    if not made:
        return 0
    connection.execute(insert_ignore(connection, messages), [_row(ref, m) for m in made])
    new = 0
    for message in made:
        for audience in _audiences(message):
            rows = _fan_out(message, audience, at=at, not_after=not_after, routes=routes)
            result = connection.execute(
                insert_ignore(connection, outbox).from_select(list(_COLUMNS), rows),
                execution_options={"preserve_rowcount": True},
            )
            new += max(result.rowcount, 0)
    return new


def _row(ref: WarningRef, message: Message) -> dict[str, object]:
    return {
        "message_id": message.message_id,
        "purpose": message.purpose,
        "warning_id": ref.warning_id,
        "version": ref.version,
        "channel": message.channel,
        "language": "id",
        "area_code": message.area_code,
        "level": message.level,
        "text": message.text,
        "payload": message.payload,
    }


def _audiences(message: Message) -> Iterator[Select[Any]]:
    base = select(recipients)
    if message.recipient_ids:
        for chunk in _chunks(message.recipient_ids):
            yield base.where(
                recipients.c.role == "coordinator", recipients.c.recipient_id.in_(chunk)
            )
    for chunk in _chunks(message.villages):
        yield base.where(recipients.c.role == "resident", recipients.c.adm4_code.in_(chunk))


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
        literal(precise(at)), literal(now), literal(iso(not_after)),
    )  # fmt: skip
    return audience.with_only_columns(*values)


def _route(channel: str, routes: Routes) -> ColumnElement[Any]:
    synthetic = or_(
        recipients.c.synthetic, recipients.c.address.startswith(SYNTHETIC_PREFIX, autoescape=True)
    )
    if routes.real:
        return case((synthetic, literal(RECORDER, String)), else_=literal(channel, String))
    if routes.test_numbers and channel == "sms":
        listed = recipients.c.address.in_(routes.test_numbers) & ~synthetic
        return case((listed, literal(TEST_ROUTE, String)), else_=literal(RECORDER, String))
    return literal(RECORDER, String)


def precise(at: datetime) -> str:
    """`2026-09-24T07:35:00.123456Z`: rows of one second keep their order."""
    return require_aware(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
