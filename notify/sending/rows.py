"""What rows of the outbox have in common, wherever they are written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from kentongan.db import alerts, messages, outbox, recipients, warnings
from kentongan.times import require_aware
from kentongan.types import OutboxState
from notify.channels.chat.addresses import CHATS
from notify.firewall.gate import SYNTHETIC_PREFIX
from notify.warning import WarningRef
from notify.wording.language import FALLBACK, spoken_languages

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
    "attempts", "created_at", "due", "not_after", "area_code", "turn",
)  # fmt: skip


def precise(at: datetime) -> str:
    """`2026-09-24T07:35:00.123456Z`: rows of one second keep their order."""
    return require_aware(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_made_up() -> ColumnElement[bool]:
    """A recipient whom no real channel may reach."""
    made_up = recipients.c.address.startswith(SYNTHETIC_PREFIX, autoescape=True)
    return or_(recipients.c.synthetic, made_up)


def is_told_by(channel: Any) -> ColumnElement[bool]:
    """Who has not opted out of a channel (`sms` or `push`), nor altogether.

    A chat has no choice of its own: people by duty have one while its address is registered.
    """
    by_chat = or_(*(channel == chat for chat in CHATS))
    flag = case(
        (channel == "sms", recipients.c.by_sms), (by_chat, true()), else_=recipients.c.by_push
    )
    return recipients.c.active & flag


def reads_texts_of(language: Any) -> ColumnElement[bool]:
    """`notify.sending.recipients.reads` for a language that stands in a column."""
    others = [code for code in spoken_languages() if code != FALLBACK]
    return case(
        (language == FALLBACK, recipients.c.language.not_in(others)),
        else_=recipients.c.language == language,
    )


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


def due_of(created_at: ColumnElement[str]) -> ColumnElement[str]:
    """The instant of a precise one, without its fraction."""
    return func.substr(created_at, 1, 19).concat("Z")


def lock(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Lock rows of the outbox in the order of their ids before a change of many of them.

    On PostgreSQL two changes that meet the same rows in different orders would wait for each other
    for ever, and the server would break one of them off. SQLite has one writer.
    """
    if connection.dialect.name == "postgresql":
        rows = select(outbox.c.id).where(*which).order_by(outbox.c.id)
        connection.execute(rows.with_for_update()).all()
