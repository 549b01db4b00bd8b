"""Flood levels: rain class, wetness, ground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import SettingsError
from kentongan.settings import data_dir
from processing.rain.policy import rain_policy
from processing.water.flood import effective_mm, flood_level, rain_class
from processing.water.terrain import Terrain

RULES = rain_policy().flood


def ground(hand, slope=0.05):
    flat = np.array([[hand]], dtype=np.float32)
    return Terrain(flat, flat, np.full((1, 1), slope, "f4"), flat, flat, None)


@pytest.mark.parametrize(
    ("hand", "slope", "rained", "level"),
    [
        (1.0, 0.05, 2, 3),  # low
        (3.0, 0.05, 2, 2),  # neutral
        (10.0, 0.05, 2, 1),  # on the slope
        (30.0, 0.2, 4, 1),  # high
        (30.0, 0.001, 2, 3),  # a flat town on a terrace
        (1.0, 0.05, 0, 0),  # no rain, no flood
        (1.0, 0.05, 4, 4),
        (1.0, 0.05, -1, -1),
        (np.nan, 0.05, 3, -1),
    ],
)
def test_ground_and_rain(hand, slope, rained, level):
    found = flood_level(np.array([[rained]], dtype=np.int8), ground(hand, slope), RULES)
    assert found.tolist() == [[level]]


@given(st.floats(0, 60), st.integers(0, 3))
def test_more_rain_never_floods_less(hand, rained):
    low, high = (
        flood_level(np.array([[r]], dtype=np.int8), ground(hand), RULES)[0, 0]
        for r in (rained, rained + 1)
    )
    assert high >= low


def test_the_worst_duration_counts_and_one_that_is_not_known_does_not():
    amounts = {1: np.array([[45.0, np.nan]], "f4"), 24: np.array([[10.0, np.nan]], "f4")}
    assert rain_class(amounts, RULES.rain_mm).tolist() == [[3, -1]]
    amounts[24] = np.array([[np.nan, 120.0]], "f4")
    assert rain_class(amounts, RULES.rain_mm).tolist() == [[3, 2]]


def test_thresholds_of_the_place_stand_above_the_general_ones():
    local = {1: np.array([[[5.0]], [[8.0]], [[12.0]], [[15.0]]], dtype=np.float32)}
    assert rain_class({1: np.array([[13.0]], "f4")}, local).tolist() == [[3]]


def test_no_duration_that_is_known_is_refused():
    with pytest.raises(ValueError, match="no class"):
        rain_class({2: np.array([[1.0]], "f4")}, RULES.rain_mm)


def test_wet_ground_makes_more_of_the_rain_and_dry_ground_less():
    rain = np.full((1, 4), 60.0, dtype=np.float32)
    api = np.array([[5.0, 40.0, 100.0, np.nan]], dtype=np.float32)
    dry, mean, wet, unknown = effective_mm(rain, api, RULES)[0]
    assert dry < mean == 60.0 < wet
    assert unknown == 60.0


def test_a_policy_with_steps_out_of_order_is_refused(tmp_path):
    text = (data_dir() / "policy" / "rain.toml").read_text("utf-8")
    path = tmp_path / "rain.toml"
    path.write_text(text.replace("low_hand_m = 2", "low_hand_m = 9"), encoding="utf-8")
    with pytest.raises(SettingsError, match="low_hand_m"):
        rain_policy(path)
    path.write_text(text.replace("[flood]\n", "[flood]\nmistake = 1\n"), encoding="utf-8")
    with pytest.raises(SettingsError, match="mistake"):
        rain_policy(path)
