from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from ingest.health import feed_health
from ingest.known import known, read_payload, unknown_areas
from ingest.play.feedserver import FeedServer
from ingest.registry import SOURCES
from ingest.run import poll
from ingest.wire.links import linked_path
from kentongan.db import feed_log, records
from kentongan.errors import SettingsError, SourceChanged
from kentongan.store import sha256_hex
from kentongan.types import FeedState, Outcome

RSS = "/alerts/nowcast/id"
CAP = "/alerts/nowcast/id/CJT20261120001_alert.xml"
LATEST = "/DataMKG/TEWS/autogempa.json"
IMAGE = "/IMAGE/HIMA/H08_RP_Indonesia.png"
KINDS = ["quake", "bulletin", "nowcast", "nowcast_item", "forecast", "satellite_image"]


def rows(context):
    with context.engine.connect() as connection:
        return connection.execute(select(feed_log).order_by(feed_log.c.id)).all()


def health(context, source_id, at):
    return next(h for h in feed_health(context.engine, at) if h.source_id == source_id)


@pytest.fixture
def feed(feeds, make_context):
    with FeedServer(feeds) as server:
        yield make_context(server.url)


@pytest.mark.parametrize(
    ("source_id", "received", "new"),
    [
        ("bmkg-quakes", 5, 4),
        ("bmkg-inatews", 4, 4),
        ("bmkg-nowcast", 2, 3),
        ("himawari-rp", 1, 1),
        ("bmkg-forecast", 1, 1),
    ],
)
def test_first_new_then_unchanged(feed, now, source_id, received, new):
    wanted = ["33.01.01.2001"]
    first = poll(source_id, at=now, context=feed, wanted=wanted)
    assert (first.outcome, first.received, first.new_records) == (Outcome.NEW, received, new)
    again = poll(source_id, at=now + timedelta(minutes=1), context=feed, wanted=wanted)
    assert (again.outcome, again.received, again.new_records) == (Outcome.UNCHANGED, received, 0)
    assert first.state is again.state is FeedState.FRESH
    assert {r.http_status for r in rows(feed)} <= {200, 304, 404}


def test_bytes_are_archived_as_received(feed, feeds, now):
    poll("himawari-rp", at=now, context=feed)
    (record,) = known(feed.engine, now, kinds=["satellite_image"])
    original = (feeds / "himawari-rp.png").read_bytes()
    assert record.sha256 == sha256_hex(original)
    with feed.engine.connect() as connection:
        assert read_payload(connection, feed.archive, "himawari-rp", record.sha256) == original
    assert feed.archive.paths() == [f"himawari-rp/2026/11/20/{record.sha256}"]


def test_a_record_is_known_from_its_first_reception_on(feed, now):
    poll("bmkg-nowcast", at=now, context=feed)
    assert known(feed.engine, now - timedelta(seconds=1), kinds=KINDS) == []
    assert len(known(feed.engine, now, kinds=["nowcast", "nowcast_item"])) == 3


def test_what_is_dated_later_is_not_yet_known_though_the_file_does_not_change(feed):
    early = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    report = poll("bmkg-nowcast", at=early, context=feed)
    assert [i.code for i in known(feed.engine, early, kinds=KINDS)] == ["CML20261120001"]
    assert "not yet known" in report.detail
    later = poll("bmkg-nowcast", at=early + timedelta(minutes=20), context=feed)
    assert later.outcome is Outcome.NEW
    assert rows(feed)[-1].http_status in (304, 404)
    assert len(known(feed.engine, early + timedelta(minutes=20), kinds=["nowcast"])) == 1


def test_a_first_poll_marks_older_events_as_history(feed, now):
    poll("bmkg-quakes", at=now, context=feed)
    fresh = known(feed.engine, now, kinds=["quake"])
    everything = known(feed.engine, now, kinds=["quake"], include_history=True)
    assert {q.origin_time for q in fresh} == {datetime(2026, 11, 20, 7, 10, 5, tzinfo=UTC)}
    assert (len(fresh), len(everything)) == (2, 4)
    times = [q.document_time for q in everything]
    assert times == sorted(times)
    since = known(feed.engine, now, kinds=["quake"], since=times[1], include_history=True)
    assert len(since) == 3


