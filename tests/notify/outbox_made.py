"""An outbox with people and messages, without the warning around it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select

from kentongan.db import outbox, recipients
from kentongan.types import OutboxState
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.firewall.gate import RECORDER_ONLY
from notify.sending.dispatch import RouteRun
from notify.sending.filling import fill
from notify.sending.messages import Message
from notify.sending.outbox import write
from notify.warning import WarningRef

AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
END = AT + timedelta(hours=2)
REF = WarningRef("w-rain-1", 1, "0" * 64, "alert")
A, B, C = VILLAGES = ("75.02.07.2001", "75.02.07.2002", "75.04.09.2001")


def person(number: int, village: str = A, **changes: Any) -> dict[str, Any]:
    return {
        "recipient_id": f"p-{number:05d}", "role": "resident", "adm4_code": village,
        "address": f"+999{number:09d}", "language": "id", "synthetic": True, "by_sms": True,
        "by_push": True, "active": True, **changes,
    }  # fmt: skip


def people(engine: Engine, rows: Sequence[dict[str, Any]]) -> None:
    with engine.begin() as connection:
        connection.execute(recipients.insert(), list(rows))


def message(channel: str = "sms", villages: Sequence[str] = VILLAGES, **changes: Any) -> Message:
    ref = changes.pop("ref", REF)
    language = changes.get("language", "id")
    values: dict[str, Any] = {
        "message_id": f"{ref.identifier}/{channel}/{language}", "alert_version": ref.identifier,
        "purpose": "alert", "channel": channel, "area_code": "75.02", "level": 3, "prio": 1000,
        "text": "LATIHAN. Hujan lebat.", "payload": None, "villages": tuple(villages), **changes,
    }  # fmt: skip
    return Message(**values)


def release(engine: Engine, *made: Message, ref: WarningRef = REF, at: datetime = AT) -> int:
    """Segments alone."""
    with engine.begin() as connection:
        return write(connection, ref, made, at=at, not_after=END, routes=RECORDER_ONLY)


def fill_all(engine: Engine, limit: int = 10_000, at: datetime = AT) -> None:
    while fill(engine, at=at, limit=limit):
        pass


def rows(engine: Engine, table: Any = outbox) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def keys(engine: Engine) -> list[tuple[str, str, int]]:
    """(person, channel, part) of every row."""
    return sorted((row["recipient_id"], row["channel"], row["part"]) for row in rows(engine))


def states(engine: Engine) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows(engine):
        name = OutboxState(row["state"]).name.lower()
        found[name] = found.get(name, 0) + 1
    return found


class Tape:
    """A channel that remembers and answers as told."""

    route = "recorder"

    def __init__(self, window: int = 5, answer: Any = None) -> None:
        self.window = window
        self.answer = answer or (lambda message: Receipt(Outcome.RECORDED))
        self.sent: list[Outgoing] = []

    def send(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        self.sent.extend(batch)
        return [self.answer(one) for one in batch]


def run_of(engine: Engine, channel: Any = None, **changes: Any) -> RouteRun:
    values = {"clock": lambda: AT, **changes}
    return RouteRun(engine, "recorder", channel or Tape(), **values)
