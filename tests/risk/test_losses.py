"""Deaths and needs: published rates, sums over real events, orders of magnitude, rounding."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kentongan.errors import DataError
from kentongan.grid import BASE_GRID
from risk.losses.band import chance_between, loss_band, order_words
from risk.losses.models import LossFigures, Table, expected_deaths, load_losses, rates
from risk.losses.needs import (
    displaced_by_level,
    displaced_by_shaking,
    hall_floor_m2,
    load_needs,
    minimum_needs,
    two_figures,
)
from risk.losses.people import shaken

FIGURES, NEEDS = load_losses(), load_needs()
COLUMNS = {
    "pager-v2": "pager_v2_theta13.248768_beta0.150846",
    "pager-v1": "pager_v1_theta14.05_beta0.17",
    "itb-2012": "itb2012_loglinear",
    "itb-bayesian": "itb_bayesian_median_inasafe",
}
CIANJUR = {6: 978_000, 7: 242_000}
"""People in VI and VII by PAGER's first estimate, as ECHO and GDACS quote it."""


def table_of(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("name", COLUMNS)
def test_rates_equal_those_of_other_implementations(samples, name):
    path = samples / "hazard-refs" / "eq_fatality_rates.csv"
    rows = [r for r in table_of(path) if r[COLUMNS[name]]]
    found = rates(FIGURES.model(name), np.array([float(r["mmi"]) for r in rows]))
    np.testing.assert_allclose(found, [float(r[COLUMNS[name]]) for r in rows], rtol=1e-9)


def test_the_three_curves_on_pagers_own_people_of_cianjur(samples):
    known = json.loads((samples / "hazard-refs" / "eq_loss_example_cianjur.json").read_text())
    names = {"pager-v2": "pager_v2", "pager-v1": "pager_v1", "itb-2012": "itb2012"}
    for name, theirs in {**names, "itb-bayesian": "itb_bayesian"}.items():
        found = expected_deaths(FIGURES.model(name), CIANJUR)
        assert found == pytest.approx(known[theirs], rel=1e-9)
    zeta, chances = FIGURES.model("pager-v2").zeta, known["pager_alert_probabilities_zeta1.640737"]
    for words, theirs in chances.items():
        low, high = {"<1": (0, 1), ">10000": (10_000, math.inf)}.get(words) or map(
            float, words.split("-")
        )
        assert chance_between(low, high, known["pager_v2"], zeta) == pytest.approx(theirs, rel=1e-9)


def test_cianjur_fails_pager_alone_and_its_deaths_lie_in_the_band():
    band = loss_band(CIANJUR, FIGURES)
    assert band.models == {"itb-bayesian": "100-999", "pager-v2": "1-99", "itb-2012": "100-999"}
    assert (band.central, band.low, band.high) == ("100-999", "1-99", "100-999")
    assert sum(band.chances.values()) == pytest.approx(1)


def test_deaths_of_expo_cat_to_the_printed_digit(samples):
    folder = samples / "peer-cases" / "usgs-pager"
    checks = json.loads((folder / "pager_checks.json").read_text())
    people = {r["EventID"]: r for r in table_of(folder / "indonesia_expocat.csv")}
    events = checks["derived_by_us_not_published"]["events"]
    assert len(events) == 15
    for event in events:
        row = people[event["EventID"]]
        counts = {k: int(row[f"MMI{k}"]) for k in (5, 6, 7, 8)} | {9: int(row["MMI9+"])}
        found = expected_deaths(FIGURES.model("pager-v2"), counts)
        assert round(found, 1) == event["derived_model_deaths"], event["EventID"]


def test_pagers_published_checks(samples):
    checks = json.loads((samples / "peer-cases" / "usgs-pager" / "pager_checks.json").read_text())
    by_name = {c["test"]: c for c in checks["published_checks"]}
    curve = by_name["lognormal rates"]
    model = FIGURES.model("pager-v2").model_copy(
        update={"theta": curve["theta"], "beta": curve["beta"]}
    )
    np.testing.assert_allclose(
        rates(model, np.array(curve["mmi"], dtype=float)), curve["expected"], rtol=1e-8
    )
    # Their edges lie 1e-5 higher, and their last bin has no end.
    for words, theirs in by_name["probabilities, expected=70511, G=2.5"]["expected"].items():
        low, high = (float(edge) for edge in words.split("-"))
        top = math.inf if high == 10_000_000 else high + 1e-5
        bottom = 0 if low == 0 else low + 1e-5
        assert chance_between(bottom, top, 70_511, 2.5) == pytest.approx(theirs, rel=1e-4)
    ours = by_name["loss 5x5 with overridden rates"]
    table = Table(
        id="AF", form="table", zeta=1, from_mmi=5, source="",
        rates={5: 1e-6, 6: 1e-5, 7: 1e-4, 8: 1e-3, 9: 1e-2},
    )  # fmt: skip
    exact = expected_deaths(table, {7: 20_000_000, 8: 60_000_000, 9: 40_000_000})
    # Exact arithmetic; their float32 rates, cut to whole people, give one fewer.
    assert exact == pytest.approx(462_000)
    assert exact - ours["expected"]["AF"] == pytest.approx(1)


@given(st.floats(1, 12), st.floats(0, 5), st.sampled_from(list(COLUMNS)))
def test_stronger_shaking_never_kills_fewer(mmi, more, name):
    low, high = rates(FIGURES.model(name), np.array([mmi, mmi + more]))
    assert 0 <= low <= high <= 1


def test_an_intensity_that_is_not_known_has_no_rate():
    found = rates(FIGURES.model("itb-2012"), np.array([np.nan, 3.9, 4.0]))
    assert math.isnan(found[0]) and found[1] == 0 and found[2] > 0


@given(st.floats(1e-6, 1e6), st.floats(0.5, 3), st.floats(0.001, 1e5), st.floats(0, 1e5))
def test_chances_add_up_and_grow_with_the_bin(expected, zeta, low, more):
    parts = [(0, low), (low, low + more), (low + more, math.inf)]
    chances = [chance_between(a, b, expected, zeta) for a, b in parts]
    assert min(chances) >= 0
    assert sum(chances) == pytest.approx(1)


@pytest.mark.parametrize(
    ("people", "central"),
    [
        pytest.param({}, "<1", id="nobody"),
        pytest.param({5: 50_000_000}, "<1", id="millions-at-V-are-left-out"),
        pytest.param({7: 2_579}, "1-99", id="just-one"),
        pytest.param({7: 2_578}, "<1", id="just-below-one"),
        pytest.param({10: 32_000}, ">=1000", id="a-thousand"),
    ],
)
def test_the_order_of_magnitude(people, central):
    band = loss_band(people, FIGURES, not_known=7)
    assert band.central == central
    assert band.not_counted == 7
    assert band.orders == ("<1", "1-99", "100-999", ">=1000")


def test_words_of_other_bins():
    assert order_words((1, 10, 100)) == ("<1", "1-9", "10-99", ">=100")


@pytest.mark.parametrize(
    "change",
    [
        {"central": "nobody"},
        {"bins": (1, 2)},
        {"unknown_key": 1},
        {"models": [{"id": "x", "form": "table", "zeta": 1, "from_mmi": 5, "source": "",
                     "rates": {5: 0.1, 6: 0.01}}]},
    ],
)  # fmt: skip
def test_figures_that_make_no_sense_are_refused(change):
    with pytest.raises(ValidationError):
        LossFigures.model_validate(FIGURES.model_dump() | change)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, 0), (0.2, 1), (9.1, 10), (11, 11), (101, 110), (120_000, 120_000), (121_001, 130_000)],
)
def test_two_figures_upwards(number, expected):
    assert two_figures(number) == expected


