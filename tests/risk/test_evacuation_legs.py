"""Several teams and shelters for one village; bad registers; roads; plans made anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.plan import ROADS, STRAIGHT, Plan, PlannedTask
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import HazardId
from risk.access.surface import write_surface
from risk.coverage import access_policy
from risk.evacuation import plan_tasks
from risk.evacuation.policy import plan_policy
from risk.evacuation.replan import replan
from risk.evacuation.supplies import supplies
from risk.evacuation.ways import Ways
from tests.risk.test_evacuation import (
    INLAND,
    KM,
    NOON_WIB,
    OTHER,
    V1,
    V2,
    V3,
    Tables,
    decision,
    event,
    impact,
    plan,
    random_layers,
    shelter,
    tables,
    team,
    village,
)

POLICY = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
LATER = NOON_WIB + timedelta(hours=8)
PLACES = [village(V1, 0), village(V2, 2), village(OTHER, 3), village(INLAND, 4)]


def flood(layers: Tables, people, *, level: int = 3, **more) -> Plan:
    levels = more.pop("levels", dict.fromkeys(people, level))
    return plan(HazardId.FLOOD, levels, layers, POLICY, people=people, onset=LATER, **more)


def test_a_village_gets_as_many_teams_and_shelters_as_it_needs():
    layers = tables(
        PLACES,
        [team(name, OTHER, 3) for name in "abc"],
        [shelter("s", OTHER, 3, 200), shelter("t", INLAND, 4, 200)],
    )
    (task,) = flood(layers, {V1: 400}).tasks
    assert [(leg.team_id, leg.people, leg.shelter_id) for leg in task.legs] == [
        ("a", 150, "s"),
        ("b", 50, "s"),
        ("b", 100, "t"),
        ("c", 100, "t"),
    ]
    assert (task.teams, task.unmet_people) == (("a", "b", "c"), 0)
    assert task.note == "Antar warga ke Balai s (200 jiwa), Balai t (200 jiwa)"
    assert task.deadline == LATER
    leg = task.legs[0]
    assert leg.way == STRAIGHT
    assert leg.line == ((107.0, -7.0), (107.0, round(-7.0 + 3 * KM, 5)))
    assert leg.way_min == pytest.approx(3 * 1.35 / 3.2 * 60, abs=0.06)


def test_those_without_a_team_have_a_place_all_the_same():
    layers = tables(PLACES, [team("a", OTHER, 3)], [shelter("s", OTHER, 3, 900)])
    (task,) = flood(layers, {V1: 400}).tasks
    assert [(leg.team_id, leg.people) for leg in task.legs] == [("a", 150), (None, 250)]
    assert task.unmet_people == 250


@pytest.mark.parametrize("capacity", [0, -1, float("nan")])
def test_no_capacity_is_none_and_an_unknown_one_is_not_endless(capacity):
    halls = [shelter("s", OTHER, 3, capacity), shelter("t", INLAND, 9.9, 30)]
    teams = [team(name, OTHER, 3) for name in "abc"]
    (task,) = flood(tables(PLACES, teams, halls), {V1: 400}).tasks
    used = {leg.shelter_id: 0 for leg in task.legs if leg.shelter_id}
    for leg in task.legs:
        if leg.shelter_id:
            used[leg.shelter_id] += leg.people
    if capacity == 0:
        assert used == {"t": 30}
        return
    assert used == {"t": 30, "s": plan_policy().unknown_capacity_places}
    assert "Daya tampung belum diketahui" in task.note
    assert {leg.marks for leg in task.legs if leg.shelter_id == "s"} == {("capacity-unknown",)}


def test_an_unknown_capacity_is_used_last():
    halls = [shelter("s", OTHER, 3, -1), shelter("t", INLAND, 9.9, 30)]
    (task,) = flood(tables(PLACES, [team("a", OTHER, 3)], halls), {V1: 30}).tasks
    assert [leg.shelter_id for leg in task.legs] == ["t"]


def test_a_team_without_telephone_goes_only_with_another():
    rows = [{**team("a", OTHER, 3), "phone": False}, {**team("b", OTHER, 9), "phone": True}]
    layers = tables(PLACES, [], [shelter("s", OTHER, 3, 900)])
    alone = replace(layers, teams=pd.DataFrame(rows[:1]))
    (task,) = flood(alone, {V1: 200}).tasks
    assert (task.team_id, task.unmet_people) == (None, 200)
    both = replace(layers, teams=pd.DataFrame(rows))
    (task,) = flood(both, {V1: 200}).tasks
    assert (task.team_id, set(task.teams), task.unmet_people) == ("b", {"a", "b"}, 0)
    assert "1 tim tanpa telepon, bersama tim lain" in task.note
    # it is not asked where the other team is enough
    (task,) = flood(both, {V1: 100}).tasks
    assert task.teams == ("b",)


def test_skills_and_telephones_come_from_the_members_of_a_post():
    rows = [{**team(name, OTHER, km), "post_id": f"P{name}", "members": 10}
            for name, km in (("a", 5), ("b", 9))]  # fmt: skip
    members = pd.DataFrame(
        {
            "post_id": ["Pa", "Pb"],
            "skills": ["dapur umum", "penyelamatan air;logistik"],
            "phone_sha256": ["x", "x"],
            "active": [True, True],
        }
    )
    layers = tables(PLACES, [], [shelter("s", OTHER, 3, 900)])
    layers = replace(layers, teams=pd.DataFrame(rows))
    layers.members = members  # type: ignore[attr-defined]
    (task,) = flood(layers, {V1: 100}).tasks
    # 8 minutes farther, but it can work in water
    assert task.team_id == "b"
    assert task.legs[0].skills == ("logistics", "water-rescue")
    silent = members.assign(phone_sha256="")
    layers.members = silent  # type: ignore[attr-defined]
    assert flood(layers, {V1: 100}).tasks[0].team_id is None


def test_small_teams_help_fewer_so_more_are_asked():
    rows = [{**team(name, OTHER, 3), "members": 4} for name in "abc"]
    layers = replace(tables(PLACES, [], [shelter("s", OTHER, 3, 900)]), teams=pd.DataFrame(rows))
    (task,) = flood(layers, {V1: 130}).tasks
    assert [(leg.team_id, leg.people) for leg in task.legs] == [("a", 60), ("b", 60), ("c", 10)]


def test_vulnerable_people_go_first():
    layers = tables(PLACES, [team(n, OTHER, 3) for n in "ab"], [shelter("s", OTHER, 3, 40)])
    table = impact({V1: 40, V2: 40}).assign(vulnerable_people=[5, 30])
    found = plan_tasks(
        event(HazardId.FLOOD, LATER), table, decision({V1: 3, V2: 3}), layers,
        at=NOON_WIB, policy=POLICY, busy={},
    )  # fmt: skip
    placed = {t.adm4_code: t.people - t.unmet_people for t in found.tasks}
    assert placed[V1] >= 5 and placed[V2] >= 30 and sum(placed.values()) == 40


def test_a_higher_level_takes_all_teams_of_a_lower_one_but_not_the_first_look():
    layers = tables(PLACES, [team(n, OTHER, 3) for n in "ab"], [shelter("s", OTHER, 3, 900)])
    people = {V1: 300, V2: 300}
    found = flood(layers, people, levels={V1: 4, V2: 3}).tasks
    assert [len(t.teams) for t in found] == [2, 0]
    seen = plan(HazardId.SHAKING, {V1: 4, V2: 3}, layers, POLICY, people=people).tasks
    assert [len(t.teams) for t in seen] == [1, 1]


def test_who_cannot_walk_there_in_time_is_said():
    layers = tables(PLACES, [team("a", OTHER, 3)], [shelter("s", INLAND, 9, 900)])
    onset = NOON_WIB + timedelta(minutes=200)
    (task,) = plan(HazardId.FLOOD, {V1: 3}, layers, POLICY, people={V1: 50}, onset=onset).tasks
    assert task.legs[0].marks == ("too-far-on-foot",)
    assert "50 jiwa tidak sampai dengan berjalan kaki sebelum bahaya tiba" in task.note


@pytest.mark.parametrize("people", [1, 10_000_000])
def test_one_person_and_ten_million(people):
    layers = tables(PLACES, [team("a", OTHER, 3)], [shelter("s", OTHER, 3, 20_000_000)])
    found = flood(layers, {V1: people})
    assert found.proof is not None and found.proof.optimal
    assert found.unmet_people == max(0, people - 150)
    assert sum(leg.people for leg in found.tasks[0].legs) == people


def test_no_shelter_at_all():
    (task,) = flood(tables(PLACES, [team("a", OTHER, 3)]), {V1: 90}).tasks
    assert (task.shelter_id, task.team_id, task.unmet_people) == (None, "a", 90)
    assert "Tidak ada tempat berkumpul aman" in task.note


@given(st.integers(0, 2**31), st.sampled_from([HazardId.FLOOD, HazardId.TSUNAMI, HazardId.SHAKING]))
@settings(max_examples=15)
def test_nobody_is_counted_twice_or_lost_whatever_the_order_of_rows(seed, hazard):
    layers = random_layers(60, 40, seed=seed)
    rng = np.random.default_rng(seed)
    codes = layers.villages["adm4_code"].tolist()
    levels = {c: int(n) for c, n in zip(codes, rng.integers(1, 5, 60), strict=True) if n > 1}
    people = dict(zip(codes, layers.villages["people"].tolist(), strict=True))
    found = plan(hazard, levels, layers, POLICY, people=people, onset=LATER)
    capacity = dict(zip(layers.shelters["shelter_id"], layers.shelters["capacity"], strict=True))
    used: dict[str, int] = {}
    for task in found.tasks:
        assert sum(leg.people for leg in task.legs) <= task.people
        moved = [
            leg
            for leg in task.legs
            if leg.team_id and (leg.shelter_id or hazard is HazardId.SHAKING)
        ]
        assert task.people - task.unmet_people == sum(leg.people for leg in moved)
        for leg in task.legs:
            if leg.shelter_id:
                used[leg.shelter_id] = used.get(leg.shelter_id, 0) + leg.people
    assert all(count <= capacity[name] for name, count in used.items())
    teams = [name for task in found.tasks for name in task.teams]
    assert len(teams) == len(set(teams))
    mixed = Tables(*(t.sample(frac=1, random_state=seed) for t in vars(layers).values()))
    again = plan(hazard, levels, mixed, POLICY, people=people, onset=LATER)
    assert again.model_dump_json() == found.model_dump_json()


# --- made anew --------------------------------------------------------------------------


def anew(layers, people, accepted, *, levels=None, **more):
    return replan(
        event(HazardId.FLOOD, LATER), impact(people),
        decision(levels or dict.fromkeys(people, 3)), layers,
        at=NOON_WIB, policy=POLICY, busy={}, accepted=accepted, **more,
    )  # fmt: skip


HALLS = [shelter("s", OTHER, 3, 100), shelter("t", INLAND, 4, 100)]


def test_nothing_changes_where_nothing_changed():
    layers = tables(PLACES, [team(n, OTHER, 3) for n in "ab"], HALLS)
    first = flood(layers, {V1: 90, V2: 80}).tasks
    found = anew(layers, {V1: 90, V2: 80}, first)
    assert found.plan.tasks == first
    assert (found.kept, found.moved, found.moved_people) == ((V1, V2), (), 0)


def test_only_what_lost_its_shelter_moves():
    layers = tables(PLACES, [team(n, OTHER, 3) for n in "ab"], HALLS)
    first = flood(layers, {V1: 90, V2: 80}).tasks
    gone = next(t for t in first if t.shelter_id == "t")
    more = [*HALLS, shelter("u", V3, 6, 100)]
    later = tables([*PLACES, village(V3, 6)], [team(n, OTHER, 3) for n in "ab"], more)
    found = anew(later, {V1: 90, V2: 80}, first, avoid={INLAND})
    assert found.moved == (gone.adm4_code,)
    assert found.moved_people == sum(g.people for g in gone.legs if g.shelter_id == "t")
    assert found.moved_teams == ()  # the same team takes them elsewhere
    assert found.plan.unmet_people == 0


def test_a_team_off_duty_is_replaced_and_no_other_moves():
    layers = tables(PLACES, [team(n, OTHER, 3) for n in "abc"], HALLS)
    first = flood(layers, {V1: 90, V2: 80}).tasks
    lost = first[0].team_id
    fewer = [team(n, OTHER, 3, on_duty=n != lost) for n in "abc"]
    found = anew(tables(PLACES, fewer, HALLS), {V1: 90, V2: 80}, first)
    assert found.moved_teams == (lost,)
    assert found.plan.unmet_people == 0
    assert found.kept == (first[1].adm4_code,)


def test_a_task_moves_only_where_more_are_helped_by_it():
    """The one team of a level-3 village is taken by a new one at level 4, and by nothing less."""
    layers = tables(PLACES, [team("a", OTHER, 3)], [shelter("s", OTHER, 3, 900)])
    first = flood(layers, {V1: 90}).tasks
    same = anew(layers, {V1: 90, V2: 140}, first)
    assert (same.kept, same.moved_teams) == ((V1,), ())
    higher = anew(layers, {V1: 90, V2: 140}, first, levels={V1: 3, V2: 4})
    assert higher.moved_teams == ("a",)
    assert {t.adm4_code: t.team_id for t in higher.plan.tasks} == {V1: None, V2: "a"}


def test_a_village_out_of_danger_sets_its_team_free():
    layers = tables(PLACES, [team("a", OTHER, 3)], [shelter("s", OTHER, 3, 900)])
    first = flood(layers, {V1: 90}).tasks
    found = anew(layers, {V2: 50}, first)
    assert found.ended == (V1,)
    assert [t.team_id for t in found.plan.tasks] == ["a"]


# --- needs ------------------------------------------------------------------------------


def test_the_needs_of_a_shelter_are_those_of_all_who_come():
    layers = tables(PLACES, [team("a", OTHER, 3)], [shelter("s", OTHER, 3, 900)])
    (found,) = supplies(flood(layers, {V1: 400, V2: 100}).tasks)
    assert (found.shelter_id, found.people) == ("s", 500)
    amounts = {amount.need.id: amount.amount for amount in found.amounts}
    # Sphere: 3.5 m2 each; InaSAFE's profile of BNPB: 0.4 kg of rice a day
    assert amounts["covered-floor"] == 1750
    assert found.hall_m2 == 2500
    assert amounts["rice"] == 1400
    assert amounts["bath-soap"] == 125
    assert all(amount.need.source for amount in found.amounts)


# --- roads ------------------------------------------------------------------------------

ROWS = [
    ("53.01.01.2001", "Barat", (120.0, -8.5, 120.05, -8.45), 1000),
    ("53.01.01.2002", "Tengah", (120.05, -8.5, 120.1, -8.45), 1000),
    ("53.01.02.2001", "Timur", (120.1, -8.5, 120.15, -8.45), 1000),
]
WESTERN, EASTERN = ROWS[0][0], ROWS[2][0]


def closed(grid) -> np.ndarray:
    """Level 3 on the middle village, from north to south."""
    levels = np.zeros((grid.rows, grid.columns), np.int8)
    longitude = grid.west + (np.arange(grid.columns) + 0.5) * grid.step
    levels[:, (longitude > 120.06) & (longitude < 120.08)] = 3
    return levels


@pytest.fixture
def by_road(make_layers, tmp_path):
    layers = make_layers(ROWS)
    line = shapely.LineString([(120.0, -8.475), (120.15, -8.475)])
    road = gpd.GeoDataFrame({"highway": ["primary"]}, geometry=[line], crs=4326)
    box = (119.9, -8.6, 120.3, -8.3)
    write_surface(tmp_path / "surface.tif", road, access_policy(), bounds=box)
    here = {"adm4_code": WESTERN, "longitude": 120.045, "latitude": -8.475}
    hall = {"shelter_id": "s", "name": "Balai", "capacity": 500, **here}
    crew = {"team_id": "a", "post_id": "p", "name": "A", "members": 10, "coordinator_id": "k"}
    crew |= {**here, "longitude": 120.03, "on_duty": True}
    nobody = pd.DataFrame({"coordinator_id": [], "adm2_code": [], "adm4_code": []})
    changed = replace(
        layers, path=Path(tmp_path), shelters=pd.DataFrame([hall]), teams=pd.DataFrame([crew]),
        coordinators=nobody,
    )  # fmt: skip
    changed.__dict__["geometry"] = layers.geometry
    return changed


def eastern(layers, **more) -> PlannedTask:
    ways = Ways(layers=layers, access=access_policy(), **{"most": 9, **more})
    (task,) = plan_tasks(
        event(HazardId.FLOOD, LATER), impact({EASTERN: 100}), decision({EASTERN: 3}), layers,
        at=NOON_WIB, policy=POLICY, busy={}, ways=ways,
    ).tasks  # fmt: skip
    return task


def test_people_walk_and_teams_drive_over_the_road(by_road):
    task = eastern(by_road)
    (leg,) = task.legs
    km = 0.08 * 111.19 * np.cos(np.radians(8.475))
    assert leg.way == ROADS
    assert leg.way_min == pytest.approx(km / 3.2 * 60, rel=0.08)
    assert task.eta_min == pytest.approx(0.095 / 0.08 * km / 40 * 60, rel=0.1)
    assert leg.line[0] == pytest.approx((120.125, -8.475), abs=1e-3)
    assert 2 <= len(leg.line) <= 24
    assert all(abs(y + 8.475) < 0.01 for _, y in leg.line)


def test_a_road_under_water_is_closed(by_road):
    task = eastern(by_road, levels_on=closed)
    assert (task.legs, task.team_id, task.unmet_people) == ((), None, 100)


def test_beyond_the_most_that_is_searched_ways_are_straight_and_say_so(by_road):
    task = eastern(by_road, most=0)
    assert [leg.way for leg in task.legs] == [STRAIGHT]
