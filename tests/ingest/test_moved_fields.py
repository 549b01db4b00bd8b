"""What stands elsewhere, twice, or under another name is never dropped without a word."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from ingest.keep.drift import field_names, misplaced, names_of
from ingest.read.quake import status_doubt
from ingest.registry import SOURCES
from kentongan.errors import SourceChanged


@pytest.fixture
def read(feeds, read_context):
    def run(source_id, name, *changes, path="/x"):
        text = (feeds / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        return SOURCES[source_id].read(text.encode(), read_context(source_id, path))

    return run


PLACES = {"list": ("row",), "row": ("size", "place")}


@pytest.mark.parametrize(
    ("xml", "found"),
    [
        ("<list><row><size/><place/></row><row/></list>", set()),
        ("<list><row><new/></row></list>", set()),
        ("<list><box><row/></box></list>", {"box.row"}),
        ("<list><row><size><place/></size></row></list>", {"size.place"}),
        ("<list><row><size/><size/></row></list>", {"row.size (again)"}),
        ("<list><size/></list>", {"list.size"}),
        ("<list><list><row/></list></list>", {"list.list"}),
    ],
)
def test_known_elements_in_other_places(xml, found):
    assert misplaced(etree.fromstring(xml), PLACES, many=("row",)) == found


def test_a_field_that_holds_more_than_a_value_has_a_name_of_its_own():
    rows = [{"a": {"b": 1}, "c": [1], "d": "x"}, "no row"]
    assert names_of(rows) == {"a", "c", "d"}
    assert names_of(rows, "r.", nested=("c",)) == {"r.a", "r.a (nested)", "r.c", "r.d"}
    assert field_names({"a", "", "\n"}, frozenset({"a"})) == (("a",), ("(no name)",))


def test_a_felt_list_that_is_no_text_is_named(read):
    document = json.loads('{"Dirasakan": {"v": "III Contoh"}}')["Dirasakan"]
    reading = read(
        "bmkg-quakes",
        "gempadirasakan.json",
        ('"III - IV Kec. Contoh Utara, II-III MMI Kab. Contoh"', json.dumps(document)),
    )
    assert "Dirasakan (nested)" in reading.unknown_fields


def test_a_quake_under_another_name_is_named(read):
    reading = read("bmkg-quakes", "gempaterkini-2020.xml", ("<gempa>", "<g>"), ("</gempa>", "</g>"))
    assert any(name.startswith("g.") for name in reading.unknown_fields)


ITEM, END = "<item>", "</item>"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([(ITEM, "<x>"), (END, "</x>"), (ITEM, "<x>"), (END, "</x>")], id="renamed"),
        pytest.param([(ITEM, ""), (END, ""), (ITEM, ""), (END, "")], id="laid-open"),
        pytest.param(
            [("<channel>", "<channel><channel>"), ("</rss>", "</channel></rss>")], id="in"
        ),
        pytest.param([(ITEM, "<box><item>"), (END, "</item></box>")], id="wrapped"),
    ],
)
def test_a_list_whose_items_stand_otherwise_is_refused_and_never_empty(read, changes):
    with pytest.raises(SourceChanged, match="expected all items in the channel"):
        read("bmkg-nowcast", "nowcast-rss.xml", *changes)


def test_an_alert_whose_bulletins_go_by_another_name_is_refused(read):
    changes = [change for _ in range(3) for change in (("<info>", "<i>"), ("</info>", "</i>"))]
    with pytest.raises(SourceChanged, match="expected <info>"):
        read("bmkg-inatews", "last30tsunamievent.xml", *changes)


def test_of_an_item_that_stands_twice_the_later_end_counts(read):
    early = "hingga 20 November 2026, 16:20 WIB"
    code = "/alerts/nowcast/id/CML20261120001_alert.xml"
    reading = read(
        "bmkg-nowcast",
        "nowcast-rss.xml",
        (code, "/alerts/nowcast/id/CJT20261120001_alert.xml"),
        ("Fri, 20 Nov 2026 15:55:00 +0900", "Fri, 20 Nov 2026 14:10:00 +0700"),
        (early, "hingga 20 November 2026, 15:20 WIB"),
    )
    (item,) = reading.records
    assert item.until.hour == 9, "18:00 WIT"
    assert "later one counts" in reading.notes[-1]


@pytest.mark.parametrize("status", ["", "Aktual", "actual!"])
def test_a_status_that_is_not_understood_is_a_test_and_said(read, status):
    reading = read("bmkg-nowcast", "nowcast-cap.xml", (">Actual<", f">{status}<"))
    assert reading.records[0].status == "Test"
    assert any("counts as a test" in note for note in reading.notes)
    assert status_doubt("Actual") == status_doubt("TES") == ()


def test_a_longitude_is_never_a_latitude(read):
    changes = [
        ("-7.55,108.90", "108.90,-7.55"),
        ('"Bujur":"108.90 BT"', '"Bujur":"7.55 LS"'),
        ('"Lintang":"7.55 LS"', '"Lintang":"108.90 BT"'),
    ]
    reading = read("bmkg-quakes", "gempaterkini.json", *changes)
    assert len(reading.records) == 1
    assert "LS or LU" in reading.rejected[0]
