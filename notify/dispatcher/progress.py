"""What waits, how fast it goes, and whether all of it leaves before its warning ends.

Reading counts the rows that wait, which takes a second where a million do; who asks often asks
`Watch`, which counts again only after twenty times as long as the last count took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, func, select

from kentongan.db import messages, outbox, segments
from kentongan.tables.sending import is_busy, is_ready
from kentongan.times import parse_instant
from kentongan.types import OutboxState, SegmentState
from notify.firewall.gate import RECORDER, TEST_ROUTE
from notify.sending.urgency import Class

CALL_BACK, CORRECTION = "call back", "correction"
_DUTY = 20
_AT_LEAST_S = 2.0


@dataclass(frozen=True)
class Lane:
    """Messages of one alert version that wait for one way out."""

    way: str
    """A channel, the name of a configured route, `recorder` or `test`."""
    channel: str
    alert_version: str
    prio: int
    waiting: int
    ends_at: datetime
    """The first of their ends."""
    since: datetime | None = None
    """When the oldest of them was written."""


@dataclass(frozen=True)
class Queue:
    """What waits at an instant."""

    at: datetime
    lanes: tuple[Lane, ...] = ()
    leased: Mapping[str, int] = field(default_factory=dict)
    on_wire: Mapping[str, int] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        return sum(lane.waiting for lane in self.lanes)


@dataclass(frozen=True)
class Outlook:
    """When the last message of a lane leaves."""

    lane: Lane
    last_at: datetime | None
    """None: nothing of this way goes now."""
    late: int
    """Messages that do not leave before their warning ends."""

    @property
    def spare(self) -> timedelta | None:
        """Between the last message and the end; negative: too late."""
        return None if self.last_at is None else self.lane.ends_at - self.last_at


def class_name(prio: int) -> str:
    """`call back`, `correction`, `awas`, `siaga`, `waspada`, `readiness`, `renewal`."""
    if prio < 0:
        return CALL_BACK if prio < -1 else CORRECTION
    return Class(min(prio // 1000, max(Class))).name.lower()


def queue_of(engine: Engine, at: datetime) -> Queue:
    """Everything that waits: rows, and the people of segments that have no row yet."""
    with engine.connect() as connection:
        rows = connection.execute(_rows()).all()
        unmade = connection.execute(_unmade()).all()
        busy = connection.execute(
            select(outbox.c.route, outbox.c.state, func.count())
            .where(is_busy)
            .group_by(outbox.c.route, outbox.c.state)
        ).all()
    lanes: dict[tuple[str, str, str, int], Lane] = {}
    for way, *rest in rows:
        _add(lanes, _lane(way, *rest))
    for public, channel, *rest in unmade:
        lane = _lane(channel if public else RECORDER, channel, *rest)
        if lane.waiting > 0:
            _add(lanes, lane)
    ordered = sorted(lanes.values(), key=lambda lane: (lane.prio, lane.way, lane.alert_version))
    return Queue(
        at,
        tuple(ordered),
        leased=_of(busy, OutboxState.LEASED),
        on_wire=_of(busy, OutboxState.ON_WIRE),
    )


def _lane(way: str, channel: str, alert: str, prio: int, number: int, end: str, since: str) -> Lane:
    ends_at, oldest = parse_instant(end), parse_instant(since)
    return Lane(way, channel, alert, prio, int(number), ends_at, oldest)


def _rows() -> Select[Any]:
    by = (outbox.c.route, outbox.c.channel, outbox.c.alert_version, outbox.c.prio)
    first = (func.min(outbox.c.not_after), func.min(outbox.c.created_at))
    return select(*by, func.count(), *first).where(is_ready).group_by(*by)


def _unmade() -> Select[Any]:
    by = (segments.c.to_public, segments.c.channel, segments.c.alert_version, segments.c.prio)
    left = (segments.c.people - segments.c.rows) * messages.c.parts
    return (
        select(*by, func.sum(left), func.min(segments.c.not_after), func.min(segments.c.created_at))
        .join(messages, messages.c.message_id == segments.c.message_id)
        .where(segments.c.state == SegmentState.OPEN)
        .group_by(*by)
    )


def _add(lanes: dict[tuple[str, str, str, int], Lane], one: Lane) -> None:
    key = (one.way, one.channel, one.alert_version, one.prio)
    before = lanes.get(key)
    if before is not None:
        one = replace(
            one, waiting=before.waiting + one.waiting, ends_at=min(before.ends_at, one.ends_at),
            since=min(found for found in (before.since, one.since) if found is not None),
        )  # fmt: skip
    lanes[key] = one


def _of(busy: Iterable[Sequence[object]], state: OutboxState) -> dict[str, int]:
    return {str(way): int(str(number)) for way, found, number in busy if found == state}


def outlook(
    queue: Queue, rates: Mapping[str, float], channel_of: Callable[[Lane], str] | None = None
) -> list[Outlook]:
    """When each lane is empty, if the most urgent goes first. Pure.

    Args:
        rates: messages a second by pool; 0 or missing: nothing goes there.
        channel_of: the pool of a lane; default: its way.
    """
    ahead: dict[str, int] = {}
    found = []
    for lane in queue.lanes:
        pool = channel_of(lane) if channel_of else lane.way
        rate, before = rates.get(pool, 0.0), ahead.get(pool, 0)
        ahead[pool] = before + lane.waiting
        if rate <= 0:
            found.append(Outlook(lane, None, lane.waiting))
            continue
        last_at = queue.at + timedelta(seconds=ahead[pool] / rate)
        in_time = int((lane.ends_at - queue.at).total_seconds() * rate) - before
        late = min(lane.waiting, max(0, lane.waiting - in_time))
        found.append(Outlook(lane, last_at, late))
    return found


def pools(channels: Mapping[str, str]) -> Callable[[Lane], str]:
    """Rows that were given to a configured route wait with those of its channel.

    Args:
        channels: configured route -> its channel.
    """

    def pool(lane: Lane) -> str:
        if lane.way in (RECORDER, TEST_ROUTE):
            return lane.way
        return channels.get(lane.way, lane.way)

    return pool


@dataclass
class Watch:
    """Counts now and then, as often as it costs little."""

    engine: Engine
    steady: Callable[[], float] = time.monotonic
    _last: Queue | None = None
    _next: float = -1e9

    def look(self, at: datetime) -> Queue:
        """The newest count."""
        now = self.steady()
        if self._last is None or now >= self._next:
            self._last = queue_of(self.engine, at)
            took = self.steady() - now
            self._next = self.steady() + max(_AT_LEAST_S, _DUTY * took)
        return self._last


class Speed:
    """Messages a second over the last while, by way. Of one thread."""

    def __init__(self, over_s: float = 10.0, steady: Callable[[], float] = time.monotonic) -> None:
        self.over_s, self._steady = over_s, steady
        self._seen: list[tuple[float, dict[str, int]]] = []

    def note(self, totals: Mapping[str, int]) -> dict[str, float]:
        """From totals that only grow to rates."""
        now = self._steady()
        self._seen.append((now, dict(totals)))
        while len(self._seen) > 2 and now - self._seen[1][0] >= self.over_s:
            self._seen.pop(0)
        start, before = self._seen[0]
        if now <= start:
            return dict.fromkeys(totals, 0.0)
        return {way: (n - before.get(way, 0)) / (now - start) for way, n in totals.items()}