def test_only_the_first_poll_makes_history(serve, feeds, make_context, now):
    quiet = {"Infogempa": {"gempa": []}}
    served = {LATEST: json.dumps(quiet).encode()}
    context = make_context(serve(served).url)
    assert poll("bmkg-quakes", at=now, context=context).outcome is Outcome.EMPTY
    served[LATEST] = (feeds / "autogempa.json").read_bytes()
    at = now + timedelta(hours=5)
    poll("bmkg-quakes", at=at, context=context)
    assert len(known(context.engine, at, kinds=["quake"])) == 1


def test_a_poll_of_the_future_blinds_nobody(feed, now):
    poll("bmkg-quakes", at=now + timedelta(days=300), context=feed)
    assert known(feed.engine, now, kinds=KINDS, include_history=True) == []
    report = poll("bmkg-quakes", at=now, context=feed)
    assert report.new_records == 0
    fresh = known(feed.engine, now, kinds=["quake"])
    everything = known(feed.engine, now, kinds=["quake"], include_history=True)
    assert {q.origin_time for q in fresh} == {datetime(2026, 11, 20, 7, 10, 5, tzinfo=UTC)}
    assert (len(fresh), len(everything)) == (2, 4), "as if the future had not been asked"


def test_known_at_is_never_raised_and_history_not_made_of_what_was_fresh(feed, now):
    poll("bmkg-quakes", at=now, context=feed)
    before = known(feed.engine, now, kinds=KINDS)
    poll("bmkg-quakes", at=now + timedelta(days=300), context=feed)
    poll("bmkg-quakes", at=now + timedelta(hours=5), context=feed)
    assert known(feed.engine, now, kinds=KINDS) == before
    assert len(before) == 2


def test_after_a_future_poll_an_unseen_old_event_is_still_history(serve, feeds, make_context, now):
    served = {LATEST: json.dumps({"Infogempa": {"gempa": []}}).encode()}
    context = make_context(serve(served).url)
    poll("bmkg-quakes", at=now + timedelta(days=300), context=context)
    served[LATEST] = (feeds / "autogempa.json").read_bytes()
    at = now + timedelta(hours=5)
    poll("bmkg-quakes", at=at, context=context)
    assert known(context.engine, at, kinds=["quake"]) == []
    assert len(known(context.engine, at, kinds=["quake"], include_history=True)) == 1


def test_a_re_creation_is_marked_on_every_record(feeds, make_context, now):
    with FeedServer(feeds) as server:
        context = make_context(server.url, re_creation=True)
        for source_id in SOURCES:
            poll(source_id, at=now, context=context, wanted=["33.01.01.2001"])
    found = known(context.engine, now, kinds=KINDS, include_history=True)
    assert {r.kind for r in found} == set(KINDS)
    assert all(r.re_creation for r in found)


def test_a_corrected_bulletin_is_kept_beside_the_first(serve, feeds, make_context):
    text = (feeds / "datagempa-tes.json").read_text(encoding="utf-8")
    served = {"/datagempa.json": text.replace("AWAS", "WASPADA").encode()}
    context = make_context(serve(served).url)
    at = datetime(2026, 11, 19, 2, 10, tzinfo=UTC)
    poll("bmkg-inatews", at=at, context=context)
    served["/datagempa.json"] = text.encode()
    poll("bmkg-inatews", at=at + timedelta(minutes=3), context=context)
    found = known(context.engine, at + timedelta(minutes=3), kinds=["bulletin"])
    assert {b.zones[0].level for b in found} == {"WASPADA", "AWAS"}


def test_dead_links_are_one_line_each_with_their_province(feed, now):
    report = poll("bmkg-nowcast", at=now, context=feed)
    (entry,) = report.entries
    assert (entry.province_code, entry.outcome) == ("81", Outcome.DOWN)
    assert "Maluku" in entry.detail
    assert "area unknown" in entry.detail
    assert [i.code for i in unknown_areas(feed.engine, now)] == ["CML20261120001"]
    document = report.to_json()
    assert document["problems"][0]["province_code"] == "81"
    assert (document["outcome"], document["state"]) == ("new", "fresh")
    assert document["newest"] == "2026-11-20T07:20:00Z"
    json.dumps(document)


def test_an_unknown_area_ends_with_its_item(feed, now):
    poll("bmkg-nowcast", at=now, context=feed)
    end = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert len(unknown_areas(feed.engine, end - timedelta(seconds=1))) == 1
    assert unknown_areas(feed.engine, end) == []


