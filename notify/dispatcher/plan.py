"""A dry run: what a version would send, over which routes, at what cost and for how long.

Nothing is written. Numbers are sealed, so prefixes are not looked at: messages are reckoned over
the routes that a channel tries first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from kentongan.db import recipients
from notify.channels.routes import RouteBase
from notify.dispatcher.config import Routes
from notify.sending.messages import Message
from notify.wording.language import FALLBACK, spoken_languages
from notify.wording.parts import count_parts

SMS = "sms"
_CODES = 5_000
"""Codes in one statement; SQLite binds up to 32,766 values."""

People = Mapping[tuple[str, str], tuple[int, int, int, int]]
"""(adm4_code, language of texts) -> real people by SMS, by push; made-up ones by SMS, by push."""


@dataclass(frozen=True)
class ChannelPlan:
    """Of one channel."""

    channel: str
    people: int
    """Real ones; the others go to the recorder."""
    made_up: int
    texts: int
    """Different ones."""
    parts: int
    """SMS, or messages of another kind, to real people in all."""
    longest: int
    """Parts of the longest text."""
    routes: tuple[str, ...]
    """That would be tried first; empty: none is configured, nothing real is sent."""
    minutes: float | None
    """From the first to the last message at the rate of the contract; None: no route."""
    rupiah: float
    prices: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel, "people": self.people, "made_up": self.made_up,
            "texts": self.texts, "messages": self.parts, "longest_parts": self.longest,
            "routes": list(self.routes),
            "minutes": None if self.minutes is None else round(self.minutes, 1),
            "rupiah": round(self.rupiah, 2),
        }  # fmt: skip


def plan(connection: Connection, made: Sequence[Message], routes: Routes) -> list[ChannelPlan]:
    """By channel, in the order of their first message."""
    people = _people(connection, sorted({code for one in made for code in one.villages}))
    by_channel: dict[str, list[Message]] = {}
    for one in sorted(made, key=lambda message: message.prio):
        by_channel.setdefault(one.channel, []).append(one)
    return [_channel(connection, name, group, people, routes) for name, group in by_channel.items()]


def _channel(
    connection: Connection, channel: str, made: Sequence[Message], people: People, routes: Routes
) -> ChannelPlan:
    real = made_up = parts = longest = 0
    for one in made:
        size = count_parts(one.text) if channel == SMS else 1
        told, recorded = _told(connection, one, people)
        real, made_up = real + told, made_up + recorded
        parts, longest = parts + told * size, max(longest, size)
    first = _first(routes.of(channel))
    rate = sum(route.rate_per_s for route in first)
    price = max((route.price_idr for route in first), default=0.0)
    return ChannelPlan(
        channel, real, made_up, len({one.text for one in made}), parts, longest,
        tuple(route.route for route in first), parts / rate / 60 if rate else None, parts * price,
        tuple(sorted({route.price_idr for route in first})),
    )  # fmt: skip


def _first(routes: Sequence[RouteBase]) -> tuple[RouteBase, ...]:
    least = min((route.order for route in routes), default=0)
    return tuple(route for route in routes if route.order == least)


def _told(connection: Connection, one: Message, people: People) -> tuple[int, int]:
    """Real people and made-up ones of a message."""
    at = 0 if one.channel == SMS else 1
    found = [people.get((code, one.language), (0, 0, 0, 0)) for code in one.villages]
    real, made_up = sum(n[at] for n in found), sum(n[at + 2] for n in found)
    for synthetic, number in _named(connection, one.recipient_ids):
        real, made_up = (real, made_up + number) if synthetic else (real + number, made_up)
    return real, made_up


def _named(connection: Connection, ids: Sequence[str]) -> Iterator[tuple[bool, int]]:
    for some in _chunks(ids):
        query = select(recipients.c.synthetic, func.count()).where(
            recipients.c.recipient_id.in_(some), recipients.c.active
        )
        for row in connection.execute(query.group_by(recipients.c.synthetic)):
            yield bool(row[0]), int(row[1])


def _people(connection: Connection, codes: Sequence[str]) -> People:
    others = [code for code in spoken_languages() if code != FALLBACK]
    found: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    table = recipients.c
    sums = [func.sum(case((flag, 1), else_=0)) for flag in (table.by_sms, table.by_push)]
    for some in _chunks(codes):
        query = (
            select(table.adm4_code, table.language, table.synthetic, *sums)
            .where(table.adm4_code.in_(some), table.role == "resident", table.active)
            .group_by(table.adm4_code, table.language, table.synthetic)
        )
        for code, own, synthetic, sms, push in connection.execute(query):
            key = (code, own if own in others else FALLBACK)
            a, b, c, d = found.get(key, (0, 0, 0, 0))
            more = (a, b, c + sms, d + push) if synthetic else (a + sms, b + push, c, d)
            found[key] = more
    return found


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _CODES] for start in range(0, len(values), _CODES))
