"""How often one person is told, and never the same words twice: a look at a batch before it goes.

Cheap where nothing is wrong: only people of regencies that had as many warnings as the quota
allows, and messages whose very words another one has, are looked up in the outbox. Siaga and Awas,
corrections, calls back, ends, tasks and what goes to the recorder are never held back here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select

from kentongan.db import messages, outbox, warnings
from kentongan.times import iso
from kentongan.types import Level
from notify.channels.channel import Outgoing
from notify.dispatcher.policy import DispatchPolicy
from notify.sending.rows import REACHED, ended_later, precise

DAY = timedelta(hours=24)
NEVER_FROM_LEVEL = Level.SIAGA
"""A double warning beats none."""
_PURPOSE = "alert"
_KEEP_S = 10.0
"""How old what is known of messages may be; one is written long before its first row is sent."""


@dataclass
class Limits:
    """Of one dispatcher; one for each thread that sends."""

    engine: Engine
    policy: DispatchPolicy
    _known: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = field(default_factory=dict)

    def held_back(self, batch: Sequence[Outgoing], at: datetime) -> dict[str, list[int]]:
        """Reason -> ids of rows that do not go out."""
        plain = [one for one in batch if one.prio >= 0 and one.level < NEVER_FROM_LEVEL]
        if not plain:
            return {}
        found: dict[str, list[int]] = {}
        with self.engine.connect() as connection:
            places = _warnings_among(connection, {one.message_id for one in plain})
            alerts = [one for one in plain if one.message_id in places]
            twice = self._twice(connection, alerts, at)
            left = [one for one in alerts if one.outbox_id not in twice]
            often = self._often(connection, left, places, at)
        if twice:
            minutes = self.policy.same_text_minutes
            found[f"the same words went there within {minutes:g} minutes"] = sorted(twice)
        if often:
            most = self.policy.quota.messages_per_day
            found[f"{most} warnings went there within 24 hours (quota)"] = sorted(often)
        return found

    def _twice(self, connection: Connection, alerts: list[Outgoing], at: datetime) -> set[int]:
        if not self.policy.same_text_minutes:
            return set()
        since = at - timedelta(minutes=self.policy.same_text_minutes)
        found: set[int] = set()
        for group in _by_message(alerts).values():
            others = self._same_words(connection, group[0])
            if others:
                query = _reached(others, group, since)
                people = set(connection.execute(query).scalars())
                found |= {m.outbox_id for m in group if m.recipient_id in people}
        return found

    def _same_words(self, connection: Connection, one: Outgoing) -> tuple[str, ...]:
        """Ids of other messages with the same text on the same channel, that still hold."""
        query = select(messages.c.message_id).where(
            messages.c.text == one.text,
            messages.c.channel == one.channel,
            messages.c.message_id != one.message_id,
            messages.c.purpose == _PURPOSE,
            ~ended_later(),
        )
        return self._cached(connection, "words", one.message_id, query)

    def _often(
        self,
        connection: Connection,
        alerts: list[Outgoing],
        places: Mapping[str, str],
        at: datetime,
    ) -> set[int]:
        quota = self.policy.quota
        if quota.messages_per_day is None:
            return set()
        counted = [a for a in alerts if a.level < quota.passes_from_level]
        found: set[int] = set()
        for message_id, group in _by_message(counted).items():
            lately = self._lately(connection, group[0], places[message_id], at)
            if len(lately) < quota.messages_per_day:
                continue
            query = _reached(lately, group, at - DAY, once=True)
            told = Counter(connection.execute(query).scalars())
            found |= {m.outbox_id for m in group if told[m.recipient_id] >= quota.messages_per_day}
        return found

    def _lately(
        self, connection: Connection, one: Outgoing, regency: str, at: datetime
    ) -> tuple[str, ...]:
        """Ids of the day's other warnings of its regency on this channel."""
        query = (
            select(messages.c.message_id)
            .join(
                warnings,
                (warnings.c.warning_id == messages.c.warning_id)
                & (warnings.c.version == messages.c.version),
            )
            .where(messages.c.channel == one.channel, messages.c.purpose == _PURPOSE)
            .where(messages.c.area_code.startswith(regency, autoescape=True))
            .where(warnings.c.created_at >= iso(at - DAY), warnings.c.cap_status == "Actual")
        )
        everything = self._cached(connection, "lately", one.message_id, query)
        return tuple(found for found in everything if found != one.message_id)

    def _cached(
        self, connection: Connection, kind: str, key: str, query: Select[Any]
    ) -> tuple[str, ...]:
        now = time.monotonic()
        known = self._known.get((kind, key))
        if known is None or now - known[0] > _KEEP_S:
            if len(self._known) > 10_000:
                self._known.clear()
            known = (now, tuple(connection.execute(query).scalars()))
            self._known[kind, key] = known
        return known[1]


def _warnings_among(connection: Connection, ids: set[str]) -> dict[str, str]:
    """Of these messages the warnings to residents, with their regency."""
    query = select(messages.c.message_id, messages.c.area_code).where(
        messages.c.purpose == _PURPOSE, messages.c.message_id.in_(sorted(ids))
    )
    return {row[0]: row[1][:5] for row in connection.execute(query)}


def _by_message(batch: Iterable[Outgoing]) -> dict[str, list[Outgoing]]:
    groups: dict[str, list[Outgoing]] = {}
    for one in batch:
        groups.setdefault(one.message_id, []).append(one)
    return groups


def _reached(
    message_ids: Sequence[str], group: Sequence[Outgoing], since: datetime, *, once: bool = False
) -> Select[Any]:
    """Who of the group was reached, or perhaps reached, by one of these messages since then."""
    people = sorted({one.recipient_id for one in group})
    query = select(outbox.c.recipient_id).where(
        outbox.c.message_id.in_(message_ids),
        outbox.c.recipient_id.in_(people),
        outbox.c.state.in_(REACHED),
        func.coalesce(outbox.c.sent_at, outbox.c.created_at) >= precise(since),
    )
    return query.where(outbox.c.part == 0) if once else query
