"""The doorbell's look at an address: what rings, what is refused, how it slows down."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.wire.breaker import Breaker
from ingest.wire.rate import RateLimiter, SharedLimiter
from kentongan.errors import SettingsError, SourceBlocked, SourceChanged, SourceDown
from kentongan.settings import Settings
from kentongan.store import sha256_hex
from orchestration.airflow.doorbell import (
    BELLS,
    MAX_PAUSE_S,
    Glance,
    address,
    glance,
    pause_s,
    turn,
)
from orchestration.watch import INTERVALS_S

URL = "http://feed.invalid/autogempa.json"


def look(
    answer: Callable[[httpx.Request], httpx.Response],
    last: Glance | None = None,
    *,
    timeout_s: float = 5.0,
    max_bytes: int = 1000,
) -> Glance:
    async def once() -> Glance:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await glance(http, URL, last, timeout_s=timeout_s, max_bytes=max_bytes)

    return asyncio.run(once())


def ok(body: bytes, **headers: str) -> httpx.Response:
    """As a connection gives it: in a stream, undecoded."""

    async def stream() -> AsyncIterator[bytes]:
        yield body

    sent = {k.replace("_", "-"): v for k, v in headers.items()}
    return httpx.Response(200, content=stream(), headers=sent)


def test_a_glance_is_the_digest_of_the_bytes_and_the_etag():
    seen = look(lambda _: ok(b'{"a": 1}', ETag='"v1"'))
    assert seen == Glance(sha256_hex(b'{"a": 1}'), '"v1"')


def test_the_etag_goes_back_and_304_means_no_change():
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["If-None-Match"] == '"v1"'
        return httpx.Response(304)

    last = Glance("0" * 64, '"v1"')
    assert look(answer, last) is last


def test_an_absurd_etag_is_not_kept():
    seen = look(lambda _: ok(b"{}", ETag="x" * 5000))
    assert seen.etag == ""


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(503, SourceDown, id="maintenance"),
        pytest.param(429, SourceDown, id="too-many-requests"),
        pytest.param(304, SourceChanged, id="not-modified-without-a-question"),
        pytest.param(302, SourceChanged, id="redirect-is-not-followed"),
        pytest.param(404, SourceChanged, id="gone"),
        pytest.param(206, SourceChanged, id="partial"),
    ],
)
def test_other_answers_are_refused(status, error):
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(status, headers={"Location": "http://other.invalid/"})

    with pytest.raises(error):
        look(answer)
    assert calls == [URL]


@pytest.mark.parametrize("page", [b"<html><title>Request Rejected", b"\n <!DOCTYPE HTML>\n"])
def test_a_firewalls_page_does_not_ring(page):
    with pytest.raises(SourceBlocked):
        look(lambda _: ok(page))


def test_a_huge_body_stops_being_read():
    read = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * 600

    with pytest.raises(SourceChanged, match="more than 1000 bytes"):
        look(lambda _: httpx.Response(200, content=endless()))
    assert len(read) == 2


def test_a_gzip_bomb_is_never_inflated():
    bomb = gzip.compress(b"0" * 10_000_000)
    seen = look(lambda _: ok(bomb, Content_Encoding="gzip"), max_bytes=len(bomb) + 1)
    assert seen.sha256 == sha256_hex(bomb)


def test_a_body_that_drips_ends_at_the_time_limit():
    async def drip() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.02)
            yield b" "

    with pytest.raises(SourceDown, match="TimeoutError"):
        look(lambda _: httpx.Response(200, content=drip()), timeout_s=0.2)


def test_a_broken_connection_is_a_source_that_is_down():
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(SourceDown, match="ConnectError refused"):
        look(answer)


def test_addresses_come_from_the_settings():
    settings = Settings().with_feed_server("http://127.0.0.1:9/")
    assert address("bmkg-quakes", settings) == "http://127.0.0.1:9/DataMKG/TEWS/autogempa.json"
    with pytest.raises(SettingsError, match="himawari-rp"):
        address("himawari-rp", settings)


def test_every_bell_has_an_interval():
    assert set(BELLS) <= set(INTERVALS_S)


@pytest.mark.parametrize(
    ("poll_s", "strained", "expected"),
    [
        pytest.param(3, 0, 3, id="quiet"),
        pytest.param(3, 1, 3, id="the-first-failure-or-ring-costs-nothing"),
        pytest.param(3, 2, 6, id="second"),
        pytest.param(3, 3, 12, id="third"),
        pytest.param(3, 1000, MAX_PAUSE_S, id="for-ever"),
        pytest.param(60, 5, 60, id="never-quicker-than-the-interval"),
    ],
)
def test_the_pause_grows(poll_s, strained, expected):
    assert pause_s(poll_s, strained) == expected


@given(poll_s=st.floats(0.1, 120), strained=st.integers(0, 10**6))
def test_the_pause_has_bounds_and_never_shrinks_under_strain(poll_s, strained):
    now, later = pause_s(poll_s, strained), pause_s(poll_s, strained + 1)
    assert poll_s <= now <= later <= max(poll_s, MAX_PAUSE_S)


# --- what it shares with the polls ------------------------------------------------------


@pytest.fixture
def shared(tmp_path):
    from kentongan.db import make_engine
    from kentongan.migrate import migrate

    settings = Settings(home=tmp_path, _env_file=None)
    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    yield settings, engine
    engine.dispose()


QUAKE = "https://data.bmkg.go.id/DataMKG/TEWS/autogempa.json"
AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)


def test_a_breaker_that_polls_opened_keeps_the_doorbell_quiet(shared):
    settings, engine = shared
    for _ in range(3):
        Breaker(engine).failed("data.bmkg.go.id", AT, "HTTP 503", warning=True)
    mine = turn(QUAKE, settings)
    with pytest.raises(SourceDown, match="breaker open since"):
        mine.take(AT)
    mine.take(AT + timedelta(seconds=6))
    mine.done(AT + timedelta(seconds=6))
    assert not Breaker(engine).admit("data.bmkg.go.id", AT).was_failing, "its probe closed it"
    mine.engine.dispose()


def test_looks_that_fail_open_the_breaker_for_the_polls(shared):
    settings, engine = shared
    mine = turn(QUAKE, settings)
    for _ in range(3):
        mine.take(AT)
        mine.done(AT, "HTTP 502")
    assert "HTTP 502" in str(Breaker(engine).admit("data.bmkg.go.id", AT))
    mine.engine.dispose()


def test_looks_and_polls_share_sixty_a_minute(shared):
    settings, engine = shared
    polls = SharedLimiter(engine, local=RateLimiter())
    assert all(polls.take("data.bmkg.go.id", patience_s=0) for _ in range(60))
    mine = turn(QUAKE, settings)
    with pytest.raises(SourceDown, match="minute's requests are spent"):
        mine.take(AT)
    mine.engine.dispose()


def test_this_machine_and_a_home_without_database_share_nothing(shared, tmp_path):
    settings, _ = shared
    assert turn("http://127.0.0.1:1/x", settings).engine is None
    empty = turn(QUAKE, Settings(home=tmp_path / "new", _env_file=None))
    empty.take(AT)
    empty.done(AT, "HTTP 503")
    assert not (tmp_path / "new").exists()
