from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingest.read import quake
from ingest.read.felt import parse_felt
from ingest.sources.bmkg_quakes import BmkgQuakes
from kentongan.errors import SourceBlocked, SourceChanged
from kentongan.types import DocumentStatus
from processing import quakes

PATH = "/DataMKG/TEWS/autogempa.json"
GOOD = {
    "Tanggal": "20 Nov 2026",
    "Jam": "14:10:05 WIB",
    "DateTime": "2026-11-20T07:10:05+00:00",
    "Coordinates": "-7.55,108.90",
    "Lintang": "7.55 LS",
    "Bujur": "108.90 BT",
    "Magnitude": "5.1",
    "Kedalaman": "12 km",
    "Wilayah": "20 km selatan Contoh",
}


@pytest.fixture
def read(read_context):
    def run(*rows, bare=None):
        document = bare if bare is not None else {"Infogempa": {"gempa": list(rows)}}
        context = read_context("bmkg-quakes", PATH)
        return BmkgQuakes().read(json.dumps(document).encode(), context)

    return run


def test_reads_every_field(feeds, read_context):
    payload = (feeds / "autogempa.json").read_bytes()
    reading = BmkgQuakes().read(payload, read_context("bmkg-quakes", PATH, re_creation=True))
    (found,) = reading.records
    assert found.origin_time == datetime(2026, 11, 20, 7, 10, 5, tzinfo=UTC) == found.document_time
    assert (found.latitude, found.longitude) == (-7.55, 108.90)
    assert (found.magnitude, found.depth_km) == (5.1, 12.0)
    assert [(f.place, f.mmi_low, f.mmi_high) for f in found.felt] == [
        ("Kec. Contoh Utara", 3, 4),
        ("Kab. Contoh", 2, 3),
    ]
    assert found.shakemap == "20261120141005.mmi.jpg"
    assert found.re_creation


def test_western_and_northern_positions(feeds, read_context):
    payload = (feeds / "gempaterkini.json").read_bytes()
    reading = BmkgQuakes().read(payload, read_context("bmkg-quakes", PATH))
    assert (reading.records[1].latitude, reading.records[1].longitude) == (2.10, -179.50)
    assert reading.document_time == datetime(2026, 11, 20, 7, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "document", [{"Infogempa": {"gempa": GOOD}}, [GOOD], {"Infogempa": {"gempa": [GOOD]}}]
)
def test_object_list_and_bare_list_read_alike(read, document):
    assert len(read(bare=document).records) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"Coordinates": "108.90,-7.55"}, "exchanged", id="lat-lon-swapped"),
        pytest.param({"Coordinates": "-"}, "Coordinates", id="dash"),
        pytest.param({"Coordinates": "7.55,108.90"}, "does not fit", id="wrong-hemisphere"),
        pytest.param({"Lintang": "-", "Bujur": "-"}, "Lintang", id="words-missing"),
        pytest.param({"Lintang": "97.55 LS"}, "Lintang", id="beyond-the-pole"),
        pytest.param({"DateTime": "2026-11-21T07:10:05+00:00"}, "Tanggal", id="access-date"),
        pytest.param({"DateTime": "2026-11-20T07:10:05"}, "zone", id="naive-time"),
        pytest.param({"Tanggal": "31 Feb 2026"}, "Tanggal", id="no-such-day"),
        pytest.param({"Magnitude": "-"}, "Magnitude", id="no-magnitude"),
        pytest.param({"Magnitude": "51"}, "magnitude", id="magnitude-51"),
        pytest.param({"Magnitude": "5,1,2"}, "magnitude", id="two-commas"),
        pytest.param({"Magnitude": "1e999"}, "magnitude", id="exponent"),
        pytest.param({"Magnitude": "9.9"}, "expected 0 to 9.5", id="larger-than-any"),
        pytest.param({"Magnitude": "-0.5"}, "expected 0 to 9.5", id="negative"),
        pytest.param({"Kedalaman": "900 km"}, "expected 0 to 800", id="too-deep"),
        pytest.param({"Kedalaman": "dangkal"}, "depth", id="depth-in-words"),
        pytest.param({"Magnitude": float("inf")}, "", id="infinite"),
    ],
)
def test_a_bad_quake_is_quarantined_and_the_others_go_on(read, change, says):
    if change.get("Magnitude") == float("inf"):
        with pytest.raises(SourceChanged, match="JSON"):
            read({**GOOD, **change}, GOOD)
        return
    reading = read({**GOOD, **change}, GOOD)
    assert len(reading.records) == 1
    (line,) = reading.rejected
    assert says in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "text", ["5.1", "5,1", "M5.1", "M 5,1", "Mag: 5.1", "Mw5.1", "5.1 SR", 5.1]
)
def test_forms_of_a_magnitude(read, text):
    assert read({**GOOD, "Magnitude": text}).records[0].magnitude == 5.1


