"""How far sending has come, warning by warning: counted from the rows, seldom enough."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from kentongan.db import messages, outbox, segments, warnings
from kentongan.times import iso
from kentongan.types import OutboxState, SegmentState
from notify.dispatcher.figures import Figures
from notify.dispatcher.progress import Speed
from notify.firewall.gate import RECORDER

REMEMBERED = timedelta(hours=24)
"""Warnings whose newest version ended longer ago are not on the page."""
_DUTY = 20
_AT_LEAST_S = 2.0
"""Counting a million rows takes a second: at most a twentieth of the time goes into it."""
WAITING, ON_WIRE, ACCEPTED, RECORDED, DELIVERED, FAILED, UNKNOWN, LATE, STOPPED = (
    "waiting", "on-wire", "accepted", "recorded", "delivered", "failed", "unknown", "late",
    "stopped",
)  # fmt: skip
_WORDS = {
    OutboxState.READY: WAITING, OutboxState.LEASED: WAITING, OutboxState.ON_WIRE: ON_WIRE,
    OutboxState.ACCEPTED: ACCEPTED, OutboxState.DELIVERED: DELIVERED, OutboxState.FAILED: FAILED,
    OutboxState.UNKNOWN: UNKNOWN, OutboxState.EXPIRED: LATE, OutboxState.SUPPRESSED: STOPPED,
}  # fmt: skip
_OF_SEGMENTS = {
    SegmentState.OPEN: WAITING, SegmentState.SUPPRESSED: STOPPED, SegmentState.EXPIRED: LATE,
}  # fmt: skip
_SENT = (ACCEPTED, RECORDED, DELIVERED, FAILED, UNKNOWN)


@dataclass(frozen=True)
class Sent:
    """What became of the messages of one warning, all versions together."""

    warning_id: str
    counts: Mapping[str, int]
    by_route: Mapping[str, Mapping[str, int]]
    rate: float = 0.0
    """Messages a second since the last count."""
    last_at: datetime | None = None
    """When the last one that waits leaves; None: nothing waits, or nothing leaves."""
    late: int = 0
    """Messages that do not leave before their end."""
    ends_at: datetime | None = None
    """The first end of what waits."""

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        return self.counts.get(WAITING, 0)

    @property
    def gone(self) -> int:
        """Sent, or never to be sent: no more work."""
        return self.total - self.waiting - self.counts.get(ON_WIRE, 0)


def counted(connection: Connection, at: datetime) -> dict[str, dict[str, Counter[str]]]:
    """Warning -> route (a channel for who has no row yet) -> word -> messages."""
    recent = select(warnings.c.warning_id).where(warnings.c.expires >= iso(at - REMEMBERED))
    found: dict[str, dict[str, Counter[str]]] = {}
    for warning_id, route, state, number in connection.execute(_rows().where(_in(recent))):
        word = _WORDS[OutboxState(state)]
        word = RECORDED if route == RECORDER and word == ACCEPTED else word
        _count(found, warning_id, route, word, number)
    for warning_id, channel, public, state, number in connection.execute(
        _unmade().where(_in(recent))
    ):
        route = channel if public else RECORDER
        _count(found, warning_id, route, _OF_SEGMENTS[SegmentState(state)], int(number))
    return found


def _in(recent: Select[tuple[str]]) -> ColumnElement[bool]:
    return messages.c.warning_id.in_(recent)


def _rows() -> Select[Any]:
    by = (messages.c.warning_id, outbox.c.route, outbox.c.state)
    joined = outbox.join(messages, messages.c.message_id == outbox.c.message_id)
    return select(*by, func.count()).select_from(joined).group_by(*by)


def _unmade() -> Select[Any]:
    table = segments.c
    by = (messages.c.warning_id, table.channel, table.to_public, table.state)
    left = func.sum((table.people - table.rows) * messages.c.parts)
    joined = segments.join(messages, messages.c.message_id == table.message_id)
    query = select(*by, left).select_from(joined).group_by(*by)
    return query.where(table.state.in_(list(_OF_SEGMENTS)), table.people > table.rows)


def _count(
    found: dict[str, dict[str, Counter[str]]], warning_id: str, route: str, word: str, number: int
) -> None:
    found.setdefault(warning_id, {}).setdefault(route, Counter())[word] += number


@dataclass
class Progress:
    """Counts now and then, for any number of readers."""

    engine: Engine
    _speed: Speed = field(default_factory=Speed)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _found: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    _rates: Mapping[str, float] = field(default_factory=dict)
    _next: float = -1e9

    def look(self, at: datetime, figures: Figures) -> list[Sent]:
        """The warnings that have messages, the one that is least done first."""
        with self._lock:
            self._again(at)
            found, rates = self._found, self._rates
        lines = [
            _sent(warning_id, routes, rates.get(warning_id, 0.0), figures)
            for warning_id, routes in found.items()
        ]
        return sorted(lines, key=lambda one: (-one.late, -one.waiting, one.warning_id))

    def _again(self, at: datetime) -> None:
        started = time.monotonic()
        if started < self._next:
            return
        with self.engine.connect() as connection:
            self._found = counted(connection, at)
        totals = {
            warning_id: sum(c[word] for c in routes.values() for word in _SENT)
            for warning_id, routes in self._found.items()
        }
        self._rates = self._speed.note(totals)
        took = time.monotonic() - started
        self._next = time.monotonic() + max(_AT_LEAST_S, _DUTY * took)


def _sent(
    warning_id: str, routes: Mapping[str, Counter[str]], rate: float, figures: Figures
) -> Sent:
    whole: Counter[str] = Counter()
    for counts in routes.values():
        whole.update(counts)
    mine = [one for one in figures.outlooks if _is_of(one.lane.alert_version, warning_id)]
    lasts = [one.last_at for one in mine]
    return Sent(
        warning_id,
        whole,
        dict(sorted(routes.items())),
        max(0.0, rate),
        last_at=None if None in lasts else max((x for x in lasts if x), default=None),
        late=sum(one.late for one in mine),
        ends_at=min((one.lane.ends_at for one in mine), default=None),
    )


def _is_of(alert_version: str, warning_id: str) -> bool:
    """`kentongan-<warning_id>-v3`, with what follows a slash."""
    head = f"kentongan-{warning_id}-v"
    return alert_version.startswith(head) and alert_version[len(head) :].split("/")[0].isdecimal()


def names_of(routes: Sequence[str]) -> list[str]:
    """What a switch may be of: all first, then what is configured, then channels."""
    from notify.sending.switches import ROUTES

    return list(dict.fromkeys([*routes, *ROUTES]))
