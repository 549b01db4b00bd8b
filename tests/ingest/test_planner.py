from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.planner import REPOLL_AFTER, plan_forecasts

AT = datetime(2026, 11, 20, 7, tzinfo=UTC)


def ages(**hours):
    return {code: AT - timedelta(hours=h) for code, h in hours.items()}


def test_warned_first_then_districts_by_age():
    found = plan_forecasts(
        ["w1", "w2"], ["d1", "d2", "d3", "w1"], ages(w1=5, d1=9, d3=30), budget=9, at=AT
    )
    assert found == ["w2", "w1", "d2", "d3", "d1"]


def test_what_was_asked_lately_waits():
    assert plan_forecasts(["w"], ["d"], ages(w=1, d=3), budget=9, at=AT) == ["d"]


def test_budget_zero_asks_nothing():
    assert plan_forecasts(["w"], ["d"], {}, budget=0, at=AT) == []


codes = st.lists(st.sampled_from("abcdefghij"), max_size=12)


@given(
    codes,
    codes,
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 50)),
    st.integers(0, 15),
)
def test_plans_are_within_budget_without_repeats_and_never_too_early(
    warned, districts, age, budget
):
    last = ages(**age)
    found = plan_forecasts(warned, districts, last, budget=budget, at=AT)
    assert len(found) == len(set(found)) <= budget
    assert set(found) <= set(warned) | set(districts)
    assert all(c not in last or AT - last[c] >= REPOLL_AFTER for c in found)
    first = [c in warned for c in found]
    assert first == sorted(first, reverse=True)
