"""Motion of rain and its extrapolation: moving Gaussians with known answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.rain.advect import Trend, extrapolate, growth
from processing.rain.motion import Motion, mean_motion, motion

CELLS = ((120, 50, 6, 40), (90, 80, 10, 20), (150, 110, 8, 60))
"""Row, column, sigma, peak (mm/h) at time 0."""


def frame(step, *, east=3.0, north=-2.0, size=200, factor=1.0):
    y, x = np.mgrid[0:size, 0:size].astype(float)
    rain = np.zeros((size, size))
    for row, column, sigma, peak in CELLS:
        away = (y - row - north * step) ** 2 + (x - column - east * step) ** 2
        rain += peak * factor**step * np.exp(-away / (2 * sigma**2))
    rain[rain < 0.1] = 0
    return rain.astype(np.float32)


def at_rain(found: Motion, rain):
    rows, columns = np.nonzero(rain > 1)
    return found.east[rows // 8, columns // 8], found.north[rows // 8, columns // 8]


def test_the_motion_of_the_reference_case_within_a_hundredth(samples):
    reference = json.loads((samples / "hazard-refs" / "nowcast_pysteps.json").read_text("utf-8"))
    expected = reference["lk_motion_mean_over_rain_gt_1mm_h"]
    pairs = [motion(frame(0), frame(1)), motion(frame(1), frame(2))]
    east, north = at_rain(mean_motion(pairs), frame(2))
    assert east.mean() == pytest.approx(expected["u_px_per_step"], abs=0.01)
    assert north.mean() == pytest.approx(expected["v_px_per_step"], abs=0.01)


def test_the_extrapolation_of_the_reference_case(samples):
    reference = json.loads((samples / "hazard-refs" / "nowcast_pysteps.json").read_text("utf-8"))
    found = extrapolate(frame(2), uniform(3, -2), 6)
    lines = [e for e in reference["extrapolation"] if e["motion"] == "true_uniform_motion"]
    for line in lines:
        step = line["lead_step"]
        rain, truth = np.nan_to_num(found[step - 1]), frame(2 + step)
        peak = np.unravel_index(rain.argmax(), rain.shape)
        assert abs(peak[0] - line["argmax_row"]) <= 1 and abs(peak[1] - line["argmax_col"]) <= 1
        assert critical_success(rain, truth) == pytest.approx(line["CSI5"], abs=0.01)
        still = critical_success(frame(2), truth)
        assert still == pytest.approx(line["CSI5_eulerian_persistence"], abs=1e-6)


def critical_success(forecast, truth, threshold=5.0):
    hits = ((forecast >= threshold) & (truth >= threshold)).sum()
    return hits / ((forecast >= threshold) | (truth >= threshold)).sum()


def uniform(east, north, size=200):
    blocks = -(-size // 8)
    flat = np.ones((blocks, blocks), dtype=np.float32)
    return Motion(flat * east, flat * north, flat)


@settings(max_examples=25, deadline=None)
@given(st.floats(-6, 6), st.floats(-6, 6))
def test_a_uniform_motion_moves_the_field_and_keeps_it(east, north):
    found = extrapolate(frame(0), uniform(east, north), 3)[2]
    truth = frame(3, east=east, north=north)
    inner = np.isfinite(found)
    # Bilinear reading of a Gaussian of sigma 6 loses less than 2 % of its peak a step.
    assert np.abs(found - truth)[inner].max() < 0.02 * 60
    assert found[inner].min() >= 0


def test_what_comes_over_the_rim_is_not_known():
    found = extrapolate(frame(0), uniform(5, 0), 4)
    assert np.isnan(found[3][:, :19]).all() and np.isfinite(found[3][:, 21:]).all()


def test_what_is_not_known_stays_not_known_downstream():
    rain = frame(0)
    rain[100:110, 100:110] = np.nan
    found = extrapolate(rain, uniform(4, 0), 5)[4]
    assert np.isnan(found[101:109, 121:129]).all()
    assert np.isfinite(found[100:110, 100:110]).all()


def test_a_dry_place_moves_as_the_nearest_rain_does():
    rain = [frame(t) for t in (0, 1)]
    found = motion(*rain)
    assert found.east[2, 22] == pytest.approx(3, abs=0.1)
    assert found.seen[2, 22] < 0.05


def test_no_rain_no_motion():
    dry = np.zeros((200, 200), dtype=np.float32)
    found = motion(dry, dry)
    assert np.abs(found.east).max() == 0 and np.abs(found.north).max() == 0
    assert (extrapolate(dry, found, 3) == 0).all()


def test_growing_rain_grows_on_and_less_and_less():
    earlier, later = frame(0, factor=1.2), frame(1, factor=1.2)
    moved = motion(earlier, later)
    trend = growth(earlier, later, moved, fade_steps=4.0)
    found = extrapolate(later, moved, 4, trend)
    plain = extrapolate(later, moved, 4)
    ratio = [np.nansum(a) / np.nansum(b) for a, b in zip(found, plain, strict=True)]
    assert ratio[0] == pytest.approx(1.2, abs=0.05)
    gains = np.diff([1.0, *ratio])
    assert (gains > 0).all() and gains[-1] < gains[0]


def test_a_trend_is_limited():
    wild = Trend(np.full((25, 25), 9.0, dtype=np.float32), fade_steps=1.0)
    found = extrapolate(frame(0), uniform(0, 0), 1, wild)[0]
    assert found.max() == pytest.approx(2 * frame(0).max(), rel=1e-5)


def test_frames_of_two_grids_are_refused():
    with pytest.raises(ValueError, match="one grid"):
        motion(frame(0), frame(0, size=100))
