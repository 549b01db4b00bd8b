"""Request limits, breakers and leases that several processes share through one database."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from ingest.play.feedserver import FeedServer, Payload, folder_routes
from ingest.run import poll
from ingest.wire import shared
from ingest.wire.breaker import (
    ASKED_CAP_S,
    FIRST_PAUSE_S,
    OPENS_AFTER,
    SUPPORT_CAP_S,
    WARNING_CAP_S,
    Breaker,
    Open,
    Permit,
    pause_s,
)
from ingest.wire.lease import lease
from ingest.wire.rate import RateLimiter, SharedLimiter
from kentongan.db import breakers, feed_log, leases, make_engine
from kentongan.migrate import migrate
from kentongan.types import Outcome

HOST = "www.bmkg.go.id"
BULLETIN = "/datagempa.json"
RP = "/IMAGE/HIMA/H08_RP_Indonesia.png"


@pytest.fixture
def url(tmp_path, database_url):
    return database_url or f"sqlite:///{tmp_path / 'k.sqlite'}"


@pytest.fixture
def engine(url):
    made = make_engine(url)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture(autouse=True)
def _speak(monkeypatch):
    monkeypatch.setattr(shared, "_said", {})


class Clock:
    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


def another(code, *arguments):
    """A process of its own; its code finds `sys` and what it needs imports itself."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


# --- the request limit ------------------------------------------------------------------

TAKE_ALL = """
    import sys, time
    from ingest.wire.rate import RateLimiter, SharedLimiter
    from kentongan.db import make_engine
    engine = make_engine(sys.argv[1])
    limiter = SharedLimiter(engine, local=RateLimiter(), clock=lambda: 1_800_000_000.0)
    print(sum(limiter.take("www.bmkg.go.id", patience_s=0) for _ in range(60)))
"""


def test_two_processes_share_one_bucket(engine, url):
    running = [another(TAKE_ALL, url) for _ in range(2)]
    taken = [int(process.communicate(timeout=60)[0]) for process in running]
    assert sum(taken) == 60
    limiter = SharedLimiter(engine, local=RateLimiter(), clock=lambda: 1_800_000_000.0)
    assert limiter.left(HOST) == 0
    assert not limiter.take(HOST, patience_s=0)


def limiter_of(engine, clock, slept, **changes):
    return SharedLimiter(engine, clock=clock, sleep=slept.append, local=RateLimiter(), **changes)


def test_a_turn_is_waited_for_and_comes_back_with_time(engine):
    clock, slept = Clock(), []
    limiter = limiter_of(engine, clock, slept)
    assert limiter.left("new.bmkg.go.id") == 60
    assert all(limiter.take(HOST, patience_s=0) for _ in range(60))
    assert not limiter.take(HOST, patience_s=0.5)
    assert limiter.take(HOST, patience_s=2)
    assert slept == [pytest.approx(1.0)]
    clock.now += 31
    assert limiter.left(HOST) == 30
    clock.now += 3600
    assert limiter.left(HOST) == 60


def test_support_leaves_a_reserve_and_warnings_may_use_it(engine):
    clock, slept = Clock(), []
    limiter = limiter_of(engine, clock, slept)
    taken = sum(limiter.take(HOST, patience_s=0, reserve=20) for _ in range(60))
    assert (taken, limiter.left(HOST)) == (40, 20)
    assert sum(limiter.take(HOST, patience_s=0) for _ in range(60)) == 20
    assert limiter.take("api.bmkg.go.id", patience_s=0, reserve=20), "another host is not touched"


def test_a_reserve_never_closes_a_host(engine):
    limiter = limiter_of(engine, Clock(), [], per_minute=5)
    assert limiter.take(HOST, patience_s=0, reserve=50)


@pytest.mark.parametrize("shift", [-3600.0, 3600.0])
def test_a_clock_that_was_set_fills_the_bucket_and_never_locks_it(engine, shift):
    clock = Clock()
    limiter = limiter_of(engine, clock, [])
    assert all(limiter.take(HOST, patience_s=0) for _ in range(60))
    clock.now += shift
    assert limiter.take(HOST, patience_s=0)


@settings(max_examples=20)
@given(
    moves=st.lists(
        st.tuples(st.floats(0, 30), st.sampled_from([0, 20]), st.floats(0, 2)), max_size=40
    )
)
def test_the_shared_and_the_local_bucket_decide_alike(tmp_path_factory, moves):
    path = tmp_path_factory.mktemp("bucket") / "k.sqlite"
    engine = make_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE rate_buckets (host TEXT PRIMARY KEY, tokens, at)"))
    clock = Clock(0.0)
    local = RateLimiter(per_minute=30, monotonic=clock, sleep=lambda _: None)
    both = (limiter_of(engine, clock, [], per_minute=30), local)
    for wait, reserve, patience in moves:
        clock.now += wait
        first, second = (one.take(HOST, patience_s=patience, reserve=reserve) for one in both)
        assert first == second
    engine.dispose()


