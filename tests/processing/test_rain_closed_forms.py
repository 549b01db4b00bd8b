"""Rain from temperature, parallax, runoff and the landslide index against reference values."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.landslide import ari7, landslide_level
from processing.rain.parallax import corrected, elevation
from processing.rain.rates import Method, bounded_rate, rain_rate, rates
from processing.water.runoff import Wetness, api, curve_number, runoff_mm

COLUMNS = {
    "AE_mm_h": Method.AUTO_ESTIMATOR,
    "IMSRA_mm_h": Method.IMSRA,
    "NonLinearRelation_mm_h": Method.NON_LINEAR_RELATION,
    "NonLinearInversion_mm_h": Method.NON_LINEAR_INVERSION,
    "GPI_mm_h": Method.GPI,
}


def table(samples, name):
    with (samples / "hazard-refs" / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([_number(row[key]) for row in rows]) for key in rows[0]}


def _number(text):
    try:
        return float(text)
    except ValueError:
        return np.nan


def test_each_curve_gives_the_reference_rates(samples):
    values = table(samples, "rain_from_tb_closed_form.csv")
    for column, method in COLUMNS.items():
        found = rain_rate(values["Tb_K"], method)
        np.testing.assert_allclose(found, values[column], rtol=1e-6, err_msg=column)


@given(st.floats(150, 330), st.floats(0, 60), st.sampled_from(list(Method)))
def test_a_colder_top_never_rains_less(kelvin, colder, method):
    warm, cold = bounded_rate(np.array([kelvin, max(kelvin - colder, 120.0)]), method)
    assert cold >= warm >= 0
    assert cold <= rates().limits.cap_mm_h


def test_an_unknown_temperature_gives_an_unknown_rate():
    for method in Method:
        assert np.isnan(bounded_rate(np.array([np.nan]), method)[0])


def test_a_corrected_tower_stands_where_satpy_puts_it(samples):
    values = table(samples, "parallax_satpy.csv")
    longitude, latitude = corrected(
        values["apparent_lon"], values["apparent_lat"], values["cloud_top_m"] / 1000
    )
    np.testing.assert_allclose(longitude, values["corrected_lon"], atol=2e-6)
    np.testing.assert_allclose(latitude, values["corrected_lat"], atol=2e-6)


def test_a_tower_at_jakarta_moves_east_and_no_cloud_stays():
    place = np.array([106.85]), np.array([-6.2])
    assert corrected(*place, np.array([15.0]))[0][0] > 106.9
    longitude, latitude = corrected(*place, np.array([np.nan]))
    assert longitude[0] == pytest.approx(106.85) and latitude[0] == pytest.approx(-6.2)


def test_behind_the_horizon_nothing_is_seen():
    lost = np.array([-40.0]), np.array([0.0])
    assert elevation(*lost)[0] < 0
    assert np.isnan(corrected(*lost, np.array([10.0]))[0][0])


def test_runoff_by_curve_number(samples):
    values = table(samples, "flood_scs_cn_closed_form.csv")
    mean = values["CN_II"]
    for wetness, cn, runoff in (
        (Wetness.DRY, values["CN_I"], values["Q_mm_dry_AMC_I"]),
        (Wetness.MEAN, mean, values["Q_mm_AMC_II"]),
        (Wetness.WET, values["CN_III"], values["Q_mm_wet_AMC_III"]),
    ):
        np.testing.assert_allclose(curve_number(mean, wetness), cn, rtol=1e-6)
        found = runoff_mm(values["P_mm"], curve_number(mean, wetness))
        np.testing.assert_allclose(found, runoff, rtol=1e-5, atol=1e-6)


@given(st.floats(0, 500), st.floats(0, 100), st.floats(1, 100))
def test_never_more_runs_off_than_fell_and_more_rain_never_less(rain, more, cn):
    low, high = runoff_mm(np.array([rain, rain + more]), cn)
    assert 0 <= low <= rain + 1e-9
    assert high >= low - 1e-9


def test_a_curve_number_of_no_ground_is_refused():
    with pytest.raises(ValueError, match="curve number"):
        runoff_mm(10.0, 0.0)


def test_wetness_fades_and_an_unknown_day_stays_unknown():
    index = api(np.array([[10.0, 10.0], [0.0, np.nan], [0.0, 0.0]]))
    np.testing.assert_allclose(index[:, 0], [10.0, 9.0, 8.1])
    assert np.isnan(index[1:, 1]).all()


def test_the_rainfall_index_of_seven_days(samples):
    values = json.loads((samples / "hazard-refs" / "landslide_ari7.json").read_text("utf-8"))
    weights = [float(w) for w in values.pop("weights")]
    np.testing.assert_allclose(ari7(np.eye(7)), weights, rtol=1e-9)
    for case in values.values():
        found = float(ari7(np.array(case["p_mm_day0_to_day6"], dtype=float)))
        assert found == pytest.approx(float(case["ARI_mm"]), rel=1e-9)


@pytest.mark.parametrize(
    ("index", "susceptibility", "shaken", "level"),
    [
        (60.0, 2, False, 0),
        (60.0, 3, False, 2),
        (60.0, 5, False, 3),
        (90.0, 3, False, 3),
        (90.0, 5, False, 4),
        (90.0, 3, True, 4),
        (60.0, 3, True, 2),
        (np.nan, 5, True, -1),
        (90.0, 0, True, -1),
    ],
)
def test_the_tree(index, susceptibility, shaken, level):
    found = landslide_level(
        np.array([index]), np.array([50.0]), np.array([80.0]),
        np.array([susceptibility]), np.array([shaken]),
    )  # fmt: skip
    assert found.tolist() == [level]


def test_six_days_are_no_week():
    with pytest.raises(ValueError, match="6 days"):
        ari7(np.zeros(6))