def test_a_dead_link_that_was_read_before_leaves_no_doubt(serve, feeds, make_context, now):
    served = {RSS: (feeds / "nowcast-rss.xml").read_bytes()}
    served[CAP] = (feeds / "nowcast-cap.xml").read_bytes()
    context = make_context(serve(served).url)
    poll("bmkg-nowcast", at=now, context=context)
    del served[CAP]
    report = poll("bmkg-nowcast", at=now + timedelta(minutes=1), context=context)
    assert any("its area is known" in e.detail and not e.province_code for e in report.entries)
    assert {i.code for i in unknown_areas(context.engine, now)} == {"CML20261120001"}


def without_polygons(feeds, text=""):
    cap = (feeds / "nowcast-cap.xml").read_text(encoding="utf-8")
    start, end = cap.index("<polygon>"), cap.index("</area>")
    return (cap[:start] + text + cap[end:]).encode()


SWAPPED = "<polygon>109.0,-7.5 109.1,-7.5 109.1,-7.6 109.0,-7.6 109.0,-7.5</polygon>"


@pytest.mark.parametrize("polygons", ["", SWAPPED])
def test_a_warning_without_a_usable_polygon_is_an_unknown_area(
    serve, feeds, make_context, now, polygons
):
    served = {RSS: (feeds / "nowcast-rss.xml").read_bytes()}
    served[CAP] = without_polygons(feeds, polygons)
    served[CAP.replace("CJT", "CML")] = (feeds / "nowcast-cap.xml").read_bytes()
    context = make_context(serve(served).url)
    report = poll("bmkg-nowcast", at=now, context=context)
    assert any(
        (e.province_code, e.outcome) == ("33", Outcome.QUARANTINED)
        and "warned by BMKG, area unknown" in e.detail
        for e in report.entries
    )
    (area,) = unknown_areas(context.engine, now)
    assert (area.code, area.province_code) == ("CJT20261120001", "33")
    assert area.title.endswith(": CONTOH BTS. ULU, MA'U, MISAL")
    assert area.until == datetime(2026, 11, 20, 9, 20, tzinfo=UTC)
    assert unknown_areas(context.engine, area.until) == []


def test_an_area_that_a_newer_document_tells_is_known_again(serve, feeds, make_context, now):
    served = {RSS: (feeds / "nowcast-rss.xml").read_bytes(), CAP: without_polygons(feeds)}
    context = make_context(serve(served).url)
    poll("bmkg-nowcast", at=now, context=context)
    assert "CJT20261120001" in {i.code for i in unknown_areas(context.engine, now)}
    whole = (feeds / "nowcast-cap.xml").read_text(encoding="utf-8")
    served[CAP] = whole.replace("14:10:00+07:00</sent>", "14:26:00+07:00</sent>").encode()
    later = now + timedelta(minutes=5)
    poll("bmkg-nowcast", at=later, context=context)
    assert "CJT20261120001" not in {i.code for i in unknown_areas(context.engine, later)}
    cancel = without_polygons(feeds).replace(b">Alert<", b">Cancel<")
    served[CAP] = cancel.replace(b"14:10:00+07:00</sent>", b"14:31:00+07:00</sent>")
    poll("bmkg-nowcast", at=now + timedelta(minutes=10), context=context)
    assert "CJT20261120001" not in {
        i.code for i in unknown_areas(context.engine, now + timedelta(minutes=10))
    }


