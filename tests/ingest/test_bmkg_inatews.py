from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingest.sources.bmkg_inatews import BmkgInatews
from kentongan.errors import SourceChanged
from kentongan.records import Bulletin, Quake, record_from_json
from kentongan.types import DocumentStatus, TsunamiStatus


@pytest.fixture
def read(read_context):
    return lambda payload: BmkgInatews().read(payload, read_context("bmkg-inatews", "/x"))


@pytest.fixture
def alert(feeds):
    return json.loads((feeds / "datagempa-tes.json").read_bytes())


def test_a_felt_quake_becomes_a_quake(feeds, read):
    (quake,) = read((feeds / "datagempa.json").read_bytes()).records
    assert isinstance(quake, Quake)
    assert (quake.latitude, quake.longitude) == (-7.55, 108.90)
    assert quake.origin_time == datetime(2026, 11, 20, 7, 10, 5, tzinfo=UTC)
    assert quake.document_time == datetime(2026, 11, 20, 7, 15, 5, tzinfo=UTC)
    assert [f.place for f in quake.felt] == ["Kec. Contoh Utara", "Kab. Contoh"]


def test_the_sequence_of_bulletins(feeds, read):
    reading = read((feeds / "last30tsunamievent.xml").read_bytes())
    assert reading.rejected == reading.notes == ()
    by_label = {b.label: b for b in reading.records if isinstance(b, Bulletin)}
    assert {label: b.stage for label, b in by_label.items()} == {"PD-1": 1, "PD-3.1": 3, "PD-4": 4}
    assert by_label["PD-4"].all_clear
    assert by_label["PD-4"].zones == ()
    assert by_label["PD-1"].sent == datetime(2026, 11, 1, 21, 2, 30, tzinfo=UTC)
    assert by_label["PD-1"].key.startswith("20261102040230-PD-1-20261101T210230Z-")
    assert reading.document_time == datetime(2026, 11, 1, 23, 30, tzinfo=UTC)


def test_a_doubled_zone_counts_once(feeds, read):
    records = read((feeds / "last30tsunamievent.xml").read_bytes()).records
    (zone,) = next(b for b in records if b.label == "PD-1").zones
    assert (zone.province, zone.district) == ("NTT", "CONTOH BAGIAN UTARA")
    assert zone.level is TsunamiStatus.WASPADA
    assert zone.arrival == datetime(2026, 11, 1, 21, 5, 9, tzinfo=UTC)


def test_swapped_gauges_are_repaired_and_marked(feeds, read):
    records = read((feeds / "last30tsunamievent.xml").read_bytes()).records
    gauges = next(b for b in records if b.label == "PD-3.1").gauges
    assert [(g.latitude, g.longitude, g.repaired) for g in gauges] == [
        (-8.30, 120.38, True),
        (-8.50, 121.81, False),
    ]
    assert gauges[0].observed_at == datetime(2026, 11, 1, 21, 21, tzinfo=UTC)


def test_status_tes_is_a_test(feeds, read):
    (bulletin,) = read((feeds / "datagempa-tes.json").read_bytes()).records
    assert bulletin.status is DocumentStatus.TEST is bulletin.quake.status
    assert bulletin.zones[0].level is TsunamiStatus.AWAS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, DocumentStatus.TEST, id="headline-and-image"),
        pytest.param({"shakemap": "1.jpg"}, DocumentStatus.TEST, id="headline-alone"),
        pytest.param({"headline": "Peringatan Dini"}, DocumentStatus.TEST, id="image-alone"),
        pytest.param({"headline": "LATIHAN x", "shakemap": ""}, DocumentStatus.TEST, id="latihan"),
        pytest.param({"headline": "Tesa", "shakemap": ""}, DocumentStatus.ACTUAL, id="a-word"),
    ],
)
def test_second_guards_hold_though_the_status_says_actual(alert, read, changes, expected):
    alert["status"] = "Actual"
    alert["info"].update(changes)
    assert read(json.dumps(alert).encode()).records[0].status is expected


@pytest.mark.parametrize("scope", ["Restricted", "Private", "PRIVATE", "public?"])
def test_what_is_not_meant_for_everybody_never_is(alert, read, scope):
    alert["scope"] = scope
    assert read(json.dumps(alert).encode()).records[0].status is DocumentStatus.TEST


@pytest.mark.parametrize("status", ["", "Draft", "System", "test", "aktual?"])
def test_what_is_not_plainly_actual_never_is(alert, read, status):
    alert["status"] = status
    alert["info"].update(headline="Peringatan", shakemap="")
    assert read(json.dumps(alert).encode()).records[0].status is DocumentStatus.TEST


