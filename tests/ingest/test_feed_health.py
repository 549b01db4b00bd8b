from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from ingest.health import feed_health, source_health
from ingest.log import LogRow, write
from ingest.registry import SOURCES
from ingest.run import poll
from kentongan.types import FeedState, Outcome

RSS = "/alerts/nowcast/id"
IMAGE = "/IMAGE/HIMA/H08_RP_Indonesia.png"


@pytest.fixture
def state(make_context, serve):
    """Poll one source at given minutes with given payloads; the health after each."""

    def play(source_id, start, steps):
        served = {}
        context = make_context(serve(served).url)
        found = []
        for minutes, payloads in steps:
            served.clear()
            served.update(payloads)
            at = start + timedelta(minutes=minutes)
            poll(source_id, at=at, context=context)
            found.append(
                next(h for h in feed_health(context.engine, at) if h.source_id == source_id)
            )
        return found

    return play


def rss(feeds, built):
    text = (feeds / "nowcast-rss.xml").read_text(encoding="utf-8")
    return {RSS: text.replace("Fri, 20 Nov 2026 07:20:00 +0000", built).encode()}


def test_every_source_is_listed_before_any_poll(make_context, now):
    context = make_context("http://127.0.0.1:1")
    found = feed_health(context.engine, now)
    assert [h.source_id for h in found] == list(SOURCES)
    assert {h.state for h in found} == {FeedState.DOWN}
    assert {h.detail for h in found} == {"never polled"}
    credits = {h.source_id: h.credit for h in found}
    assert {credits[s] for s in SOURCES if s.startswith("bmkg-")} == {"Sumber: BMKG"}
    assert all(credit.startswith("Sumber: ") for credit in credits.values())


def test_blind_since_the_first_failure_after_the_last_success(state, feeds, now):
    good = rss(feeds, "Fri, 20 Nov 2026 07:20:00 +0000")
    page = {RSS: b"<!doctype html><title>Diblokir</title>"}
    found = state("bmkg-nowcast", now, [(0, good), (5, page), (10, {}), (15, page), (20, good)])
    minute = timedelta(minutes=1)
    assert [h.state for h in found] == ["fresh", "blocked", "down", "blocked", "fresh"]
    first = now + 5 * minute
    assert [h.blind_since for h in found] == [None, first, first, first, None]
    assert found[3].last_success == now
    assert found[3].last_poll == now + 15 * minute
    assert "Diblokir" in found[1].detail


def test_malformed(state, now):
    (found,) = state("bmkg-nowcast", now, [(0, {RSS: b"<rss><channel>"})])
    assert found.state is FeedState.MALFORMED
    assert found.blind_since == now


def test_an_empty_list_is_healthy(state, now):
    built = "<lastBuildDate>Fri, 20 Nov 2026 07:20:00 +0000</lastBuildDate>"
    payload = {RSS: f"<rss><channel>{built}</channel></rss>".encode()}
    (found,) = state("bmkg-nowcast", now, [(0, payload)])
    assert (found.state, found.blind_since) == (FeedState.EMPTY, None)


def test_a_list_that_is_not_rendered_any_more_is_frozen(state, feeds, now):
    good = rss(feeds, "Fri, 20 Nov 2026 07:20:00 +0000")
    found = state("bmkg-nowcast", now, [(0, good), (170, good), (200, good)])
    assert [h.state for h in found] == ["fresh", "fresh", "frozen"]
    assert found[2].blind_since == found[2].newest == now - timedelta(minutes=5)


def test_an_image_older_than_forty_minutes_is_frozen(state, draw_rp, now):
    image = {IMAGE: draw_rp("HIMAWARI-9 RP  20/11/2026  07:10UTC")}
    found = state("himawari-rp", now, [(0, image), (25, image), (26, image)])
    assert [h.state for h in found] == ["fresh", "fresh", "frozen"]


def test_an_image_dated_in_the_future_is_not_fresh(state, draw_rp, now):
    (found,) = state("himawari-rp", now, [(0, {IMAGE: draw_rp("RP  20/11/2026  09:10UTC")})])
    assert found.newest is None
    assert found.state is FeedState.LATE


def test_a_quiet_week_is_late_not_frozen(state, feeds, now):
    files = {
        f"/DataMKG/TEWS/{n}.json": (feeds / f"{n}.json").read_bytes()
        for n in ("autogempa", "gempaterkini", "gempadirasakan")
    }
    found = state("bmkg-quakes", now, [(0, files), (60 * 24 * 8, files)])
    assert [h.state for h in found] == ["fresh", "late"]


def test_nobody_polls_any_more(state, feeds, make_context, now):
    found = state("bmkg-nowcast", now, [(0, rss(feeds, "Fri, 20 Nov 2026 07:20:00 +0000"))])
    assert found[0].state is FeedState.FRESH
    context = make_context("http://127.0.0.1:1")
    later = feed_health(context.engine, now + timedelta(hours=9))
    nowcast = next(h for h in later if h.source_id == "bmkg-nowcast")
    assert nowcast.state is FeedState.LATE
    assert nowcast.blind_since == now