def test_a_document_without_area_counts_though_its_item_cannot_be_read(
    serve, feeds, make_context, now
):
    rss = (feeds / "nowcast-rss.xml").read_text(encoding="utf-8")
    broken = re.sub(r"<pubDate>(?=Fri, 20 Nov 2026 14)", "<pubDate>x", rss)
    assert broken != rss
    served = {RSS: broken.encode(), CAP: without_polygons(feeds)}
    context = make_context(serve(served).url)
    poll("bmkg-nowcast", at=now, context=context)
    assert "CJT20261120001" in {i.code for i in unknown_areas(context.engine, now)}


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/alerts/nowcast/id/CJT20261120001_alert.xml",
        "https://bmkg.go.id.evil.example/alerts/nowcast/id/CJT20261120001_alert.xml",
        "https://evilbmkg.go.id/alerts/nowcast/id/CJT20261120001_alert.xml",
        "https://www.bmkg.go.id@evil.example/alerts/nowcast/id/CJT20261120001_alert.xml",
        "https://u:p@www.bmkg.go.id/alerts/nowcast/id/CJT20261120001_alert.xml",
        "https://www.bmkg.go.id:8080/alerts/nowcast/id/CJT20261120001_alert.xml",
        "https://www.bmkg.go.id/alerts/nowcast/../../x/CJT20261120001_alert.xml",
        "https://www.bmkg.go.id/alerts/nowcast/%2e%2e/CJT20261120001_alert.xml",
        "https://www.bmkg.go.id/other/CJT20261120001_alert.xml",
        "file:///etc/passwd",
        "http://[::1",
        "//evil.example/CJT20261120001_alert.xml",
        "CJT20261120001_alert.xml",
    ],
)
def test_links_elsewhere_are_refused_in_one_line(link, serve, feeds, make_context, now):
    with pytest.raises(SourceChanged, match="not followed"):
        linked_path(link, RSS)
    own = "https://www.bmkg.go.id/alerts/nowcast/id/CJT20261120001_alert.xml"
    rss = (feeds / "nowcast-rss.xml").read_text(encoding="utf-8").replace(own, link)
    server = serve({RSS: rss.encode(), CAP: (feeds / "nowcast-cap.xml").read_bytes()})
    context = make_context(server.url)
    report = poll("bmkg-nowcast", at=now, context=context)
    assert any("not followed" in e.detail and e.province_code == "33" for e in report.entries)
    assert server.requests == [RSS, CAP.replace("CJT", "CML")]


def test_links_are_followed_on_the_configured_base(feed, now):
    report = poll("bmkg-nowcast", at=now, context=feed)
    assert report.new_records == 3
    assert all(r.url.startswith("http://127.0.0.1:") for r in rows(feed))


def test_one_bad_address_does_not_stop_the_others(serve, feeds, make_context, now):
    served = {LATEST: b'{"Infogempa": {"gempa": [{"Tangg'}
    served["/DataMKG/TEWS/gempadirasakan.json"] = b"<!doctype html><title>Diblokir</title>"
    served["/DataMKG/TEWS/gempaterkini.json"] = (feeds / "gempaterkini.json").read_bytes()
    context = make_context(serve(served).url)
    report = poll("bmkg-quakes", at=now, context=context)
    assert (report.outcome, report.state, report.received) == (Outcome.NEW, FeedState.FRESH, 2)
    first = [e.outcome for e in report.entries if e.url.endswith(".json")]
    assert first == [Outcome.MALFORMED, Outcome.BLOCKED]
    assert all("\n" not in e.detail for e in report.entries)
    kept = len(context.archive.paths("bmkg-quakes"))
    assert kept == 4, "bad bytes are archived too, and the 404 of the XML addresses"


def test_a_quarantined_quake_is_counted_and_named(serve, feeds, make_context, now):
    good = (feeds / "gempaterkini.json").read_text(encoding="utf-8")
    swapped = good.replace('"-7.55,108.90"', '"108.90,-7.55"')
    context = make_context(serve({"/DataMKG/TEWS/gempaterkini.json": swapped.encode()}).url)
    report = poll("bmkg-quakes", at=now, context=context)
    assert (report.received, report.quarantined, report.new_records) == (2, 1, 1)
    assert any(e.outcome is Outcome.QUARANTINED and "exchanged" in e.detail for e in report.entries)


def test_a_file_of_nothing_but_bad_items_is_no_success(serve, make_context, now):
    context = make_context(serve({LATEST: b'{"Infogempa": {"gempa": {"x": 1}}}'}).url)
    report = poll("bmkg-quakes", at=now, context=context)
    assert (report.outcome, report.state) == (Outcome.QUARANTINED, FeedState.MALFORMED)


def test_an_oversized_body_is_logged_and_not_archived(serve, make_context, now):
    context = make_context(serve({IMAGE: bytes(3000)}).url, http_max_bytes=1000)
    report = poll("himawari-rp", at=now, context=context)
    assert (report.outcome, report.state) == (Outcome.MALFORMED, FeedState.MALFORMED)
    assert "expected at most 1000" in report.entries[0].detail
    assert context.archive.paths() == []
    assert [r.outcome for r in rows(context)] == ["malformed"]


def test_an_unexpected_fault_of_a_reader_is_one_line(feed, now, monkeypatch):
    def fails(payload, context):
        raise KeyError("surprise")

    monkeypatch.setattr(SOURCES["himawari-rp"], "read", fails)
    report = poll("himawari-rp", at=now, context=feed)
    assert report.outcome is Outcome.MALFORMED
    assert "KeyError" in report.entries[0].detail


