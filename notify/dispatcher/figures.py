"""What is told of sending, to a terminal, to JSON and to Prometheus: one shape for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select

from kentongan.db import route_state
from kentongan.times import iso, parse_instant
from notify.channels.routes import RouteBase
from notify.dispatcher.health import Health
from notify.dispatcher.progress import Outlook, Queue, class_name, outlook, pools
from notify.dispatcher.spending import hour_of, spent
from notify.firewall.gate import RECORDER, TEST_ROUTE
from notify.sending.switches import Stop, stops

if TYPE_CHECKING:
    from notify.dispatcher.process import Dispatcher

RECORDS_PER_S = 5_000.0
"""A plain guess of how fast lines are written, until it is measured."""
FRESH = timedelta(seconds=30)
"""A state of a route that is older says nothing of now."""
UP, DOWN, UNKNOWN = "up", "down", "nobody serves it"


@dataclass(frozen=True)
class RouteLine:
    """A configured route."""

    route: str
    channel: str
    state: str
    rate: float
    """Messages a second that may go now."""
    allowed: float
    failures: int = 0
    reason: str = ""
    again_at: datetime | None = None


@dataclass(frozen=True)
class ClassLine:
    """What waits of one class for one way out."""

    way: str
    name: str
    waiting: int
    last_at: datetime | None
    late: int
    ends_at: datetime
    """Of the warning that has the least time left."""


@dataclass(frozen=True)
class Figures:
    at: datetime
    waiting: tuple[ClassLine, ...]
    routes: tuple[RouteLine, ...]
    on_wire: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    """Way -> messages a second, measured."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Outcome -> messages since the start."""
    spent_messages: int = 0
    spent_rupiah: float = 0.0
    stopped: tuple[Stop, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    ceiling: bool = False
    """The hour's ceiling is reached: what it does not let by waits."""
    outlooks: tuple[Outlook, ...] = ()
    """`waiting` by warning version, the most urgent first."""

    @property
    def left(self) -> int:
        return sum(line.waiting for line in self.waiting)

    @property
    def late(self) -> int:
        return sum(line.late for line in self.waiting)

    def as_json(self) -> dict[str, Any]:
        return {
            "at": iso(self.at),
            "waiting": self.left,
            "late": self.late,
            "on_wire": self.on_wire,
            "rate_per_s": {way: round(rate, 1) for way, rate in sorted(self.rates.items())},
            "counts": dict(sorted(self.counts.items())),
            "queue": [
                {"way": c.way, "class": c.name, "waiting": c.waiting, "late": c.late,
                 "last_at": iso(c.last_at) if c.last_at else None, "ends_at": iso(c.ends_at)}
                for c in self.waiting
            ],
            "routes": [
                {"route": r.route, "channel": r.channel, "state": r.state,
                 "rate_per_s": round(r.rate, 2), "allowed_per_s": r.allowed,
                 "failures": r.failures, "reason": r.reason,
                 "again_at": iso(r.again_at) if r.again_at else None}
                for r in self.routes
            ],
            "spent_this_hour": {
                "messages": self.spent_messages, "rupiah": round(self.spent_rupiah, 2),
            },
            "ceiling_reached": self.ceiling,
            "stopped": [
                {"switch": s.name, "at": s.at, "by": s.actor, "reason": s.reason}
                for s in self.stopped
            ],
            "faults": dict(self.faults),
        }  # fmt: skip


def class_lines(found: Sequence[Outlook], channels: Mapping[str, str]) -> tuple[ClassLine, ...]:
    """Lanes of one class and pool together; the end is that of the lane with the least to spare."""
    pool = pools(channels)
    groups: dict[tuple[str, str], list[Outlook]] = {}
    for one in found:
        groups.setdefault((pool(one.lane), class_name(one.lane.prio)), []).append(one)
    return tuple(_line(way, name, group) for (way, name), group in groups.items())


def _line(way: str, name: str, group: Sequence[Outlook]) -> ClassLine:
    worst = min(group, key=lambda one: (one.spare is not None, one.spare or timedelta()))
    lasts = [one.last_at for one in group]
    return ClassLine(
        way=way, name=name, waiting=sum(one.lane.waiting for one in group),
        last_at=None if None in lasts else max(last for last in lasts if last is not None),
        late=sum(one.late for one in group), ends_at=worst.lane.ends_at,
    )  # fmt: skip


def pool_rates(
    routes: Sequence[RouteLine], measured: Mapping[str, float], *, served: Sequence[str] = ()
) -> dict[str, float]:
    """Messages a second by pool: of each route that is up what it does, or what it may do."""
    found: dict[str, float] = {}
    for line in routes:
        if line.state == UP:
            rate = min(measured.get(line.route) or line.rate, line.rate)
            found[line.channel] = found.get(line.channel, 0.0) + rate
    for way in (RECORDER, TEST_ROUTE):
        if way in served:
            found[way] = measured.get(way) or RECORDS_PER_S
    return found


def of_process(running: Dispatcher, queue: Queue, measured: Mapping[str, float]) -> Figures:
    """Of a dispatcher that runs here."""
    at = running.shared.clock()
    lines = tuple(
        _own(c.config, c.health, c.rate, up=c.is_up, at=at)
        for c in running.carriers
        if running.shared.holds(c.config.route)
    )
    own = {line.route for line in lines}
    lines += tuple(
        line for line in of_tables(running.engine, running.routes.all, at) if line.route not in own
    )
    messages, rupiah = running.shared.spending.this_hour(at)
    return _figures(
        running.engine, queue, lines, measured, served=(RECORDER, TEST_ROUTE),
        spending=(messages, rupiah), counts=running.counts(), faults=running.shared.faults.now,
        ceiling=running.shared.spending.room(at) == 0,
    )  # fmt: skip


def _own(route: RouteBase, health: Health, rate: float, *, up: bool, at: datetime) -> RouteLine:
    closed = health.closed_s()
    return RouteLine(
        route.route, route.channel, UP if up else DOWN, rate, route.rate_per_s, health.failures,
        health.reason or ("" if up else "connecting"),
        at + timedelta(seconds=closed) if closed else None,
    )  # fmt: skip


def of_tables(engine: Engine, routes: Sequence[RouteBase], at: datetime) -> list[RouteLine]:
    """Routes as the dispatchers last said."""
    with engine.connect() as connection:
        known = {row.route: row for row in connection.execute(select(route_state))}
    return [_told(route, known.get(route.route), at) for route in routes]


def _told(route: RouteBase, row: Any, at: datetime) -> RouteLine:
    if row is None or at - parse_instant(row.at) > FRESH:
        return RouteLine(route.route, route.channel, UNKNOWN, 0.0, route.rate_per_s)
    state = DOWN if row.failures else UP
    again = parse_instant(row.closed_until) if row.closed_until else None
    return RouteLine(
        route.route, route.channel, state, row.rate, route.rate_per_s, row.failures, row.reason,
        again,
    )  # fmt: skip


def of_home(engine: Engine, queue: Queue, routes: Sequence[RouteBase], at: datetime) -> Figures:
    """For somebody who stands beside: from the tables alone."""
    lines = tuple(of_tables(engine, routes, at))
    with engine.connect() as connection:
        spending = spent(connection, hour_of(at))
    return _figures(engine, queue, lines, {}, served=(RECORDER, TEST_ROUTE), spending=spending)


def _figures(
    engine: Engine,
    queue: Queue,
    lines: tuple[RouteLine, ...],
    measured: Mapping[str, float],
    *,
    served: Sequence[str],
    spending: tuple[int, float],
    counts: Mapping[str, int] | None = None,
    faults: Mapping[str, str] | None = None,
    ceiling: bool = False,
) -> Figures:
    channels = {line.route: line.channel for line in lines}
    off = tuple(stops(engine))
    rates = _without_stopped(pool_rates(lines, measured, served=served), off, channels)
    found = outlook(queue, rates, pools(channels))
    return Figures(
        at=queue.at, waiting=class_lines(found, channels), routes=lines,
        on_wire=sum(queue.on_wire.values()), rates=measured, counts=counts or {},
        spent_messages=spending[0], spent_rupiah=spending[1], stopped=off,
        faults=faults or {}, ceiling=ceiling, outlooks=tuple(found),
    )  # fmt: skip


def _without_stopped(
    rates: Mapping[str, float], off: Sequence[Stop], channels: Mapping[str, str]
) -> dict[str, float]:
    """Nothing leaves where a switch is off; that of a channel's only route stops the channel."""
    names = {stop.name.partition(":")[2] for stop in off}
    if "" in names:
        return {}
    left = {
        channel
        for channel in channels.values()
        if all(route in names for route, other in channels.items() if other == channel)
    }
    return {pool: rate for pool, rate in rates.items() if pool not in names | left}
