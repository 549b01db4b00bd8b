from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.health import feed_health
from ingest.registry import SOURCES
from ingest.run import poll
from kentongan.types import FeedState

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
