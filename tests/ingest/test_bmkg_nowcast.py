from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import pytest

from ingest.read.polygons import MAX_RING_POINTS, MAX_RINGS
from ingest.sources.bmkg_nowcast import BmkgNowcast, district_names
from kentongan.errors import SourceBlocked, SourceChanged
from kentongan.types import DocumentStatus

RSS, CAP = "/alerts/nowcast/id", "/alerts/nowcast/id/CJT20261120001_alert.xml"


@pytest.fixture
def read(read_context):
    def run(payload, path=CAP):
        return BmkgNowcast().read(payload, read_context("bmkg-nowcast", path))

    return run


@pytest.fixture
def cap(feeds):
    return (feeds / "nowcast-cap.xml").read_text(encoding="utf-8")


@pytest.fixture
def rss(feeds):
    return (feeds / "nowcast-rss.xml").read_text(encoding="utf-8")


def test_rss_items(rss, read):
    reading = read(rss.encode(), RSS)
    first, second = reading.records
    assert (first.code, first.province_code) == ("CJT20261120001", "33")
    assert first.key == "item-CJT20261120001-20261120T071000Z"
    assert first.until == datetime(2026, 11, 20, 9, 20, tzinfo=UTC)
    assert second.published == datetime(2026, 11, 20, 6, 55, tzinfo=UTC)
    assert second.until == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert reading.document_time == datetime(2026, 11, 20, 7, 20, tzinfo=UTC)


def test_links_carry_label_and_province(rss):
    links = BmkgNowcast().links(rss.encode(), RSS)
    assert [(x.label[-6:], x.province_code) for x in links] == [("Tengah", "33"), ("Maluku", "81")]


def test_a_cap_has_no_links(cap):
    assert BmkgNowcast().links(cap.encode(), CAP) == ()


def test_an_empty_list_is_healthy(read):
    date = "<lastBuildDate>Fri, 20 Nov 2026 07:20:00 +0000</lastBuildDate>"
    reading = read(f"<rss><channel>{date}</channel></rss>".encode(), RSS)
    assert reading.empty
    assert reading.document_time is not None


def test_the_identity_outlives_a_new_guid(rss, read):
    again = rss.replace("2026.11.20.07.33.001", "2026.11.20.09.33.001")
    keys = [[r.key for r in read(text.encode(), RSS).records] for text in (rss, again)]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("CML20261120001_alert.xml", "elsewhere.html", "link"),
        ("Fri, 20 Nov 2026 15:55:00 +0900", "yesterday", "pubDate"),
        ("Fri, 20 Nov 2026 15:55:00 +0900", "Fri, 20 Nov 2026 15:55:00", "pubDate"),
    ],
)
def test_a_bad_item_is_quarantined(rss, read, old, new, says):
    reading = read(rss.replace(old, new).encode(), RSS)
    assert len(reading.records) == 1
    assert says in reading.rejected[0]
    assert "Maluku" in reading.rejected[0]


def test_cap_fields(cap, read):
    (doc,) = read(cap.encode()).records
    assert doc.key == "CJT20261120001-20261120T071000Z"
    assert (doc.code, doc.province_code, doc.msg_type) == ("CJT20261120001", "33", "Alert")
    assert doc.sent == doc.document_time == datetime(2026, 11, 20, 7, 10, tzinfo=UTC)
    assert doc.effective == datetime(2026, 11, 20, 7, 20, tzinfo=UTC)
    assert doc.expires == datetime(2026, 11, 20, 9, 20, tzinfo=UTC)
    assert doc.district_names == ("CONTOH BTS. ULU", "MA'U", "MISAL")
    assert [len(ring) for ring in doc.polygons] == [5, 4]
    assert doc.polygons[0][0] == (-7.5, 109.0)


def test_an_expired_cap_is_a_record_that_says_so(cap, read):
    (doc,) = read(cap.replace("2026-11-20", "2026-11-12").encode()).records
    assert doc.expires == datetime(2026, 11, 12, 9, 20, tzinfo=UTC)


