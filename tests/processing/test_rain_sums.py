"""Sums of rain over real scan times."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.rain.sums import UNKNOWN, RunningSums, increment, opened, running, stored

START = datetime(2026, 1, 1, tzinfo=UTC)
SHAPE = (3, 4)


def frames(rates, *, minutes=10):
    """Uniform frames of these rates (mm/h), one every `minutes`."""
    return [
        (START + k * timedelta(minutes=minutes), stored(np.full(SHAPE, r, dtype=np.float32)))
        for k, r in enumerate(rates)
    ]


def loads(kept):
    return [(at, lambda field=field: field) for at, field in kept]


def test_an_hour_of_steady_rain_is_its_rate():
    sums = running(loads(frames([12.0] * 7)))
    assert sums.sum_mm(1) == pytest.approx(np.full(SHAPE, 12.0))
    assert sums.coverage(1) == pytest.approx(np.ones(SHAPE))
    assert np.isnan(sums.sum_mm(3)).all()
    assert sums.coverage(3) == pytest.approx(np.full(SHAPE, 1 / 3))


def test_the_trapezoid_counts_both_ends():
    found = increment(*(f for _, f in frames([0.0, 30.0])), start=START,
                      end=START + timedelta(minutes=20))  # fmt: skip
    assert (found.amounts == 500).all()


def test_old_rain_leaves_the_window_and_nothing_stays_behind():
    sums = running(loads(frames([60.0] * 7 + [0.0] * 30)))
    assert sums.sum_mm(1).max() == 0
    assert sums.sum_mm(3).max() == 0
    assert sums.sum_mm(6) == pytest.approx(np.full(SHAPE, 65.0), abs=0.01)


def test_a_gap_is_not_bridged_and_takes_coverage():
    early, late = frames([6.0] * 3), frames([6.0] * 8)[5:]
    sums = running(loads([*early, *late]))
    assert sums.coverage(1) == pytest.approx(np.full(SHAPE, 30 / 60))
    alone = running(loads([*early, late[-1]]))
    assert alone.end == late[-1][0]
    assert alone.coverage(1) == pytest.approx(np.full(SHAPE, 10 / 60))
    assert np.isnan(sums.sum_mm(1)).all()


def test_three_quarters_are_enough():
    kept = frames([6.0] * 7)
    kept[2][1][0, 0] = UNKNOWN  # two increments of ten minutes
    kept[6][1][0, 1] = UNKNOWN  # one
    sums = running(loads(kept))
    assert np.isnan(sums.sum_mm(1)[0, 0])
    assert sums.sum_mm(1)[0, 1] == pytest.approx(5.0)


def test_not_known_goes_in_and_comes_out():
    field = np.array([[0.0, 1.234, np.nan, 900.0]], dtype=np.float32)
    back = opened(stored(field))
    assert back[0, :2] == pytest.approx([0.0, 1.23])
    assert np.isnan(back[0, 2]) and back[0, 3] == pytest.approx(655.34)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.floats(0, 100), st.booleans()), min_size=2, max_size=80
    )
)
def test_frame_by_frame_is_the_same_as_counting_all(steps):
    at, kept = START, []
    for minutes, rate, lost in steps:
        at += timedelta(minutes=minutes)
        field = np.full(SHAPE, rate, dtype=np.float32)
        if lost:
            field[0, 0] = np.nan
        kept.append((at, stored(field)))
    sums = running(loads(kept))
    for hours in (1, 3, 6, 24):
        total, known = np.zeros(SHAPE), np.zeros(SHAPE)
        for (start, a), (end, b) in itertools.pairwise(kept):
            new = increment(a, b, start=start, end=end)
            if new is None or start + (end - start) / 2 <= sums.end - timedelta(hours=hours):
                continue
            there = new.amounts != UNKNOWN
            total += np.where(there, new.amounts, 0)
            known += np.where(there, new.minutes, 0)
        enough = known >= 0.75 * hours * 60
        expected = np.where(enough, total / 100, np.nan)
        np.testing.assert_allclose(sums.sum_mm(hours), expected, rtol=1e-6)


def test_frames_out_of_order_are_refused():
    one, other = (f for _, f in frames([1.0, 2.0]))
    with pytest.raises(ValueError, match="earlier one first"):
        increment(other, one, start=START + timedelta(minutes=10), end=START)
    sums = running(loads(frames([1.0, 2.0, 3.0])))
    late = increment(one, other, start=START, end=START + timedelta(minutes=10))
    with pytest.raises(ValueError, match="stand at"):
        sums.add(late)


def test_sums_that_were_kept_go_on_as_if_nothing_had_happened():
    kept = frames(np.linspace(2, 40, 60).tolist())
    whole, part = running(loads(kept)), running(loads(kept[:40]))
    end = part.end
    restored = RunningSums.restored(
        {name: field.copy() for name, field in part.state().items()}, part.held(), end
    )
    for (start, a), (end, b) in itertools.pairwise(kept[39:]):
        restored.add(increment(a, b, start=start, end=end))
    for hours in (1, 3, 6, 24):
        np.testing.assert_array_equal(restored.sum_mm(hours), whole.sum_mm(hours))