def test_a_host_that_blocks_twice_is_left_alone(serve, make_context, now):
    villages = [f"33.01.01.20{n:02}" for n in range(1, 9)]
    page = b"<!doctype html><title>Diblokir</title>"
    server = serve({f"/publik/prakiraan-cuaca?adm4={v}": page for v in villages})
    context = make_context(server.url)
    report = poll("bmkg-forecast", at=now, context=context, wanted=villages)
    assert len(server.requests) == 2
    assert (report.outcome, report.state) == (Outcome.BLOCKED, FeedState.BLOCKED)
    assert len(report.entries) == 8


def test_a_missing_archive_file_is_asked_for_again(feed, now, tmp_path):
    poll("himawari-rp", at=now, context=feed)
    (path,) = feed.archive.paths()
    (tmp_path / "archive" / path).unlink()
    report = poll("himawari-rp", at=now + timedelta(minutes=1), context=feed)
    assert report.outcome is Outcome.UNCHANGED
    assert feed.archive.paths() == [path]


def test_an_old_image_never_looks_fresh(serve, draw_rp, make_context, now):
    context = make_context(serve({IMAGE: draw_rp("no title at all")}).url)
    for minutes in (0, 10, 45):
        at = now + timedelta(minutes=minutes)
        report = poll("himawari-rp", at=at, context=context)
    assert report.newest == now
    assert report.state is FeedState.FROZEN
    (image,) = known(context.engine, at, kinds=["satellite_image"])
    assert (image.valid_time, image.quality) == (now, "degraded")


def test_an_unreadable_image_that_came_back_is_still_the_old_one(serve, draw_rp, make_context, now):
    old, other = draw_rp("no title"), draw_rp("HIMAWARI-9 RP  20/11/2026  07:10UTC")
    served = {IMAGE: old}
    context = make_context(serve(served).url)
    poll("himawari-rp", at=now, context=context)
    served[IMAGE] = other
    poll("himawari-rp", at=now + timedelta(minutes=10), context=context)
    served[IMAGE] = old
    poll("himawari-rp", at=now + timedelta(hours=2), context=context)
    found = known(context.engine, now + timedelta(hours=2), kinds=["satellite_image"])
    assert [i.valid_time for i in found] == [now - timedelta(minutes=15), now]


def test_other_bytes_of_the_same_untimed_picture_do_not_refresh_it(
    serve, draw_rp, make_context, now
):
    first = draw_rp("no title")
    served = {IMAGE: first}
    context = make_context(serve(served).url)
    poll("himawari-rp", at=now, context=context)
    with Image.open(io.BytesIO(first)) as picture:
        out = io.BytesIO()
        picture.save(out, "PNG", compress_level=1)
    served[IMAGE] = out.getvalue()
    report = poll("himawari-rp", at=now + timedelta(hours=1), context=context)
    assert (report.newest, report.state) == (now, FeedState.FROZEN)


def test_a_thousand_faults_are_counted_and_fifty_shown(serve, make_context, now):
    rows = json.dumps({"Infogempa": {"gempa": [{"Tanggal": str(n)} for n in range(199)]}})
    report = poll("bmkg-quakes", at=now, context=make_context(serve({LATEST: rows.encode()}).url))
    assert report.quarantined == 199
    lines = [e.detail for e in report.entries if e.outcome is Outcome.QUARANTINED]
    assert len(lines) == 51
    assert lines[-1] == "and 149 more like these"


def test_no_such_source(feed, now):
    with pytest.raises(SettingsError, match="bmkg-quakes"):
        poll("bmkg-volcano", at=now, context=feed)


def test_a_naive_clock_is_refused(feed):
    from kentongan.errors import NaiveTime

    with pytest.raises(NaiveTime):
        poll("bmkg-quakes", at=datetime(2026, 11, 20), context=feed)


def test_the_same_polls_give_the_same_rows(feeds, make_context, now, tmp_path):
    def play():
        context = make_context("http://127.0.0.1:1")
        with context.engine.begin() as connection:
            connection.execute(records.delete())
            connection.execute(feed_log.delete())
        with FeedServer(feeds) as server:
            context = make_context(server.url)
            for source_id in SOURCES:
                poll(source_id, at=now, context=context)
        with context.engine.connect() as connection:
            return connection.execute(
                select(records.c.source_id, records.c.key, records.c.body, records.c.history)
            ).all()

    assert play() == play()
