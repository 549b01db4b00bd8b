"""Matched samples and the curves from them, on relations that are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import DataError
from kentongan.grid import Grid
from processing.rain.calibrate_bands import banded
from processing.rain.calibrate_curves import (
    NATION,
    SCOPES,
    Calibration,
    calibrated,
    fitted,
    lookup,
    packed,
    scope_words,
    unpacked,
)
from processing.rain.calibrate_samples import (
    CalibrationRules,
    Reservoir,
    Samples,
    coarse_grid,
    matched,
    mean_between,
    regions_of,
)
from processing.rain.sums import UNKNOWN, stored

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)
GRID = Grid(west=104.0, south=-8.0, step=0.1, columns=80, rows=60)
RULES = CalibrationRules(
    references=("noaa-err",), match_minutes=5, samples_a_frame=600, most_samples=20_000,
    keep_days=60, least_samples=800, least_wet=60, least_days=2, renew_hours=24, oldest_days=60,
    most_frames_a_cycle=6, least_rank_correlation=0.2, mean_mm_h=(0.02, 20.0),
    regions={"barat": (104.0, -8.0, 108.0, -2.0), "timur": (108.0, -8.0, 110.0, -2.0)},
)  # fmt: skip
SPREAD = 0.3
"""Standard deviation of ln(rain) about the relation."""


def relation(ours, region):
    """Rain that truly falls where the retrieval says `ours`: known, another one in each region."""
    return np.where(np.asarray(region) == 0, 0.5, 1.5) * np.asarray(ours) ** 0.9


def frame(seed, region, dry=0.6):
    random = np.random.default_rng(seed)
    ours = np.where(random.random(region.shape) < dry, 0.0, random.gamma(1.2, 8.0, region.shape))
    truth = relation(ours, region) * np.exp(SPREAD * random.standard_normal(region.shape))
    return ours.astype(np.float32), truth.astype(np.float32)


def regions():
    return regions_of(GRID.latitude, GRID.longitude, RULES)


def reservoir(days=4, frames=12, rules=RULES):
    found, place = Reservoir(rules.most_samples), regions()
    for day in range(days):
        parts = []
        for k in range(frames):
            time = AT + timedelta(days=day, minutes=10 * k)
            ours, truth = frame(100 * day + k, place)
            parts.append(
                matched(ours, truth, time=time, source_id="noaa-err", grid=GRID, rules=rules)
            )
        found.add(Samples.joined(parts))
    return found


@pytest.fixture(scope="module")
def calibration():
    curves, counts = fitted(reservoir(), RULES)
    return Calibration("noaa-err", "m/1", AT, AT, AT, 48, curves, counts)


def curves_now(calibration, time=AT):
    return lookup(calibration, time, regions(), GRID.longitude, RULES)


def places(by):
    return by.place[by.regions, np.arange(by.regions.shape[1])]


# --- the truth is found again --------------------------------------------------------------


@pytest.mark.parametrize("region", [0, 1])
@pytest.mark.parametrize("ours", [2.0, 5.0, 10.0, 20.0, 30.0])
def test_a_known_relation_is_found_again_within_its_spread(calibration, region, ours):
    by = curves_now(calibration)
    row, column = np.argwhere(regions() == region)[0]
    raw = np.zeros(regions().shape, dtype=np.uint16)
    raw[row, column] = ours * 100
    table = places(by)[row, column]
    low, central, high = (t[table, int(ours * 100)] / 100 for t in (by.low, by.central, by.high))
    truth = float(relation(ours, region))
    # At the wet end quantiles of noisy rain lie above the relation: the whole spread is allowed.
    assert central == pytest.approx(truth, rel=SPREAD if ours >= 30 else 0.5 * SPREAD)
    assert calibrated(raw, by)[row, column] / 100 == pytest.approx(central)
    assert low < truth < high


def test_each_region_has_its_own_curve_and_what_lies_elsewhere_the_nations(calibration):
    by, place = curves_now(calibration), regions()
    raw = np.full(place.shape, 1000, dtype=np.uint16)
    found = calibrated(raw, by) / 100
    west, east, other = (float(np.median(found[place == k])) for k in (0, 1, 2))
    assert west == pytest.approx(relation(10, 0), rel=0.15)
    assert east == pytest.approx(relation(10, 1), rel=0.15)
    assert set(calibration.curves) >= {NATION, "barat", "timur", "elsewhere"}
    # Noon over these 8 degrees is two local hours, each with samples enough of its own.
    assert "region and hour" in scope_words(raw, by)
    assert other > west


def test_the_band_holds_four_fifths_of_new_rain(calibration):
    place = regions()
    ours, truth = frame(9999, place)
    by, raw = curves_now(calibration), stored(ours)
    index = np.minimum(raw, by.low.shape[1] - 1)
    low, high = (t[places(by), index] / 100 for t in (by.low, by.high))
    wet = ours > 1
    # A band is that of a half of all ranks, so it is rather too wide than too narrow.
    assert 0.72 < np.mean((truth >= low) & (truth <= high), where=wet) < 0.99


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_more_never_gives_less_and_bands_never_cross(one, other):
    calibration = KNOWN.setdefault("it", None) or _known()
    by = curves_now(calibration)
    a, b = sorted((one, other))
    for table in (by.low, by.central, by.high):
        assert (table[:, a] <= table[:, b]).all()
    assert (by.low[:, a] <= by.central[:, a]).all() and (by.central[:, a] <= by.high[:, a]).all()
    assert by.high.max() <= 10_000  # the cap of 100 mm/h holds for every band


KNOWN: dict = {}


def _known():
    curves, counts = fitted(reservoir(), RULES)
    KNOWN["it"] = Calibration("noaa-err", "m/1", AT, AT, AT, 48, curves, counts)
    return KNOWN["it"]


def test_dry_stays_dry_and_not_known_stays_so(calibration):
    raw = np.zeros(regions().shape, dtype=np.uint16)
    raw[:5] = UNKNOWN
    found = calibrated(raw, curves_now(calibration))
    assert (found[:5] == UNKNOWN).all() and (found[5:] == 0).all()


# --- pools ---------------------------------------------------------------------------------


def test_too_few_of_an_hour_take_the_regions_then_the_nations():
    rules = RULES.model_copy(update={"least_samples": 16_000})
    curves, _ = fitted(reservoir(rules=rules), rules)
    assert not any("/" in name for name in curves) and {"barat", NATION} <= set(curves)
    by = Calibration("noaa-err", "m/1", AT, AT, AT, 48, curves, {})
    assert by.curve_for("barat", 13) == ("barat", 1)
    rules = RULES.model_copy(update={"least_samples": 90_000})
    assert fitted(reservoir(rules=rules), rules)[0] == {}
    rules = RULES.model_copy(update={"least_samples": 50_000})
    pooled, _ = fitted(reservoir(rules=rules), rules)
    assert set(pooled) == {NATION}
    by = Calibration("noaa-err", "m/1", AT, AT, AT, 48, pooled, {})
    assert by.curve_for("barat", 13) == (NATION, 2)
    assert scope_words(np.ones((60, 80), np.uint16), curves_now(by)) == "nation 100 %"


def test_many_pixels_of_one_day_are_one_witness():
    curves, counts = fitted(reservoir(days=1, frames=40), RULES)
    assert curves == {} and counts[NATION].days == 1
    assert "1 days of 2" in counts[NATION].words(RULES)


def test_dry_samples_make_no_curve():
    place = regions()
    found = Reservoir(RULES.most_samples)
    for day in range(3):
        zero = np.zeros(place.shape, np.float32)
        time = AT + timedelta(days=day)
        found.add(matched(zero, zero, time=time, source_id="x", grid=GRID, rules=RULES))
    assert fitted(found, RULES)[0] == {}


# --- the choice of samples -----------------------------------------------------------------


def test_a_frame_gives_at_most_so_many_of_each_region_and_always_the_same():
    place = regions()
    ours, truth = frame(1, place)
    one = matched(ours, truth, time=AT, source_id="a", grid=GRID, rules=RULES)
    again = matched(ours, truth, time=AT, source_id="a", grid=GRID, rules=RULES)
    assert np.bincount(one["region"]).tolist() == [600, 600, 600]
    assert all(np.array_equal(one[n], again[n]) for n in one.columns)
    other = matched(ours, truth, time=AT + timedelta(minutes=10), source_id="a", grid=GRID,
                    rules=RULES)  # fmt: skip
    assert not np.array_equal(one["ours"], other["ours"])


def test_the_choice_is_fair():
    place = regions()
    ours, truth = frame(2, place)
    shares = []
    for k in range(20):
        time = AT + timedelta(minutes=10 * k)
        found = matched(ours, truth, time=time, source_id="a", grid=GRID, rules=RULES)
        shares.append((found["ours"] > 0).mean())
    assert np.mean(shares) == pytest.approx((ours > 0).mean(), abs=0.01)


def test_what_one_does_not_know_is_no_sample():
    place = regions()
    ours, truth = frame(3, place)
    ours[:, :40], truth[:30] = np.nan, np.nan
    found = matched(ours, truth, time=AT, source_id="a", grid=GRID, rules=RULES)
    assert set(found["region"].tolist()) == {1, 2}
    with pytest.raises(ValueError, match="expected"):
        matched(ours[:-1], truth, time=AT, source_id="a", grid=GRID, rules=RULES)


def test_a_full_reservoir_is_the_same_in_any_order():
    parts = []
    for day in range(6):
        ours, truth = frame(day, regions())
        time = AT + timedelta(days=day)
        parts.append(matched(ours, truth, time=time, source_id="a", grid=GRID, rules=RULES))
    made = []
    for order in (range(6), (3, 5, 0, 1, 4, 2)):
        one = Reservoir(most=700)
        for k in order:
            one.add(parts[k])
        made.append(one)
    assert made[0].days == made[1].days
    for key, part in made[0].parts.items():
        assert len(part) <= 700
        assert all(np.array_equal(part[n], made[1].parts[key][n]) for n in part.columns)


def test_local_hours_of_samples():
    ours, truth = frame(1, regions())
    found = matched(ours, truth, time=AT, source_id="a", grid=GRID, rules=RULES)
    assert set(found["hour"].tolist()) == {12, 13}  # 06 UTC at 104 to 112 degrees east


# --- means of an hour ------------------------------------------------------------------------


def steps(rates, minutes=10):
    return [
        (AT + timedelta(minutes=minutes * k), np.full((2, 2), r, np.float32))
        for k, r in enumerate(rates)
    ]


def test_the_mean_of_an_hour_is_the_trapezoid():
    end = AT + timedelta(hours=1)
    assert mean_between(steps([0, 6, 12, 18, 24, 30, 36]), AT, end) == pytest.approx(
        np.full((2, 2), 18.0)
    )


@pytest.mark.parametrize("kept", [[0, 1, 2], [0, 1, 2, 5, 6], [3]])
def test_half_an_hour_or_a_gap_is_no_hour(kept):
    frames = [f for k, f in enumerate(steps([5.0] * 7)) if k in kept]
    assert mean_between(frames, AT, AT + timedelta(hours=1)) is None


def test_coarse_cells_stand_where_those_of_the_other_grid_do():
    base = Grid(west=94.5, south=-11.5, step=0.02, columns=2350, rows=900)
    coarse = coarse_grid(base, 5)
    assert (coarse.columns, coarse.rows) == (470, 180)
    assert coarse.longitude[0] == pytest.approx(94.55)  # as GSMaP's cells of 0.1 degrees


# --- kept and read again ---------------------------------------------------------------------


def test_a_version_is_the_same_before_and_after_it_was_written(calibration):
    again = unpacked(packed(calibration))
    assert again.id == calibration.id and packed(again) == packed(calibration)
    one, other = curves_now(calibration), curves_now(again)
    for name in ("place", "low", "central", "high", "sampled"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    ("old", "new"),
    [('"p10"', '"p11"'), ('"nation": {', '"nasion": {'), ("[", "[NaN, "), ("{", "")],
)
def test_a_damaged_version_is_refused(calibration, old, new):
    with pytest.raises(DataError, match="calibration"):
        unpacked(packed(calibration).decode().replace(old, new, 1 if old == "{" else -1).encode())


def test_a_falling_band_is_refused(calibration):
    import json

    found = json.loads(packed(calibration))
    found["curves"][NATION]["p50"][-1] = 0.0
    with pytest.raises(DataError, match="falls"):
        unpacked(json.dumps(found).encode())


@pytest.mark.parametrize(
    "box",
    [(5.0, 0.0, 5.0, 1.0), (0.0, 2.0, 5.0, 1.0)],
)
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(ValueError, match="west < east"):
        CalibrationRules.model_validate({**RULES.model_dump(), "regions": {"x": box}})


# --- bands of sums ---------------------------------------------------------------------------


def test_bands_of_a_steady_hour_are_those_of_its_rate(calibration):
    raw = np.full((60, 80), 1000, np.uint16)
    frames = [(AT + timedelta(minutes=10 * k), raw, curves_now(calibration)) for k in range(7)]
    by, found = curves_now(calibration), banded(frames[::-1], [1])[1]
    expected = by.low[places(by), 1000] / 100, by.high[places(by), 1000] / 100
    np.testing.assert_allclose(found.low, expected[0], rtol=1e-5)
    np.testing.assert_allclose(found.high, expected[1], rtol=1e-5)
    assert not found.beyond.any() and (found.low < found.high).all()


def test_bands_know_gaps_and_what_lies_beyond_the_samples(calibration):
    raw = np.full((60, 80), 1000, np.uint16)
    raw[0], raw[1] = UNKNOWN, 9_900
    by = curves_now(calibration)
    full = [(AT + timedelta(minutes=10 * k), raw, by) for k in range(7)]
    full.reverse()
    found = banded(full, [1, 3])[1]
    assert np.isnan(found.low[0]).all() and np.isfinite(found.low[2:]).all()
    assert found.beyond[1].all() and not found.beyond[2:].any()
    assert 3 not in banded(full, [1, 3]) and banded([], [1]) == {}
    assert np.isnan(banded([full[0], full[3], full[6]], [1])[1].low).all()  # gaps of half an hour
    assert len(SCOPES) == 3


def test_bands_are_the_sums_of_plain_arithmetic_dry_wet_and_unknown(calibration):
    random = np.random.default_rng(3)
    by, frames = curves_now(calibration), []
    for k in range(7):
        raw = np.where(random.random((60, 80)) < 0.2, random.integers(1, 4000, (60, 80)), 0)
        raw = raw.astype(np.uint16)
        raw[:30] = 0  # dry throughout
        raw[40, :5] = UNKNOWN if k == 2 else 0
        frames.append((AT + timedelta(minutes=10 * k), raw, by))
    found = banded(frames[::-1], [1])[1]
    for name, table in (("low", by.low), ("high", by.high)):
        rate = np.stack([table[places(by), np.minimum(raw, 10_000)] for _, raw, _ in frames])
        expected = (rate[1:].astype(float) + rate[:-1]).sum(axis=0) / 2 / 6 / 100
        known = np.ones((60, 80), bool)
        known[40, :5] = False  # forty minutes of sixty
        got = getattr(found, name)
        np.testing.assert_allclose(got[known], expected[known], rtol=1e-4, atol=1e-5)
        assert np.isnan(got[~known]).all()