def test_who_needs_a_roof_and_what_they_need():
    assert displaced_by_shaking({5: 10**6, 6: 10**6}, NEEDS) == 0
    assert displaced_by_shaking({7: 1_000, 8: 100, 9: 10}, NEEDS) == 590
    assert displaced_by_shaking({11: 100}, NEEDS) == 100
    assert displaced_by_level({2: 100, 3: 100, 4: 100}, NEEDS) == 150
    amounts = {a.need.id: a.amount for a in minimum_needs(1_001, NEEDS)}
    assert amounts == {
        "covered-floor": 3504, "rice": 2803, "drinking-water": 17518, "clean-water": 67067,
        "family-kits": 201, "toilets": 51,
    }  # fmt: skip
    assert hall_floor_m2(100, NEEDS) == 500


def test_minimum_needs_are_those_of_bnpbs_profile(samples):
    """Names of InaSAFE's profile, whose provenance is Perka BNPB 7/2008."""
    path = samples / "peer-cases" / "inasafe" / "BNPB_minimum_needs_en.json"
    names = {
        "Rice": "rice", "Drinking Water": "drinking-water", "Clean Water": "clean-water",
        "Family Kits": "family-kits", "Toilets": "toilets",
    }  # fmt: skip
    ours = {n.id: n for n in NEEDS.needs}
    for row in json.loads(path.read_text())["resources"]:
        need = ours[names[row["Resource name"]]]
        assert need.per_person == float(row["Default"])
        assert need.every == {"weekly": "week", "once": "once"}[row["Frequency"]]
        assert not need.confirmed


def _field(values, outside="none"):
    longitude = 120 + np.arange(3) * BASE_GRID.step + 0.01
    latitude = -8 + np.arange(2) * BASE_GRID.step + 0.01
    return xr.Dataset(
        {"mmi": (("latitude", "longitude"), np.array(values, dtype=np.float32))},
        coords={"latitude": latitude, "longitude": longitude},
        attrs={"outside": outside},
    )


ROWS = [
    ("53.10.01.2001", "A", (120.00, -8.0, 120.02, -7.96), 1000),
    ("53.10.01.2002", "A", (120.02, -8.0, 120.06, -7.98), 800),
    ("53.10.01.2003", "A", (121.00, -8.0, 121.02, -7.98), 600),
]


def test_people_by_whole_intensity(make_layers):
    layers = make_layers(ROWS)
    found = shaken(_field([[5.5, 9.6, 7.49], [8.5, np.nan, 3.0]]), layers)
    np.testing.assert_array_equal(
        found.at_least,
        [[1000, 1000, 500, 500, 500, 0], [800, 800, 800, 400, 400, 400], [0] * 6, [0] * 6],
    )
    assert found.classes() == {5: 0, 6: 500, 7: 400, 8: 0, 9: 500, 10: 400}
    assert found.unknown.tolist() == [0, 0, 0, 0]
    assert found.reached(6).tolist() == [True, True, False]
    assert found.reached(10).tolist() == [False, True, False]


def test_what_is_not_known_is_in_no_class(make_layers):
    layers = make_layers(ROWS)
    found = shaken(_field([[np.nan, 6, 6], [6, 6, 6]], outside=""), layers)
    assert found.unknown.tolist() == [500, 0, 600, 0]
    assert sum(found.classes().values()) == 500 + 800


def test_a_field_without_intensity_is_refused(make_layers):
    with pytest.raises(DataError, match="no variable 'mmi'"):
        shaken(_field([[5.0] * 3] * 2).rename(mmi="pga"), make_layers(ROWS))