def test_without_its_table_the_process_keeps_its_own_count(engine, caplog):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE rate_buckets"))
    limiter = limiter_of(engine, Clock(), [])
    with caplog.at_level(logging.WARNING):
        assert sum(limiter.take(HOST, patience_s=0) for _ in range(80)) == 60
        assert limiter.left(HOST) == 0
    lines = [r.getMessage() for r in caplog.records]
    assert [line.partition(" (")[0] for line in lines] == [
        "shared request limit not writable; this process keeps its own",
        "shared request limit not readable; this process keeps its own",
    ], "one line a minute, not one a request"


def test_a_locked_database_holds_no_request_up(engine, url):
    other = make_engine(url)
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert limiter_of(engine, Clock(), []).take(HOST, patience_s=0)
        assert time.monotonic() - started < 1.5
        connection.rollback()
    other.dispose()


# --- breakers ---------------------------------------------------------------------------


def failing(breaker, at, times, *, warning=True, **rest):
    for _ in range(times):
        breaker.failed(HOST, at, "HTTP 503", warning=warning, **rest)


def test_it_opens_after_three_polls_in_a_row(engine, now):
    breaker = Breaker(engine, Clock())
    assert breaker.admit(HOST, now) == Permit()
    failing(breaker, now, OPENS_AFTER - 1)
    assert breaker.admit(HOST, now) == Permit(was_failing=True)
    failing(breaker, now, 1)
    found = breaker.admit(HOST, now)
    assert isinstance(found, Open)
    assert str(found) == (
        "breaker open since 2026-11-20T07:25:00Z, next try 2026-11-20T07:25:05Z (HTTP 503)"
    )


def test_a_success_in_between_begins_the_count_again(engine, now):
    breaker = Breaker(engine, Clock())
    failing(breaker, now, OPENS_AFTER - 1)
    breaker.succeeded(HOST, breaker.admit(HOST, now))
    failing(breaker, now, OPENS_AFTER - 1)
    assert isinstance(breaker.admit(HOST, now), Permit)


@pytest.mark.parametrize("by", ["real", "polls"])
def test_one_probe_when_either_clock_says_so(engine, now, by):
    clock = Clock()
    here, there = Breaker(engine, clock), Breaker(engine, clock)
    failing(here, now, OPENS_AFTER)
    later = now
    if by == "real":
        clock.now += FIRST_PAUSE_S
    else:
        later += timedelta(seconds=FIRST_PAUSE_S)
    assert here.admit(HOST, later) == Permit(is_probe=True, was_failing=True)
    assert isinstance(there.admit(HOST, later), Open), "the other process leaves it to the first"


def test_a_probe_that_fails_doubles_the_pause_and_one_that_succeeds_closes(engine, now):
    clock = Clock()
    breaker = Breaker(engine, clock)
    failing(breaker, now, OPENS_AFTER)
    pauses = []
    for _ in range(5):
        clock.now += 3600
        now += timedelta(hours=1)
        permit = breaker.admit(HOST, now)
        assert permit.is_probe
        breaker.failed(HOST, now, "HTTP 503", warning=True)
        with engine.connect() as connection:
            pauses.append(connection.execute(select(breakers.c.retry_clock)).scalar() - clock.now)
    assert pauses == [10, 15, 15, 15, 15]
    clock.now += 60
    breaker.succeeded(HOST, breaker.admit(HOST, now))
    assert breaker.admit(HOST, now) == Permit()


def test_a_process_that_died_while_probing_keeps_nobody_out(engine, now):
    clock = Clock()
    breaker = Breaker(engine, clock)
    failing(breaker, now, OPENS_AFTER)
    clock.now += 20
    assert breaker.admit(HOST, now).is_probe
    clock.now += 16
    assert breaker.admit(HOST, now).is_probe


@pytest.mark.parametrize("shift", [timedelta(days=-400), timedelta(days=400)])
def test_a_replay_of_another_time_is_not_kept_out(engine, now, shift):
    breaker = Breaker(engine, Clock())
    failing(breaker, now, OPENS_AFTER)
    assert isinstance(breaker.admit(HOST, now + shift), Permit)


def test_a_clock_that_was_set_back_keeps_nobody_out(engine, now):
    clock = Clock()
    breaker = Breaker(engine, clock)
    failing(breaker, now, OPENS_AFTER)
    clock.now -= 86_400
    assert isinstance(breaker.admit(HOST, now), Permit)


