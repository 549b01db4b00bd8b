"""What Prometheus reads of sending, from the tables alone: whichever process sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Engine, func, select

from kentongan.db import spend
from notify.dispatcher.config import Routes, read_routes
from notify.dispatcher.figures import UNKNOWN, UP, Figures, RouteLine, of_home
from notify.dispatcher.progress import Queue, Watch, class_name


class Sending:
    """Counts what waits as often as it costs little, however often it is scraped."""

    def __init__(self) -> None:
        self._watch: Watch | None = None

    def metrics(self, engine: Engine, routes: Routes, at: datetime) -> Iterator[Metric]:
        if self._watch is None or self._watch.engine is not engine:
            self._watch = Watch(engine)
        queue = self._watch.look(at)
        figures = of_home(engine, queue, routes.all, at)
        yield from _queue_metrics(queue, figures)
        yield from _route_metrics(figures.routes)
        yield from _spend_metrics(engine, figures)


def routes_of(path: Path | None) -> Routes:
    """Those that can be read."""
    return Routes(None) if path is None else read_routes(path)[0]


def _queue_metrics(queue: Queue, figures: Figures) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "kentongan_outbox_waiting", "Messages that wait, by way out and class",
        labels=["way", "class"],
    )  # fmt: skip
    late = GaugeMetricFamily(
        "kentongan_outbox_late", "Of them: that do not leave before their warning ends",
        labels=["way", "class"],
    )  # fmt: skip
    for line in figures.waiting:
        waiting.add_metric([line.way, line.name], line.waiting)
        late.add_metric([line.way, line.name], line.late)
    yield waiting
    yield late
    yield _oldest(queue)
    busy = GaugeMetricFamily(
        "kentongan_outbox_busy", "Messages in hand, by route and state", labels=["route", "state"]
    )
    for state, found in (("leased", queue.leased), ("on_wire", queue.on_wire)):
        for route, number in sorted(found.items()):
            busy.add_metric([route, state], number)
    yield busy


def _oldest(queue: Queue) -> Metric:
    ages: dict[tuple[str, str], float] = {}
    for lane in queue.lanes:
        if lane.since is not None:
            key = (lane.way, class_name(lane.prio))
            ages[key] = max(ages.get(key, 0.0), (queue.at - lane.since).total_seconds())
    oldest = GaugeMetricFamily(
        "kentongan_outbox_oldest_seconds", "How long the oldest of them waits",
        labels=["way", "class"],
    )  # fmt: skip
    for labels, age in sorted(ages.items()):
        oldest.add_metric(list(labels), max(0.0, age))
    return oldest


def _route_metrics(routes: tuple[RouteLine, ...]) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "kentongan_route_up", "1 while a route takes messages, 0 while not or nobody serves it",
        labels=["route"],
    )  # fmt: skip
    rate = GaugeMetricFamily(
        "kentongan_route_rate_per_second", "Messages a second that it takes now", labels=["route"]
    )
    allowed = GaugeMetricFamily(
        "kentongan_route_allowed_per_second", "Messages a second of its contract", labels=["route"]
    )
    failures = GaugeMetricFamily(
        "kentongan_route_failures", "Faults of the route in a row", labels=["route"]
    )
    for line in routes:
        up.add_metric([line.route], float(line.state == UP))
        allowed.add_metric([line.route], line.allowed)
        if line.state != UNKNOWN:
            rate.add_metric([line.route], line.rate)
            failures.add_metric([line.route], line.failures)
    yield from (up, rate, allowed, failures)


def _spend_metrics(engine: Engine, figures: Figures) -> Iterator[Metric]:
    sent = CounterMetricFamily(
        "kentongan_dispatch_messages", "Messages put on the wire of real routes", labels=["route"]
    )
    cost = CounterMetricFamily("kentongan_dispatch_rupiah", "What they cost", labels=["route"])
    totals = select(spend.c.route, func.sum(spend.c.messages), func.sum(spend.c.cost))
    with engine.connect() as connection:
        for route, messages, rupiah in connection.execute(totals.group_by(spend.c.route)):
            sent.add_metric([route], messages)
            cost.add_metric([route], rupiah)
    yield sent
    yield cost
    hour = GaugeMetricFamily("kentongan_spend_hour", "This clock hour (UTC) so far", labels=["of"])
    hour.add_metric(["messages"], figures.spent_messages)
    hour.add_metric(["rupiah"], figures.spent_rupiah)
    yield hour