def test_an_unclosed_polygon_is_left_out_and_the_rest_stays(cap, read):
    reading = read(cap.replace("-7.600,109.000 -7.500,109.000<", "-7.600,109.000<").encode())
    assert len(reading.records[0].polygons) == 1
    (line,) = reading.rejected
    assert "polygon 1 of 2" in line
    assert "not closed" in line


def test_a_self_crossing_polygon_is_kept_and_named(cap, read):
    crossing = cap.replace("-7.600,109.100 -7.600,109.000", "-7.600,109.000 -7.600,109.100")
    reading = read(crossing.encode())
    assert len(reading.records[0].polygons) == 2
    assert reading.rejected == ()
    assert "crosses itself" in reading.notes[0]


def test_no_usable_polygon_is_still_a_warning(cap, read):
    start, end = cap.index("<polygon>"), cap.index("</area>")
    reading = read((cap[:start] + "<polygon>109.0,-7.5 109.1,-7.5</polygon>" + cap[end:]).encode())
    assert reading.records[0].polygons == ()
    assert "its area is unknown" in reading.rejected[-1]


@pytest.mark.parametrize(
    "polygon",
    [
        "109.0,-7.5 109.1,-7.5 109.1,-7.6 109.0,-7.5",
        "91,109 -7,109 -7,110 91,109",
        "-7.5 109.0 -7.6 109.0",
        "a,b c,d e,f a,b",
        "-7.5,109.0,0 -7.6,109.0,0 -7.6,109.1,0 -7.5,109.0,0",
        "nan,109 -7,109 -7,110 nan,109",
    ],
)
def test_polygons_that_cannot_be_are_left_out(cap, read, polygon):
    start, end = cap.index("<polygon>"), cap.index("</area>")
    reading = read((cap[:start] + f"<polygon>{polygon}</polygon>" + cap[end:]).encode())
    assert reading.records[0].polygons == ()


SQUARE = "-7.5,109.0 -7.5,109.1 -7.6,109.1 -7.6,109.0 -7.5,109.0"


def with_polygons(cap, *polygons):
    start, end = cap.index("<polygon>"), cap.index("</area>")
    text = "".join(f"<polygon>{polygon}</polygon>" for polygon in polygons)
    return (cap[:start] + text + cap[end:]).encode()


def tangle(points):
    """A closed ring that crosses itself nearly everywhere."""
    turns = [
        (109 + math.cos(i) * (0.3 + 0.1 * math.sin(7 * i)), -7.5 + 0.4 * math.sin(2.3 * i))
        for i in range(points - 1)
    ]
    return " ".join(f"{y:.5f},{x:.5f}" for x, y in [*turns, turns[0]])


def test_a_ring_of_too_many_points_is_left_out_at_once(cap, read):
    started = time.monotonic()
    reading = read(with_polygons(cap, tangle(MAX_RING_POINTS + 1), SQUARE))
    assert time.monotonic() - started < 1.0
    assert len(reading.records[0].polygons) == 1
    assert "polygon 1 of 2 left out: expected at most 5000 points" in reading.rejected[0]


@pytest.mark.parametrize(
    ("points", "says"), [(1500, "times, expected at most"), (4000, "too many to be")]
)
def test_a_tangle_is_left_out_soon(cap, read, points, says):
    started = time.monotonic()
    reading = read(with_polygons(cap, *[tangle(points)] * 12, SQUARE))
    assert time.monotonic() - started < 10.0
    assert len(reading.records[0].polygons) == 1
    assert says in reading.rejected[0]


def test_a_long_ring_with_one_slip_is_kept(cap, read):
    bend = " ".join(f"{-7.5 - i / 1e5:.5f},109.0" for i in range(1000))
    ring = f"{bend} -7.6,109.1 -7.6,109.0 -7.5,109.1 -7.5,109.0"
    reading = read(with_polygons(cap, ring))
    assert "crosses itself; kept" in reading.notes[0]
    assert len(reading.records[0].polygons) == 1


