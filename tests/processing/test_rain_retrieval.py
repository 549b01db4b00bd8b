"""Rain from a frame: weights, units, parallax on the grid, calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import DataError
from processing.rain.calibrate import fit, local_hour
from processing.rain.rates import Method, bounded_rate
from processing.rain.retrieve import moved, retrieve, top_km

LATITUDE = -7.5 + 0.02 * np.arange(120)
LONGITUDE = 105.0 + 0.02 * np.arange(150)


def tower(column=60, kelvin=200.0):
    y, x = np.mgrid[0:120, 0:150].astype(float)
    away = (y - 60) ** 2 + (x - column) ** 2
    return (290 - (290 - kelvin) * np.exp(-away / 50)).astype(np.float32)


def test_a_growing_tower_rains_and_a_flat_anvil_hardly():
    growing = retrieve(tower(), tower(kelvin=215.0)).rate
    assert growing[60, 60] > 60
    anvil = np.full((120, 150), 210.0, dtype=np.float32)
    flat = retrieve(anvil, anvil).rate[60, 75]
    assert flat == pytest.approx(0.1 * float(bounded_rate(np.array(210.0), Method.AUTO_ESTIMATOR)))


def test_a_warming_top_rains_less_than_a_cooling_one():
    cooling = retrieve(tower(), tower(kelvin=210.0)).rate
    warming = retrieve(tower(), tower(kelvin=192.0)).rate
    alone = retrieve(tower())
    assert warming[60, 60] < alone.rate[60, 60] < cooling[60, 60]
    assert not alone.grew


def test_the_low_bound_never_lies_above():
    found = retrieve(tower(), tower(kelvin=215.0))
    assert (found.low <= found.rate).all()
    assert found.low[60, 60] > 0


def test_clear_sky_is_dry_and_not_known_stays_so():
    frame = np.full((120, 150), 292.0, dtype=np.float32)
    frame[5:9, 5:9] = np.nan
    rate = retrieve(frame, frame).rate
    assert np.isnan(rate[5:9, 5:9]).all()
    assert np.nanmax(rate) == 0


def test_celsius_and_fill_values_are_refused():
    with pytest.raises(ValueError, match="Celsius"):
        retrieve(tower() - 273.15)
    filled = tower()
    filled[:10] = 65535.0
    with pytest.raises(ValueError, match="fill values"):
        retrieve(filled)


def test_a_tower_near_jakarta_comes_down_east_of_where_it_is_seen():
    seen = tower()
    rate = retrieve(seen, tower(kelvin=215.0)).rate
    found = moved(rate, seen, LATITUDE, LONGITUDE)
    apparent = np.unravel_index(np.nanargmax(rate), rate.shape)
    true = np.unravel_index(np.nanargmax(found), found.shape)
    shift_km = (true[1] - apparent[1]) * 0.02 * 111.2 * np.cos(np.radians(6.3))
    # 15.4 km by the lapse rate: 12.5 km a 15 km top at Jakarta, a little more here.
    assert shift_km == pytest.approx(13.5, abs=2.3)
    assert float(top_km(seen)[60, 60]) == pytest.approx(15.4, abs=0.1)


def test_moving_invents_no_rain_and_no_knowledge():
    seen = tower()
    seen[:, :20] = np.nan
    rate = retrieve(seen, tower(kelvin=215.0)).rate
    found = moved(rate, seen, LATITUDE, LONGITUDE)
    assert np.nanmax(found) <= np.nanmax(rate)
    assert np.isnan(found[:, :15]).all()


def pairs(seed=3, count=4000):
    random = np.random.default_rng(seed)
    truth = np.where(random.random(count) < 0.4, random.gamma(0.6, 8.0, count), 0.0)
    ours = 3.0 * truth**0.8 * np.exp(0.5 * random.standard_normal(count))
    return ours, truth


def test_calibrated_rain_has_the_quantiles_of_the_reference():
    ours, truth = pairs()
    central = fit(ours, truth).apply(ours)[1]
    for level in (0.7, 0.8, 0.9, 0.97):
        expected = np.quantile(truth, level)
        assert np.quantile(central, level) == pytest.approx(expected, rel=0.05, abs=0.1)


def test_the_band_holds_about_four_fifths_of_rain():
    ours, truth = pairs()
    p10, _, p90 = fit(ours, truth).apply(ours)
    wet = truth > 1
    assert 0.65 < np.mean((truth >= p10) & (truth <= p90 + 1e-9), where=wet) < 0.95


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 200), st.floats(0, 50))
def test_more_never_calibrates_to_less(seed, rate, more):
    curve = fit(*pairs(seed, 800))
    for band in curve.apply(np.array([rate, rate + more])):
        assert band[1] >= band[0] - 1e-9
    p10, p50, p90 = curve.apply(np.array([rate]))
    assert p10 <= p50 + 1e-9 and p50 <= p90 + 1e-9


def test_too_few_samples_are_refused():
    with pytest.raises(DataError, match="uncalibrated"):
        fit(np.arange(10.0), np.arange(10.0))


def test_local_hours():
    assert local_hour(23.5, np.array([95.0, 141.0])).tolist() == [5, 8]