def test_the_past_is_judged_as_it_looked_then(state, feeds, make_context, now):
    good = rss(feeds, "Fri, 20 Nov 2026 07:20:00 +0000")
    state("bmkg-nowcast", now, [(0, good), (5, {})])
    context = make_context("http://127.0.0.1:1")
    then = feed_health(context.engine, now + timedelta(minutes=1))
    assert next(h for h in then if h.source_id == "bmkg-nowcast").state is FeedState.FRESH


# --- part by part ------------------------------------------------------------------------


class Logged:
    """Rows of the log by hand: a source of any shape, without its documents."""

    def __init__(self, context):
        self.engine = context.engine

    def poll(self, at, url, outcome="new", document_time=None, source_id="bmkg-quakes"):
        with self.engine.begin() as connection:
            row = LogRow(source_id, url, at, Outcome(outcome), detail=outcome, sha256="0" * 64)
            write(connection, replace(row, document_time=document_time or at))

    def health(self, at, source_id="bmkg-quakes", **changes):
        info = replace(SOURCES[source_id].info, **changes)
        with self.engine.connect() as connection:
            return source_health(connection, SimpleNamespace(info=info), at)


@pytest.fixture
def logged(make_context):
    return Logged(make_context("http://127.0.0.1:1"))


MINUTE = timedelta(minutes=1)


def states(found):
    return {part.name: str(part.state) for part in found.parts}


def test_a_frozen_product_among_fresh_ones_is_seen(logged, now):
    for minute in range(0, 60, 10):
        at = now + minute * MINUTE
        logged.poll(at, "http://h/IMAGE/RP.png", document_time=now)
        logged.poll(at, "http://h/IMAGE/EH.png")
    found = logged.health(
        now + 50 * MINUTE, periodic=True, cadence=10 * MINUTE, late_after=40 * MINUTE
    )
    assert found.state is FeedState.FRESH
    assert found.blind_since is None
    assert states(found) == {"/IMAGE/RP.png": "frozen", "/IMAGE/EH.png": "fresh"}
    assert found.parts[0].blind_since == now
    assert found.due_at == now + 60 * MINUTE


def test_issues_whose_address_carries_the_time_are_one_part(logged, now):
    for minute in range(0, 40, 10):
        at = now + minute * MINUTE
        logged.poll(at, f"http://h/b13/H08_B13_Indonesia_{at:%Y%m%d%H%M}.nc")
    found = logged.health(now + 30 * MINUTE)
    assert (found.state, found.parts) == (FeedState.FRESH, ())


def test_files_of_a_folder_are_one_part(logged, now):
    logged.poll(now, "/data/b13/a.nc", "malformed")
    logged.poll(now, "/data/b13/b.nc")
    logged.poll(now, "/data/b13", "unchanged")
    found = logged.health(now)
    assert (found.state, found.parts) == (FeedState.FRESH, ())
    assert found.detail == "malformed"


def test_a_fallback_that_answers_keeps_its_part_alive(logged, now):
    logged.poll(now, "http://h/a.json", "down")
    logged.poll(now, "http://h/a.xml")
    logged.poll(now, "http://h/b.json")
    found = logged.health(now, fallbacks={"/a.json": "/a.xml"})
    assert states(found) == {"/a.json": "fresh", "/b.json": "fresh"}
    assert "down" in found.detail


def test_an_address_that_is_no_longer_polled_is_no_part(logged, now):
    logged.poll(now, "http://h/old.json")
    logged.poll(now + 20 * MINUTE, "http://h/new.json")
    assert logged.health(now + 20 * MINUTE).parts == ()


def test_quakes_are_blind_when_nobody_asked_for_a_quarter_of_an_hour(logged, now):
    logged.poll(now, "http://h/a.json")
    assert logged.health(now + 15 * MINUTE).state is FeedState.FRESH
    found = logged.health(now + 16 * MINUTE)
    assert (found.state, found.blind_since) == (FeedState.LATE, now)


def test_the_source_is_blind_since_its_last_eye_closed(logged, now):
    for minute in range(6):
        at = now + minute * MINUTE
        logged.poll(at, "http://h/a.json", "down" if minute > 1 else "new")
        logged.poll(at, "http://h/b.json", "blocked" if minute > 3 else "new")
    found = logged.health(now + 5 * MINUTE)
    assert found.blind_since == now + 4 * MINUTE
    assert found.last_success == now + 3 * MINUTE


def test_content_that_states_no_past_time_blinds_from_when_it_came(logged, now):
    for minute in range(5):
        at = now + minute * MINUTE
        logged.poll(at, "http://h/a.png", document_time=now + timedelta(days=1))
    found = logged.health(now + 4 * MINUTE)
    assert (found.state, found.blind_since) == (FeedState.LATE, now)


def test_what_is_not_configured_says_what_it_needs(make_context, now):
    context = make_context("http://127.0.0.1:1")
    found = feed_health(context.engine, now, polled=["bmkg-quakes"])
    others = [h for h in found if h.source_id != "bmkg-quakes"]
    assert not any(h.configured for h in others)
    assert all("KENTONGAN_" in h.detail for h in others)
    assert next(h for h in found if h.source_id == "bmkg-quakes").configured
