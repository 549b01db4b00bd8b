"""Times of nowcast warnings: mis-stamped, missing, impossible. A warning is never lost by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.read.nowcast_times import LONGEST, end_time, said_end
from ingest.sources.bmkg_nowcast import BmkgNowcast
from kentongan.errors import DataError, SourceChanged

CAP = "/alerts/nowcast/id/CJT20261120001_alert.xml"
RSS = "/alerts/nowcast/id"
CAME = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)


@pytest.fixture
def cap(feeds):
    return (feeds / "nowcast-cap.xml").read_text(encoding="utf-8")


@pytest.fixture
def read(read_context):
    def run(text, path=CAP):
        return BmkgNowcast().read(text.encode(), read_context("bmkg-nowcast", path))

    return run


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        pytest.param("2026-11-20T14:10:00+05:00", 2, id="a-zone-two-hours-west"),
        pytest.param("2026-11-20T14:10:00+00:00", 7, id="jakarta-clock-written-as-utc"),
        pytest.param("2026-11-20T16:10:00+00:00", 9, id="papua-clock-written-as-utc"),
    ],
)
def test_a_sent_of_the_wrong_zone_counts_from_when_it_came(cap, read, written, hours):
    reading = read(cap.replace("2026-11-20T14:10:00+07:00</sent>", f"{written}</sent>"))
    (doc,) = reading.records
    assert doc.sent == doc.document_time == CAME
    assert doc.key.startswith("CJT20261120001-20261120T"), "the key stays that of the text"
    assert "taken as issued when it came" in reading.notes[0]
    assert (datetime.fromisoformat(written) - CAME) > timedelta(hours=hours - 1)


def test_a_sent_of_another_day_is_refused(cap, read):
    with pytest.raises(SourceChanged, match="sent: expected a time up to"):
        read(cap.replace("2026-11-20T14:10:00+07:00</sent>", "2026-11-22T14:10:00+07:00</sent>"))


def test_an_item_of_the_wrong_zone_counts_from_when_it_came(feeds, read):
    text = (feeds / "nowcast-rss.xml").read_text(encoding="utf-8")
    reading = read(text.replace("15:55:00 +0900", "15:55:00 +0000"), RSS)
    assert reading.records[1].published == CAME
    assert reading.records[1].key == "item-CML20261120001-20261120T155500Z"
    assert "Maluku" in reading.notes[0]
    assert reading.rejected == ()


def test_an_end_before_the_begin_is_taken_from_the_text(cap, read):
    text = cap.replace("2026-11-20T16:20:00+07:00</exp", "2026-11-20T06:20:00+07:00</exp")
    reading = read(text)
    assert reading.records[0].expires == datetime(2026, 11, 20, 9, 20, tzinfo=UTC)
    assert "the text says 2026-11-20T09:20:00Z" in reading.notes[0]


def test_an_end_before_the_begin_without_a_text_is_refused(cap, read):
    text = cap.replace("2026-11-20T16:20:00+07:00</exp", "2026-11-20T06:20:00+07:00</exp")
    with pytest.raises(SourceChanged, match=r"expires: expected a time up to 24 h after"):
        read(text.replace("hingga", "sampai"))


def test_an_end_days_away_is_cut_with_a_reason(cap, read):
    text = cap.replace("2026-11-20T16:20:00+07:00</exp", "2026-11-25T16:20:00+07:00</exp")
    reading = read(text.replace("hingga", "sampai"))
    (doc,) = reading.records
    assert doc.expires == doc.effective + LONGEST
    assert "taken to end after 24 h" in reading.notes[0]


BEGIN = datetime(2026, 2, 16, 15, tzinfo=UTC)
AFTER_2_H = BEGIN + timedelta(hours=2)


@pytest.mark.parametrize(
    ("stated", "said", "end"),
    [
        (AFTER_2_H, None, AFTER_2_H),
        (AFTER_2_H, BEGIN + timedelta(hours=3), AFTER_2_H),
        (None, AFTER_2_H, AFTER_2_H),
        (BEGIN, AFTER_2_H, AFTER_2_H),
        (BEGIN + timedelta(hours=25), AFTER_2_H, AFTER_2_H),
        (BEGIN + timedelta(hours=24), None, BEGIN + timedelta(hours=24)),
        (BEGIN + timedelta(hours=25), None, BEGIN + timedelta(hours=24)),
    ],
)
def test_which_end_counts(stated, said, end):
    assert end_time(stated, lambda: said, begin=BEGIN)[0] == end


@pytest.mark.parametrize("said", [None, BEGIN, BEGIN + timedelta(hours=30)])
def test_no_end_at_all(said):
    with pytest.raises(DataError, match="expires"):
        end_time(None, lambda: said, begin=BEGIN)


@pytest.mark.parametrize(
    "text",
    [
        "berlangsung hingga 16 Februari 2026, 22:00 WIB.",
        "berlangsung hingga 16 February 2026, 22:00 WIB.",
        "Conditions are expected to gradually improve by 16 February 2026, 22:00 WIB.",
        "dari 20:00 hingga sore, dan hingga 17 Feb 2026, 00.00 WIT",
    ],
)
def test_indonesian_and_english_months_and_sentences(text):
    assert said_end(text) == datetime(2026, 2, 16, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "hingga nanti", "hingga 31 Februari 2026, 22:00 WIB"])
def test_a_text_without_an_end(text):
    assert said_end(text) is None
