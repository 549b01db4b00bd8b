"""Distances on the sphere, and pools that give nothing away twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from risk.pools import ShelterPool, TeamPool, busy_teams
from risk.sphere import EARTH_RADIUS_KM, chord_of_km, km_of_chord, unit_vectors

RULES = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy).coverage
LON, LAT = st.floats(94, 142), st.floats(-12, 7)


def haversine_km(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Sinnott 1984, as an independent form."""
    phi1, phi2 = np.radians([lat1, lat2])
    half = np.sin((phi2 - phi1) / 2) ** 2
    half += np.cos(phi1) * np.cos(phi2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    return float(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half)))


@given(LON, LAT, LON, LAT)
def test_chords_give_great_circle_distances(lon1, lat1, lon2, lat2):
    a, b = unit_vectors([lon1, lon2], [lat1, lat2])
    found = float(km_of_chord(np.linalg.norm(a - b)))
    assert found == pytest.approx(haversine_km(lon1, lat1, lon2, lat2), abs=1e-5)


@given(st.floats(0, 20_000))
def test_a_distance_survives_its_chord(km):
    assert float(km_of_chord(chord_of_km(km))) == pytest.approx(km, abs=1e-3)


def test_one_degree_of_latitude():
    a, b = unit_vectors([107, 107], [-7, -6])
    assert float(km_of_chord(np.linalg.norm(a - b))) == pytest.approx(111.195, abs=1e-3)


def teams(points: list[tuple[float, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "team_id": [f"T{n:02d}" for n in range(len(points))],
            "adm4_code": "32.01.01.2001",
            "longitude": [p[0] for p in points],
            "latitude": [p[1] for p in points],
            "on_duty": True,
        }
    )


# Corner to corner 47 km, 95 minutes: within the policy's longest travel from anywhere.
NEAR = st.tuples(st.floats(106.85, 107.15), st.floats(-7.15, -6.85))


@given(st.lists(NEAR, max_size=8), NEAR)
def test_each_team_goes_once_and_the_nearest_first(points, asked):
    pool = TeamPool(teams(points), RULES, taken=())
    everybody = np.ones(len(points), dtype=bool)
    given_away = [pool.take(asked, [(RULES.max_travel_minutes, everybody)]) for _ in range(9)]
    found = [one for one in given_away if one is not None]
    assert sorted(name for name, _ in found) == [f"T{n:02d}" for n in range(len(points))]
    minutes = [time for _, time in found]
    assert minutes == pytest.approx(sorted(minutes), abs=1e-6)
    assert given_away[len(points) :] == [None] * (9 - len(points))


def test_teams_at_one_post_go_in_order_of_their_names():
    table = teams([(107.0, -7.0)] * 3).sample(frac=1, random_state=1)
    pool = TeamPool(table, RULES, taken={"T01"})
    usable = np.ones(2, dtype=bool)
    assert [pool.take((107.0, -7.0), [(5, usable)]) for _ in range(2)] == [("T00", 0), ("T02", 0)]


def test_a_point_that_is_not_known_has_no_neighbours():
    pool = TeamPool(teams([(107.0, -7.0)]), RULES, taken=())
    assert pool.take((np.nan, np.nan), [(999, np.ones(1, dtype=bool))]) is None


def halls(capacities: list[int]) -> pd.DataFrame:
    count = len(capacities)
    return pd.DataFrame(
        {
            "shelter_id": [f"S{n}" for n in range(count)],
            "name": "Balai",
            "adm4_code": "32.01.01.2001",
            "longitude": 107.0 + 0.01 * np.arange(count),
            "latitude": -7.0,
            "capacity": np.asarray(capacities, dtype=np.int32),
        }
    )


@given(st.lists(st.integers(-5, 300), max_size=6), st.lists(st.integers(0, 400), max_size=8))
def test_no_place_is_given_twice_and_none_is_kept_back(capacities, groups):
    pool = ShelterPool(halls(capacities), RULES, standing=())
    found = [pool.take((107.0, -7.0), people) for people in groups]
    placed = [0 if one is None else one[1] for one in found]
    room = sum(max(0, capacity) for capacity in capacities)
    assert sum(placed) <= room
    assert all(number <= people for number, people in zip(placed, groups, strict=True))
    for row in range(len(capacities)):
        used = sum(one[1] for one in found if one is not None and one[0] == row)
        assert used <= max(0, capacities[row])
    if any(one is None for one in found):
        assert sum(placed) == room


def test_busy_teams_are_those_with_open_tasks():
    assert busy_teams({"a": 1, "b": 0}, ()) == {"a"}
