"""The quake lists as XML, of today and of 2020, and the XML address behind each JSON address."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.run import poll
from ingest.sources.bmkg_quakes import BmkgQuakes
from kentongan.errors import SourceChanged
from kentongan.types import DocumentStatus, FeedState, Outcome

TEWS = "/DataMKG/TEWS"
LATEST = f"{TEWS}/autogempa"


@pytest.fixture
def read(read_context):
    def run(payload, path=f"{LATEST}.xml"):
        return BmkgQuakes().read(payload, read_context("bmkg-quakes", path))

    return run


@pytest.fixture
def legacy(feeds):
    return (feeds / "gempaterkini-2020.xml").read_text(encoding="utf-8")


def test_todays_xml_gives_the_records_of_the_json(feeds, read):
    xml = read((feeds / "autogempa.xml").read_bytes())
    json = read((feeds / "autogempa.json").read_bytes(), f"{LATEST}.json")
    assert xml.records == json.records
    assert (xml.rejected, xml.notes, xml.unknown_fields) == ((), (), ())
    assert xml.fields == json.fields


@pytest.mark.parametrize(("name", "path"), [("xml", "json"), ("json", "xml")])
def test_the_form_is_told_by_content_not_by_name(feeds, read, name, path):
    payload = (feeds / f"autogempa.{name}").read_bytes()
    assert len(read(payload, f"{LATEST}.{path}").records) == 1


def test_the_schema_of_2020(legacy, read):
    reading = read(legacy.encode())
    first, second = reading.records
    assert (first.latitude, first.longitude) == (-7.40, 128.70), "lon,lat"
    assert first.origin_time == datetime(2020, 3, 7, 4, 5, 42, tzinfo=UTC), "07-Mar-20, English"
    assert (first.magnitude, first.depth_km) == (5.2, 154.0), "5.2 SR, 154 Km"
    assert second.place == "92 km TimurLaut CONTOH-SULTENG", "the first of Wilayah1..5"
    assert second.potential == "tidak berpotensi TSUNAMI"
    assert (reading.rejected, reading.unknown_fields) == ((), ())


def test_coordinates_that_fit_their_words_in_no_order_are_quarantined(legacy, read):
    reading = read(legacy.replace("128.70,-7.40", "128.70,7.40").encode())
    assert len(reading.records) == 1
    assert "does not fit" in reading.rejected[0]


def test_unknown_fields_are_counted_and_not_fatal(legacy, read):
    reading = read(legacy.replace("<_symbol>", "<baru>x</baru><_symbol>", 1).encode())
    assert len(reading.records) == 2
    assert "baru" in reading.unknown_fields


def test_a_quake_of_papua_is_written_in_wib(read):
    payload = b"""<Infogempa><gempa><Tanggal>20 Nov 2026</Tanggal><Jam>06:30:00 WIB</Jam>
    <DateTime>2026-11-19T23:30:00+00:00</DateTime><point><coordinates>-2.50,140.70</coordinates>
    </point><Lintang>2.50 LS</Lintang><Bujur>140.70 BT</Bujur><Magnitude>5.0</Magnitude>
    <Kedalaman>10 km</Kedalaman><Wilayah>Contoh-Papua</Wilayah></gempa></Infogempa>"""
    (quake,) = read(payload).records
    assert quake.origin_time == datetime(2026, 11, 19, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"<Infogempa/>", id="no-quake"),
        pytest.param(b"<Infogempa><gempa><Tanggal>2", id="cut-short"),
        pytest.param(b"<feed><gempa/></feed>", id="another-root"),
        pytest.param(b"<!DOCTYPE Infogempa [<!ENTITY a 'b'>]><Infogempa/>", id="doctype"),
        pytest.param(b"<Infogempa>" + b"<gempa/>" * 201 + b"</Infogempa>", id="201-quakes"),
    ],
)
def test_damage_never_reads_as_an_empty_list(read, payload):
    with pytest.raises(SourceChanged):
        read(payload)


@pytest.mark.parametrize(
    ("note", "status", "re_creation"),
    [
        ("<_catatan>TES</_catatan>", DocumentStatus.TEST, False),
        ("<!-- rekaan ulang -->", DocumentStatus.ACTUAL, True),
    ],
)
def test_a_note_in_the_xml_marks_every_quake(feeds, read, note, status, re_creation):
    text = (feeds / "autogempa.xml").read_text(encoding="utf-8")
    (quake,) = read(text.replace("<gempa>", f"{note}<gempa>", 1).encode()).records
    assert (quake.status, quake.re_creation) == (status, re_creation)


def good(feeds, *names):
    return {f"{TEWS}/{name}": (feeds / name).read_bytes() for name in names}


def test_xml_is_asked_for_where_json_gives_nothing_good(serve, feeds, make_context, now):
    served = good(feeds, "autogempa.xml", "gempadirasakan.json", "gempaterkini.json")
    served[f"{LATEST}.json"] = b'{"Infogempa": {"gempa": {"Tangg'
    server = serve(served)
    report = poll("bmkg-quakes", at=now, context=make_context(server.url))
    asked = [path for path in server.requests if path.startswith(LATEST)]
    assert asked == [f"{LATEST}.json", f"{LATEST}.xml"]
    assert (report.outcome, report.state) == (Outcome.NEW, FeedState.FRESH)
    assert [e.outcome for e in report.entries] == [Outcome.MALFORMED]


def test_xml_is_not_asked_for_while_json_is_good(serve, feeds, make_context, now):
    served = good(feeds, "autogempa.json", "gempadirasakan.json", "gempaterkini.json")
    server = serve(served)
    poll("bmkg-quakes", at=now, context=make_context(server.url))
    assert not [path for path in server.requests if path.endswith(".xml")]


def test_a_503_for_hours_is_down_and_both_forms_are_named(serve, make_context, now):
    report = poll("bmkg-quakes", at=now, context=make_context(serve({}).url))
    assert (report.outcome, report.state) == (Outcome.DOWN, FeedState.DOWN)
    assert {e.url.rpartition(".")[2] for e in report.entries} == {"json", "xml"}
