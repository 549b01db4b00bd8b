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
from kentongan.db import messages, outbox, recipients, segments
from kentongan.store import sha256_hex
from notify.cap.publisher import Publisher
from notify.release.publish import proof, references_of
from notify.sending.messages import Message, messages_for
from notify.sending.segments import count_people
from notify.tasks.duty import BPBD, holders
from notify.versions import Version
from notify.warning import WarningBody

DIGITS = 12
"""Of the digest, that a person must name: 48 bits, none is guessed."""
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
        offices={} if ends else holders(connection, BPBD),
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


def _addressed(connection: Connection, version: Version) -> tuple[int, dict[str, int]]:
    """Whom earlier versions addressed, whatever became of them: an end is owed to those whom one
    reached, and how many that is changes while an alert is still going out.

    By what the segments counted at release, so that neither rows that are still being made nor
    somebody who signs up void an approval, and a million are counted at once.
    """
    table = segments.c
    place = (table.adm4_code, table.language)
    query = (
        select(*place, table.channel, func.max(table.people))
        .where(table.message_id.in_(_earlier(version)), table.source == "")
        .group_by(*place, table.channel)
    )
    counts: dict[str, int] = {}
    people: dict[tuple[str, str], int] = {}
    for code, language, channel, number in connection.execute(query):
        counts[channel] = counts.get(channel, 0) + number
        people[code, language] = max(people.get((code, language), 0), number)
    named = _rows_before(version).subquery()
    by_channel = select(named.c.channel, func.count(named.c.recipient_id.distinct()))
    for channel, number in connection.execute(by_channel.group_by(named.c.channel)):
        counts[channel] = counts.get(channel, 0) + number
    one_by_one = connection.execute(select(func.count(named.c.recipient_id.distinct())))
    return sum(people.values()) + one_by_one.scalar_one(), counts


def _earlier(version: Version) -> Select[Any]:
    """Ids of the messages of earlier versions, requests to volunteers apart."""
    return select(messages.c.message_id).where(
        messages.c.warning_id == version.warning_id, messages.c.version < version.version,
        messages.c.purpose != "task",
    )  # fmt: skip


def _rows_before(version: Version) -> Select[Any]:
    """Outbox rows of earlier messages that went to people by their ids, not by segments."""
    in_segments = select(segments.c.message_id).where(
        segments.c.message_id == messages.c.message_id
    )
    named = _earlier(version).where(~in_segments.correlate(messages).exists())
    return (
        select(outbox.c.recipient_id, outbox.c.channel, messages.c.area_code)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(outbox.c.message_id.in_(named))
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
    """People told, and messages by channel."""
    codes = sorted({code for message in made for code in message.villages})
    residents = count_people(connection, codes)
    sizes: dict[tuple[object, ...], int] = {}
    counts: dict[str, int] = {}
    for message in made:
        size = _coordinators(connection, message.recipient_ids) + sum(
            residents.get((code, message.language), {}).get(message.channel, 0)
            for code in message.villages
        )
        key = (message.villages, message.recipient_ids, message.language)
        sizes[key] = max(sizes.get(key, 0), size)
        counts[message.channel] = counts.get(message.channel, 0) + size
    return sum(sizes.values()), counts


def _coordinators(connection: Connection, ids: tuple[str, ...]) -> int:
    if not ids:
        return 0
    query = select(func.count()).where(
        recipients.c.role.in_(("coordinator", "official")), recipients.c.recipient_id.in_(ids)
    )
    return int(connection.execute(query).scalar_one())
