"""The watcher polls every feed, and lets no slow one delay a warning."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from ingest.registry import SOURCES
from kentongan.settings import Settings
from orchestration import steps, watch


def test_every_feed_has_its_interval_by_its_tier():
    tiers = {name: source.info.tier for name, source in SOURCES.items()}
    assert set(watch.INTERVALS_S) == {n for n, tier in tiers.items() if tier == "warning"}
    assert set(watch.SUPPORT_INTERVALS_S) == {n for n, tier in tiers.items() if tier == "support"}


def test_a_slow_supporting_feed_delays_no_warning(monkeypatch, tmp_path):
    stop, polled, held = threading.Event(), [], threading.Event()

    def slow(_settings, source, _at):
        held.wait(10)
        return {"source_id": source, "outcome": "new"}

    def quick(_settings, sources, _at):
        polled.append(tuple(sources))
        return [{"outcome": "unchanged"} for _ in sources]

    monkeypatch.setattr(steps, "poll_support", slow)
    monkeypatch.setattr(steps, "poll_sources", quick)
    monkeypatch.setattr(steps, "advance_at", lambda *_a: {})
    monkeypatch.setitem(watch.INTERVALS_S, "bmkg-quakes", 0.01)
    settings = Settings(_env_file=None, home=tmp_path)
    running = threading.Thread(
        target=watch.watch, args=(settings,), kwargs={"stop": stop, "tick_s": 0.01}
    )
    running.start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (
        len(polled) < 5 or {one for sources in polled for one in sources} != set(watch.INTERVALS_S)
    ):
        time.sleep(0.01)
    stop.set()
    held.set()
    running.join(10)
    assert len(polled) >= 5
    assert {source for sources in polled for source in sources} == set(watch.INTERVALS_S)


def test_a_warning_feed_that_hangs_keeps_no_bulletin_waiting(monkeypatch, tmp_path):
    """One host takes 10 s for nothing; the bulletin of another is used at once."""
    stop, held, advanced = threading.Event(), threading.Event(), threading.Event()
    bulletins = iter(["unchanged", "new"])

    def poll(_settings, sources, _at):
        if sources == ["bmkg-inatews"]:
            return [{"outcome": next(bulletins, "unchanged")}]
        held.wait(10)
        return [{"outcome": "unchanged"}]

    rounds = []

    def advance(*_arguments):
        rounds.append(1)
        if len(rounds) == 2:
            advanced.set()

    monkeypatch.setattr(steps, "poll_sources", poll)
    monkeypatch.setattr(steps, "advance_at", advance)
    monkeypatch.setitem(watch.INTERVALS_S, "bmkg-inatews", 0.5)
    settings = Settings(_env_file=None, home=tmp_path, sources=("himawari-rp", "bmkg-inatews"))
    running = threading.Thread(
        target=watch.watch, args=(settings,), kwargs={"stop": stop, "tick_s": 0.05}
    )
    running.start()
    assert advanced.wait(5)
    stop.set()
    held.set()
    running.join(10)


def test_a_clock_that_is_set_back_stops_no_poll(monkeypatch, tmp_path):
    """By an hour, after the first look: NTP at a machine that booted with a wrong clock."""
    stop, polled = threading.Event(), []
    times = iter([watch.utc_now()])

    def poll(_settings, sources, at):
        polled.append(at)
        return [{"outcome": "unchanged"}]

    monkeypatch.setattr(steps, "poll_sources", poll)
    monkeypatch.setattr(steps, "advance_at", lambda *_a: {})
    monkeypatch.setitem(watch.INTERVALS_S, "bmkg-inatews", 0.05)
    settings = Settings(_env_file=None, home=tmp_path, sources=("bmkg-inatews",))

    def clock():
        return next(times, watch.utc_now() - timedelta(hours=1))

    running = threading.Thread(
        target=watch.watch, args=(settings,), kwargs={"stop": stop, "clock": clock, "tick_s": 0.05}
    )
    running.start()
    deadline = time.monotonic() + 10
    while len(polled) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    running.join(10)
    assert len(polled) >= 3


def test_only_the_chosen_feeds_are_polled(monkeypatch, tmp_path):
    stop, polled = threading.Event(), []

    def quick(_settings, sources, _at):
        polled.extend(sources)
        stop.set()
        return []

    monkeypatch.setattr(steps, "poll_sources", quick)
    monkeypatch.setattr(steps, "advance_at", lambda *_a: {})
    settings = Settings(_env_file=None, home=tmp_path, sources=("bmkg-inatews",))
    watch.watch(settings, stop=stop, tick_s=0.01)
    assert set(polled) == {"bmkg-inatews"}