def test_a_drill_never_takes_the_key_of_the_real_one(alert, read):
    drill = read(json.dumps(alert).encode()).records[0].key
    alert["status"] = "Actual"
    alert["info"].update(headline="Peringatan", shakemap="")
    assert read(json.dumps(alert).encode()).records[0].key != drill


def test_a_tsunami_bulletin_survives_wrong_coordinates(alert, read):
    alert["info"]["point"]["coordinates"] = "-3.73,130.60"
    reading = read(json.dumps(alert).encode())
    assert (reading.records[0].quake.latitude, reading.records[0].quake.longitude) == (-3.73, 130.6)
    assert "exchanged" in reading.notes[0]


def test_a_felt_quake_with_wrong_coordinates_does_not(feeds, read):
    payload = (feeds / "datagempa.json").read_bytes().replace(b"108.90,-7.55", b"-7.55,108.90")
    reading = read(payload)
    assert reading.records == ()
    assert "exchanged" in reading.rejected[0]


def test_zones_in_doubt_are_named_and_the_others_stay(alert, read):
    good = alert["info"]["wzarea"]
    alert["info"]["wzarea"] = [
        {**good, "level": "MERAH"},
        {**good, "level": "waspada", "district": "KOTA-LAIN", "time": ""},
        "text",
        good,
        {**good, "level": "SIAGA"},
    ]
    reading = read(json.dumps(alert).encode())
    assert [(z.district, z.level, z.arrival is None) for z in reading.records[0].zones] == [
        ("KOTA-LAIN", "WASPADA", True),
        ("CONTOH BAGIAN UTARA", "AWAS", False),
    ]
    assert len(reading.notes) == 2


@pytest.mark.parametrize("subject", ["Warning Tsunami", "Warning Tsunami PD-5", "Tsunami PD-x"])
def test_a_tsunami_of_unknown_stage_is_quarantined(alert, read, subject):
    alert["info"]["subject"] = subject
    reading = read(json.dumps(alert).encode())
    assert reading.records == ()
    assert "PD-1 to PD-4" in reading.rejected[0]


@pytest.mark.parametrize("payload", [b"<feed/>", b'{"x": 1}', b"[]", b"7", b"<alert"])
def test_other_documents_are_refused(read, payload):
    with pytest.raises(SourceChanged):
        read(payload)


def test_an_alert_without_info_is_empty(read):
    assert read(b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'/>").empty


ZONE = {"province": "NTT", "district": "A", "level": "SIAGA", "date": "19-11-2026"}
ZONE |= {"time": "09:12:00 WIB"}
GAUGE = {"location": "P", "loclatitude": "-8.5", "loclongitude": "121.8", "height": "0.4"}
GAUGE |= {"date": "19-11-2026", "time": "09:21 WIB"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"wzarea": {**ZONE, "level": "AWAS"}}, id="level"),
        pytest.param({"wzarea": {**ZONE, "time": "09:10:00 WIB"}}, id="arrival"),
        pytest.param({"wzarea": [ZONE, {**ZONE, "district": "B"}]}, id="a-new-zone"),
        pytest.param({"obsarea": {**GAUGE, "height": "0.9"}}, id="gauge"),
        pytest.param({"timesent": "19/11/2026 09:08:00WIB"}, id="sent-again"),
    ],
)
def test_a_corrected_bulletin_of_the_same_label_is_a_record_of_its_own(alert, read, change):
    alert["info"].update(wzarea=[ZONE], obsarea=[GAUGE])
    (first,) = read(json.dumps(alert).encode()).records
    alert["info"].update(change)
    (second,) = read(json.dumps(alert).encode()).records
    assert first.label == second.label
    assert first.key != second.key


def test_the_order_of_rows_makes_no_new_bulletin(alert, read):
    rows = [ZONE, {**ZONE, "district": "B"}, ZONE]
    keys = set()
    for listed in (rows, rows[::-1]):
        alert["info"]["wzarea"] = listed
        keys.add(read(json.dumps(alert).encode()).records[0].key)
    assert len(keys) == 1


def test_the_same_bulletin_in_json_and_xml_is_one_record(feeds, read):
    payload = (feeds / "last30tsunamievent.xml").read_bytes()
    for info, record in zip(_from_xml(payload), read(payload).records, strict=True):
        alert = {"status": "Actual", "sent": "2026-11-02T07:00:00WIB", "info": info}
        (again,) = read(json.dumps(alert).encode()).records
        assert again.key == record.key


def _from_xml(payload):
    from ingest.read.inatews import alert_from_xml as mapping
    from ingest.read.payload import parse_xml

    return mapping(parse_xml(payload, "x"), "x")["info"]


