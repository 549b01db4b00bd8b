"""The second path: the same polling and steps as the DAGs, without Airflow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kentongan.settings import Settings
from orchestration.heartbeat import WATCH, Pulse, pulse

log = logging.getLogger(__name__)

INTERVALS_S = {
    "bmkg-quakes": 6.0,
    "bmkg-inatews": 3.0,
    "bmkg-nowcast": 25.0,
    "himawari-rp": 60.0,
    "bmkg-forecast": 900.0,
}
"""Seconds between polls. Three files of quakes every 6 s, by the watcher and by Airflow, are 60
requests a minute: what BMKG allows for nowcast and forecast; for quakes it names no figure."""

BACKSTOP = timedelta(minutes=1)
"""Expiry and renewal need a cycle even when no feed changes."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def watch(
    settings: Settings,
    *,
    stop: threading.Event,
    clock: Callable[[], datetime] = utc_now,
    tick_s: float = 0.5,
) -> None:
    """Poll each source at its interval and advance when something is new, until `stop`."""
    with pulse(settings.resolved_database_url, WATCH) as heart:
        _keep_watch(settings, heart, stop, clock, tick_s)


def _keep_watch(
    settings: Settings,
    heart: Pulse,
    stop: threading.Event,
    clock: Callable[[], datetime],
    tick_s: float,
) -> None:
    due = dict.fromkeys(INTERVALS_S, datetime.min.replace(tzinfo=UTC))
    advanced = datetime.min.replace(tzinfo=UTC)
    while not stop.is_set():
        now = clock()
        heart.beat(WATCH, now)
        ready = [source for source, when in due.items() if when <= now]
        news = _try_poll(settings, ready, now) if ready else False
        due.update({s: now + timedelta(seconds=INTERVALS_S[s]) for s in ready})
        if news or now - advanced >= BACKSTOP:
            _try_advance(settings, now)
            advanced = now
        stop.wait(tick_s)


def _try_poll(settings: Settings, sources: list[str], at: datetime) -> bool:
    from orchestration.steps import poll_sources

    try:
        return any(p["outcome"] == "new" for p in poll_sources(settings, sources, at))
    except Exception:
        log.exception("poll of %s failed; the watch goes on", ", ".join(sources))
        return False


def _try_advance(settings: Settings, at: datetime) -> None:
    from orchestration.steps import advance_at

    try:
        advance_at(settings, at)
    except Exception:
        log.exception("cycle at %s failed; the watch goes on", at.isoformat())
