from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.read.plausible import AHEAD, plausible
from kentongan.errors import DataError, NaiveTime

NOW = datetime(2026, 9, 23, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(NOW, id="now"),
        pytest.param(NOW + AHEAD, id="their-clock-ten-minutes-ahead"),
        pytest.param(NOW - timedelta(days=40_000), id="any-age-by-default"),
    ],
)
def test_a_time_that_can_be_true_is_kept(when):
    assert plausible(when, NOW, name="sent") is when


def test_utc_read_as_if_it_were_seven_hours_later_is_refused():
    with pytest.raises(DataError, match=r"waktu: expected a time up to 10 min .* 7\.0 h after"):
        plausible(NOW + timedelta(hours=7), NOW, name="waktu")


def test_what_is_older_than_the_window_is_refused():
    with pytest.raises(DataError, match=r"origin: .* at most 120\.0 years before"):
        plausible(
            NOW - timedelta(days=121 * 365.25),
            NOW,
            name="origin",
            behind=timedelta(days=120 * 365.25),
        )


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(NaiveTime):
        plausible(NOW.replace(tzinfo=None), NOW, name="sent")


@given(seconds=st.integers(-10_000, 10_000))
def test_the_window_has_both_edges(seconds):
    when = NOW + timedelta(seconds=seconds)
    inside = -3600 <= seconds <= 600
    try:
        plausible(when, NOW, name="t", behind=timedelta(hours=1))
    except DataError:
        assert not inside
    else:
        assert inside
