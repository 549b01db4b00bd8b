"""BMKG's chain on a grid: its choice of model, bad input, speed's form against the plain one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import DataError, SettingsError
from processing.gmm.bmkg import (
    WHOLE_MMI,
    QuakeFacts,
    Sites,
    bmkg_shaking,
    level_grid,
    mmi_classes,
    mmi_grid,
    model_for,
    sites,
)
from processing.gmm.chain import Chain, Model, bmkg_chain
from processing.gmm.coefficients import parse
from processing.gmm.distance import rupture_distance
from processing.gmm.gmice import bmkg_mmi
from processing.gmm.motion import curve, motion, site_factors
from processing.gmm.uncertainty import (
    FIRST,
    REVIEWED,
    Spread,
    members,
    mmi_bands,
    people_band,
)
from processing.quakes import distance_km

LATITUDE = np.linspace(-9.0, -5.0, 81)
LONGITUDE = np.linspace(105.0, 109.0, 81)


@pytest.mark.parametrize(
    ("magnitude", "depth", "model"),
    [
        (1.6, 10, Model.BA08),
        (5.2, 155, Model.BA08),
        (5.3, 10, Model.CRUSTAL),
        (7.1, 30, Model.CRUSTAL),
        (5.3, 39, Model.INTRASLAB),
        (7.0, 49, Model.INTRASLAB),
        (7.2, 10, Model.INTERFACE),
        (8.7, 40, Model.INTERFACE),
        (7.6, 81, Model.INTRASLAB),
    ],
)
def test_the_choice_of_model(magnitude: float, depth: float, model: Model) -> None:
    assert model_for(QuakeFacts(magnitude, depth, -7, 107)) is model


@pytest.mark.parametrize("depth", [5.0, 12.0, 49.0, 300.0])
@pytest.mark.parametrize("magnitude", [2.0, 3.9, 4.6, 5.2, 6.0, 7.4])
def test_the_compiled_grid_is_the_formula(magnitude: float, depth: float) -> None:
    rng = np.random.default_rng(5)
    vs30 = rng.choice([180, 210, 270, 425, 600, 800], (81, 81)).astype(np.uint16)
    quake = QuakeFacts(magnitude, depth, -7.0, 107.0)
    found = mmi_grid(quake, sites(LATITUDE, LONGITUDE, vs30))
    r = distance_km(LATITUDE[:, None], LONGITUDE[None], to_latitude=-7.0, to_longitude=107.0)
    ln_pgv = motion(
        curve("pgv", bmkg_chain(), magnitude, depth, r),
        site_factors("pgv", model_for(quake), vs30.astype(float)),
    )
    off = np.abs(found - bmkg_mmi(ln_pgv, magnitude))
    # a zone's step is smeared over one step of the table, 0.2 to 0.4 % of the distance: few cells
    # lie there; and the curve's own step at its knee is 0.006
    assert np.quantile(off, 0.999) < 1e-3
    assert off[off > 0.01].size <= 2
    assert off.max() < 0.25


def test_a_window_of_a_grid_gives_the_same_cells() -> None:
    quake = QuakeFacts(6.0, 12.0, -7.0, 107.0)
    vs30 = np.random.default_rng(6).choice([180, 270, 600], (81, 81)).astype(np.uint16)
    whole = mmi_grid(quake, sites(LATITUDE, LONGITUDE, vs30))
    rows, columns = slice(10, 60), slice(5, 70)
    part = Sites(LATITUDE[rows], LONGITUDE[columns], vs30[rows, columns], 1.0)
    # the shorter table is cut at the same knots
    assert np.array_equal(mmi_grid(quake, part), whole[rows, columns])


def test_cells_beyond_the_table_keep_its_last_motion() -> None:
    quake = QuakeFacts(9.0, 10.0, -7.0, 107.0)
    mmi = mmi_grid(quake, sites(np.array([-7.0]), np.array([107.0, 122.0, 140.0, 286.9])))
    assert mmi[0, 0] > mmi[0, 1] >= mmi[0, 2] == mmi[0, 3]


def test_whole_intensities_round_halves_up() -> None:
    mmi = np.array([[1.0, 1.49, 1.5, 4.5, 5.4999, 9.49, 9.5, 10.0, np.nan]], np.float32)
    assert mmi_classes(mmi).tolist() == [[0, 0, 1, 4, 4, 8, 9, 9, 0]]
    every = np.arange(0.5, 11.0, 1e-5).astype(np.float32)
    edges = np.nextafter(np.float32(np.arange(1.5, 10)), np.float32(0))
    for values in (every, edges):
        assert np.array_equal(mmi_classes(values), level_grid(values, WHOLE_MMI))


@pytest.mark.parametrize(
    "facts",
    [
        (math.nan, 10, -7, 107),
        (10.0, 10, -7, 107),
        (-0.1, 10, -7, 107),
        (6.0, 801, -7, 107),
        (6.0, -1, -7, 107),
        (6.0, math.nan, -7, 107),
        (6.0, 10, math.inf, 107),
        (6.0, 10, -7, 181),
        (None, 10, -7, 107),
        ("6.0", 10, -7, 107),
    ],
)
def test_figures_that_cannot_be_are_refused(facts: tuple[float, float, float, float]) -> None:
    with pytest.raises(DataError, match="quake: expected"):
        QuakeFacts(*facts)


@pytest.mark.parametrize("magnitude", [0.0, 1.6, 5.25, 7.2, 9.5])
@pytest.mark.parametrize("depth", [0.0, 30.0, 700.0, 800.0])
def test_extremes_give_an_intensity_everywhere(magnitude: float, depth: float) -> None:
    found = bmkg_shaking(QuakeFacts(magnitude, depth, -7.0, 107.0), LATITUDE, LONGITUDE)
    for name in ("mmi", "pga", "pgv", "sigma"):
        assert np.isfinite(found[name]).all(), name
    assert 1.0 <= float(found["mmi"].min()) <= float(found["mmi"].max()) <= 10.0
    assert found.attrs["extrapolated"] == int(not 1.6 <= magnitude <= 8.7)


def test_a_quake_far_away_is_not_felt() -> None:
    found = bmkg_shaking(QuakeFacts(7.0, 20.0, 30.0, -150.0), LATITUDE, LONGITUDE)
    assert float(found["mmi"].max()) < 2.0


def test_a_depth_that_is_not_published() -> None:
    unknown = bmkg_shaking(QuakeFacts(6.0, None, -7.0, 107.0), LATITUDE, LONGITUDE)
    shallow = bmkg_shaking(QuakeFacts(6.0, 10.0, -7.0, 107.0), LATITUDE, LONGITUDE)
    assert np.array_equal(unknown["mmi"], shallow["mmi"])
    assert unknown.attrs["depth_assumed"] == unknown.attrs["extrapolated"] == 1


def test_what_is_not_known_of_vs30_is_the_default() -> None:
    quake = QuakeFacts(6.0, 10.0, -7.0, 107.0)
    vs30 = np.full((81, 81), 600.0)
    vs30[0, :5] = [np.nan, 0.0, -1.0, np.inf, 600.0]
    found = bmkg_shaking(quake, LATITUDE, LONGITUDE, vs30=vs30)
    assert np.array_equal(found["mmi"], bmkg_shaking(quake, LATITUDE, LONGITUDE)["mmi"])
    assert found.attrs["vs30_known_share"] == pytest.approx(1 - 4 / 81**2, abs=5e-4)


def test_grids_that_do_not_fit_are_refused() -> None:
    quake = QuakeFacts(6.0, 10.0, -7.0, 107.0)
    with pytest.raises(DataError, match="expected Vs30 of shape"):
        bmkg_shaking(quake, LATITUDE, LONGITUDE, vs30=np.full((2, 2), 600.0))
    with pytest.raises(DataError, match="finite"):
        bmkg_shaking(quake, np.array([np.nan, 1.0]), LONGITUDE)


@given(
    magnitude=st.floats(0, 9.3), depth=st.floats(0, 800), step=st.floats(0.05, 0.2),
    vs30=st.sampled_from([180, 270, 330, 600, 800]),
)  # fmt: skip
def test_a_stronger_quake_of_one_model_shakes_more(
    magnitude: float, depth: float, step: float, vs30: int
) -> None:
    weak, strong = (QuakeFacts(m, depth, -7.0, 107.0) for m in (magnitude, magnitude + step))
    if model_for(weak) is not model_for(strong):
        return
    where = sites(LATITUDE[::8], LONGITUDE[::8], np.full((11, 11), vs30))
    # the zones' steps of BMKG's site term lower the motion where the middle zone begins
    assert (mmi_grid(strong, where) >= mmi_grid(weak, where) - 0.25).all()


def test_the_expected_distance_lies_between_the_rupture_and_the_hypocentre() -> None:
    fit, r = bmkg_chain().distance, np.geomspace(10.0, 600.0, 200)
    for magnitude in (5.3, 6.0, 7.0, 8.0, 8.7):
        found = rupture_distance(fit, magnitude, r)
        assert (np.diff(found) > 0).all()
        assert (found[r > 20] < r[r > 20] * 1.02).all()
    small, great = (rupture_distance(fit, m, r) for m in (5.5, 8.5))
    assert (great < small).all()


def test_bands_hold_the_map_and_widen_with_doubt() -> None:
    quake, where = QuakeFacts(6.4, 12.0, -7.0, 107.0), sites(LATITUDE[::4], LONGITUDE[::4])
    first, later = (mmi_bands(quake, where, s, count=16) for s in (FIRST, REVIEWED))
    assert (first["mmi_p10"] <= first["mmi_p50"]).all()
    assert (first["mmi_p50"] <= first["mmi_p90"]).all()
    width = [float((b["mmi_p90"] - b["mmi_p10"]).mean()) for b in (later, first)]
    assert width[0] < width[1]
    again = mmi_bands(quake, where, FIRST, count=16)
    assert np.array_equal(first["mmi_p90"], again["mmi_p90"])


def test_members_have_the_spread_that_was_asked_for() -> None:
    quake, spread = QuakeFacts(6.0, 60.0, -7.0, 107.0), Spread(0.2, 10.0, 8.0)
    drawn = members(quake, spread, 64)
    assert np.std([q.magnitude for q, _ in drawn]) == pytest.approx(0.2, rel=1e-6)
    assert np.mean([q.depth for q, _ in drawn]) == pytest.approx(60.0)
    north = np.array([q.latitude for q, _ in drawn])
    assert north.std() * 111.195 == pytest.approx(8.0, rel=1e-6)
    figures = np.array([(q.magnitude, q.depth, q.latitude, q.longitude, s) for q, s in drawn])
    off_diagonal = np.corrcoef(figures.T) - np.eye(5)
    assert np.abs(off_diagonal).max() < 0.25


def test_members_at_the_ends_stay_possible() -> None:
    for quake in (QuakeFacts(9.5, 0.0, 89.99, 180.0), QuakeFacts(0.0, 800.0, -90.0, -180.0)):
        assert len(members(quake, Spread(0.5, 30.0, 50.0))) == 32


def test_people_of_members() -> None:
    assert people_band(np.arange(11) * 100) == (100, 500, 900)
    with pytest.raises(DataError, match="member"):
        people_band(np.array([], dtype=np.int64))
    with pytest.raises(DataError, match="spread"):
        Spread(magnitude=math.nan)


@pytest.mark.parametrize(
    "change",
    ["component_factor = 0.0", "extra = 1", "[distance]\nmagnitudes = [5.0]", "= = ="],
)
def test_a_damaged_chain_is_refused(change: str) -> None:
    with pytest.raises(SettingsError, match=r"coefficients bmkg\.toml"):
        parse(change, Chain, "bmkg.toml")


def test_a_table_of_another_shape_is_refused() -> None:
    text = (Path(__file__).parents[2] / "data" / "gmm" / "bmkg.toml").read_text(encoding="utf-8")
    with pytest.raises(SettingsError, match="one row a magnitude"):
        parse(text.replace("magnitudes = [5.3, ", "magnitudes = ["), Chain, "bmkg.toml")
