"""The rolling history of rain: restarts, gaps, frames out of order, damage, thinning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from kentongan.store import Store
from orchestration.rain.history import FrameNote, RainHistory

START = datetime(2026, 11, 20, tzinfo=UTC)
STEP = timedelta(minutes=10)
SHAPE = (4, 5)


def note(time, source="himawari-b13", sha="a" * 64):
    return FrameNote(time.isoformat(), source, "m/1", "ok", (sha,), calibrated=False)


def field(rate):
    return np.full(SHAPE, rate, dtype=np.float32)


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


def filled(store, count=14, rate=6.0):
    history = RainHistory(store)
    for k in range(count):
        history.put(START + k * STEP, field(rate + k), note(START + k * STEP))
    return history


def last(count):
    return START + (count - 1) * STEP


def test_what_was_put_comes_back_after_a_restart(store):
    filled(store)
    again = RainHistory(store)
    assert again.note(START).source_id == "himawari-b13"
    assert again.rate(START) == pytest.approx(field(6.0))
    assert again.rate(START - STEP) is None


def test_sums_after_a_restart_are_those_without_one(store):
    history = filled(store, 10)
    history.sums(last(10))
    for k in range(10, 14):
        history.put(START + k * STEP, field(6.0 + k), note(START + k * STEP))
        running = history.sums(last(k + 1))
    fresh = RainHistory(store).sums(last(14))
    np.testing.assert_array_equal(running.sum_mm(1), fresh.sum_mm(1))
    assert running.sum_mm(1)[0, 0] == pytest.approx(16.0)


def test_any_order_gives_the_same_sums(store, tmp_path):
    other = RainHistory(Store(str(tmp_path / "other")))
    for k in np.random.default_rng(3).permutation(14).tolist():
        other.put(START + k * STEP, field(6.0 + k), note(START + k * STEP))
        other.sums(last(14))
    expected = filled(store).sums(last(14))
    np.testing.assert_array_equal(other.sums(last(14)).sum_mm(1), expected.sum_mm(1))


def test_a_frame_again_changes_nothing_and_a_better_one_takes_its_place(store):
    history = filled(store)
    before = history.sums(last(14)).sum_mm(1).copy()
    assert not history.put(START, field(6.0), note(START))
    assert history.put(last(13), field(60.0), note(last(13), "rain-grid"))
    assert history.sums(last(14)).sum_mm(1)[0, 0] > before[0, 0]


def test_a_gap_takes_coverage_and_no_frame_gives_none(store):
    history = RainHistory(store)
    assert history.sums(START) is None
    for k in (0, 1, 2, 9, 10):
        history.put(START + k * STEP, field(6.0), note(START + k * STEP))
    sums = history.sums(START + 10 * STEP)
    assert sums.coverage(3)[0, 0] == pytest.approx(30 / 180)


def test_a_clock_that_jumps_back_sees_only_what_was(store):
    history = filled(store)
    history.sums(last(14))
    back = history.sums(last(8))
    assert back.end == last(8)
    assert history.sums(last(14)).end == last(14)


def test_a_damaged_file_is_a_frame_that_is_not_there(store, tmp_path):
    history = filled(store)
    (tmp_path / "rain" / "frames" / "20261120T003000Z.npz").write_bytes(b"PK broken")
    assert history.note(START + 3 * STEP) is None
    assert START + 3 * STEP not in history.times(since=START, until=last(14))
    assert RainHistory(store).sums(last(14)).sum_mm(1)[0, 0] > 0


def test_a_frame_that_is_damaged_while_its_rain_still_counts(store, tmp_path):
    history = filled(store, 8)
    history.sums(last(8))
    (tmp_path / "rain" / "frames" / "20261120T001000Z.npz").write_bytes(b"")
    for k in range(8, 12):
        history.put(START + k * STEP, field(6.0 + k), note(START + k * STEP))
    assert history.sums(last(12)).sum_mm(1)[0, 0] == pytest.approx(14.0)


def test_what_is_remembered_of_the_sums_may_be_lost(store, tmp_path):
    expected = filled(store).sums(last(14)).sum_mm(1)
    (tmp_path / "rain" / "sums.npz").write_bytes(b"PK\x03\x04 torn")
    np.testing.assert_array_equal(RainHistory(store).sums(last(14)).sum_mm(1), expected)


def test_a_whole_day_is_kept_and_a_thin_one_is_not(store):
    history = RainHistory(store)
    for k in range(145):
        history.put(START + k * STEP, field(2.0), note(START + k * STEP))
    at = START + timedelta(days=1, minutes=30)
    assert history.close_days(at) == [date(2026, 11, 20)]
    assert history.close_days(at) == []
    today, before = history.days(date(2026, 11, 20), 2)
    assert today[0, 0] == pytest.approx(48.0, rel=0.01)
    assert before is None


def test_what_no_window_needs_goes(store):
    history = filled(store)
    history.put_temperature(START, field(220.0))
    assert history.temperature(START)[0, 0] == pytest.approx(220.0)
    assert history.thin(START + timedelta(hours=4)) == 1
    assert history.temperature(START) is None
    assert history.thin(START + timedelta(hours=30)) == 14
