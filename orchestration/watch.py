"""The second path: the same polling and steps as the DAGs, without Airflow."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from kentongan.settings import Settings
from orchestration.heartbeat import WATCH, Pulse, pulse

log = logging.getLogger(__name__)

INTERVALS_S = {
    "bmkg-quakes": 6.0,
    "bmkg-inatews": 5.0,
    "bmkg-inatews-lists": 60.0,
    "bmkg-nowcast": 25.0,
    "himawari-rp": 60.0,
}
"""Seconds between polls of what warns. The watcher and Airflow share 60 requests a minute and
host: three files of quakes every 6 s and a doorbell are 40 of them, two of InaTEWS every 5 s 41."""

SUPPORT_INTERVALS_S = {
    "bmkg-forecast": 60.0,
    "bmkg-nowcast-en": 120.0,
    "bmkg-detections": 60.0,
    "bmkg-shakemap": 120.0,
    "himawari-images": 300.0,
    "himawari-clouds": 900.0,
    "noaa-err": 120.0,
    "himawari-b13": 120.0,
    "himawari-ptree": 120.0,
    "himawari-hsd": 120.0,
    "jaxa-gsmap": 600.0,
    "bmkg-radar": 240.0,
    "bmkg-catalogue": 3600.0,
}
"""Of what no decision waits for: polled in a thread of its own, one after the other."""

HEAR_S = 0.5
"""Between two looks into the inbox: one small query each."""
TIDY_S = 86_400.0
"""Between two rounds of housekeeping; Airflow's own does no harm beside it."""

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
    heart.beat(WATCH, clock())  # The database is made here, before threads could do so at once.
    news = threading.Event()
    threads = [
        threading.Thread(target=_poll_often, args=(settings, one, news, stop, clock), name=one)
        for one in _chosen(settings, INTERVALS_S)
    ]
    threads.append(threading.Thread(target=_support, args=(settings, stop, clock, tick_s)))
    threads.append(threading.Thread(target=_listen, args=(settings, stop, clock)))
    for thread in threads:
        thread.daemon = True
        thread.start()
    advanced = -BACKSTOP.total_seconds() + time.monotonic()
    while not stop.is_set():
        heart.beat(WATCH, clock())
        if news.wait(tick_s) or time.monotonic() - advanced >= BACKSTOP.total_seconds():
            advanced = time.monotonic()
            news.clear()  # Before the clock is read: what comes later is news of the next round.
            _try_advance(settings, clock())
    for thread in threads:
        thread.join(timeout=settings.http_timeout_s)


def _poll_often(
    settings: Settings,
    source: str,
    news: threading.Event,
    stop: threading.Event,
    clock: Callable[[], datetime],
) -> None:
    """Poll one feed that warns, in a thread of its own: a host that never answers holds up no
    bulletin. Counted by the steady clock: one that is set back stops nothing."""
    while not stop.is_set():
        started = time.monotonic()
        if _try_poll(settings, source, clock()):
            news.set()
        stop.wait(max(0.01, INTERVALS_S[source] - (time.monotonic() - started)))


def _support(
    settings: Settings,
    stop: threading.Event,
    clock: Callable[[], datetime],
    tick_s: float,
) -> None:
    """Poll the supporting feeds; a large image or a slow host delays no warning."""
    due = dict.fromkeys(_chosen(settings, SUPPORT_INTERVALS_S), 0.0)
    tidied = time.monotonic()
    while not stop.is_set():
        source = min(due, key=lambda name: due[name], default=None)
        if time.monotonic() - tidied >= TIDY_S:
            tidied = time.monotonic()
            _try_tidy(settings, clock())
        elif source is not None and due[source] <= time.monotonic():
            started = time.monotonic()
            _try_support(settings, source, clock())
            due[source] = started + SUPPORT_INTERVALS_S[source]
        else:
            stop.wait(tick_s)


def _listen(settings: Settings, stop: threading.Event, clock: Callable[[], datetime]) -> None:
    """Read what comes in as it comes: whoever says yes to a task is seen within a second."""
    from orchestration.context import is_live, open_context
    from orchestration.hearing import something_came
    from orchestration.steps import loop_in

    while not stop.is_set():
        try:
            with open_context(settings, live=is_live(clock(), clock())) as context:
                while not stop.wait(HEAR_S):
                    if something_came(context.engine):
                        loop_in(context, clock())
        except Exception:
            log.exception("reading the inbox failed; the watch goes on")
            stop.wait(10 * HEAR_S)


def _chosen(settings: Settings, intervals_s: Mapping[str, float]) -> list[str]:
    """The configured ones of these feeds."""
    from ingest.registry import configured

    chosen = configured(settings)
    return [name for name in intervals_s if name in chosen]


def _try_tidy(settings: Settings, at: datetime) -> None:
    """Where no Airflow runs, nobody else keeps the disk from filling."""
    from orchestration.housekeeping import thin_at

    try:
        thin_at(settings, at)
    except Exception:
        log.exception("housekeeping failed; the watch goes on")


def _try_support(settings: Settings, source: str, at: datetime) -> None:
    from orchestration.steps import poll_support

    try:
        poll_support(settings, source, at)
    except Exception:
        log.exception("poll of %s failed; the watch goes on", source)


def _try_poll(settings: Settings, source: str, at: datetime) -> bool:
    """Whether it brought anything new."""
    from orchestration.steps import poll_sources

    try:
        return any(p["outcome"] == "new" for p in poll_sources(settings, [source], at))
    except Exception:
        log.exception("poll of %s failed; the watch goes on", source)
        return False


def _try_advance(settings: Settings, at: datetime) -> None:
    from orchestration.steps import advance_at

    try:
        advance_at(settings, at)
    except Exception:
        log.exception("cycle at %s failed; the watch goes on", at.isoformat())
