"""Terrain of a valley against pyflwdir's own answers, catchments, concentration times."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from processing.water.terrain import concentration_hours, terrain, upstream_mean


def valley():
    row, column = np.mgrid[0:21, 0:21]
    return (100 + 2 * (20 - row) + 5 * np.abs(column - 10)).astype(np.float32)


@pytest.fixture(scope="module")
def ground():
    return terrain(valley(), cell_m=30.0)


def test_heights_slopes_and_streams_of_the_reference(samples, ground):
    path = samples / "hazard-refs" / "terrain_pyflwdir.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        place = int(row["row"]), int(row["col"])
        assert ground.upstream[place] == float(row["upstream_cells"])
        assert ground.hand[place] == pytest.approx(float(row["HAND_m"]), abs=1e-4)
        if 0 < place[0] < 20 and 0 < place[1] < 20:  # slopes at the rim differ by package
            assert ground.slope[place] == pytest.approx(float(row["slope_m_per_m"]), abs=2e-6)
            assert ground.wetness[place] == pytest.approx(
                float(row["TWI_ln_a_over_tanb"]), abs=2e-4
            )


def test_a_pit_is_filled(samples):
    case = json.loads((samples / "hazard-refs" / "terrain_fill.json").read_text("utf-8"))
    height = valley()
    height[tuple(case["pit_cell"])] = case["pit_elev"]
    assert terrain(height, cell_m=30.0).elevation[tuple(case["pit_cell"])] == case["filled_elev"]


def test_all_water_of_a_valley_leaves_by_its_mouth(ground):
    assert ground.upstream.max() == 441
    assert np.unravel_index(ground.upstream.argmax(), ground.upstream.shape) == (20, 10)


def test_the_rain_of_a_catchment_is_the_mean_of_what_lies_above(ground):
    rain = np.zeros((21, 21), dtype=np.float32)
    rain[:10] = 50.0
    found = upstream_mean(ground, rain)
    assert found[20, 10] == pytest.approx(50 * 10 / 21, rel=0.01)
    assert found[0, 3] == 50.0
    assert found[20, 0] == pytest.approx(0.0)


def test_even_rain_is_even_everywhere(ground):
    np.testing.assert_allclose(upstream_mean(ground, np.full((21, 21), 7.0, "f4")), 7.0, rtol=1e-6)


def test_a_catchment_that_is_half_unknown_has_no_mean(ground):
    rain = np.full((21, 21), 10.0, dtype=np.float32)
    rain[:11] = np.nan
    found = upstream_mean(ground, rain)
    assert np.isnan(found[20, 10]) and np.isnan(found[5, 5])
    assert found[18, 0] == pytest.approx(10.0)


def test_water_takes_longer_from_farther(ground):
    hours = concentration_hours(ground, cell_m=30.0)
    channel = hours[:, 10]
    assert (np.diff(channel[2:]) > 0).all()
    # 20 steps down the channel and up to 10 up a side, 30 m each, about 90 m of fall.
    assert 0.05 < channel[20] < 0.3


def test_sea_and_holes_are_not_land():
    height = valley()
    height[15:, 15:] = np.nan
    height[:3, :3] = -9999
    found = terrain(height, cell_m=30.0)
    for part in (found.elevation, found.hand, found.slope, found.wetness, found.upstream):
        assert np.isnan(part[15:, 15:]).all() and np.isnan(part[:3, :3]).all()
    assert np.isfinite(found.hand[5:14, 5:14]).all()
    assert np.nanmin(found.hand) >= 0


def test_heights_of_no_ground_are_refused():
    with pytest.raises(ValueError, match="-500 to 9000"):
        terrain(valley() * 100, cell_m=30.0)
    with pytest.raises(ValueError, match="nothing is known"):
        terrain(np.full((5, 5), np.nan), cell_m=30.0)
