from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.forecast_plan.plan import (
    NEVER,
    QUORUM,
    RETRY_ABSENT,
    RETRY_FAILED,
    RETRY_OLDER,
    Came,
    Knowledge,
    Urgency,
    Why,
    newest_run,
    nothing_known,
    plan_forecasts,
)
from ingest.forecast_plan.villages import make_villages
from orchestration.forecasts import villages_of
from risk.layers.layerset import load_layers

AT = datetime(2026, 11, 20, 7, tzinfo=UTC)
RUN, BEFORE = datetime(2026, 11, 20, 0, tzinfo=UTC), datetime(2026, 11, 19, 12, tzinfo=UTC)
NOW = AT.timestamp()
CODES = [f"33.0{d}.0{k}.200{v}" for d in (1, 2) for k in (1, 2) for v in (1, 2, 3)]
PEOPLE = [10, 30, 20, 5, 5, 5, 1, 2, 3, 9, 8, 7]
LATITUDE = [-7.0] * 6 + [-7.1] * 3 + [-9.0] * 3
VILLAGES = make_villages(CODES, PEOPLE, LATITUDE, [110.0] * 12)
CALM = np.zeros(12, dtype=np.int8)


def knowledge(**villages):
    """`came`, hours since asked, and run, by number of the village; the others were never asked."""
    known = nothing_known(12)
    asked, answered, analysis, came = (
        known.asked_at.copy(),
        known.answered_at.copy(),
        known.analysis.copy(),
        known.came.copy(),
    )
    for name, (what, hours, run) in villages.items():
        row = int(name[1:])
        asked[row] = NOW - hours * 3600
        came[row] = what
        if run is not None:
            answered[row], analysis[row] = asked[row], run.timestamp()
    return Knowledge(asked, answered, analysis, came, {})


def everywhere(what, hours, run):
    return knowledge(**{f"v{row}": (what, hours, run) for row in range(12)})


def plan(known=None, urgency=CALM, *, budget=12, at=AT, aliases=None):
    known = nothing_known(12) if known is None else known
    return plan_forecasts(VILLAGES, known, urgency, budget=budget, at=at, aliases=aliases)


def rows(found, why=None):
    return [CODES.index(a.adm4_code) for a in found.asks if why in (None, a.why)]


def test_the_most_populous_village_of_each_district_comes_first_then_the_next():
    found = plan()
    assert rows(found, Why.DISTRICT) == [1, 3, 8, 9]
    assert rows(found, Why.ROTATION) == [2, 4, 7, 10, 0, 5, 6, 11]


def test_danger_comes_first_by_its_kind_and_each_districts_representative_before_the_rest():
    urgency = CALM.copy()
    urgency[[9, 10]], urgency[3], urgency[1] = Urgency.WARNED, Urgency.NEIGHBOUR, Urgency.LIKELY
    urgency[[6, 8]] = Urgency.WARNED
    assert rows(plan(urgency=urgency), Why.HAZARD) == [8, 9, 10, 6, 1, 3]


def test_a_share_is_left_to_the_rotation_however_many_are_in_danger():
    urgency = np.full(12, Urgency.WARNED, dtype=np.int8)
    urgency[[5, 11]] = Urgency.NONE
    found = plan(urgency=urgency, budget=5)
    assert [len(rows(found, why)) for why in (Why.HAZARD, Why.ROTATION)] == [4, 1]
    assert len(rows(plan(urgency=urgency, budget=3), Why.HAZARD)) == 3


def test_nothing_is_asked_twice_for_one_model_run():
    assert plan(everywhere(Came.FORECAST, 1, RUN)).asks == ()


def test_a_newer_run_seen_elsewhere_makes_all_older_ones_due():
    older = {f"v{row}": (Came.FORECAST, 6, BEFORE) for row in range(12)}
    newer = {f"v{row}": (Came.FORECAST, 0.01, RUN) for row in range(QUORUM)}
    found = plan(knowledge(**{**older, **newer}))
    assert found.run == RUN
    assert sorted(rows(found)) == list(range(QUORUM, 12))


