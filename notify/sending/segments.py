"""Segments: whom a message goes to, before anybody of them has a row.

A release writes one segment for each (version, village, channel, language), in milliseconds and
however many people live there; `notify.sending.filling` makes their rows as they are needed. Of an
end, a segment names the earlier message whose recipients it goes to (`notify.sending.told`).

| state | its people without a row |
|---|---|
| open | wait |
| filled | there are none |
| suppressed | were not told: the warning ended first |
| expired | were not told in time |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, update

from kentongan.db import insert_ignore, recipients, segments
from kentongan.times import iso
from kentongan.types import SegmentState
from notify.sending.messages import Message
from notify.sending.rows import precise
from notify.wording.language import FALLBACK, spoken_languages

_CODES = 5_000
"""Codes in one statement; SQLite binds up to 32,766 values."""

People = Mapping[tuple[str, str], Mapping[str, int]]
"""(adm4_code, language of texts) -> channel -> residents who get them there."""


@dataclass(frozen=True)
class Segment:
    """One to write; `people` is how many it will reach, of an end at most."""

    alert_version: str
    message_id: str
    adm4_code: str
    channel: str
    language: str
    prio: int
    people: int
    source: str = ""
    to_public: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return (self.alert_version, self.adm4_code, self.channel, self.language, self.source)


def count_people(connection: Connection, codes: Sequence[str]) -> People:
    """Residents who can be told, by village and language of texts; from the index alone."""
    others = [code for code in spoken_languages() if code != FALLBACK]
    found: dict[tuple[str, str], dict[str, int]] = {}
    for start in range(0, len(codes), _CODES):
        query = _counted(codes[start : start + _CODES], others)
        for code, sms, push, *counts in connection.execute(query):
            rest = {"sms": sms - sum(counts[::2]), "push": push - sum(counts[1::2])}
            by_language = zip(others, counts[::2], counts[1::2], strict=True)
            for language, own_sms, own_push in by_language:
                found[code, language] = {"sms": own_sms, "push": own_push}
            found[code, FALLBACK] = rest
    return found


def _counted(codes: Sequence[str], others: Sequence[str]) -> Select[Any]:
    """A row for each village: SMS and push of all, and of each other language than the first.

    By village alone, which is the order of the index: a group by language too would sort everybody.
    """
    table = recipients.c
    flags = (table.by_sms, table.by_push)
    counts = [func.count().filter(flag) for flag in flags]
    for language in others:
        counts += [func.count().filter(flag, table.language == language) for flag in flags]
    return (
        select(table.adm4_code, *counts)
        .where(table.adm4_code.in_(codes), table.role == "resident", table.active)
        .group_by(table.adm4_code)
    )


def of_villages(made: Sequence[Message], people: People, *, to_public: bool) -> list[Segment]:
    """A segment for each message and village where somebody gets it."""
    return [
        Segment(
            alert_version=message.alert_version,
            message_id=message.message_id,
            adm4_code=code,
            channel=message.channel,
            language=message.language,
            prio=message.prio,
            people=number,
            to_public=to_public,
        )
        for message in made
        for code in message.villages
        if (number := people.get((code, message.language), {}).get(message.channel, 0))
    ]


def write(
    connection: Connection, made: Sequence[Segment], *, at: datetime, not_after: datetime
) -> int:
    """Open segments; those that exist are opened again where people came since.

    Returns:
        Messages that they stand for beyond those that existed before.
    """
    if not made:
        return 0
    known = _known(connection, sorted({one.alert_version for one in made}))
    new = [one for one in made if one.key not in known]
    when = {"created_at": precise(at), "not_after": iso(not_after)}
    if new:
        connection.execute(insert_ignore(connection, segments), [_row(one) | when for one in new])
    grown = [one for one in made if one.people > known.get(one.key, one.people)]
    for one in grown:
        _open_again(connection, one)
    return sum(one.people for one in new) + sum(one.people - known[one.key] for one in grown)


def _known(connection: Connection, versions: Sequence[str]) -> dict[tuple[str, ...], int]:
    table = segments.c
    key = (table.alert_version, table.adm4_code, table.channel, table.language, table.source)
    query = select(table.people, *key).where(table.alert_version.in_(versions))
    return {tuple(row[1:]): row[0] for row in connection.execute(query)}


def _row(one: Segment) -> dict[str, Any]:
    names = ("alert_version", "message_id", "adm4_code", "channel", "language", "prio", "people")
    return {name: getattr(one, name) for name in (*names, "source", "to_public")}


def _open_again(connection: Connection, one: Segment) -> None:
    """From the start: newcomers have ids anywhere, and who has a row keeps it."""
    table = segments.c
    connection.execute(
        update(segments)
        .where(table.alert_version == one.alert_version, table.adm4_code == one.adm4_code)
        .where(table.channel == one.channel, table.language == one.language)
        .where(table.source == one.source)
        .where(table.state.in_((SegmentState.OPEN, SegmentState.FILLED)))
        .values(state=SegmentState.OPEN, cursor="", rows=0, people=one.people)
    )


def close(connection: Connection, which: ColumnElement[bool], state: SegmentState) -> int:
    """Open segments that go no further; returns how many people of theirs have no row."""
    change = (
        update(segments)
        .where(segments.c.state == SegmentState.OPEN, which)
        .values(state=state)
        .returning(segments.c.people - segments.c.rows)
    )
    return sum(max(0, left) for left in connection.execute(change).scalars())


def expire(connection: Connection, *, at: datetime) -> Counter[str]:
    """Segments past their end: a late warning can be harm. Channel -> people without a row."""
    change = (
        update(segments)
        .where(segments.c.state == SegmentState.OPEN, segments.c.not_after <= iso(at))
        .values(state=SegmentState.EXPIRED)
        .returning(segments.c.channel, segments.c.people - segments.c.rows)
    )
    found: Counter[str] = Counter()
    for channel, left in connection.execute(change):
        found[channel] += max(0, left)
    return found


def without_row(connection: Connection) -> dict[str, dict[str, int]]:
    """Channel -> `waiting`, `suppressed` or `expired` -> people of segments without a row.

    Of an end they are counted at most: only those whom the alert reached get it.
    """
    words = {
        SegmentState.OPEN: "waiting",
        SegmentState.SUPPRESSED: "suppressed",
        SegmentState.EXPIRED: "expired",
    }
    query = (
        select(segments.c.channel, segments.c.state, func.sum(segments.c.people - segments.c.rows))
        .where(segments.c.state.in_(words), segments.c.people > segments.c.rows)
        .group_by(segments.c.channel, segments.c.state)
        .order_by(segments.c.channel, segments.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for channel, state, number in connection.execute(query):
        found.setdefault(channel, {})[words[SegmentState(state)]] = int(number)
    return found


def waiting_by_prio(connection: Connection) -> list[tuple[str, int, int]]:
    """Channel, prio and people without a row, of open segments, most urgent first."""
    table = segments.c
    query = (
        select(table.channel, table.prio, func.sum(table.people - table.rows))
        .where(table.state == SegmentState.OPEN)
        .group_by(table.channel, table.prio)
        .order_by(table.prio, table.channel)
    )
    rows = connection.execute(query)
    return [(channel, prio, max(0, int(left))) for channel, prio, left in rows]
