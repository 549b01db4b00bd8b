"""Travel, catchments and reach: published values, cases by hand, properties."""

from __future__ import annotations

from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import GridMismatch, LayerError, SettingsError
from kentongan.grid import Grid
from kentongan.policy import AccessPolicy, Catchment, CoverageRules, load_policy
from kentongan.settings import data_dir
from risk.access.catchment import catchment_access, zone_weights
from risk.access.friction import (
    METRES_PER_DEGREE,
    Friction,
    make_friction,
    minutes_per_metre,
    road_speeds,
    tobler_kmh,
)
from risk.access.least_cost import minutes_from, minutes_from_each
from risk.access.reach import is_night, members_who_come, reach
from risk.access.surface import read_surface, write_surface

RULES = load_policy(data_dir() / "policy" / "access.toml", AccessPolicy)
COVERAGE = CoverageRules(
    detour_factor=1.35,
    speed_kmh=40,
    mobilisation_day_minutes=30,
    mobilisation_night_minutes=60,
    team_size=10,
    people_per_team=150,
)
STEP = 1e-4
"""Cells of 11.1 m on the equator, where a degree is the same both ways."""
CELL_M = STEP * METRES_PER_DEGREE


def window(rows: int, columns: int, step: float = STEP) -> Grid:
    return Grid(west=110.0, south=-rows * step / 2, step=step, columns=columns, rows=rows)