def test_points_beyond_those_of_a_document_are_left_out_and_the_rest_stays(cap, read):
    corner = " ".join(["-7.5,109.0"] * (MAX_RING_POINTS - 5))
    reading = read(with_polygons(cap, *[f"{corner} {SQUARE}"] * 11))
    assert len(reading.records[0].polygons) == 10
    assert "50000 points in all" in reading.rejected[0]


def test_polygons_beyond_those_of_a_document_are_one_line(cap, read):
    reading = read(with_polygons(cap, *[SQUARE] * (MAX_RINGS + 7)))
    assert len(reading.records[0].polygons) == MAX_RINGS
    assert reading.rejected == ("CJT20261120001: 7 polygons after the first 5000 left out",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-11-20T14:10:00+07:00</sent>", "2026-11-20T14:10:00</sent>"),
        ("<sent>2026", "<sent>0001"),
        ("<info>", "<x>"),
    ],
)
def test_a_cap_that_cannot_be_placed_in_time_is_refused(cap, read, old, new):
    text = cap.replace(old, new)
    with pytest.raises(SourceChanged):
        read(text.replace("</info>", "</x>").encode() if new == "<x>" else text.encode())


def test_a_missing_end_is_taken_from_the_text(cap, read):
    text = cap.replace("<expires>2026-11-20T16:20:00+07:00</expires>", "")
    assert read(text.encode()).records[0].expires == datetime(2026, 11, 20, 9, 20, tzinfo=UTC)
    with pytest.raises(SourceChanged, match="expires"):
        read(text.replace("hingga", "sampai").encode())


def test_tes_in_the_headline_is_a_test(cap, read):
    text = cap.replace("<headline>Hujan", "<headline>TES Hujan")
    assert read(text.encode()).records[0].status is DocumentStatus.TEST


def with_text(cap, **changes):
    for name, text in changes.items():
        start, end = cap.index(f"<{name}>") + len(name) + 2, cap.index(f"</{name}>")
        cap = cap[:start] + text + cap[end:]
    return cap


@pytest.mark.parametrize(
    "changes", [{"headline": "(LATIHAN) Hujan"}, {"event": "Uji coba"}, {"description": "TES. x"}]
)
def test_words_of_a_drill_in_a_cap(cap, read, changes):
    assert read(cap.encode()).records[0].status is DocumentStatus.ACTUAL
    assert read(with_text(cap, **changes).encode()).records[0].status is DocumentStatus.TEST


def test_a_re_creation_is_seen_in_text_and_in_comments(cap, rss, read):
    assert not read(cap.encode()).records[0].re_creation
    assert not any(item.re_creation for item in read(rss.encode(), RSS).records)
    assert (
        read(cap.replace("<info>", "<!-- rekaan ulang --><info>").encode()).records[0].re_creation
    )
    assert read(with_text(cap, headline="Hujan (rekaan ulang)").encode()).records[0].re_creation
    titled = rss.replace("<title>Hujan", "<title>Rekaan ulang: Hujan", 1)
    assert titled != rss
    marked = [item.re_creation for item in read(titled.encode(), RSS).records]
    assert sorted(marked) == [False, True]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_comment_is_read_in_any_encoding(cap, read, encoding):
    noted = cap.replace("<info>", "<!-- rekaan ulang --><info>").replace("UTF-8", encoding.upper())
    assert read(noted.encode(encoding)).records[0].re_creation


def test_a_cancel_has_its_own_key(cap, read):
    keys = {
        read(text.encode()).records[0].key for text in (cap, cap.replace(">Alert<", ">Cancel<"))
    }
    assert len(keys) == 2


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">]><alert>&c;</alert>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_entity_bomb_is_refused(read, encoding):
    with pytest.raises(SourceChanged):
        read(BOMB.replace('"1.0"', f'"1.0" encoding="{encoding}"').encode(encoding))


def test_an_outside_entity_is_never_fetched(read):
    text = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><alert>&x;</alert>'
    with pytest.raises(SourceChanged, match="DOCTYPE"):
        read(text.encode())