def test_a_copy_with_an_unreadable_zone_does_not_stand_in_for_the_good_one(alert, read):
    good = [ZONE, {**ZONE, "district": "B", "level": "AWAS"}]
    alert["info"]["wzarea"] = [ZONE, {**good[1], "level": "??"}]
    (partial,) = read(json.dumps(alert).encode()).records
    alert["info"]["wzarea"] = good
    (whole,) = read(json.dumps(alert).encode()).records
    assert (len(partial.zones), len(whole.zones)) == (1, 2)
    assert partial.key != whole.key


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "TES Warning Tsunami PD-1"},
        {"subject": "Warning Tsunami PD-1 (LATIHAN IOWAVE)"},
        {"headline": "[TES] Peringatan"},
        {"headline": "Ini adalah TES. Peringatan dini"},
        {"headline": "UJI COBA Peringatan dini tsunami"},
        {"headline": "*** TES ***"},
        {"area": "TES 90 km Utara CONTOH"},
        {"description": "Gladi bersih"},
        {"catatan": "simulasi"},
    ],
)
def test_words_of_a_drill_anywhere_in_a_bulletin(alert, read, changes):
    alert["status"] = "Actual"
    alert["info"].update(headline="Peringatan", shakemap="", description="Peringatan")
    assert read(json.dumps(alert).encode()).records[0].status is DocumentStatus.ACTUAL
    alert["info"].update(changes)
    (bulletin,) = read(json.dumps(alert).encode()).records
    assert bulletin.status is DocumentStatus.TEST is bulletin.quake.status


def test_a_note_beside_the_bulletin_marks_it(alert, read):
    alert["_catatan"] = "rekaan ulang"
    (bulletin,) = read(json.dumps(alert).encode()).records
    assert bulletin.re_creation
    assert bulletin.quake.re_creation
    alert["_catatan"] = "lain"
    alert["info"]["headline"] = "Peringatan (rekaan ulang)"
    assert read(json.dumps(alert).encode()).records[0].re_creation


def test_in_a_list_only_the_marked_bulletin_is_marked_unless_a_comment_says_all_are(feeds, read):
    text = (feeds / "last30tsunamievent.xml").read_text(encoding="utf-8")
    one = text.replace("<headline>Pemutakhiran", "<headline>TES Pemutakhiran (reka ulang)")
    found = {b.label: b for b in read(one.encode()).records}
    assert [label for label, b in found.items() if b.re_creation] == ["PD-3.1"]
    assert [label for label, b in found.items() if b.status != "Actual"] == ["PD-3.1"]
    noted = text.replace("<identifier>", "<!-- rekaan ulang --><identifier>", 1)
    assert all(b.re_creation for b in read(noted.encode()).records)


@pytest.mark.parametrize("text", ["9.9", "10", "-", "", "besar", "NaN", "1e999", None])
def test_a_bulletin_is_kept_though_its_magnitude_cannot_be_read(alert, read, text):
    alert["info"]["magnitude"] = text
    reading = read(json.dumps(alert).encode())
    (bulletin,) = reading.records
    assert bulletin.quake.magnitude is None
    assert (bulletin.quake.depth_km, len(bulletin.zones)) == (10.0, 1)
    assert "magnitude taken as not known" in reading.notes[0]
    assert record_from_json(bulletin.model_dump_json()) == bulletin


@pytest.mark.parametrize("text", ["Dangkal", "-", "900 Km", "-10 km"])
def test_a_bulletin_is_kept_though_its_depth_cannot_be_read(alert, read, text):
    alert["info"]["depth"] = text
    reading = read(json.dumps(alert).encode())
    assert (reading.records[0].quake.magnitude, reading.records[0].quake.depth_km) == (8.1, None)
    assert "depth taken as not known" in reading.notes[0]


@pytest.mark.parametrize("text", ["8,1", "M8.1", "Mag:8.1"])
def test_a_bulletin_with_another_form_of_magnitude(alert, read, text):
    alert["info"]["magnitude"] = text
    reading = read(json.dumps(alert).encode())
    assert (reading.records[0].quake.magnitude, reading.notes) == (8.1, ())


def test_a_bulletin_without_event_id_is_known_by_its_origin(alert, read):
    del alert["info"]["eventid"]
    (bulletin,) = read(json.dumps(alert).encode()).records
    assert bulletin.key.startswith("20261119T020000Z-PD-1-")


def test_a_felt_quake_without_magnitude_is_quarantined(feeds, read):
    document = json.loads((feeds / "datagempa.json").read_bytes())
    document["info"]["magnitude"] = "-"
    reading = read(json.dumps(document).encode())
    assert reading.records == ()
    assert "magnitude" in reading.rejected[0]
