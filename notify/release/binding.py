"""What people say yes to: one digest over everything that would go out.

The digest covers the unsigned CAP document, every text of every channel, the areas, and how many
people would be told. The document is rendered as if it went out at `at`; `<sent>`, `<effective>`
and `<urgency>` are left out of the digest, because they follow from the instant of release alone
(urgency from `<onset>`, which is in it). Everything else counts byte for byte, `<references>` too:
a related alert in between voids an approval.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from kentongan.audit import canonical
from kentongan.db import messages, outbox, recipients
from kentongan.store import sha256_hex
from notify.cap.publisher import Publisher
from notify.release.publish import proof, references_of
from notify.sending.messages import Message, messages_for
from notify.sending.recipients import reads
from notify.versions import Version
from notify.warning import WarningBody

DIGITS = 12
"""Of the digest, that a person must name: 48 bits, none is guessed."""
_FEW = 5_000
"""Codes in one statement; SQLite binds up to 32,766 values."""
_OF_THE_INSTANT = re.compile(rb"(<(sent|effective|urgency)>)[^<]*(</\2>)")


@dataclass(frozen=True)
class Binding:
    """Parts of the digest, each of which a person can look at."""

    content: str
    """Of the version as it is stored: levels, evidence, ends."""
    cap: str
    """sha256 of the unsigned document without what follows from the instant."""
    texts: str
    areas: str
    recipients: int
    """Told in all; a coordinator of two areas counts twice."""
    messages: tuple[tuple[str, int], ...]
    """Channel and how many, by channel."""

    @property
    def digest(self) -> str:
        return hashlib.sha256(canonical(asdict(self)).encode()).hexdigest()

    @property
    def total(self) -> int:
        return sum(count for _, count in self.messages)

    def count(self, channel: str) -> int:
        return dict(self.messages).get(channel, 0)


@dataclass(frozen=True)
class Bound:
    """A digest with the very bytes that it was taken of."""

    binding: Binding
    cap: bytes
    messages: tuple[Message, ...]


def bind(
    connection: Connection,
    version: Version,
    *,
    at: datetime,
    publisher: Publisher,
    coordinators: Mapping[str, str],
) -> Bound:
    """What would go out if the version were released at `at`, and its digest.

    Args:
        coordinators: coordinator_id -> adm2_code.

    Raises:
        RuleViolation: a stored text does not carry the mark of its status.
    """
    xml = proof(
        version, publisher=publisher, sent=at, references=references_of(connection, version, at)
    )
    ends = version.body.is_end
    made = messages_for(
        version.ref,
        version.body,
        publisher=publisher,
        coordinators={} if ends else coordinators,
        asked=_coordinators_addressed(connection, version) if ends else None,
    )
    people, counts = _addressed(connection, version) if ends else _reach(connection, made)
    binding = Binding(
        content=version.content_hash,
        cap=sha256_hex(without_instant(xml)),
        texts=_texts(made),
        areas=_areas(version.body),
        recipients=people,
        messages=tuple(sorted(counts.items())),
    )
    return Bound(binding, xml, tuple(made))


def without_instant(xml: bytes) -> bytes:
    """The document with `<sent>`, `<effective>` and `<urgency>` emptied."""
    return _OF_THE_INSTANT.sub(rb"\1\3", xml)


def _texts(made: list[Message]) -> str:
    rows = [[m.message_id, m.channel, m.text, m.payload] for m in made]
    return hashlib.sha256(canonical({"texts": rows}).encode()).hexdigest()


def _areas(body: WarningBody) -> str:
    rows = [[g.adm2_code, g.level, g.codes, g.told, g.polygons] for g in body.groups]
    return hashlib.sha256(canonical({"areas": rows}).encode()).hexdigest()


def _rows_before(version: Version) -> Select[Any]:
    """Outbox rows of earlier versions, whatever became of them: an end is owed to those whom one
    reached, and how many that are changes while an alert is still going out."""
    return (
        select(outbox.c.recipient_id, outbox.c.channel, messages.c.area_code)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.warning_id == version.warning_id, messages.c.purpose != "task")
        .where(messages.c.version < version.version)
    )


def _addressed(connection: Connection, version: Version) -> tuple[int, dict[str, int]]:
    rows = _rows_before(version).subquery()
    people = select(func.count(rows.c.recipient_id.distinct()))
    counts = select(rows.c.channel, func.count(rows.c.recipient_id.distinct()))
    return (
        connection.execute(people).scalar_one(),
        {row[0]: row[1] for row in connection.execute(counts.group_by(rows.c.channel))},
    )


def _coordinators_addressed(connection: Connection, version: Version) -> dict[str, str]:
    """coordinator_id -> the regency they were first told about."""
    query = (
        _rows_before(version)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(recipients.c.role == "coordinator")
        .order_by(outbox.c.id.desc())
    )
    return {row.recipient_id: row.area_code[:5] for row in connection.execute(query)}


def _reach(connection: Connection, made: list[Message]) -> tuple[int, dict[str, int]]:
    """People told, and rows of the outbox by channel."""
    villages: dict[str, set[str]] = {}
    for message in made:
        villages.setdefault(message.language, set()).update(message.villages)
    residents = {
        language: _residents(connection, language, sorted(codes))
        for language, codes in villages.items()
    }
    sizes: dict[tuple[object, ...], int] = {}
    counts: dict[str, int] = {}
    for message in made:
        key = (message.villages, message.recipient_ids, message.language)
        if key not in sizes:
            there = residents[message.language]
            sizes[key] = sum(there.get(code, 0) for code in message.villages)
            sizes[key] += _coordinators(connection, message.recipient_ids)
        counts[message.channel] = counts.get(message.channel, 0) + sizes[key]
    return sum(sizes.values()), counts


def _residents(connection: Connection, language: str, codes: list[str]) -> dict[str, int]:
    """adm4_code -> residents who read the language; of a large set by one walk of the index."""
    if not codes:
        return {}
    place = recipients.c.adm4_code
    few = len(codes) <= _FEW
    where = place.in_(codes) if few else place.between(codes[0], codes[-1])
    query = (
        select(place, func.count())
        .where(where, recipients.c.role == "resident", reads(language))
        .group_by(place)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _coordinators(connection: Connection, ids: tuple[str, ...]) -> int:
    if not ids:
        return 0
    query = select(func.count()).where(
        recipients.c.role == "coordinator", recipients.c.recipient_id.in_(ids)
    )
    return int(connection.execute(query).scalar_one())