def test_html_is_a_block_page(read):
    with pytest.raises(SourceBlocked):
        read(b"<html><head><title>x</title></head></html>")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x khususnya di A, B.\n Kondisi ini", ("A", "B")),
        ("x khususnya di A, BTS. ULU.\n Kondisi ini", ("A", "BTS. ULU")),
        ("x khususnya di A, STL. B. Kondisi ini berpotensi", ("A", "STL. B")),
        ("x khususnya di A", ("A",)),
        ("x khususnya di Sa'Dan, A dan B, dan C.", ("Sa'Dan", "A", "B", "C")),
        ("x khususnya di A dan sekitarnya.\n", ("A",)),
        ("especially in: A, B.\n These conditions", ("A", "B")),
        ("di seluruh Gorontalo.\n", ()),
        ("", ()),
    ],
)
def test_district_names(text, names):
    assert district_names(text) == names


def test_a_cap_whose_identifier_was_rendered_anew_is_the_same_warning(cap, read):
    again = cap.replace(
        "2.49.0.1.360.0.2026.11.20.07.33.001", "2.49.0.1.360.0.2026.11.23.14.33.001"
    )
    assert again != cap
    first, second = (read(text.encode()).records[0] for text in (cap, again))
    assert first.key == second.key
    assert (first.code, first.sent, first.province_code) == (
        second.code,
        second.sent,
        second.province_code,
    )


def test_an_identifier_of_another_form_costs_the_province_only(cap, read):
    (doc,) = read(cap.replace("2.49.0.1.360.0.2026.11.20.07.33.001", "urn:x:1").encode()).records
    assert (doc.province_code, doc.key) == ("", "CJT20261120001-20261120T071000Z")


@pytest.mark.parametrize(("kind", "cancels"), [("Update", False), ("Cancel", True)])
def test_an_update_and_a_cancel_are_documents_of_their_own(cap, read, kind, cancels):
    later = cap.replace(">Alert<", f">{kind}<").replace(
        "14:10:00+07:00</sent", "14:40:00+07:00</sent"
    )
    (doc,) = read(later.encode()).records
    assert doc.key == f"CJT20261120001-20261120T074000Z-{kind.lower()}"
    assert doc.is_cancel is cancels
    assert doc.code == "CJT20261120001"


@pytest.mark.parametrize("blank", ["\n", "   \n\t", "\ufeff"])
def test_white_space_before_the_declaration(cap, read, blank):
    assert read((blank + cap).encode()).records[0].code == "CJT20261120001"


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("DENGILO, BTS. ULU, SUWAWA TIMUR", ("DENGILO", "BTS. ULU", "SUWAWA TIMUR")),
        ("Dengilo, Bts. Ulu, Suwawa Timur", ("Dengilo", "Bts. Ulu", "Suwawa Timur")),
    ],
)
def test_upper_and_title_case_names_are_kept_as_written(cap, read, written, names):
    text = cap.replace("CONTOH BTS. ULU, MA'U, MISAL", written)
    assert read(text.encode()).records[0].district_names == names


def ring(number):
    """Twenty points around a centre; the last is the first."""
    north, east = -7.0 - 0.05 * (number % 15), 107.0 + 0.05 * (number // 15)
    turns = [2 * math.pi * i / 19 for i in range(19)]
    points = [f"{north + 0.02 * math.sin(t):.3f},{east + 0.02 * math.cos(t):.3f}" for t in turns]
    return " ".join([*points, points[0]])


def test_eleven_documents_of_150_polygons_are_read_within_a_second(cap, read):
    payload = with_polygons(cap, *[ring(number) for number in range(150)])
    started = time.process_time()
    readings = [read(payload) for _ in range(11)]
    assert time.process_time() - started < 1.0
    assert all(len(r.records[0].polygons) == 150 for r in readings)
    assert sum(len(ring) for ring in readings[0].records[0].polygons) == 3000
