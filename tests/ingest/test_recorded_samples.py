"""Recorded payloads of BMKG's; skipped where they are not at hand."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.known import known, unknown_areas
from ingest.play.feedserver import FeedServer
from ingest.registry import SOURCES, configured
from ingest.run import poll
from kentongan.errors import SourceBlocked, SourceError
from kentongan.types import DocumentStatus, Outcome

AT = datetime(2026, 9, 24, 7, 35, tzinfo=UTC)
RECORDED = {
    *("bmkg-inatews", "bmkg-quakes", "bmkg-nowcast", "himawari-rp", "bmkg-forecast"),
    "bmkg-catalogue",
}
"""Sources of which the recording has a document dated up to `AT`."""


@pytest.fixture
def bmkg(samples) -> Path:
    return samples / "bmkg"


@pytest.fixture
def read(bmkg, read_context):
    def run(source_id, name, path="/x"):
        return SOURCES[source_id].read((bmkg / name).read_bytes(), read_context(source_id, path))

    return run


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("autogempa-2023-08.json", 1),
        ("autogempa-AldiiLs.json", 1),
        ("autogempa-yonieq.json", 1),
        ("gempadirasakan-2023-08.json", 15),
        ("gempaterkini-2023-08.json", 15),
        ("gempaterkini-2026-09-22.json", 2),
    ],
)
def test_quakes(read, name, count):
    reading = read("bmkg-quakes", f"quake-tews/{name}")
    assert (len(reading.records), reading.rejected, reading.notes) == (count, (), ())


def test_felt_quakes_have_places(read):
    for quake in read("bmkg-quakes", "quake-tews/gempadirasakan-2023-08.json").records:
        assert quake.felt
        assert all(1 <= f.mmi_low <= f.mmi_high <= 12 for f in quake.felt)


def test_the_flores_sequence(read):
    reading = read("bmkg-inatews", "inatews/last30tsunamievent-2026-08-15-M7.7.xml")
    assert reading.rejected == ()
    labels = [(b.label, len(b.zones), len(b.gauges)) for b in reading.records]
    assert labels[:7] == [
        ("PD-4", 0, 0),
        ("PD-3.4", 22, 10),
        ("PD-3.3", 22, 9),
        ("PD-3.2", 22, 7),
        ("PD-3.1", 22, 3),
        ("PD-2", 22, 0),
        ("PD-1", 1, 0),
    ]
    by_label = {b.label: b for b in reading.records[:7]}
    assert sum(z.level == "SIAGA" for z in by_label["PD-2"].zones) == 8
    assert all(g.repaired for g in by_label["PD-3.1"].gauges)
    assert not any(g.repaired for g in by_label["PD-3.4"].gauges)
    assert max(g.height_m for g in by_label["PD-3.4"].gauges) == 0.94
    assert by_label["PD-1"].quake.magnitude == 7.0


def test_the_exercise_is_a_test(read):
    (bulletin,) = read(
        "bmkg-inatews", "inatews/datagempa-2021-02-05-exercise-status-TES-PD1.json"
    ).records
    assert bulletin.status is DocumentStatus.TEST
    assert len(bulletin.zones) == 10


SOURCE_OF = {
    "quake-tews": "bmkg-quakes",
    "inatews": "bmkg-inatews",
    "cap-nowcast": "bmkg-nowcast",
}


def test_no_recorded_text_but_the_exercise_is_taken_for_a_drill_or_a_re_creation(read, bmkg):
    checked = 0
    for folder, source_id in SOURCE_OF.items():
        for path in sorted((bmkg / folder).iterdir()):
            if path.suffix not in (".json", ".xml"):
                continue
            for record in _records(read, source_id, f"{folder}/{path.name}"):
                checked += 1
                expected = "Test" if "exercise" in path.name else "Actual"
                assert (record.status, record.re_creation) == (expected, False), path.name
    assert checked > 60


def _records(read, source_id, name):
    try:
        return read(source_id, name).records
    except SourceError:
        return ()


@pytest.mark.parametrize(
    "name", ["2023-04-25-M7.3-felt", "2023-05-14-M5.9-felt", "2023-06-21-M2.7-felt"]
)
def test_felt_quakes_of_inatews(read, name):
    (quake,) = read("bmkg-inatews", f"inatews/datagempa-{name}.json").records
    assert quake.kind == "quake"
    assert quake.felt
    assert quake.status is DocumentStatus.ACTUAL


def test_the_real_block_page(read):
    for source_id, source in SOURCES.items():
        path = source.paths(["33.01.01.2001"], AT)[0]
        with pytest.raises(SourceBlocked):
            read(source_id, "errors/bmkg-waf-block-page.html", path)


def test_districts_with_full_stops(read, bmkg):
    from ingest.read.payload import element_text, parse_xml
    from ingest.sources.bmkg_nowcast import _items, district_names

    payload = (bmkg / "cap-nowcast/nowcast-rss-id-2026-09-24.xml").read_bytes()
    texts = [element_text(i, "description") for i in _items(parse_xml(payload, "x"), "x")]
    names = [district_names(text) for text in texts]
    assert [len(n) for n in names[:4]] == [2, 6, 7, 2]
    assert "BTS. ULU" in names[10]
    assert "HILISALAWA'AHE" in names[8]
    assert not any("ondisi" in name for found in names for name in found)


@pytest.mark.parametrize(("name", "time"), [("0950", (9, 50)), ("1000", (10, 0))])
def test_image_titles(read, name, time):
    (image,) = read("himawari-rp", f"satellite/H08_RP_Indonesia-2026-01-01T{name}Z.png").records
    assert image.valid_time == datetime(2026, 1, 1, *time, tzinfo=UTC)
    assert image.time_source == "title"


def test_a_cycle_over_the_recording(bmkg, make_context):
    with (bmkg / "paths.csv").open(encoding="utf-8") as lines:
        assert any(row["bmkg_path"] == "/alerts/nowcast/id" for row in csv.DictReader(lines))
    with FeedServer(bmkg) as server:
        context = make_context(server.url)
        ids = configured(context.settings)
        reports = {s: poll(s, at=AT, context=context, wanted=["32.73.01.1001"]) for s in ids}
    nowcast = reports["bmkg-nowcast"]
    assert (nowcast.outcome, nowcast.received, nowcast.quarantined) == (Outcome.NEW, 11, 0)
    assert len(nowcast.entries) == 10
    assert sorted(e.province_code for e in nowcast.entries) == sorted(
        ["76", "11", "75", "17", "18", "19", "21", "12", "72", "16"]
    )
    assert len(unknown_areas(context.engine, AT)) == 10
    (cap,) = known(context.engine, AT, kinds=["nowcast"])
    assert cap.district_names == ("DENGILO", "MANANGGU")
    assert [len(ring) for ring in cap.polygons] == [44, 4, 4, 36]
    later = {"bmkg-inatews-lists", "bmkg-detections"}
    assert {s for s, r in reports.items() if r.outcome is Outcome.QUARANTINED} == later
    ahead = {s for s in later for e in reports[s].entries if "after it was received" in e.detail}
    assert ahead == later
    assert {s for s, r in reports.items() if r.outcome is Outcome.NEW} == RECORDED