def centre(grid: Grid, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([grid.longitude[column]]), np.array([grid.latitude[row]])


@pytest.mark.parametrize(
    ("slope", "kmh"),
    [
        (-0.5, 1.242045),
        (-0.2, 3.549332),
        (-0.05, 6.0),
        (0.0, 5.036742),
        (0.1, 3.549332),
        (0.5, 0.875255),
        (1.0, 0.152096),
    ],
)
def test_walking_speed_on_a_slope_as_tobler_gives_it(slope: float, kmh: float) -> None:
    assert tobler_kmh(np.array(slope)) == pytest.approx(kmh, abs=1e-6)


def test_least_cost_gives_the_published_values_of_scikit_image() -> None:
    """`MCP_Geometric`, scikit-image 0.26.0: 11 x 11 cells of friction 1, a wall of friction 10 in
    column 5 with a gap in row 2, from the cell (8, 0). Rows count from the north there."""
    cost = np.ones((11, 11))
    cost[:, 5] = 10
    cost[2, 5] = 1
    grid = window(11, 11)
    friction = Friction(grid, cost[::-1] / CELL_M, np.zeros((11, 11), dtype=bool))
    found = minutes_from(friction, *centre(grid, 10 - 8, 0))[::-1]
    expected = {
        (8, 0): 0.0,
        (8, 4): 4.0,
        (8, 5): 9.5,
        (8, 6): 14.485281,
        (2, 5): 8.071068,
        (2, 10): 13.071068,
        (8, 10): 16.142136,
        (0, 10): 13.899495,
        (10, 10): 18.142136,
    }
    for cell, minutes in expected.items():
        assert found[cell] == pytest.approx(minutes, abs=2e-6), cell


TIMES = np.array([[8.0, 55], [25, 18], [45, 12], [70, 29]])
DEMAND, SUPPLY = np.array([1000.0, 5000, 2500, 800]), np.array([10.0, 4])


def test_two_step_floating_catchment_as_the_package_access_gives_it() -> None:
    weights = zone_weights(TIMES, Catchment(minutes=(30,), weights=(1,)))
    expected = [0.0016666666666666668, 0.0021485943775, 0.00048192771084, 0.00048192771084]
    np.testing.assert_allclose(catchment_access(DEMAND, SUPPLY, weights), expected, rtol=1e-10)


def test_enhanced_catchment_as_the_package_access_gives_it() -> None:
    weights = zone_weights(TIMES, RULES.catchment)
    expected = [0.004761904761904762, 0.001563161124951, 0.0005155420773313, 0.000166793025019]
    np.testing.assert_allclose(catchment_access(DEMAND, SUPPLY, weights), expected, rtol=1e-10)


def test_members_are_shared_out_whole_to_those_in_reach() -> None:
    weights = zone_weights(TIMES, RULES.catchment)
    access = catchment_access(DEMAND, SUPPLY, weights)
    assert (access * DEMAND).sum() == pytest.approx(SUPPLY.sum())


def road_of(*points: tuple[float, float], highway: str = "primary") -> gpd.GeoDataFrame:
    line = shapely.LineString(points)
    return gpd.GeoDataFrame({"highway": [highway]}, geometry=[line], crs="EPSG:4326")


def test_a_straight_road_is_driven_at_its_speed() -> None:
    grid = window(3, 101, step=0.001)
    roads = road_of((110.0005, 0.0), (110.1005, 0.0))
    friction = make_friction(grid, RULES, roads=roads)
    minutes = minutes_from(friction, *centre(grid, 1, 0))
    km = 100 * 0.001 * METRES_PER_DEGREE / 1000
    assert minutes[1, 100] == pytest.approx(km / RULES.road_kmh["primary"] * 60, rel=1e-6)


def test_the_faster_of_two_roads_counts_and_a_link_is_its_road() -> None:
    grid = window(1, 3, step=0.001)
    both = pd.concat(
        [
            road_of((110.0, 0), (110.003, 0), highway="primary_link"),
            road_of((110.0, 0), (110.003, 0), highway="residential"),
        ]
    )
    assert (road_speeds(grid, both, RULES) == RULES.road_kmh["primary"]).all()


def test_a_flooded_road_lets_nobody_pass_and_the_way_round_is_walked() -> None:
    grid = window(21, 21, step=0.001)
    friction = make_friction(grid, RULES, roads=road_of((110.0, 0.0), (110.021, 0.0)))
    post, village = centre(grid, 10, 0), (10, 20)
    dry = minutes_from(friction, *post)[village]
    levels = np.zeros((21, 21), dtype=np.int8)
    levels[8:13, 9:12] = 3
    wet = minutes_from(friction.under(levels, RULES), *post)[village]
    levels[:, 10] = 4
    cut = minutes_from(friction.under(levels, RULES), *post)[village]
    assert dry < wet < np.inf
    assert np.isinf(cut)


def test_a_level_below_the_impassable_one_closes_nothing() -> None:
    grid = window(3, 3)
    friction = make_friction(grid, RULES)
    levels = np.full((3, 3), RULES.impassable_level - 1, dtype=np.int8)
    assert np.isfinite(friction.under(levels, RULES).minutes_per_metre).all()


def test_a_hazard_on_another_grid_is_refused() -> None:
    with pytest.raises(GridMismatch, match="bring the hazard to the grid"):
        make_friction(window(3, 3), RULES).under(np.zeros((2, 3), dtype=np.int8), RULES)


def test_nobody_walks_over_the_sea() -> None:
    grid = window(3, 5)
    land = np.array([[True, True, False, True, True]] * 3)
    friction = make_friction(grid, RULES, land=land)
    assert np.isinf(minutes_from(friction, *centre(grid, 1, 0))[1, 4])


def test_a_slope_slows_those_who_walk() -> None:
    grid = window(5, 5, step=0.01)
    hill = np.tile(np.arange(5) * 500.0, (5, 1))
    flat = make_friction(grid, RULES)
    steep = make_friction(grid, RULES, elevation_m=hill)
    assert (steep.minutes_per_metre > flat.minutes_per_metre).all()


def test_elevation_that_is_not_known_is_walked_as_flat() -> None:
    grid = window(4, 4)
    unknown = make_friction(grid, RULES, elevation_m=np.full((4, 4), np.nan))
    expected = minutes_per_metre(RULES.offroad_kmh.default)
    np.testing.assert_allclose(unknown.minutes_per_metre, expected)


def test_a_post_outside_the_window_reaches_nothing() -> None:
    friction = make_friction(window(3, 3), RULES)
    outside = np.array([120.0]), np.array([0.0])
    assert np.isinf(minutes_from(friction, *outside)).all()
    assert np.isinf(minutes_from_each(friction, *outside, limit=60)).all()


def test_roads_without_a_class_are_refused() -> None:
    roads = road_of((110, 0), (110.1, 0)).rename(columns={"highway": "TYPE"})
    with pytest.raises(LayerError, match="expected the OSM class in a column 'highway'"):
        road_speeds(window(3, 3), roads, RULES)


def test_roads_in_metres_are_refused() -> None:
    with pytest.raises(LayerError, match="convert them first"):
        road_speeds(window(3, 3), road_of((110, 0), (110.1, 0)).to_crs("EPSG:3857"), RULES)


def test_an_unknown_key_of_the_policy_is_refused(tmp_path) -> None:
    text = (data_dir() / "policy" / "access.toml").read_text(encoding="utf-8")
    wrong = tmp_path / "access.toml"
    wrong.write_text("speed = 3\n" + text, encoding="utf-8")
    with pytest.raises(SettingsError, match="speed"):
        load_policy(wrong, AccessPolicy)


@pytest.mark.parametrize(("hour", "night"), [(22, True), (23, False), (10, False), (11, True)])
def test_night_is_told_by_local_time(hour: int, night: bool) -> None:
    """In WIB (UTC+7) 22:00 UTC is five in the morning."""
    assert is_night(datetime(2026, 11, 20, hour, tzinfo=UTC), 7, RULES) is night


def test_fewer_come_by_night() -> None:
    members = np.array([10.0])
    assert members_who_come(members, night=False, rules=RULES) == 4
    assert members_who_come(members, night=True, rules=RULES) == 2.5


def scene() -> tuple[Friction, pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Three villages in a row along a road, a post in the first."""
    grid = window(40, 120, step=0.005)
    friction = make_friction(grid, RULES, roads=road_of((110.0, 0.0), (110.6, 0.0)))
    boxes = np.array(
        [shapely.box(110.01 + i * 0.2, -0.08, 110.17 + i * 0.2, 0.08) for i in (0, 1, 2)]
    )
    villages = pd.DataFrame(
        {
            "adm4_code": ["33.01.01.2001", "33.01.01.2002", "33.01.01.2003"],
            "longitude": [110.09, 110.29, 110.49],
            "latitude": [0.0, 0.0, 0.0],
            "people": [1000, 2000, 3000],
        }
    )
    teams = pd.DataFrame(
        {
            "team_id": ["T-1"],
            "post_id": ["P-1"],
            "longitude": [110.09],
            "latitude": [0.0],
            "members": [10],
            "on_duty": [True],
        }
    )
    return friction, teams, villages, boxes


def found(friction: Friction, teams: pd.DataFrame, *rest: object, night: bool = False):
    return reach(friction, teams, *rest, rules=RULES, coverage=COVERAGE, night=night)


def test_the_nearest_village_is_reached_first() -> None:
    out = found(*scene())
    assert (np.diff(out.minutes) > 0).all()
    assert out.minutes[0] == 0
    assert (out.people_30 <= out.people_60).all()
    assert 0 < out.people_30[0] <= 1000
    assert out.members_per_person[0] > 0


def test_by_night_fewer_people_are_reached() -> None:
    day, night = found(*scene()), found(*scene(), night=True)
    assert (night.people_60 <= day.people_60).all()
    assert night.people_60.sum() < day.people_60.sum()
    assert (day.mobilisation_minutes, night.mobilisation_minutes) == (30, 60)


def test_without_a_team_on_duty_nobody_is_reached() -> None:
    friction, teams, villages, boxes = scene()
    out = found(friction, teams.assign(on_duty=False), villages, boxes)
    assert np.isnan(out.minutes).all()
    assert out.people_60.sum() == 0
    assert out.members_per_person.sum() == 0


@settings(max_examples=25, deadline=None)
@given(
    blocked=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 119)), max_size=40),
    more=st.tuples(st.integers(0, 39), st.integers(0, 119)),
)
def test_a_worse_hazard_never_reaches_more_people(blocked, more) -> None:
    friction, teams, villages, boxes = scene()
    levels = np.zeros((40, 120), dtype=np.int8)
    for cell in blocked:
        levels[cell] = 3
    before = found(friction.under(levels, RULES), teams, villages, boxes)
    levels[more] = 4
    after = found(friction.under(levels, RULES), teams, villages, boxes)
    assert (after.people_30 <= before.people_30).all()
    assert (after.people_60 <= before.people_60).all()


def test_a_stored_surface_is_read_by_windows(tmp_path) -> None:
    roads = road_of((110.0, 0.0), (111.0, 0.4))
    path = tmp_path / "friction.tif"
    whole = write_surface(path, roads, RULES)
    part = read_surface(path, (110.3, 0.05, 110.5, 0.3))
    assert part is not None
    row = round((part.grid.south - whole.grid.south) / whole.grid.step)
    column = round((part.grid.west - whole.grid.west) / whole.grid.step)
    same = whole.minutes_per_metre[row : row + part.grid.rows, column : column + part.grid.columns]
    np.testing.assert_allclose(part.minutes_per_metre, same, rtol=1e-6)
    assert part.on_road.any()
    assert read_surface(path, (120.0, 0.0, 121.0, 1.0)) is None


def test_the_same_roads_give_the_same_bytes(tmp_path) -> None:
    roads = road_of((110.0, 0.0), (110.2, 0.1))
    for name in ("a.tif", "b.tif"):
        write_surface(tmp_path / name, roads, RULES)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_file_that_is_no_surface_is_named(tmp_path) -> None:
    (tmp_path / "friction.tif").write_bytes(b"no image")
    with pytest.raises(LayerError, match="build the set anew"):
        read_surface(tmp_path / "friction.tif", (110.0, 0.0, 111.0, 1.0))
