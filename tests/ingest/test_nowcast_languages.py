"""The nowcast in two languages is one warning."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.known import known, unknown_areas
from ingest.languages import nowcast_in
from ingest.run import poll
from ingest.sources.bmkg_nowcast import BmkgNowcast
from kentongan.types import FeedState, Outcome
from processing.nowcast import warnings_issued

RSS, CAP = "/alerts/nowcast/id", "/alerts/nowcast/id/CJT20261120001_alert.xml"
EN_RSS, EN_CAP = "/alerts/nowcast/en", "/alerts/nowcast/en/CJT20261120001_alert.xml"
CODE = "CJT20261120001"
FILES = {
    RSS: "nowcast-rss.xml",
    CAP: "nowcast-cap.xml",
    EN_RSS: "nowcast-rss-en.xml",
    EN_CAP: "nowcast-cap-en.xml",
}


@pytest.fixture
def served(feeds):
    return {path: (feeds / name).read_bytes() for path, name in FILES.items()}


@pytest.fixture
def both(served, serve, make_context):
    """Poll both languages and give the context; `without` are paths that answer 404."""

    def run(at, *without, **changed):
        payloads = {p: changed.get(p, body) for p, body in served.items() if p not in without}
        context = make_context(serve(payloads).url)
        reports = {s: poll(s, at=at, context=context) for s in ("bmkg-nowcast", "bmkg-nowcast-en")}
        return context.engine, reports

    return run


def languages(engine, at, kind="nowcast"):
    return [(r.code, r.language) for r in known(engine, at, kinds=[kind])]


def test_english_doubles_nothing_and_its_text_is_kept(both, now):
    engine, _ = both(now)
    assert languages(engine, now) == [(CODE, "id")]
    assert languages(engine, now, "nowcast_item") == [("CML20261120001", "id"), (CODE, "id")]
    assert len(warnings_issued(known(engine, now, kinds=["nowcast"]))) == 1
    assert nowcast_in(engine, CODE, "en", now).event == "Thunderstorm"
    assert nowcast_in(engine, CODE, "id", now).event == "Hujan Lebat dan Petir"
    assert nowcast_in(engine, CODE, "en", now - timedelta(hours=1)) is None


def test_english_stands_in_for_a_document_that_cannot_be_had(both, now):
    engine, _ = both(now, CAP)
    assert languages(engine, now) == [(CODE, "en")]
    assert [item.code for item in unknown_areas(engine, now)] == ["CML20261120001"]


def test_english_stands_in_for_a_document_without_a_usable_polygon(both, served, now):
    start, end = served[CAP].index(b"<polygon>"), served[CAP].index(b"</area>")
    bare = served[CAP][:start] + served[CAP][end:]
    engine, _ = both(now, **{CAP: bare})
    assert languages(engine, now) == [(CODE, "en")]
    assert CODE not in [item.code for item in unknown_areas(engine, now)]


def test_an_english_item_counts_while_the_indonesian_list_is_dead(both, now):
    engine, reports = both(now, RSS, CAP, EN_CAP)
    assert reports["bmkg-nowcast"].state is FeedState.DOWN
    assert languages(engine, now, "nowcast_item") == [(CODE, "en")]
    assert [item.code for item in unknown_areas(engine, now)] == [CODE]


def test_english_never_makes_a_drill_real(both, served, now):
    drill = served[RSS].replace(b"<title>Hujan", b"<title>TES Hujan", 1)
    engine, _ = both(now, CAP, **{RSS: drill})
    assert languages(engine, now) == []


def test_a_missing_english_list_is_no_dead_feed(both, now):
    _, reports = both(now, EN_RSS, EN_CAP)
    english = reports["bmkg-nowcast-en"]
    assert (english.outcome, english.state) == (Outcome.EMPTY, FeedState.EMPTY)
    assert english.entries == ()


def test_the_other_address_of_the_list_is_asked_when_the_first_fails(both, served, now):
    served[f"{RSS}/rss.xml"] = served.pop(RSS)
    engine, reports = both(now)
    assert reports["bmkg-nowcast"].state is FeedState.FRESH
    assert languages(engine, now) == [(CODE, "id")]


def test_the_language_is_that_of_the_document_else_of_the_address(served, read_context):
    reader = BmkgNowcast()
    context = read_context("bmkg-nowcast", CAP)
    assert reader.read(served[EN_CAP], context).records[0].language == "en"
    silent = served[CAP].replace(b"<language>id</language>", b"")
    assert reader.read(silent, context).records[0].language == "id"
    context = read_context("bmkg-nowcast", EN_CAP)
    assert reader.read(silent, context).records[0].language == "en"


def test_elements_that_the_reader_does_not_know_are_named(served, read_context):
    reader = BmkgNowcast()
    more = served[CAP].replace(b"<areaDesc>", b"<geocode>33</geocode><areaDesc>")
    reading = reader.read(more, read_context("bmkg-nowcast", CAP))
    assert reading.unknown_fields == ("geocode",)
    assert {"polygon", "expires", "sent"} <= set(reading.fields)
    items = reader.read(served[RSS], read_context("bmkg-nowcast", RSS))
    assert items.unknown_fields == ()