def test_one_mis_stamped_answer_sets_nobody_back():
    older = {f"v{row}": (Came.FORECAST, 3, BEFORE) for row in range(12)}
    found = plan(knowledge(**{**older, "v0": (Came.FORECAST, 0.1, RUN)}))
    assert found.run == BEFORE
    assert {a.why for a in found.asks} == {Why.SCOUT}, "one village looks whether it is true"


def test_a_run_of_the_future_is_not_known():
    known = everywhere(Came.FORECAST, 1, AT + timedelta(hours=5))
    assert newest_run(known, NOW) == NEVER


def test_who_still_comes_with_the_older_run_waits_twice_as_long_each_time():
    seen = NOW - 3600
    known = everywhere(Came.FORECAST, 1, RUN)
    waits = []
    for minutes in (5, 20, 40):
        asked = known.asked_at.copy()
        asked[0] = seen + minutes * 60
        analysis = known.analysis.copy()
        analysis[0] = BEFORE.timestamp()
        late = replace(known, asked_at=asked, analysis=analysis)
        wait = next(
            m
            for m in range(600)
            if 0 in rows(plan(late, at=datetime.fromtimestamp(asked[0] + m * 60, UTC)))
        )
        waits.append(wait)
    assert waits == [RETRY_OLDER.total_seconds() / 60, 20, 40]


def test_an_expected_run_is_scouted_for_where_it_matters():
    known = everywhere(Came.FORECAST, 8, BEFORE)
    assert rows(plan(known)) == [1], "nothing else to ask: one representative looks"
    urgency = CALM.copy()
    urgency[[6, 7]] = Urgency.WARNED
    assert rows(plan(known, urgency), Why.SCOUT) == [6]
    early = datetime(2026, 11, 19, 23, 59, tzinfo=UTC)
    assert plan(everywhere(Came.FORECAST, 8, BEFORE), at=early).asks == ()


def test_what_is_unknown_to_bmkg_is_asked_again_after_a_week_and_represents_nobody():
    week = RETRY_ABSENT.total_seconds() / 3600
    known = knowledge(v1=(Came.ABSENT, 1, None), v9=(Came.ABSENT, week, None))
    found = plan(known)
    assert sorted(rows(found, Why.DISTRICT)) == [2, 3, 8, 10]
    assert 1 not in rows(found)
    assert 9 in rows(found)


def test_the_older_code_is_tried_at_once_and_kept_where_it_answers():
    aliases = {1: ("92.01.01.2004",)}
    absent = knowledge(v1=(Came.ABSENT, 0, None))
    asked = {a.adm4_code: a.asked_as for a in plan(absent, aliases=aliases).asks}
    assert asked[CODES[1]] == "92.01.01.2004"
    both = replace(absent, asked_as={1: "92.01.01.2004"})
    assert 1 not in rows(plan(both, aliases=aliases)), "no other code to try"
    known = knowledge(v1=(Came.FORECAST, 8, BEFORE), v2=(Came.FORECAST, 0.1, RUN))
    known = replace(known, asked_as={1: "92.01.01.2004"})
    newer = {f"v{row}": (Came.FORECAST, 0.1, RUN) for row in (2, 3, 4)}
    known = replace(
        knowledge(v1=(Came.FORECAST, 8, BEFORE), **newer), asked_as={1: "92.01.01.2004"}
    )
    asked = {a.adm4_code: a.asked_as for a in plan(known, aliases=aliases).asks}
    assert asked[CODES[1]] == "92.01.01.2004"
    week = RETRY_ABSENT.total_seconds() / 3600
    again = replace(knowledge(v1=(Came.ABSENT, week, None)), asked_as={1: "92.01.01.2004"})
    asked = {a.adm4_code: a.asked_as for a in plan(again, aliases=aliases).asks}
    assert asked[CODES[1]] == CODES[1], "from the beginning"


def test_a_forecast_of_another_place_is_no_answer():
    known = knowledge(v1=(Came.ELSEWHERE, 1, None))
    assert 1 not in rows(plan(known))


