"""Loss of height, least cost, envelope, reach, way out: by hand, others, and properties."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.grid import Grid
from risk.access.friction import METRES_PER_DEGREE, Friction
from risk.access.least_cost import minutes_from
from risk.coast.spread import least_cost
from risk.coast.terrain import Terrain
from risk.coast.threat import threat_of, wave_reach, way_out_m
from risk.coast.wave import flat_reach_m, height_loss, long_wave_speed

STEP = 1 / METRES_PER_DEGREE * 100
"""Cells of 100 m at the equator."""


def grid_of(rows, columns, south=0.0):
    return Grid(120.0, south, STEP, columns, rows)


def terrain_of(low, *, sea=1, strip=None, river=None):
    """A coast in the west: the first `sea` columns are water."""
    low = np.atleast_2d(np.asarray(low, dtype=float))
    land = np.ones(low.shape, dtype=bool)
    land[:, :sea] = False
    near = np.ones(low.shape, dtype=bool)
    near[:, low.shape[1] if strip is None else strip :] = False
    run = np.zeros(low.shape, dtype=bool) if river is None else np.asarray(river)
    return Terrain(
        grid=grid_of(*low.shape), low_m=low, sine=np.zeros(low.shape), land=land, strip=near,
        river=run,
    )  # fmt: skip


def test_loss_and_flat_reach_equal_the_closed_form(samples, policy):
    rules = policy.tsunami.coast.loss
    path = samples / "hazard-refs" / "tsunami_hloss.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(rows) > 50
    for row in rows:
        height, n, slope, loss, reach = map(float, row.values())
        found = float(height_loss(height, n, np.sin(np.radians(slope)), rules))
        assert found == pytest.approx(loss, rel=1e-6)
        # The last column is H0 over that loss, also where the land is no longer flat.
        assert height / found == pytest.approx(reach, rel=1e-6)
        if slope == 0:
            assert flat_reach_m(height, n, rules) == pytest.approx(reach, rel=1e-6)


def test_speed_of_long_waves(samples):
    path = samples / "hazard-refs" / "tsunami_speed.csv"
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        depth, speed = list(map(float, row.values()))[:2]
        assert float(long_wave_speed(depth)) == pytest.approx(speed, rel=1e-6)


@given(seed=st.integers(0, 2**32 - 1), south=st.floats(-11, 6), limit=st.floats(10, 1e4))
def test_least_cost_equals_the_graph_of_scipy(seed, south, limit):
    rng = np.random.default_rng(seed)
    grid = Grid(120.0, south, 0.001, 7, 6)
    cost = rng.uniform(0.1, 3, (6, 7))
    cost[rng.random((6, 7)) < 0.2] = np.inf
    source = rng.random((6, 7)) < 0.1
    passable = source & np.isfinite(cost)
    found = least_cost(cost, passable, grid, limit=limit)
    y, x = np.nonzero(passable)
    friction = Friction(grid, cost, np.zeros(cost.shape, dtype=bool))
    theirs = minutes_from(friction, grid.longitude[x], grid.latitude[y], limit=limit)
    np.testing.assert_allclose(found, theirs, rtol=1e-9)


@pytest.mark.parametrize(
    ("low", "strip", "expected"),
    [
        pytest.param([0, 5, 10, 10.1, 50], None, [0, 1, 1, 0, 0], id="ten-metres-is-inside"),
        pytest.param([0, 50, 5, 5, 5], None, [0, 0, 1, 1, 1], id="low-land-behind-a-dune"),
        pytest.param([0, 5, 5, 5, 5], 3, [0, 1, 1, 0, 0], id="low-but-beyond-the-strip"),
        pytest.param([0, np.nan, 50, np.nan, 50], None, [0, 1, 0, 1, 0], id="a-hole-is-inside"),
        pytest.param([0, -3, -3, 50, 50], None, [0, 1, 1, 0, 0], id="below-the-sea"),
    ],
)
def test_the_envelope(policy, low, strip, expected):
    # Slopes so steep that no wave of the formula gets anywhere: the envelope alone.
    terrain = terrain_of(low, strip=strip)
    threat = threat_of(replace(terrain, sine=np.ones_like(terrain.sine)), policy.tsunami.coast)
    assert threat.inside[0].astype(int).tolist() == expected
    assert not threat.inside[:, 0].any()
    np.testing.assert_array_equal(threat.unknown, threat.inside & np.isnan(terrain.low_m))


def test_along_a_river_low_land_is_inside_up_to_five_kilometres_from_the_sea(policy):
    low = np.full((30, 70), 5.0)
    river = np.zeros((30, 70), dtype=bool)
    river[5, :] = True
    terrain = replace(terrain_of(low, strip=3, river=river), sine=np.ones((30, 70)))
    inside = threat_of(terrain, policy.tsunami.coast).inside
    assert inside[5, 1:51].all()
    assert not inside[5, 51:].any()
    assert inside[10, 40]
    assert not inside[11, 40]
    without = threat_of(replace(terrain, river=np.zeros_like(river)), policy.tsunami.coast)
    assert not without.inside[:, 3:].any()


def test_how_far_a_wave_of_ten_metres_runs_over_flat_bare_land(policy):
    """0.0174 m/m on bare land, 0.0038 m/m at sea: half a step at sea, then 100 m a cell."""
    rules = policy.tsunami.coast.loss
    sea, land = (float(height_loss(10, n, 0, rules)) for n in (0.007, 0.015))
    reach = wave_reach(terrain_of(np.zeros((1, 12))), 10, rules)
    cells = int((10 - 50 * (sea + land)) / (100 * land)) + 1
    assert reach[0].sum() == cells == 6
    assert wave_reach(terrain_of(np.zeros((1, 12))), 0.5, rules).sum() == 0


def test_a_wall_stops_a_wave_and_a_gap_lets_it_through(policy):
    rules = policy.tsunami.coast.loss
    terrain = terrain_of(np.zeros((5, 8)))
    wall = terrain.sine.copy()
    wall[:, 2] = 1.0
    assert not wave_reach(replace(terrain, sine=wall), 10, rules)[:, 3:].any()
    wall[2, 2] = 0.0
    through = wave_reach(replace(terrain, sine=wall), 10, rules)
    assert through[2, 3]
    assert through[1, 3]


heights = st.floats(0.1, 30)


@given(seed=st.integers(0, 2**32 - 1), low=heights, more=heights)
def test_a_higher_wave_never_reaches_fewer(policy, seed, low, more):
    rng = np.random.default_rng(seed)
    terrain = terrain_of(rng.uniform(0, 20, (6, 9)))
    terrain = replace(terrain, sine=rng.uniform(0, 0.05, (6, 9)))
    rules = policy.tsunami.coast.loss
    small, large = wave_reach(terrain, low, rules), wave_reach(terrain, low + more, rules)
    assert not (small & ~large).any()


@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_not_known_is_never_safer(policy, seed):
    """Forgetting heights, or taking land lower, never takes anybody out of the envelope."""
    rng = np.random.default_rng(seed)
    terrain = terrain_of(rng.uniform(0, 25, (6, 9)))
    before = threat_of(terrain, policy.tsunami.coast).inside
    holes = np.where(rng.random((6, 9)) < 0.4, np.nan, terrain.low_m)
    assert not (
        before & ~threat_of(replace(terrain, low_m=holes), policy.tsunami.coast).inside
    ).any()
    lower = terrain.low_m - rng.uniform(0, 10, (6, 9))
    assert not (
        before & ~threat_of(replace(terrain, low_m=lower), policy.tsunami.coast).inside
    ).any()


def test_the_way_out_goes_over_land():
    land = np.ones((3, 6), dtype=bool)
    land[:, 0] = False
    land[1, 3] = False
    inside = land.copy()
    inside[:, 5] = False
    way = way_out_m(land, inside, grid_of(3, 6))
    assert way[:, 5].tolist() == [0, 0, 0]
    assert way[1, 4] == pytest.approx(100, rel=1e-4)
    assert way[1, 2] == pytest.approx(100 * (2 + 2**0.5), rel=1e-4)
    assert np.isinf(way[:, 0]).all()
    assert np.isinf(way[1, 3])


def test_an_island_that_is_low_all_over_has_no_way_out():
    land = np.zeros((3, 3), dtype=bool)
    land[1, 1] = True
    assert np.isinf(way_out_m(land, land, grid_of(3, 3))[1, 1])
