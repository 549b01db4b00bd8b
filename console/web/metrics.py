"""`/metrics`: what Prometheus reads. Each scrape asks the database; nothing is kept but counts.

Times that are not known are left out rather than told as zero; a source that is not configured
has a state and nothing else.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from console import words
from console.web.dispatch_metrics import Sending, routes_of
from kentongan.db import feed_log
from kentongan.tables.sending import is_ready
from kentongan.view import FeedLine

if TYPE_CHECKING:
    from console.web.reading import Reading

CONTENT_TYPE = CONTENT_TYPE_LATEST


class PollCounts:
    """Rows of `feed_log` by source and outcome, counted on from the last look.

    The table only grows at its end, so a scrape reads what was added since the one before.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._last_id = 0
        self._lock = threading.Lock()
        self.sending = Sending()

    def read(self, engine: Engine) -> dict[tuple[str, str], int]:
        added = (
            select(feed_log.c.source_id, feed_log.c.outcome, func.count(), func.max(feed_log.c.id))
            .where(feed_log.c.id > self._last_id)
            .group_by(feed_log.c.source_id, feed_log.c.outcome)
        )
        with self._lock, engine.connect() as connection:
            for source_id, outcome, number, last in connection.execute(added).all():
                self._counts[source_id, outcome] += number
                self._last_id = max(self._last_id, last)
            return dict(self._counts)


class _Scrape(Collector):
    """The metrics of one instant."""

    def __init__(self, reading: Reading, at: datetime, polls: PollCounts) -> None:
        self.reading, self.at, self.polls = reading, at, polls

    def collect(self) -> Iterator[Metric]:
        error = self.reading.database_error()
        up = GaugeMetricFamily("kentongan_database_up", "1 while the database answers")
        up.add_metric([], 0.0 if error else 1.0)
        yield up
        if error:
            return
        yield from _feed_metrics(self.reading.feeds(self.at), self.at)
        yield from self._log_metrics()
        yield from self._pulse_metrics()
        yield self._forecast_metric()

    def _log_metrics(self) -> Iterator[Metric]:
        polls = CounterMetricFamily(
            "kentongan_polls", "Addresses asked, by outcome", labels=["source", "outcome"]
        )
        for (source, outcome), number in sorted(self.polls.read(self.reading.engine).items()):
            polls.add_metric([source, outcome], number)
        yield polls
        waiting = GaugeMetricFamily(
            "kentongan_quarantine_open", "Entries that wait for a person", labels=["source"]
        )
        for source, number in sorted(self.reading.quarantine().items()):
            waiting.add_metric([source], number)
        yield waiting

    def _pulse_metrics(self) -> Iterator[Metric]:
        ages = GaugeMetricFamily(
            "kentongan_heartbeat_age_seconds", "Since the last heartbeat", labels=["name"]
        )
        for beat in self.reading.pulse():
            ages.add_metric([beat.name], (self.at - beat.at).total_seconds())
        yield ages
        rows = select(func.count()).where(is_ready)
        with self.reading.engine.connect() as connection:
            ready = connection.execute(rows).scalar_one()
        yield GaugeMetricFamily("kentongan_outbox_ready", "Messages not sent yet", value=ready)
        routes = routes_of(self.reading.settings.routes)
        yield from self.polls.sending.metrics(self.reading.engine, routes, self.at)

    def _forecast_metric(self) -> Metric:
        villages = GaugeMetricFamily(
            "kentongan_forecast_villages", "Villages by what their forecast's last answer was",
            labels=["outcome"],
        )  # fmt: skip
        for outcome, number in sorted(self.reading.forecast_villages().items()):
            villages.add_metric([outcome], number)
        return villages


def _feed_metrics(feeds: tuple[FeedLine, ...], at: datetime) -> Iterator[Metric]:
    yield _state_metric(feeds)
    for name, help_text, field in (
        ("kentongan_feed_age_seconds", "Age of the newest content by its own time", "newest"),
        ("kentongan_feed_blind_seconds", "For how long the feed has told nothing", "blind_since"),
        ("kentongan_feed_overdue_seconds", "Since the next content was due", "due_at"),
    ):
        family = GaugeMetricFamily(name, help_text, labels=["source", "part"])
        for source, part, line in _lines(feeds):
            when = getattr(line, field, None)
            if when is not None:
                passed = (at - when).total_seconds()
                # What is due later is not overdue.
                family.add_metric([source, part], max(0.0, passed) if field == "due_at" else passed)
        yield family
    success = GaugeMetricFamily(
        "kentongan_feed_last_success_timestamp_seconds",
        "When a poll last gave what it should",
        labels=["source"],
    )
    for line in feeds:
        if line.last_success is not None:
            success.add_metric([line.source_id], line.last_success.timestamp())
    yield success


def _state_metric(feeds: tuple[FeedLine, ...]) -> Metric:
    state = GaugeMetricFamily(
        "kentongan_feed_state", "1 for the state that holds", labels=["source", "part", "state"]
    )
    for source, part, line in _lines(feeds):
        for word in words.FEED_STATES:
            state.add_metric([source, part, word], float(line.state == word))
    return state


def _lines(feeds: tuple[FeedLine, ...]) -> Iterator[tuple[str, str, FeedLine]]:
    """Source, part (empty: the source itself), and what is told of it."""
    for feed in feeds:
        yield feed.source_id, "", feed
        for part in feed.parts:
            yield feed.source_id, part.name, part  # type: ignore[misc]


def exposition(reading: Reading, at: datetime, polls: PollCounts) -> bytes:
    """The text of one scrape."""
    registry = CollectorRegistry()
    registry.register(_Scrape(reading, at, polls))
    return bytes(generate_latest(registry))
