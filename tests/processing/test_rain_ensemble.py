"""An ensemble of the next hours and its probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from processing.rain.advect import extrapolate
from processing.rain.ensemble import (
    EnsembleRules,
    bands,
    coarsened,
    ensemble,
    exceedance,
    sums_mm,
)
from processing.rain.motion import Motion

RULES = EnsembleRules(members=16, cells=2)


def storm(size=200):
    y, x = np.mgrid[0:size, 0:size]
    near = np.exp(-((y - 120.0) ** 2 + (x - 60.0) ** 2) / 200)
    far = np.exp(-((y - 60.0) ** 2 + (x - 110.0) ** 2) / 128)
    rain = 40 * near + 60 * far
    rain[rain < 0.1] = 0
    return rain.astype(np.float32)


def flow(east=2.0, north=-1.0, size=200):
    flat = np.ones((-(-size // 8), -(-size // 8)), dtype=np.float32)
    return Motion(flat * east, flat * north, flat)


def made(seed=1, **changes):
    rules = RULES.model_copy(update=changes)
    return ensemble(storm(), flow(), steps=6, seed=seed, rules=rules)


def test_the_same_seed_gives_the_same_members():
    assert np.array_equal(made().rates, made().rates, equal_nan=True)
    assert not np.array_equal(made().rates, made(seed=2).rates, equal_nan=True)


def test_without_noise_all_members_are_the_plain_extrapolation():
    found = made(velocity_sigma=0.0, intensity_sigma=0.0)
    plain = extrapolate(coarsened(storm(), 2), flow(1.0, -0.5, size=100), 6)
    np.testing.assert_allclose(found.rates[3], plain, rtol=1e-4, atol=1e-4)


def test_members_part_more_and_more():
    found = made().rates
    inner = np.isfinite(found).all(axis=(0, 1))
    spread = found[:, :, inner].std(axis=0).mean(axis=1)
    assert spread[0] < spread[2] < spread[5]


def test_noise_keeps_the_mean_amount():
    found = made(members=200, velocity_sigma=0.0)
    plain = extrapolate(coarsened(storm(), 2), flow(1.0, -0.5, size=100), 6)
    assert np.nansum(found.rates[:, 5]) / 200 == pytest.approx(np.nansum(plain[5]), rel=0.05)


def test_a_probability_falls_with_the_threshold_and_lies_in_bounds():
    amounts = sums_mm(made(), 1, 6)
    low, high = exceedance(amounts, 1.0), exceedance(amounts, 10.0)
    known = np.isfinite(low)
    assert (low[known] >= high[known]).all()
    assert low[known].min() >= 0 and low[known].max() <= 1 and low[known].max() > 0.9


def test_bands_are_in_order():
    p10, p50, p90 = bands(sums_mm(made(), 1, 6))
    known = np.isfinite(p10)
    assert (p10[known] <= p50[known]).all() and (p50[known] <= p90[known]).all()


def test_what_one_member_does_not_know_has_no_probability():
    amounts = sums_mm(made(), 1, 6)
    amounts[4, 50, 50] = np.nan
    assert np.isnan(exceedance(amounts, 1.0)[50, 50])


def test_a_mean_with_a_hole_is_not_known():
    field = np.ones((4, 5), dtype=np.float32)
    field[0, 0] = np.nan
    coarse = coarsened(field, 2)
    assert coarse.shape == (2, 2) and np.isnan(coarse[0, 0]) and coarse[1, 1] == 1
