"""Which of the two clocks of a quake is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingest.read.quake_times import access_stamps, origin_of
from ingest.source import ReadContext
from ingest.sources.bmkg_quakes import BmkgQuakes
from kentongan.errors import DataError

SEEN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def row(day="18 Nov 2026", clock="14:10:05 WIB", stated="2026-11-18T07:10:05+00:00"):
    return {"Tanggal": day, "Jam": clock, "DateTime": stated}


def origin(found, *others, seen=SEEN):
    return origin_of(found, last_seen=seen, stamps=access_stamps([found, *others]))


def test_two_clocks_that_agree_give_the_utc_one():
    assert origin(row()) == (datetime(2026, 11, 18, 7, 10, 5, tzinfo=UTC), ())


def test_2021_the_access_date_with_the_clock_of_the_event():
    found, lines = origin(row(stated="2026-11-20T07:10:05+00:00"))
    assert found == datetime(2026, 11, 18, 7, 10, 5, tzinfo=UTC)
    assert "time of access; Tanggal + Jam taken" in lines[0]


def test_2021_the_access_time_is_shared_by_quakes_of_different_times():
    same = "2026-11-20T11:59:40+00:00"
    other = row("17 Nov 2026", "01:00:00 WIB", same)
    found, lines = origin(row(stated=same), other)
    assert found == datetime(2026, 11, 18, 7, 10, 5, tzinfo=UTC)
    assert lines


def test_two_clocks_that_differ_in_the_last_hour_are_for_a_person():
    """Access date or stale Tanggal: nobody can tell, and one of them is a quake of just now."""
    stated = SEEN - timedelta(minutes=30)
    local = stated - timedelta(days=1) + timedelta(hours=7)
    found = row(f"{local:%d-%m-%Y}", f"{local:%H:%M:%S} WIB", stated.isoformat())
    with pytest.raises(DataError, match="is not Tanggal"):
        origin(found)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(row(stated="2026-11-18T14:10:05+00:00"), id="utc-is-the-local-clock"),
        pytest.param(row(stated="2026-11-19T07:10:05+00:00"), id="a-day-that-nobody-asked-on"),
        pytest.param(row("18 Nov 2027", stated="2027-11-18T07:10:05+00:00"), id="next-year"),
        pytest.param(row("20 Nov 2026", "19:11:00 WIB", ""), id="11-min-ahead-without-DateTime"),
        pytest.param(row("", "", "2026-11-20T12:11:00+00:00"), id="11-min-ahead"),
        pytest.param(row("", "", ""), id="no-time"),
    ],
)
def test_what_cannot_be_true_is_refused(found):
    with pytest.raises(DataError):
        origin(found)


def test_nine_minutes_ahead_is_a_difference_of_clocks():
    found, _ = origin(row("", "", "2026-11-20T12:09:00+00:00"))
    assert found > SEEN


def test_a_list_first_read_while_our_clock_was_slow_is_believed_later(feeds):
    """The same bytes keep their first reception; the newest poll counts for what lies ahead."""
    payload = (feeds / "autogempa.json").read_bytes()
    slow = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    path = "/DataMKG/TEWS/autogempa.json"
    early = ReadContext("bmkg-quakes", path, "0" * 64, slow, False, polled_at=slow)
    refused = BmkgQuakes().read(payload, early)
    assert refused.records == ()
    assert "this machine's clock" in refused.rejected[0]
    right = ReadContext("bmkg-quakes", path, "0" * 64, slow, False, polled_at=SEEN)
    assert len(BmkgQuakes().read(payload, right).records) == 1


def test_14_december_2021_one_quake_four_times(read_context):
    """M7.4 Larantuka as listed, our own wording: each solution is a record, none is dropped."""
    rows = []
    for seconds, magnitude, lat, lon in (
        (23, "7.4", 7.59, 122.24),
        (23, "7.4", 7.59, 122.26),
        (22, "7.5", 7.59, 122.26),
        (23, "7.4", 7.59, 122.24),
    ):
        rows.append(
            {
                "Tanggal": "14 Des 2021",
                "Jam": f"10:20:{seconds} WIB",
                "DateTime": f"2021-12-14T03:20:{seconds}+00:00",
                "Coordinates": f"-{lat},{lon}",
                "Lintang": f"{lat} LS",
                "Bujur": f"{lon} BT",
                "Magnitude": magnitude,
                "Kedalaman": "10 km",
                "Wilayah": "Contoh",
            }
        )
    payload = json.dumps({"Infogempa": {"gempa": rows}}).encode()
    reading = BmkgQuakes().read(payload, read_context("bmkg-quakes", "/x"))
    assert (len(reading.records), reading.rejected) == (4, ())
    assert len({quake.key for quake in reading.records}) == 3
