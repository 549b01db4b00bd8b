"""The shaking line: BMKG's chain, the second opinion, the ground, ruptures, felt reports."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import numpy as np
import pytest

from kentongan.errors import DataError
from kentongan.grid import BASE_GRID
from kentongan.types import Quality
from processing.gmm.bmkg import bmkg_shaking
from processing.gmm.vs30 import Vs30Map
from processing.quakes import distance_km
from processing.shaking import KnownFault, ShakingInputs, shaking_fields, shaking_raster
from processing.shaking.allen import allen_2012_hypo
from processing.shaking.compute import mmi_level
from processing.shaking.fault import read_fault
from processing.shaking.felt import EventTerm, event_term, reports
from processing.shaking.lines import extended, facts_of
from processing.shaking.site import Ground, site_of

PLACES = {"Cianjur": (-6.82, 107.14), "Garut": (-7.2, 107.9), "Bogor": (-6.6, 106.8)}


def locate(name, _latitude, _longitude):
    return PLACES.get(name)


def rules_with(policy, **changes):
    return policy.shaking.model_copy(update=changes)


def policy_with(policy, **changes):
    return policy.model_copy(update={"shaking": rules_with(policy, **changes)})


def even_map(vs30):
    """The whole base grid on one ground."""
    values = np.full((90, 235), vs30, np.uint16)
    return Vs30Map(BASE_GRID.west, BASE_GRID.south, 0.2, values)


def test_the_main_line_is_bmkgs_chain(policy, quake):
    rules = rules_with(policy, second_raises_within_km=0)
    told = quake(magnitude=6.5)
    raster = shaking_raster(told, rules, inputs=ShakingInputs(ground=Ground(grids=even_map(300))))
    y, x = raster.latitude.to_numpy(), raster.longitude.to_numpy()
    chain = bmkg_shaking(facts_of(told), y, x, vs30=np.full((y.size, x.size), 300))
    np.testing.assert_allclose(raster.mmi, chain.mmi, atol=1e-4)
    np.testing.assert_array_equal(raster.hazard_level, mmi_level(raster.mmi.to_numpy(), rules))


def test_the_second_opinion_raises_near_the_epicentre_only(policy, quake):
    told = quake()
    alone = shaking_raster(told, rules_with(policy, second_raises_within_km=0))
    both = shaking_raster(told, policy.shaking).reindex_like(alone)
    away = distance_km(
        alone.latitude.to_numpy()[:, None],
        alone.longitude.to_numpy()[None, :],
        to_latitude=told.latitude,
        to_longitude=told.longitude,
    )
    near, far = away <= 50, away >= 100
    allen = allen_2012_hypo(5.6, np.hypot(away, 11.0))[0]
    np.testing.assert_allclose(both.mmi.to_numpy()[near], allen[near], atol=1e-4)
    np.testing.assert_allclose(both.mmi.to_numpy()[far], alone.mmi.to_numpy()[far])
    between = both.mmi.to_numpy()[~near & ~far]
    assert (between >= alone.mmi.to_numpy()[~near & ~far] - 1e-4).all()
    assert (between <= allen[~near & ~far] + 1e-4).all()
    assert (int(alone.hazard_level.max()), int(both.hazard_level.max())) == (1, 3)


def test_both_lines_stand_in_the_evidence(policy, quake):
    (field,) = shaking_fields([quake()], policy=policy)
    said = field.event.evidence
    assert said["mmi_max_allen"] == pytest.approx(6.65, abs=0.01)
    assert said["mmi_max_chain"] == pytest.approx(5.2, abs=0.01)
    assert said["mmi_max"] == said["mmi_max_allen"]
    assert said["model"] == "zhao06-crustal"
    assert field.event.method == "bmkg-shakemap/1+allen-2012-hypo/1"
    assert "differ by +1." in said["limits"]
    assert {"mmi", "mmi_chain", "mmi_allen"} <= set(field.raster)


def test_by_policy_the_equation_alone(policy, quake):
    (field,) = shaking_fields([quake()], policy=policy_with(policy, main="allen-2012"))
    assert field.event.method == "allen-2012-hypo/1"
    np.testing.assert_array_equal(field.raster.mmi, field.raster.mmi_allen)


@pytest.mark.parametrize(
    ("magnitude", "depth", "allen", "highest"),
    [
        pytest.param(7.6, 81.0, False, 4, id="padang-2009-chain-alone"),
        pytest.param(7.0, 299.0, False, 4, id="intermediate"),
        pytest.param(7.0, 301.0, False, 1, id="deep-focus-is-watched"),
        pytest.param(7.0, 700.0, False, 1, id="700-km"),
        pytest.param(4.9, 5.0, False, 1, id="below-magnitude-5-is-watched"),
        pytest.param(6.0, 70.0, True, 4, id="equation-to-its-edge"),
    ],
)
def test_where_each_line_applies(policy, quake, magnitude, depth, allen, highest):
    raster = shaking_raster(quake(magnitude=magnitude, depth_km=depth), policy.shaking)
    assert bool(np.isfinite(raster.mmi_allen).any()) is allen
    assert int(raster.hazard_level.max()) <= highest
    if magnitude == 7.6:
        assert int(raster.hazard_level.max()) >= 3


def test_a_chain_that_cannot_be_computed_leaves_the_equation(policy, quake, monkeypatch):
    def broken(*_args):
        raise DataError("data/gmm/bmkg.toml: damaged")

    monkeypatch.setattr("processing.shaking.compute.chain_mmi", broken)
    monkeypatch.setattr("processing.shaking.compute.chain_radius_km", broken)
    (field,) = shaking_fields([quake()], policy=policy)
    assert field.event.method == "allen-2012-hypo/1"
    assert (int(field.event.level), field.event.quality) == (3, Quality.EXTRAPOLATED)
    assert "chain cannot be computed" in field.event.evidence["limits"]
    assert field.event.evidence["mmi_max_chain"] is None


# --- ground ------------------------------------------------------------------------------


def test_ground_comes_from_grids_then_slope_then_the_default():
    y, x = np.array([-6.9, -6.1]), np.array([107.1, 107.9, 108.5])
    grids = Vs30Map(107.0, -7.0, 0.5, np.array([[200]], np.uint16))
    slope = Vs30Map(107.0, -7.0, 1.0, np.array([[300]], np.uint16))
    site = site_of(y, x, Ground(grids, slope), 600)
    assert site.cells.vs30.tolist() == [[200, 300, 600], [300, 300, 600]]
    assert (site.by_grids, site.by_slope) == (pytest.approx(1 / 6), pytest.approx(3 / 6))
    assert site.default.tolist() == [[False, False, True]] * 2
    assert site.words(600) == "BMKG's grids 17%, slope 50%, default 600 m/s (unconfirmed) 33%"


def test_softer_ground_shakes_more_and_reaches_farther(policy, quake):
    fields = [
        shaking_fields(
            [quake(magnitude=6.5)],
            policy=policy,
            inputs=ShakingInputs(ground=Ground(grids=even_map(vs30))),
        )[0]
        for vs30 in (600, 200)
    ]
    rock, soft = (int((field.raster.hazard_level >= 2).sum()) for field in fields)
    assert soft > rock
    assert all(field.event.quality is Quality.OK for field in fields)
    edge = fields[1].raster.hazard_level.to_numpy()
    assert max(edge[0].max(), edge[-1].max(), edge[:, 0].max(), edge[:, -1].max()) == 0


def test_cells_with_the_default_are_degraded(policy, quake):
    raster = shaking_raster(quake(), policy.shaking)
    assert int(raster.quality.min()) == list(Quality).index(Quality.DEGRADED)


# --- ruptures ----------------------------------------------------------------------------

LINE = {"type": "LineString", "coordinates": [[107.01, -6.86], [108.5, -6.86]]}


def fault_of(geometry, latitude=-6.86, longitude=107.01, **properties):
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    payload = json.dumps(feature).encode()
    return read_fault(payload, sha256="f" * 64, latitude=latitude, longitude=longitude)


def test_distances_to_a_rupture_by_hand():
    fault = fault_of(LINE, top_km=3.0)
    y, x = np.array([-6.86, -6.86 + 0.1]), np.array([107.5, 108.6])
    surface = fault.surface_km(y, x)
    tenth = 0.1 * 111.195
    # A chord of 20 km lies some metres beside the line of equal latitude.
    assert surface[0, 0] == pytest.approx(0.0, abs=0.1)
    assert surface[1, 0] == pytest.approx(tenth, abs=0.1)
    assert surface[0, 1] == pytest.approx(tenth * np.cos(np.radians(6.86)), abs=0.05)
    assert fault.rupture_km(y, x)[1, 0] == pytest.approx(np.hypot(tenth, 3.0), abs=0.1)


def test_within_a_polygon_the_surface_distance_is_none():
    square = [[107.0, -7.0], [108.0, -7.0], [108.0, -6.0], [107.0, -6.0], [107.0, -7.0]]
    fault = fault_of({"type": "Polygon", "coordinates": [square]})
    found = fault.surface_km(np.array([-6.5]), np.array([107.5, 108.1]))
    assert found[0, 0] == 0
    assert found[0, 1] == pytest.approx(0.1 * 111.195 * np.cos(np.radians(6.5)), rel=0.01)


def test_distances_to_a_long_winding_rupture_are_those_of_each_chord_by_itself():
    rng = np.random.default_rng(4)
    line = np.stack([95 + rng.random(60).cumsum() * 0.05, np.linspace(-3, 3, 60)], axis=1)
    text = json.dumps({"type": "LineString", "coordinates": line.tolist()}).encode()
    fault = read_fault(text, sha256="c" * 64, latitude=0.0, longitude=96.0)
    y, x = np.linspace(-6, 6, 13), np.linspace(90, 102, 17)
    chords = [_chord_km(y, x, a, b) for a, b in pairwise(line)]
    found = fault.surface_km(y, x)
    np.testing.assert_allclose(found, np.min(chords, axis=0), atol=0.02)
    assert fault.surface_km(y, x) is found


def test_a_rupture_as_long_as_any_on_record_is_computed_at_once():
    """On the 600,000 cells that M 9.1 reaches; a cycle must not wait for it."""
    line = [[95.0 + i * 0.05, -6.0 + i * 0.12] for i in range(90)]
    text = json.dumps({"type": "LineString", "coordinates": line}).encode()
    fault = read_fault(text, sha256="d" * 64, latitude=3.3, longitude=98.0)
    start = time.perf_counter()
    fault.surface_km(np.arange(-8.0, 8.0, 0.02), np.arange(92.0, 107.0, 0.02))
    assert time.perf_counter() - start < 6


def _chord_km(y, x, a, b):
    """Of each place to the chord between two places, by vectors of numpy."""

    def vector(lat, lon):
        lat, lon = np.broadcast_arrays(np.radians(lat), np.radians(lon))
        return 6371.0088 * np.stack(
            [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1
        )

    place, start, end = vector(y[:, None], x[None, :]), vector(a[1], a[0]), vector(b[1], b[0])
    along = end - start
    share = np.clip((place - start) @ along / (along @ along), 0, 1)
    chord = np.linalg.norm(place - start - share[..., None] * along, axis=-1)
    return 2 * 6371.0088 * np.arcsin(chord / (2 * 6371.0088))


@pytest.mark.parametrize("magnitude", [5.2, 7.0])
def test_along_a_rupture_it_shakes_more_than_from_a_point(policy, quake, magnitude):
    told = quake(magnitude=magnitude, depth_km=12.0)
    known = KnownFault(fault_of(LINE), told.origin_time)
    with_fault = ShakingInputs(faults={"20221121T062110Z": known})
    point, line = (
        shaking_fields([told], policy=policy, inputs=inputs)[0]
        for inputs in (ShakingInputs(), with_fault)
    )
    there = {"latitude": -6.86, "longitude": 108.5, "method": "nearest"}
    for name in ("mmi", "mmi_chain"):
        assert float(line.raster[name].sel(**there)) > float(point.raster[name].sel(**there))
    assert line.event.method.endswith("+allen-2012-rup/1")
    assert "fault ffffffff" in line.event.evidence["basis"]
    assert "point source" not in line.event.evidence["limits"]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        pytest.param(b"", "GeoJSON", id="empty"),
        pytest.param(b"[" * 100_000, "GeoJSON", id="deep"),
        pytest.param(b"[1]", "feature", id="list"),
        pytest.param(b'{"type": "FeatureCollection", "features": []}', "one feature", id="none"),
        pytest.param(json.dumps({"type": "Point", "coordinates": [1, 2]}), "feature", id="bare"),
        pytest.param({"type": "Point", "coordinates": [107, -7]}, "LineString", id="point"),
        pytest.param({"type": "LineString", "coordinates": "x"}, "coordinates", id="text"),
        pytest.param({"type": "LineString", "coordinates": [[107, -7]]}, "coordinates", id="one"),
        pytest.param(
            {"type": "LineString", "coordinates": [[-6.86, 107.01], [-6.9, 108]]},
            "degrees",
            id="exchanged",
        ),
        pytest.param(
            {"type": "LineString", "coordinates": [[120, -6.8], [121, -6.8]]},
            "km off",
            id="other-quake",
        ),
        pytest.param(
            {"type": "LineString", "coordinates": [[107, -6.8], [125, -6.8]]},
            "at most 1600 km",
            id="too-long",
        ),
        pytest.param(
            {"type": "LineString", "coordinates": [[107, -6.8]] * 501}, "500", id="many-points"
        ),
    ],
)
def test_what_is_no_rupture_is_refused(payload, says):
    if isinstance(payload, dict):
        payload = json.dumps({"type": "Feature", "geometry": payload, "properties": None})
    raw = payload if isinstance(payload, bytes) else payload.encode()
    with pytest.raises(DataError, match=says):
        read_fault(raw, sha256="", latitude=-6.86, longitude=107.01)


@pytest.mark.parametrize("top", [-1, 101, "3", True, None, float("nan")])
def test_a_depth_that_no_rupture_has_is_refused(top):
    with pytest.raises(DataError, match="top_km"):
        fault_of(LINE, top_km=top)


# --- felt reports ------------------------------------------------------------------------


def flat(value):
    return lambda latitude, _longitude: np.full(latitude.shape, value)


def test_the_event_term_by_hand(policy, quake, felt):
    told = (felt("Cianjur", 5, 6), felt("Garut", 4, 4), felt("Bogor", 3, 3), felt("X", 4, 4))
    found = reports(told, quake(), locate, policy.shaking)
    assert found.places == ("Cianjur", "Garut", "Bogor")
    assert found.unplaced == ("X",)
    # observed 5.5, 4, 3; predicted 3: median 1.0; three reports count 3 / (3 + 5)
    assert event_term(found, flat(3.0), policy.shaking).applied == pytest.approx(0.375)


def test_weak_reports_are_left_out(policy, quake, felt):
    found = reports((felt("Cianjur", 2, 3), felt("Garut", 2, 2)), quake(), locate, policy.shaking)
    assert found.places == ()
    assert event_term(found, flat(1.0), policy.shaking) == EventTerm(0.0, 0.0)


def test_a_term_is_bounded_and_lowers_by_policy_only(policy, quake, felt):
    found = reports((felt("Cianjur", 9, 9),), quake(), locate, policy.shaking)
    assert event_term(found, flat(1.0), policy.shaking).applied == 1.0
    assert event_term(found, flat(10.0), policy.shaking) == EventTerm(pytest.approx(-1 / 6), 0.0)
    lowers = rules_with(policy, felt_lowers=True)
    assert event_term(found, flat(10.0), lowers).applied == pytest.approx(-1 / 6)


@pytest.mark.parametrize(("places", "level"), [(1, 1), (3, 2)])
def test_a_small_quake_that_several_places_report_strong_is_more_than_a_watch(
    policy, quake, felt, places, level
):
    told = tuple(felt(name, 9, 9) for name in list(PLACES)[:places])
    small = quake(magnitude=4.9, felt=told, latitude=-6.85, longitude=107.1)
    inputs = ShakingInputs(locate=locate, ground=Ground(even_map(300)))
    (field,) = shaking_fields([small], policy=policy, inputs=inputs)
    said = field.event.evidence
    assert (field.event.level, said["felt_used"]) == (level, places)
    assert said["mmi_max"] > 5.5
    most = "watch only" if places < 3 else "Waspada at most"
    assert (most in said["limits"], said["gate"]) == (True, "M4.9 < 5.0")


def test_strong_reports_raise_the_whole_field(policy, quake, felt):
    inputs = ShakingInputs(locate=locate)
    told = tuple(felt(name, 8, 8) for name in PLACES)
    before, after = (
        shaking_fields([quake(felt=said)], policy=policy, inputs=inputs)[0] for said in ((), told)
    )
    term = after.event.evidence["felt_term_chain_applied"]
    assert term > 0.5
    shared = after.raster.reindex_like(before.raster)
    np.testing.assert_allclose(shared.mmi_chain, before.raster.mmi_chain + term, atol=0.01)
    assert after.event.level >= before.event.level
    assert "felt reports 3" in after.event.evidence["basis"]


def test_an_axis_is_carried_on_by_its_own_steps():
    found = extended(np.array([1.0, 1.5, 2.0]), 0.1, 3.3)
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5])
