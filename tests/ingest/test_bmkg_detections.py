from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingest.known import known
from ingest.read.detections import utc_instant
from ingest.run import poll
from ingest.sources.bmkg_detections import BmkgDetections
from kentongan.errors import DataError, SourceBlocked, SourceChanged
from kentongan.types import DocumentStatus, Outcome
from orchestration.stages import KINDS

HISTORY = "/history.bmg2026abcd.txt"


@pytest.fixture
def read(read_context):
    def run(payload, path="/live30event.xml", **changes):
        return BmkgDetections().read(payload, read_context("bmkg-detections", path, **changes))

    return run


@pytest.fixture
def live(feeds):
    return (feeds / "live30event.xml").read_text(encoding="utf-8")


def test_the_live_list_is_utc_without_saying_so_and_has_two_spaces(live, read):
    reading = read(live.encode())
    java, fiji = reading.records
    assert java.origin_time == datetime(2026, 11, 20, 7, 10, 4, 120_000, tzinfo=UTC)
    assert (java.event_id, java.review, java.magnitude) == ("bmg2026abcd", "confirmed", 5.2)
    assert (fiji.latitude, fiji.longitude, fiji.depth_km) == (-21.4, -176.2, 210.0), "worldwide"
    assert fiji.review == "automatic"
    assert (reading.rejected, reading.unknown_fields) == ((), ())
    assert "fokal" in reading.fields


@pytest.mark.parametrize(
    "text",
    ["2026/11/20  07:10:04.120", "2026-11-20 07:10:04.120000", "2026-11-20T07:10:04.12Z"],
)
def test_forms_of_an_unlabelled_utc(text):
    assert utc_instant(text, "x") == datetime(2026, 11, 20, 7, 10, 4, 120_000, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026/11/20 14:10:04 WIB", "20/11/2026 07:10:04", "-", ""])
def test_a_time_of_another_form_is_refused(text):
    with pytest.raises(DataError):
        utc_instant(text, "x")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("2026/11/20  07:10", "2026/11/20  14:10", "7 h after|6.8 h", id="wib-as-utc"),
        pytest.param("-7.57", "-97.57", "latitude", id="beyond-the-pole"),
        pytest.param("<mag>5.2", "<mag>52", "magnitude", id="magnitude-52"),
        pytest.param("bmg2026abcd", "../../etc", "event id", id="hostile-id"),
        pytest.param("<dalam>14", "<dalam>1e9", "depth", id="fill-value"),
    ],
)
def test_a_bad_detection_is_quarantined_and_the_others_go_on(live, read, old, new, says):
    import re

    reading = read(live.replace(old, new).encode())
    assert len(reading.records) == 1
    assert re.search(says, reading.rejected[0])


def test_missing_figures_are_not_known(live, read):
    text = live.replace("<mag>5.2</mag>", "<mag/>").replace("<dalam>14</dalam>", "<dalam>-</dalam>")
    first = read(text.encode()).records[0]
    assert (first.magnitude, first.depth_km) == (None, None)


def test_geojson_with_coordinates_as_texts(feeds, read):
    reading = read((feeds / "gempaQL.json").read_bytes(), "/gempaQL.json")
    first, second = reading.records
    assert (first.latitude, first.longitude) == (-7.561, 108.921), "[lon, lat, 1]"
    assert (first.magnitude, first.depth_km, first.phases) == (5.04321, 17.25, 41)
    assert (first.review, second.review) == ("automatic", "confirmed"), "A and M"
    assert (reading.rejected, reading.unknown_fields) == ((), ())


def test_the_table_of_solutions(feeds, read):
    reading = read((feeds / "history.bmg2026abcd.txt").read_bytes(), HISTORY)
    first, _, last = reading.records
    assert first.document_time == datetime(2026, 11, 20, 7, 12, 34, tzinfo=UTC)
    assert first.origin_time == datetime(2026, 11, 20, 7, 10, 4, tzinfo=UTC)
    assert (first.magnitude_type, first.phases, first.review) == ("mb", 9, "automatic")
    assert (last.magnitude, last.review, last.event_id) == (5.2, "confirmed", "bmg2026abcd")
    assert (reading.rejected, reading.unknown_fields) == ((), ())


def test_the_head_of_the_table_as_it_is_on_record_with_commas(feeds, read):
    payload = (feeds / "history.bmg2026abcd.txt").read_text(encoding="utf-8")
    head, _, rest = payload.partition("\n")
    assert len(read(f"{head.replace('|', ', ')}\n{rest}".encode(), HISTORY).records) == 3


def test_a_broken_row_of_the_table_is_named(feeds, read):
    payload = (feeds / "history.bmg2026abcd.txt").read_bytes() + b"2026-11-20 07:30:00|x\n"
    reading = read(payload, HISTORY)
    assert len(reading.records) == 3
    assert "10 columns" in reading.rejected[0]


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (b"", HISTORY),
        (b"# Timestamp(UTC)|+OT|Lat|Lon|Depth\n", "/elsewhere"),
        (b"hello\n", HISTORY),
        (b"\xff\xfe# Timestamp", HISTORY),
        (b"<Infogempa/>", "/live30event.xml"),
        (b'{"type": "FeatureCollection"}', "/gempaQL.json"),
        (b'{"features": [' + b"1," * 2000 + b"1]}", "/gempaQL.json"),
    ],
)
def test_other_documents_are_refused(read, payload, path):
    with pytest.raises(SourceChanged):
        read(payload, path)


def test_a_block_page_is_blocked_whatever_the_path(read):
    for path in (HISTORY, "/gempaQL.json"):
        with pytest.raises(SourceBlocked):
            read(b"\n<!doctype html><title>Diblokir</title>", path)


def test_words_of_a_drill_make_a_test(live, read):
    text = live.replace("<area>Java", "<area>TES Java")
    assert read(text.encode()).records[0].status is DocumentStatus.TEST


def test_junk_in_any_field_of_a_feature_is_one_line(feeds, read):
    document = json.loads((feeds / "gempaQL.json").read_bytes())
    for junk in (None, [], {"properties": None}, {"geometry": {}, "properties": {"id": "a"}}):
        document["features"][0] = junk
        reading = read(json.dumps(document).encode(), "/gempaQL.json")
        assert (len(reading.records), len(reading.rejected)) == (1, 1)


def test_only_plain_event_ids_are_asked_for():
    at = datetime(2026, 11, 20, tzinfo=UTC)
    wanted = ["bmg2026abcd", "33.01.01.2001", "../x", "bmg2026ABCD"]
    assert BmkgDetections().paths(wanted, at)[2:] == [HISTORY]


def test_detections_are_kept_and_no_hazard_reads_them(serve, feeds, make_context, now):
    names = ("live30event.xml", "gempaQL.json", "history.bmg2026abcd.txt")
    context = make_context(serve({f"/{n}": (feeds / n).read_bytes() for n in names}).url)
    report = poll("bmkg-detections", at=now, context=context, wanted=["bmg2026abcd"])
    assert (report.outcome, report.received, report.quarantined) == (Outcome.NEW, 7, 0)
    assert known(context.engine, now, kinds=KINDS, include_history=True) == []
    found = known(context.engine, now, kinds=["detection"], include_history=True)
    assert len(found) == 7


def test_the_last_detection_stands_in_for_the_week(serve, feeds, make_context, now):
    payload = (feeds / "gempaQL.json").read_bytes()
    report = poll(
        "bmkg-detections", at=now, context=make_context(serve({"/lastQL.json": payload}).url)
    )
    assert (report.outcome, report.new_records) == (Outcome.NEW, 2)