@given(failures=st.integers(1, 500), asked=st.floats(0, 1e9))
def test_a_host_of_warnings_is_probed_every_half_minute(failures, asked):
    assert pause_s(failures, warning=True, asked_s=asked) <= 30
    assert pause_s(failures, warning=False, asked_s=asked) <= SUPPORT_CAP_S
    assert (pause_s(failures, warning=True) > 0) == (failures >= OPENS_AFTER)
    assert WARNING_CAP_S <= ASKED_CAP_S <= 30


def test_a_long_retry_after_opens_at_once(engine, now):
    breaker = Breaker(engine, Clock())
    failing(breaker, now, 1, asked_s=60.0)
    found = breaker.admit(HOST, now)
    assert isinstance(found, Open)
    assert found.next_try == "2026-11-20T07:25:30Z"


def test_without_its_table_every_host_is_asked(engine, now):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE breakers"))
    breaker = Breaker(engine)
    failing(breaker, now, 5)
    breaker.succeeded(HOST, Permit(was_failing=True))
    assert breaker.admit(HOST, now) == Permit()


# --- breakers in polls ------------------------------------------------------------------


@pytest.fixture
def weather():
    """A feed server whose one answer the test changes as it goes."""
    answer = {"now": Payload(status=503)}
    with FeedServer(lambda _path: answer["now"]) as server:
        yield answer, server


def details(report):
    return [entry.detail for entry in report.entries]


def test_a_dead_host_is_left_alone_and_found_again(weather, make_context, now, feeds):
    answer, server = weather
    context = make_context(server.url)
    for second in range(OPENS_AFTER):
        report = poll("himawari-rp", at=now + timedelta(seconds=second), context=context)
        assert "503" in details(report)[0]
    asked = len(server.requests)
    report = poll("himawari-rp", at=now + timedelta(seconds=4), context=context)
    assert (report.outcome, str(report.state)) == (Outcome.DOWN, "down")
    assert "not asked, breaker open since 2026-11-20T07:25:02Z, next try" in details(report)[0]
    assert "503" in details(report)[0], "why it opened"
    assert len(server.requests) == asked, "nothing went out"

    report = poll("himawari-rp", at=now + timedelta(seconds=8), context=context)
    assert "503" in details(report)[0], "a probe was made"
    answer["now"] = Payload((feeds / "himawari-rp.png").read_bytes())
    report = poll("himawari-rp", at=now + timedelta(seconds=30), context=context)
    assert report.outcome is Outcome.NEW
    with context.engine.connect() as connection:
        assert connection.execute(select(breakers)).all() == []


def test_other_sources_of_a_dead_host_are_spared_too(make_context, now):
    context = make_context("http://127.0.0.1:9")
    for _ in range(OPENS_AFTER):
        poll("himawari-rp", at=now, context=context)
    started = time.monotonic()
    report = poll("bmkg-inatews", at=now, context=context)
    assert "breaker open" in details(report)[0]
    assert time.monotonic() - started < 0.2


def test_a_block_page_stays_a_block_page_while_the_breaker_is_open(weather, make_context, now):
    answer, server = weather
    answer["now"] = Payload(b"<!doctype html><title>Laman Diblokir</title>", "text/html", 403)
    context = make_context(server.url)
    states = [poll("bmkg-quakes", at=now, context=context).state for _ in range(6)]
    assert {str(state) for state in states} == {"blocked"}


def test_dead_links_behind_a_living_index_open_nothing(feeds, make_context, now):
    index = folder_routes(feeds)("/alerts/nowcast/id")
    routes = {"/alerts/nowcast/id": index}
    with FeedServer(lambda path: routes.get(path, Payload(status=503))) as server:
        context = make_context(server.url)
        for second in range(5):
            poll("bmkg-nowcast", at=now + timedelta(seconds=second), context=context)
    with context.engine.connect() as connection:
        assert connection.execute(select(breakers)).all() == []


def test_what_is_not_there_is_no_failure_of_the_host(weather, make_context, now):
    answer, server = weather
    answer["now"] = Payload(b"{}", status=404)
    context = make_context(server.url)
    for _ in range(5):
        report = poll("bmkg-quakes", at=now, context=context)
    assert "404" in details(report)[0]


# --- leases -----------------------------------------------------------------------------


def test_one_at_a_time_by_name(engine):
    with lease(engine, "poll:a", seconds=30) as first, lease(engine, "poll:b", seconds=30) as other:
        assert first
        assert other
        with lease(engine, "poll:a", seconds=30) as second:
            assert second is None
    with lease(engine, "poll:a", seconds=30) as third:
        assert third