def test_what_failed_keeps_its_turn_and_takes_a_quarter_at_most():
    hours = RETRY_FAILED.total_seconds() / 3600
    known = everywhere(Came.FAILED, hours, None)
    assert len(plan(known, budget=8).asks) == 2
    assert plan(everywhere(Came.FAILED, hours / 2, None), budget=8).asks == ()


def test_budget_zero_asks_nothing():
    assert plan(budget=0).asks == ()
    assert plan(budget=-3).asks == ()


states = st.lists(
    st.tuples(
        st.sampled_from(list(Came)),
        st.floats(0, 300),
        st.sampled_from([None, BEFORE, RUN, RUN - timedelta(days=5)]),
    ),
    min_size=12,
    max_size=12,
)


@given(
    states,
    st.lists(st.sampled_from(list(Urgency)), min_size=12, max_size=12),
    st.integers(0, 15),
)
def test_every_plan_is_within_budget_without_repeats_and_only_of_what_is_due(state, marks, budget):
    known = knowledge(**{f"v{row}": one for row, one in enumerate(state)})
    urgency = np.array(marks, dtype=np.int8)
    found = plan(known, urgency, budget=budget)
    chosen = rows(found)
    assert len(chosen) == len(set(chosen)) <= budget
    assert all(a.adm4_code == a.asked_as for a in found.asks)
    for row in chosen:
        if known.came[row] in (Came.ABSENT, Came.ELSEWHERE):
            assert NOW - known.asked_at[row] >= RETRY_ABSENT.total_seconds()
        if known.came[row] == Came.FAILED:
            assert NOW - known.asked_at[row] >= RETRY_FAILED.total_seconds()
    assert plan(known, urgency, budget=budget) == found


@given(states, st.integers(5, 15))
def test_what_waits_longest_outside_danger_is_never_passed_over(state, budget):
    known = knowledge(**{f"v{row}": one for row, one in enumerate(state)})
    urgency = np.full(12, Urgency.WARNED, dtype=np.int8)
    urgency[[2, 5]] = Urgency.NONE
    alone = plan(known, CALM, budget=99)
    waiting = [row for row in rows(alone, Why.ROTATION) if row in (2, 5)]
    if waiting and known.came[waiting[0]] != Came.FAILED:
        found = plan(known, urgency, budget=budget)
        assert set(waiting) & set(rows(found))


# --- places ----------------------------------------------------------------------------


def test_rows_of_codes_that_are_known():
    assert VILLAGES.rows([CODES[3], "99.99.99.9999", CODES[0], CODES[0]]).tolist() == [0, 3]
    assert VILLAGES.rows([]).tolist() == []


def test_a_district_whose_villages_are_all_unknown_keeps_its_most_populous():
    passed = np.zeros(12, dtype=bool)
    passed[[0, 1, 2, 8]] = True
    assert VILLAGES.representatives(passed).tolist() == [1, 3, 7, 9]


def test_neighbours_are_districts_in_touching_cells():
    near = VILLAGES.districts_near(np.array([0]))
    assert VILLAGES.districts[near].tolist() == ["33.01.01", "33.01.02", "33.02.01"]
    assert not VILLAGES.districts_near(np.array([], dtype=np.int64)).any()
    assert VILLAGES.in_provinces(["33"]).all()
    assert not VILLAGES.in_provinces(["32"]).any()


def test_equally_populous_villages_are_taken_by_code():
    assert VILLAGES.by_people[3:6].tolist() == [3, 4, 5]


def test_a_plan_for_the_nation_is_made_at_once():
    layers = load_layers("")
    nation = villages_of(layers)
    assert (len(nation), len(nation.districts)) == (83_762, 7_285)
    known, calm = nothing_known(len(nation)), np.zeros(len(nation), dtype=np.int8)
    took = []
    for _ in range(5):
        started = perf_counter()
        found = plan_forecasts(nation, known, calm, budget=40, at=AT)
        took.append(perf_counter() - started)
    assert len(found.asks) == 40
    assert min(took) < 0.05
