"""Help is spoken of only where the plan sends it; a place to go only where feet carry in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.decision import Action, Decision
from kentongan.hazard import HazardEvent
from kentongan.plan import PlannedTask
from kentongan.policy import LevelPolicy, load_policy
from kentongan.reach import Help
from kentongan.settings import data_dir
from kentongan.types import DocumentStatus, HazardId, Level, TaskKind
from risk.evacuation import plan_tasks
from risk.reach import Bounds, village_reach

AT = datetime(2022, 11, 21, 5, 0, tzinfo=UTC)
KM = 1 / 111.195  # one kilometre north, in degrees, on a sphere of radius 6371.0088 km
A, B, SAFE, NEXT = "32.03.01.2001", "32.03.01.2002", "32.03.09.2009", "32.04.01.2001"
POLICY = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
HOURS_6 = timedelta(hours=6)


@dataclass
class Tables:
    villages: pd.DataFrame
    teams: pd.DataFrame
    shelters: pd.DataFrame
    coordinators: pd.DataFrame


def table(rows, columns):
    return pd.DataFrame(list(rows), columns=columns)


def tables(villages, teams=(), shelters=(), coordinators=()):
    """villages: code, km north, coast; teams: id, code, km; shelters: id, code, km, places."""
    point = ("longitude", "latitude")
    return Tables(
        table(
            [(c, 107.0, -7 + km * KM, 100, coast, 7) for c, km, coast in villages],
            ["adm4_code", *point, "people", "coast_share", "utc_offset"],
        ).sort_values("adm4_code", ignore_index=True),
        table(
            [(t, c, 107.0, -7 + km * KM, "K", True) for t, c, km in teams],
            ["team_id", "adm4_code", *point, "coordinator_id", "on_duty"],
        ),
        table(
            [(s, f"Balai {s}", c, 107.0, -7 + km * KM, n) for s, c, km, n in shelters],
            ["shelter_id", "name", "adm4_code", *point, "capacity"],
        ),
        table(coordinators, ["coordinator_id", "adm2_code", "adm4_code"]),
    )


def event(hazard, onset=AT + HOURS_6):
    return HazardEvent(
        event_id="E", hazard_id=hazard, level=Level.AWAS, onset=onset, valid_from=AT,
        valid_to=AT + timedelta(hours=12), official=True, status=DocumentStatus.ACTUAL, title="t",
        method="m/1", observations=(),
    )  # fmt: skip


def decision(levels):
    return Decision(
        event_id="E", action=Action.ALERT, levels=levels, told=tuple(sorted(levels)),
        expires=AT + timedelta(hours=12), reason="",
    )  # fmt: skip


def impact(levels, uncovered=0):
    return pd.DataFrame(
        {
            "adm4_code": list(levels), "people_3": 100, "people_4": 0, "exposed_people": 100,
            "uncovered_people": uncovered,
            "onset": pd.to_datetime([None] * len(levels), utc=True),
        }
    )  # fmt: skip


def reach(hazard, levels, layers, *, onset=AT + HOURS_6, uncovered=0, **more):
    return village_reach(
        event(hazard, onset), impact(levels, uncovered), decision(levels), layers, at=AT,
        policy=POLICY, busy=more.pop("busy", {}), **more,
    )  # fmt: skip


def test_one_team_is_promised_to_one_village():
    layers = tables([(A, 0, 0), (B, 1, 0), (NEXT, 5, 0)], [("t", NEXT, 5)])
    found = reach(HazardId.FLOOD, {A: 4, B: 3}, layers).villages
    assert (found[A].help, found[B].help) == (Help.COMING, Help.ALONE)
    # 30 minutes until it leaves by day, then 5 km x 1.35 at 40 km/h
    assert found[A].eta_min == pytest.approx(30 + 10.1, abs=0.1)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"onset": AT + timedelta(hours=2)}, id="no-time-to-work-there"),
        pytest.param({"busy": {"t": 1}}, id="busy"),
        pytest.param({"bounds": Bounds(no_entry=(A,))}, id="tsunami-zone-of-another-event"),
        pytest.param({"bounds": Bounds(no_entry=(NEXT,))}, id="stationed-in-a-zone"),
    ],
)
def test_nobody_comes(case):
    layers = tables([(A, 0, 0), (NEXT, 5, 0)], [("t", NEXT, 5)])
    assert reach(HazardId.FLOOD, {A: 3}, layers, **case).villages[A].help is Help.ALONE


def test_a_team_that_holds_the_task_is_still_coming():
    layers = tables([(A, 0, 0), (NEXT, 5, 0)], [("t", NEXT, 5)])
    task = PlannedTask(
        kind=TaskKind.EVACUATE, adm4_code=A, level=3, people=100, unmet_people=0, team_id="t",
        coordinator_id=None, shelter_id=None, eta_min=10, mobilisation_min=30, after="", note="",
    )  # fmt: skip
    found = reach(HazardId.FLOOD, {A: 3}, layers, standing=(task,), onset=AT)
    assert found.villages[A].help is Help.COMING


@pytest.mark.parametrize("hazard", [HazardId.SHAKING, HazardId.THUNDERSTORM, HazardId.RAIN])
def test_only_hazards_that_people_leave(hazard):
    layers = tables([(A, 0, 0)], [("t", A, 0)], [("s", SAFE, 1, 10)])
    assert reach(hazard, {A: 4}, layers).villages == {}


def test_nobody_comes_into_a_tsunami_zone_and_the_point_is_off_the_coast():
    layers = tables(
        [(A, 0, 0.9), (B, 1, 0.2), (SAFE, 3, 0)], [("t", SAFE, 3)],
        [("near", B, 1, 9), ("high", SAFE, 3, 9)],
    )  # fmt: skip
    found = reach(HazardId.TSUNAMI, {A: 4}, layers).villages[A]
    assert found.help is Help.ALONE and found.point == "Balai high"
    assert found.km == pytest.approx(3 * 1.35, abs=0.06)


@pytest.mark.parametrize(
    ("minutes", "named"),
    [(80, True), (70, False), (0, False), (-10, False)],
    ids=["on-foot-in-time", "too-late", "waves-now", "waves-came"],
)
def test_no_point_that_feet_do_not_reach_before_the_waves(minutes, named):
    # 3 km x 1.35 at 3.2 km/h = 75.9 minutes
    layers = tables([(A, 0, 0.9), (SAFE, 3, 0)], [], [("s", SAFE, 3, 9)])
    found = reach(HazardId.TSUNAMI, {A: 4}, layers, onset=AT + timedelta(minutes=minutes))
    assert bool(found.villages[A].point) is named


def test_points_in_danger_are_not_named():
    layers = tables([(A, 0, 0), (B, 1, 0), (SAFE, 2, 0), (NEXT, 3, 0)], [], [
        ("warned", B, 1, 9), ("other", SAFE, 2, 9), ("safe", NEXT, 3, 9),
        ("lost", "99.01.01.2001", 0, 9),
    ])  # fmt: skip
    levels = {A: 3, B: 2}
    assert reach(HazardId.FLOOD, levels, layers).villages[A].point == "Balai other"
    bounds = Bounds(avoid=(SAFE,))
    assert reach(HazardId.FLOOD, levels, layers, bounds=bounds).villages[A].point == "Balai safe"


def test_a_shaken_hall_only_for_want_of_another():
    layers = tables([(A, 0, 0), (SAFE, 1, 0), (NEXT, 4, 0)], [], [
        ("shaken", SAFE, 1, 9), ("other", NEXT, 4, 9),
    ])  # fmt: skip
    one = reach(HazardId.FLOOD, {A: 3}, layers, bounds=Bounds(shaken=(SAFE,)))
    both = reach(HazardId.FLOOD, {A: 3}, layers, bounds=Bounds(shaken=(SAFE, NEXT)))
    assert (one.villages[A].point, both.villages[A].point) == ("Balai other", "Balai shaken")


def test_the_gap_is_told_next_door_but_not_to_those_in_need_themselves():
    far, sick = "53.01.01.2001", "32.05.01.2001"
    layers = tables(
        [(A, 0, 0), (NEXT, 20, 0), (sick, 10, 0), (far, 400, 0)],
        coordinators=[("k1", "32.04", NEXT), ("k2", "32.05", sick), ("k3", "53.01", far)],
    )
    found = reach(HazardId.SHAKING, {A: 4, sick: 3}, layers, uncovered=50)
    assert found.neighbours == {"32.03": ("32.04",), "32.05": ("32.04",)}
    assert reach(HazardId.SHAKING, {A: 4}, layers).neighbours == {}


def test_nothing_in_gives_nothing_out():
    empty = reach(HazardId.FLOOD, {}, tables([(A, 0, 0)]))
    assert not empty.villages and not empty.neighbours


@given(
    villages=st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True),
    teams=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 80)), max_size=6),
    levels=st.lists(st.sampled_from([2, 3, 4]), min_size=12, max_size=12),
    hours=st.floats(0, 8),
    hazard=st.sampled_from([HazardId.FLOOD, HazardId.LANDSLIDE]),
)
def test_exactly_those_are_promised_a_team_to_whom_the_plan_gives_one(
    villages, teams, levels, hours, hazard
):
    codes = [f"32.03.01.{2001 + k}" for k in range(len(villages))]
    layers = tables(
        [(code, km, 0) for code, km in zip(codes, villages, strict=True)],
        [(f"t{k}", codes[at % len(codes)], km) for k, (at, km) in enumerate(teams)],
    )
    wanted = dict(zip(codes, levels, strict=False))
    onset = AT + timedelta(hours=hours)
    plan = plan_tasks(
        event(hazard, onset),
        impact(wanted),
        decision(wanted),
        layers,
        at=AT,
        policy=POLICY,
        busy={},
    )
    told = reach(hazard, wanted, layers, onset=onset).villages
    asked = {task.adm4_code for task in plan.tasks if task.team_id}
    assert {code for code, one in told.items() if one.help is Help.COMING} == asked
    assert set(told) == {task.adm4_code for task in plan.tasks}
