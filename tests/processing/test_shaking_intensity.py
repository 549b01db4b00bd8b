"""Allen, Wald & Worden (2012) against published values; the field around an epicentre."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kentongan.grid import BASE_GRID
from kentongan.types import Quality
from processing.quakes import distance_km
from processing.shaking import (
    allen_2012_hypo,
    allen_2012_rup,
    field_radius_km,
    gate_reason,
    mmi_level,
    shaking_fields,
    shaking_raster,
)


@pytest.fixture(scope="session")
def allen_policy(policy):
    """The equation as the main line."""
    shaking = policy.shaking.model_copy(update={"main": "allen-2012"})
    return policy.model_copy(update={"shaking": shaking})


# Cianjur 2022, M5.6, 11 km deep: values computed with OpenQuake's implementation of the paper.
PUBLISHED = {0: 6.652, 10: 6.260, 20: 5.680, 50: 4.563, 100: 3.671, 200: 2.759}


@pytest.mark.parametrize(("epicentral_km", "expected"), PUBLISHED.items())
def test_published_values_of_cianjur(epicentral_km, expected):
    mmi, _ = allen_2012_hypo(5.6, np.hypot(epicentral_km, 11.0))
    assert float(mmi) == pytest.approx(expected, abs=5e-4)


def test_every_reference_value(samples):
    rows = pd.read_csv(samples / "hazard-refs" / "eq_ipe_allen2012_openquake.csv")
    rows = rows[rows.model == "AllenEtAl2012Rhypo"]
    mmi, sigma = allen_2012_hypo(rows.mag.to_numpy(), rows.distance_km.to_numpy())
    assert len(rows) == 80
    np.testing.assert_allclose(mmi, rows.mmi_mean, rtol=1e-6)
    np.testing.assert_allclose(sigma, rows.sigma_total, rtol=1e-6)


def test_every_reference_value_of_the_rupture_form(samples):
    rows = pd.read_csv(samples / "hazard-refs" / "eq_ipe_allen2012_openquake.csv")
    rows = rows[rows.model == "AllenEtAl2012(rrup:=rhypo)"]
    mmi, sigma = allen_2012_rup(rows.mag.to_numpy(), rows.distance_km.to_numpy())
    assert len(rows) == 80
    np.testing.assert_allclose(mmi, rows.mmi_mean, rtol=1e-6)
    np.testing.assert_allclose(sigma, rows.sigma_total, rtol=1e-6)


@given(st.floats(5, 9.4), st.floats(0.01, 1), st.floats(1, 1000))
def test_a_stronger_quake_shakes_more(magnitude, more, distance):
    assume(magnitude + more <= 9.5)
    weaker, _ = allen_2012_hypo(magnitude, distance)
    stronger, _ = allen_2012_hypo(magnitude + more, distance)
    assert stronger > weaker


@given(st.floats(3, 9.5), st.floats(1, 900), st.floats(0.1, 100))
def test_farther_never_shakes_more(magnitude, distance, farther):
    near, _ = allen_2012_hypo(magnitude, distance)
    far, _ = allen_2012_hypo(magnitude, distance + farther)
    assert far < near


@pytest.mark.parametrize(
    ("mmi", "level"),
    [
        pytest.param(4.4999, 0, id="below-watch"),
        pytest.param(4.5, 1, id="edge-belongs-above"),
        pytest.param(5.5, 2, id="waspada"),
        pytest.param(6.5, 3, id="siaga"),
        pytest.param(7.5, 4, id="awas"),
        pytest.param(12.0, 4, id="top"),
        pytest.param(np.nan, -1, id="not-known-is-not-none"),
    ],
)
def test_levels(policy, mmi, level):
    assert mmi_level(np.array([mmi]), policy.shaking).tolist() == [level]


def test_field_of_cianjur(allen_policy, quake):
    raster = shaking_raster(quake(), allen_policy.shaking)
    near = raster.sel(latitude=-6.86, longitude=107.01, method="nearest")
    assert float(near.mmi) == pytest.approx(6.652, abs=0.01)
    assert int(near.hazard_level) == 3
    assert raster.hazard_level.dtype == np.int8
    assert raster.mmi.dtype == np.float32
    assert (np.diff(raster.latitude) > 0).all()
    assert (np.diff(raster.longitude) > 0).all()
    assert raster.attrs["value_variable"] == "mmi"
    edge = raster.hazard_level.to_numpy()
    assert max(edge[0].max(), edge[-1].max(), edge[:, 0].max(), edge[:, -1].max()) == 0, (
        "outside the window nothing is left to warn of"
    )


def test_field_cells_lie_on_the_base_grid(allen_policy, quake):
    raster = shaking_raster(quake(), allen_policy.shaking)
    assert np.isin(raster.latitude, BASE_GRID.latitude).all()
    assert np.isin(raster.longitude, BASE_GRID.longitude).all()


@given(
    magnitude=st.floats(5, 9.2),
    depth=st.floats(0, 70),
)
def test_outside_the_window_no_cell_would_have_a_level(allen_policy, quake, magnitude, depth):
    reach = field_radius_km(quake(magnitude=magnitude, depth_km=depth), allen_policy.shaking)
    beyond, _ = allen_2012_hypo(magnitude, np.hypot(reach, max(depth, 1)))
    assert float(beyond) < allen_policy.shaking.mmi[0 if magnitude < 8.5 else 1]


@given(st.floats(5, 8), st.floats(1, 70), st.floats(-13, 8), st.floats(93, 143))
@settings(max_examples=15)
def test_the_window_holds_every_cell_of_the_grid_within_reach(
    allen_policy, quake, magnitude, depth, latitude, longitude
):
    told = quake(magnitude=magnitude, depth_km=depth, latitude=latitude, longitude=longitude)
    far = distance_km(
        BASE_GRID.latitude[:, None],
        BASE_GRID.longitude[None, :],
        to_latitude=latitude,
        to_longitude=longitude,
    )
    within = int((far <= field_radius_km(told, allen_policy.shaking)).sum())
    raster = shaking_raster(told, allen_policy.shaking)
    cells = 0 if raster is None else raster.hazard_level.size
    assert cells >= within
    if raster is not None and raster.hazard_level.size:
        whole, _ = allen_2012_hypo(magnitude, np.hypot(far, depth))
        expected = int((mmi_level(whole, allen_policy.shaking) >= 1).sum())
        assert int((raster.hazard_level >= 1).sum()) == expected


@pytest.mark.parametrize(
    ("magnitude", "depth", "gated"),
    [(4.9, 10, True), (5.0, 10, False), (5.0, 70, False), (7.5, 71, True), (3.5, 600, True)],
)
def test_gate_caps_at_watch(allen_policy, quake, magnitude, depth, gated):
    told = quake(magnitude=magnitude, depth_km=depth)
    raster = shaking_raster(told, allen_policy.shaking)
    assert bool(gate_reason(told, allen_policy.shaking)) is gated
    if gated:
        assert int(raster.hazard_level.max()) <= 1
        assert set(np.unique(raster.quality)) == {list(Quality).index(Quality.EXTRAPOLATED)}


def test_event_of_cianjur(policy, quake, felt):
    told = quake(felt=(felt("Cianjur", 5, 6), felt("Garut", 4, 4)), potential="Tidak; berpotensi ")
    (field,) = shaking_fields([told], policy=policy)
    event = field.event
    assert event.event_id == "shaking-20221121T062110Z"
    assert (event.level, event.official, event.quality) == (3, False, Quality.DEGRADED)
    assert "default 600 m/s (unconfirmed) 100%" in event.evidence["vs30"]
    assert event.title.startswith("Gempa M5,6 kedalaman 11 km, ")
    assert event.valid_to == told.origin_time + timedelta(hours=6)
    assert event.evidence["felt"] == "Cianjur MMI 5-6; Garut MMI 4"
    assert event.evidence["potential"] == "Tidak, berpotensi"
    assert "above BMKG's ShakeMaps" in str(event.evidence["limits"])
    assert field.raster.attrs["Conventions"] == "CF-1.11"
    assert field.raster.attrs["source_observations"] == told.sha256


def test_a_weak_or_a_far_quake_has_no_field(policy, quake):
    weak = quake(magnitude=3.0)
    far = quake(latitude=-20.0, longitude=170.0, magnitude=7.0)
    assert shaking_fields([weak, far], policy=policy) == []


@pytest.mark.parametrize(
    "changes",
    [{"magnitude": 10.5}, {"magnitude": -1.0}, {"depth_km": 5000.0}, {"latitude": 107.0},
     {"longitude": -400.0}, {"magnitude": float("nan")}],
)  # fmt: skip
def test_figures_that_no_quake_can_have_make_no_field(policy, quake, changes):
    assert shaking_fields([quake(**changes)], policy=policy) == []


def test_field_is_written_and_read_back(policy, quake, scratch):
    import xarray as xr

    (field,) = shaking_fields([quake()], policy=policy)
    field.raster.to_netcdf(scratch / "field.nc")
    with xr.open_dataset(scratch / "field.nc", mask_and_scale=False) as back:
        assert back.hazard_level.dtype == np.int8
        np.testing.assert_array_equal(back.hazard_level, field.raster.hazard_level)


@given(st.floats(-11, 6), st.floats(95, 141), st.floats(-11, 6), st.floats(95, 141))
def test_distance_is_symmetric_and_that_of_a_sphere(a, b, c, d):
    there = float(distance_km(a, b, to_latitude=c, to_longitude=d))
    back = float(distance_km(c, d, to_latitude=a, to_longitude=b))
    assert there == pytest.approx(back, abs=1e-6)
    assert 0 <= there <= 20016


def test_distance_jakarta_cianjur():
    """About 89 km, by any atlas: Monas to Cianjur."""
    found = float(distance_km(-6.1754, 106.8272, to_latitude=-6.8200, to_longitude=107.1400))
    assert found == pytest.approx(79.6, abs=0.5)
