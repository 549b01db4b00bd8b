"""Texts exactly as they go out, each once, with whom and where it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, func, select

from console.web.centre import saying
from kentongan.db import messages, outbox, segments
from notify.sending.broadcast import PURPOSE as BROADCAST
from notify.sending.messages import parts_of

if TYPE_CHECKING:
    from notify.sending.messages import Message

PAGE = 40
TASK = "task"
_TOPICS = "Sirene, aplikasi, dan petugas (topik)"


@dataclass
class TextLine:
    audience: str
    channel: str
    language: str
    level: int
    title: str
    text: str
    parts: int
    areas: list[str] = field(default_factory=list)
    """Regencies, by name."""
    people: int | None = None
    """Addressed at release; None: a draft addresses nobody yet."""


Key = tuple[str, str, str, int, str, str]


def of_draft(made: Iterable[Message], names: Mapping[str, str]) -> list[TextLine]:
    """What a draft would say."""
    found: dict[Key, TextLine] = {}
    for one in made:
        audience = saying.audience(one.purpose, one.role)
        _add(found, audience, _row(one), names, None)
    return list(found.values())


def _row(one: Message) -> dict[str, Any]:
    return {
        "channel": one.channel, "language": one.language, "level": one.level, "text": one.text,
        "payload": one.payload, "area_code": one.area_code,
        "parts": parts_of(one.channel, one.text),
    }  # fmt: skip


def of_version(
    connection: Connection, warning_id: str, version: int, names: Mapping[str, str]
) -> list[TextLine]:
    """What a released version said, by its messages; requests to volunteers apart."""
    people = _people(connection, warning_id, version)
    query = (
        select(messages)
        .where(messages.c.warning_id == warning_id, messages.c.version == version)
        .where(messages.c.purpose != TASK)
        .order_by(messages.c.level.desc(), messages.c.channel, messages.c.message_id)
    )
    found: dict[Key, TextLine] = {}
    for row in connection.execute(query).mappings():
        known = people.get(row["message_id"], 0)
        _add(found, _audience(row), row, names, known)
    return list(found.values())


def _audience(row: RowMapping) -> str:
    purpose = row["purpose"]
    if purpose == BROADCAST:
        return _TOPICS
    if "/readiness/" in row["message_id"]:
        return saying.audience(purpose, "coordinator")
    if purpose == "gap":
        return saying.audience(
            "gap", "official" if "/bpbd/" in row["message_id"] else "coordinator"
        )
    return saying.audience(purpose, "resident")


def _add(
    found: dict[Key, TextLine],
    audience: str,
    row: Mapping[str, Any] | RowMapping,
    names: Mapping[str, str],
    people: int | None,
) -> None:
    title = str((row["payload"] or {}).get("title", ""))
    key = (audience, row["channel"], row["language"], row["level"], title, row["text"])
    line = found.get(key)
    if line is None:
        line = found[key] = TextLine(*key[:5], text=row["text"], parts=row["parts"])
    area = names.get(row["area_code"][:5], row["area_code"])
    if area not in line.areas:
        line.areas.append(area)
    if people is not None:
        line.people = (line.people or 0) + people


def _people(connection: Connection, warning_id: str, version: int) -> dict[str, int]:
    """Message -> people of its segments, and rows of those that it names."""
    ids = select(messages.c.message_id).where(
        messages.c.warning_id == warning_id, messages.c.version == version
    )
    table = segments.c
    of_segments = (
        select(table.message_id, func.sum(table.people))
        .where(table.message_id.in_(ids))
        .group_by(table.message_id)
    )
    found = {row[0]: int(row[1]) for row in connection.execute(of_segments)}
    named = (
        select(outbox.c.message_id, func.count(outbox.c.recipient_id.distinct()))
        .where(outbox.c.message_id.in_(ids))
        .group_by(outbox.c.message_id)
    )
    for message_id, number in connection.execute(named):
        found.setdefault(message_id, int(number))
    return found