@pytest.mark.parametrize("text", ["12 km", "12 Km", "12KM", "12,0 km", "12", 12])
def test_forms_of_a_depth(read, text):
    assert read({**GOOD, "Kedalaman": text}).records[0].depth_km == 12.0


@pytest.mark.parametrize("text", ["", "-", " ", None])
def test_a_depth_that_is_not_published_is_not_known_and_costs_no_warning(read, text):
    reading = read({**GOOD, "Kedalaman": text})
    (found,) = reading.records
    assert (found.depth_km, found.magnitude, reading.rejected) == (None, 5.1, ())
    assert any("Kedalaman: not published" in line for line in reading.notes)


def test_what_processing_would_drop_is_refused_here_by_name():
    assert (quake.MAGNITUDES, quake.DEPTHS_KM) == (quakes.MAGNITUDES, quakes.DEPTHS_KM)


def test_rows_that_are_no_objects_are_quarantined(read):
    reading = read("text", None, 7, ["x"], GOOD)
    assert (len(reading.records), len(reading.rejected)) == (1, 4)


def test_missing_optional_fields_are_no_fault(read):
    row = {k: v for k, v in GOOD.items() if k not in ("Tanggal", "Jam", "Wilayah")}
    (found,) = read({**row, "Dirasakan": "-", "Baru": {"x": 1}}).records
    assert (found.felt, found.potential, found.shakemap) == ((), "", "")


@pytest.mark.parametrize(
    "change",
    [{"Wilayah": "TES gempa darat"}, {"Potensi": "Ini adalah latihan"}, {"Catatan": "UJI COBA"}],
)
def test_a_drill_in_the_list_is_a_test_and_the_next_row_is_not(read, change):
    drill, actual = read({**GOOD, **change}, GOOD).records
    assert (drill.status, actual.status) == (DocumentStatus.TEST, DocumentStatus.ACTUAL)
    assert drill.key != actual.key


def test_a_note_in_the_file_marks_every_quake(read):
    for where in ({"_catatan": "rekaan ulang"}, {"_catatan": "TES"}):
        (found,) = read(bare={"Infogempa": {"gempa": GOOD}, **where}).records
        (inside,) = read(bare={"Infogempa": {"gempa": GOOD, **where}}).records
        assert found.re_creation is inside.re_creation is ("ulang" in where["_catatan"])
        assert (found.status is DocumentStatus.TEST) is (where["_catatan"] == "TES")
    assert not read(GOOD).records[0].re_creation


def test_old_rows_without_datetime_use_the_local_clock(read):
    row = {k: v for k, v in GOOD.items() if k != "DateTime"}
    assert read(row).records[0].origin_time == datetime(2026, 11, 20, 7, 10, 5, tzinfo=UTC)


def test_a_revision_and_a_felt_list_are_records_of_their_own(read):
    rows = [GOOD, {**GOOD, "Magnitude": "5.3"}, {**GOOD, "Dirasakan": "II Contoh"}, GOOD]
    keys = [r.key for r in read(*rows).records]
    assert len(set(keys)) == 3
    assert keys[0] == keys[3]


def test_truncated_json_is_refused_with_one_line(feeds, read_context):
    payload = (feeds / "gempaterkini.json").read_bytes()[:-40]
    with pytest.raises(SourceChanged, match="expected JSON"):
        BmkgQuakes().read(payload, read_context("bmkg-quakes", PATH))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_block_page_is_seen_in_any_encoding(read_context, encoding):
    page = "\n <!-- x --><!DOCTYPE html><title>Laman Diblokir</title>".encode(encoding)
    with pytest.raises(SourceBlocked, match="Laman Diblokir"):
        BmkgQuakes().read(page, read_context("bmkg-quakes", PATH))


def test_deep_json_is_refused(read_context):
    for depth in (60, 100_000):
        with pytest.raises(SourceChanged):
            BmkgQuakes().read(b"[" * depth + b"]" * depth, read_context("bmkg-quakes", PATH))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("II - III Kab. Manggarai", [("Kab. Manggarai", 2, 3)]),
        ("III-IV Waingapu, III Sumbawa", [("Waingapu", 3, 4), ("Sumbawa", 3, 3)]),
        ("II-III MMI Kab. X", [("Kab. X", 2, 3)]),
        ("III- IV Ende; II -III Bajawa", [("Ende", 3, 4), ("Bajawa", 2, 3)]),
        ("III Kota A, B", [("Kota A", 3, 3), ("B", 3, 3)]),
        ("VI Siberut", [("Siberut", 6, 6)]),
        ("IV-III Terbalik", [("Terbalik", 3, 4)]),
        ("V Vila Indah", [("Vila Indah", 5, 5)]),
        ("-", []),
        ("", []),
    ],
)
def test_felt_grammar(text, expected):
    found, unread = parse_felt(text)
    assert [(f.place, f.mmi_low, f.mmi_high) for f in found] == expected
    assert unread == ()


def test_what_is_no_felt_entry_is_shown():
    assert parse_felt("Kota tanpa angka") == ((), ("Kota tanpa angka",))
