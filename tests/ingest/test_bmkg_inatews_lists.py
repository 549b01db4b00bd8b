from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.sources.bmkg_inatews import BmkgInatews
from ingest.sources.bmkg_inatews_lists import BmkgInatewsLists
from kentongan.errors import SourceChanged
from kentongan.records import Bulletin, Quake
from kentongan.types import DocumentStatus


@pytest.fixture
def read(read_context):
    def run(payload, **changes):
        return BmkgInatewsLists().read(payload, read_context("bmkg-inatews-lists", "/x", **changes))

    return run


@pytest.fixture
def text(feeds):
    return lambda name: (feeds / name).read_text(encoding="utf-8")


def test_the_last_events_are_quakes_and_a_tsunami_subject_is_a_bulletin(text, read):
    reading = read(text("last30event.xml").encode())
    assert [type(r) for r in reading.records] == [Quake, Quake, Bulletin]
    assert (reading.rejected, reading.notes, reading.unknown_fields) == ((), (), ())
    assert reading.records[1].longitude == -179.5, "BB is west"
    assert reading.records[2].zones[0].district == "CONTOH BAGIAN UTARA"


def test_a_stale_identifier_and_sent_of_the_alert_are_ignored(text, read):
    reading = read(text("last30event.xml").encode())
    assert reading.document_time == datetime(2026, 11, 20, 7, 13, 12, tzinfo=UTC)
    fresh = text("last30event.xml").replace("20261101000000", "20270101000000")
    assert [r.key for r in read(fresh.encode()).records] == [r.key for r in reading.records]


def test_felt_quakes_have_their_places(text, read):
    first, papua = read(text("last30feltevent.xml").encode()).records
    assert [f.place for f in first.felt] == ["Kec. Contoh Utara", "Kab. Contoh"]
    assert papua.origin_time == datetime(2026, 11, 18, 16, 2, 41, tzinfo=UTC), "WIB on Papua"


def without(document, *names):
    lines = [x for x in document.splitlines() if not any(f"<{n}>" in x for n in names)]
    return "\n".join(lines).encode()


def test_a_quake_without_time_of_sending_is_as_of_its_origin_and_a_bulletin_is_refused(text, read):
    reading = read(without(text("last30event.xml"), "timesent"))
    assert [q.document_time - q.origin_time for q in reading.records] == [timedelta(0)] * 2
    assert "timesent" in reading.rejected[0]


def test_a_single_info_does_not_take_a_sending_before_its_own_quake(text, read):
    document = text("last30feltevent.xml")
    one = document[: document.index("<info>", document.index("<info>") + 1)].rstrip() + "</alert>"
    (quake,) = read(without(one, "timesent")).records
    assert quake.document_time == quake.origin_time


def test_the_status_of_the_list_holds_for_all(text, read):
    for word in ("TES", "", "Exercise"):
        payload = text("last30event.xml").replace("<status>Actual", f"<status>{word}")
        assert DocumentStatus.ACTUAL not in {r.status for r in read(payload.encode()).records}


def test_a_quake_ahead_of_the_reception_is_quarantined_and_a_bulletin_is_not(text, read):
    early = datetime(2026, 11, 1, 20, 0, tzinfo=UTC)
    reading = read(text("last30event.xml").encode(), received_at=early)
    (bulletin,) = reading.records
    assert bulletin.document_time == datetime(2026, 11, 1, 21, 2, 30, tzinfo=UTC), "it waits"
    assert any("not known before it is sent" in line for line in reading.notes)
    assert len(reading.rejected) == 2
    assert all("this machine's clock" in line for line in reading.rejected)


def test_the_same_solution_has_the_same_key_in_both_feeds(feeds, read, read_context):
    (one,) = (
        BmkgInatews()
        .read((feeds / "datagempa.json").read_bytes(), read_context("bmkg-inatews", "/x"))
        .records
    )
    listed = read((feeds / "last30feltevent.xml").read_bytes()).records[0]
    assert (listed.origin_time, listed.magnitude) == (one.origin_time, one.magnitude)


def test_an_alert_inside_an_atom_entry_is_read_and_a_link_only_named(text, read):
    reading = read(text("capatomlast40event.xml").encode())
    (quake,) = reading.records
    assert (quake.magnitude, quake.place) == (5.1, "20 km BaratDaya CONTOH-JABAR")
    assert "1 entries without an alert inside, not followed: https://contoh" in reading.notes[0]
    assert reading.document_time == quake.document_time
    assert "entry.link" in reading.fields
    assert reading.unknown_fields == ()


def test_an_atom_of_links_alone_is_quarantined_as_it_tells_nothing(text, read):
    document = text("capatomlast40event.xml")
    start, end = document.index("<content"), document.index("</content>") + len("</content>")
    reading = read((document[:start] + document[end:]).encode())
    assert (reading.records, reading.empty) == ((), False)
    assert "2 entries without an alert inside" in reading.rejected[0]
    assert reading.document_time == datetime(2026, 11, 20, 7, 13, 30, tzinfo=UTC)


def test_an_alert_directly_in_the_entry_is_read_too(text, read):
    document = text("capatomlast40event.xml").replace('<content type="application/xml">', "")
    assert len(read(document.replace("</content>", "").encode()).records) == 1


def test_a_drill_in_the_title_of_an_entry_marks_its_alert(text, read):
    document = text("capatomlast40event.xml")
    marked = document.replace("<title>Gempa Mag:5.1", "<title>[TES] Gempa Mag:5.1")
    assert read(marked.encode()).records[0].status is DocumentStatus.TEST


def test_plain_cap_inside_the_atom_is_named_as_what_it_lacks(text, read):
    document = text("capatomlast40event.xml")
    reading = read(without(document, "date", "time", "point", "latitude", "longitude"))
    assert reading.records == ()
    assert "date: expected a value" in reading.rejected[0]


@pytest.mark.parametrize(
    "payload",
    [
        b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'><status>Actual</status></alert>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'><title>x</title></feed>",
        b"<alert><info><date>20-11-26</date>",
        b'{"info": []}',
        b"<rss/>",
    ],
)
def test_a_list_without_any_quake_is_damage(read, payload):
    with pytest.raises(SourceChanged):
        read(payload)
