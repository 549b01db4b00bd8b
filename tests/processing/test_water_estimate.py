"""Heights made ready, rain laid on the ground, and the levels that follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import DataError
from kentongan.types import Quality
from processing.rain.policy import rain_policy
from processing.rasters import QUALITIES
from processing.water.estimate import Onto, Rain, flood_estimate, wetness_of
from processing.water.ground import flood_ground, packed, unpacked
from processing.water.heights import beside, known_heights, ready

RULES = rain_policy().flood
SIDE = 60


def valley():
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    return (200 - row + 5.0 * np.abs(column - SIDE // 2)).astype("f4")


def ground_of(height, cell_m=90.0):
    axis = np.arange(SIDE) + 0.5
    return flood_ground(height, axis[::-1] / 100, axis / 100, cell_m=cell_m, drain_km2=0.2)


GROUND = ground_of(valley())
AXIS = (np.arange(6) * 10 + 5.0) / 100
"""Cells of rain as wide as ten of the ground."""
ONTO = Onto.of((AXIS, AXIS), (GROUND.latitude, GROUND.longitude))


def found(now, ground=GROUND, **more):
    rain = Rain(AXIS, AXIS, now, **more)
    return flood_estimate(ground, rain, ONTO, RULES, at_most=3)


def even(mm):
    return np.full((6, 6), mm, "f4")


def upper(mm):
    """Only the northern half; rain's rows go from south to north."""
    out = even(0.0)
    out[3:] = mm
    return out


FLOOR = (slice(45, 60), slice(SIDE // 2, SIDE // 2 + 1))


def test_rain_of_the_upper_half_floods_the_lower_floor():
    level = found({1: upper(70.0)}).level
    assert (level[FLOOR] >= 2).all()
    assert (level[45:, :10] == 0).all()


@given(st.floats(0, 150), st.floats(0, 60))
def test_more_rain_never_floods_less(mm, more):
    low, high = (found({1: upper(x)}).level for x in (mm, mm + more))
    assert (high >= low).all()


def test_the_amount_is_that_of_the_duration_that_decided():
    one = found({1: even(12.0), 24: even(160.0)})
    assert set(one.hours[FLOOR].ravel()) == {24}
    np.testing.assert_allclose(one.catchment_mm[FLOOR], 160.0, rtol=1e-5)


def test_a_duration_that_is_not_known_is_marked_and_none_at_all_is_no_level():
    some = found({1: even(12.0), 24: even(np.nan)})
    assert (some.quality == QUALITIES.index(Quality.DEGRADED)).all()
    assert (some.level >= 0).all()
    assert (found({1: even(np.nan)}).level == -1).all()


def test_the_coming_hour_only_raises():
    dry = found({1: even(70.0)}, next_hour_mm=even(0.0))
    assert (dry.level == found({1: even(70.0)}).level).all()
    coming = found({1: even(0.0), 3: even(0.0)}, next_hour_mm=upper(70.0))
    assert (coming.level[FLOOR] >= 2).all()
    assert (coming.quality[FLOOR] == QUALITIES.index(Quality.EXTRAPOLATED)).all()
    unknown = found({1: even(70.0)}, next_hour_mm=even(np.nan))
    assert (unknown.level == dry.level).all()


def test_thresholds_of_the_place_where_they_are_known():
    local = np.full((4, 6, 6), np.nan, "f4")
    local[:, 3:] = np.array([100, 150, 200, 250], "f4")[:, None, None]
    level = found({1: even(45.0)}, edges_mm={1: local}).level
    assert level[5, SIDE // 2] == 0  # 45 mm is nothing there
    assert (level[FLOOR] >= 2).all()  # no amounts of the place: the general ones


def test_rain_elsewhere_leaves_the_ground_unknown():
    away = Onto.of((AXIS + 50, AXIS), (GROUND.latitude, GROUND.longitude))
    level = flood_estimate(
        GROUND, Rain(AXIS + 50, AXIS, {1: even(99.0)}), away, RULES, at_most=3
    ).level
    assert (level == -1).all()


@pytest.mark.parametrize("axis", [AXIS[::-1], AXIS[:1]])
def test_rain_with_turned_axes_is_refused(axis):
    with pytest.raises(ValueError, match="ascending"):
        Onto.of((axis, axis), (GROUND.latitude, GROUND.longitude))


def test_the_nearest_cell_is_laid_and_nothing_beyond():
    onto = Onto.of((np.array([1.0, 2.0]), np.array([5.0, 6.0])), (np.array([2.4, 1.1, 0.4]),) * 2)
    assert onto.rows.tolist() == [1, 0, -1] and onto.columns.tolist() == [-1, -1, -1]


# --- heights ---------------------------------------------------------------------------


def test_a_hole_is_bridged_and_unknown_and_the_sea_is_the_sea():
    height = valley()
    height[20:26, 28:33] = np.nan
    height[:, :3] = -9999
    made = ready(height)
    assert made.holes.sum() == 30 and np.isnan(made.elevation[:, :3]).all()
    assert np.isfinite(made.elevation[20:26, 28:33]).all()
    ground = ground_of(height)
    one = found({1: upper(70.0)}, ground)
    assert (one.level[20:26, 28:33] == -1).all()
    # What ran through the hole still comes.
    assert (one.level[FLOOR] >= 2).all()
    # The first cells of water take the level of the shore.
    assert (one.level[:, 0:3] >= 0).all()


def test_a_catchment_of_holes_has_no_level():
    height = valley()
    height[2:50, 2:58] = np.nan
    assert (found({1: even(70.0)}, ground_of(height)).level[55:, SIDE // 2] == -1).all()


@pytest.mark.parametrize("fill", [-9999.0, -32768.0, 32767.0, 9.96921e36, -3.4028235e38, np.inf])
def test_usual_fills_are_no_heights(fill):
    height = valley()
    height[0, 0] = fill
    assert np.isnan(known_heights(height)[0, 0])
    assert np.isfinite(known_heights(height)).sum() == SIDE * SIDE - 1


def test_another_unit_is_refused():
    with pytest.raises(ValueError, match="expected metres"):
        known_heights(valley() * 100)


def test_beside_counts_cells():
    known = np.zeros((1, 6), bool)
    known[0, 0] = True
    cells, nearest = beside(known, 2)
    assert cells.tolist() == [1, 2] and nearest.tolist() == [0, 0]


def test_ground_is_kept_whole():
    again = unpacked(packed(GROUND))
    np.testing.assert_array_equal(again.terrain.ways.down, GROUND.terrain.ways.down)
    np.testing.assert_array_equal(again.hours, GROUND.hours)
    assert again.cell_m == GROUND.cell_m
    with pytest.raises(DataError, match="damaged"):
        unpacked(packed(GROUND)[:-300])


def test_on_coarse_cells_the_level_is_marked():
    one = found({1: even(70.0)}, ground_of(valley(), cell_m=900.0))
    assert (one.quality == QUALITIES.index(Quality.DEGRADED)).all()


# --- wetness ---------------------------------------------------------------------------


def test_missing_days_leave_wetness_open_unless_the_others_are_wet():
    days = np.array([[5.0, 5.0, 5.0], [np.nan, np.nan, 5.0], [100.0, 5.0, 5.0]], "f4")[:, None]
    wet, open_, dry = wetness_of(days, RULES)[0]
    assert wet > RULES.wet_above_api_mm
    assert np.isnan(open_)
    assert dry == pytest.approx(5 + 0.9 * 5 + 0.81 * 5)