def test_taking_and_letting_go_costs_little(engine):
    spent = []
    for _ in range(50):
        started = time.perf_counter()
        with lease(engine, "poll:a", seconds=30):
            pass
        spent.append(time.perf_counter() - started)
    assert sorted(spent)[25] < 0.002 * 3, "2 ms, with room for a busy machine"


def elsewhere(engine, name, until):
    """A lease of an owner on another machine."""
    with engine.begin() as connection:
        connection.execute(leases.insert().values(name=name, owner="boot:1:99:5:0", until=until))


def test_an_owner_on_another_machine_holds_until_its_end(engine):
    clock = Clock(1_800_000_000.0)
    elsewhere(engine, "poll:a", "2027-01-15T08:00:10.000000Z")
    with lease(engine, "poll:a", seconds=30, clock=clock) as found:
        assert found is None
    clock.now += 11
    with lease(engine, "poll:a", seconds=30, clock=clock) as found:
        assert found


def test_a_lease_from_a_wrong_clock_keeps_nobody_out(engine):
    elsewhere(engine, "poll:a", "2099-01-01T00:00:00.000000Z")
    with lease(engine, "poll:a", seconds=30) as found:
        assert found


def test_a_renewed_lease_goes_on(engine):
    clock = Clock()
    with lease(engine, "poll:a", seconds=30, clock=clock) as mine:
        for _ in range(5):
            clock.now += 15
            mine.renew()
        with engine.connect() as connection:
            until = connection.execute(select(leases.c.until)).scalar()
        assert until == "2027-01-15T08:01:45.000000Z"
        with engine.begin() as connection:
            connection.execute(update(leases).values(owner="boot:1:99:5:0"))
        clock.now += 15
        mine.renew()
    with engine.connect() as connection:
        assert connection.execute(select(leases.c.owner)).scalar() == "boot:1:99:5:0"


def test_without_its_table_threads_are_still_kept_apart(engine):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE leases"))
    with lease(engine, "poll:a", seconds=30) as first:
        assert first
        with lease(engine, "poll:a", seconds=30) as second:
            assert second is None


HOLD = """
    import sys, time
    from ingest.wire.lease import lease
    from kentongan.db import make_engine
    with lease(make_engine(sys.argv[1]), "poll:bmkg-inatews", seconds=300) as held:
        print("held" if held else "refused", flush=True)
        time.sleep(60)
"""


def test_a_killed_owner_is_found_out_at_once(engine, url):
    process = another(HOLD, url)
    assert process.stdout.readline() == "held\n"
    with lease(engine, "poll:bmkg-inatews", seconds=30) as found:
        assert found is None, "another process holds it"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    process.stdout.close()
    started = time.monotonic()
    with lease(engine, "poll:bmkg-inatews", seconds=30) as found:
        assert found
    assert time.monotonic() - started < 0.5


def test_two_polls_of_one_source_never_overlap(make_context, now):
    entered, release, requests = threading.Event(), threading.Event(), []

    def slow(path):
        requests.append(path)
        entered.set()
        release.wait(5)
        return Payload(status=404)

    with FeedServer(slow) as server:
        context = make_context(server.url)
        reports = []
        first = threading.Thread(
            target=lambda: reports.append(poll("himawari-rp", at=now, context=context))
        )
        first.start()
        assert entered.wait(5)
        started = time.monotonic()
        second = poll("himawari-rp", at=now, context=context)
        assert time.monotonic() - started < 0.5
        assert second.outcome is Outcome.UNCHANGED
        assert "another poll is running" in second.detail
        assert len(requests) == 1, "the network was not touched"
        other = poll("bmkg-nowcast", at=now, context=make_context("http://127.0.0.1:9"))
        assert other.outcome is Outcome.DOWN, "another source is not held up"
        release.set()
        first.join()
    assert reports[0].outcome is Outcome.DOWN
    with context.engine.connect() as connection:
        mine = select(feed_log).where(feed_log.c.source_id == "himawari-rp")
        assert len(connection.execute(mine).all()) == 1, "the second left no row"


def test_a_poll_of_another_process_is_waited_out_by_nobody(make_context, now):
    context = make_context("http://127.0.0.1:9")
    process = another(HOLD, context.engine.url.render_as_string(hide_password=False))
    assert process.stdout.readline() == "held\n"
    assert "another poll is running" in poll("bmkg-inatews", at=now, context=context).detail
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    process.stdout.close()
    assert poll("bmkg-inatews", at=now, context=context).outcome is Outcome.DOWN, "asked, and dead"
