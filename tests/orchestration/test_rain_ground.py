"""Flood and landslide in a cycle, on a valley made by hand: who is warned, what is not known."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine

from console.report import cycle_report
from kentongan.grid import BASE_GRID
from kentongan.hazard import AreaRule, HazardEvent, HazardField
from kentongan.settings import Settings
from kentongan.store import Store
from kentongan.types import DocumentStatus, HazardId, Level, Quality
from orchestration import event_store, stages
from orchestration.context import open_context
from orchestration.document import cycle_document
from orchestration.rain.flooding import flood_field
from orchestration.rain.fusion import beside, comparison_of
from orchestration.rain.ground import ground_fields, not_assessed
from orchestration.rain.history import FrameNote, RainHistory
from orchestration.rain.land import flood_ground_of
from orchestration.rain.local import over_villages, with_local_evidence
from orchestration.rain.return_periods import FILE as RETURN_PERIODS
from orchestration.rain.sliding import landslide_field, renew_percentiles
from processing.rain.policy import rain_policy
from risk.layers.layerset import LayerSet
from risk.operator import compile_operator
from risk.overlay import impact_table

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TODAY = AT.date()
POLICY = rain_policy()
STEP = 1 / 1200  # degrees, some 92 m
WEST, NORTH, CELLS = 120.0, -5.0, 240  # 0.2 by 0.2 degrees
MIDDLE = WEST + 0.1
VILLAGES = {
    "73.01.01.2001": (MIDDLE - 0.09, -5.08, MIDDLE - 0.05, -5.02),  # ridge, in the rain
    "73.01.01.2002": (MIDDLE - 0.0015, -5.19, MIDDLE + 0.0015, -5.12),  # valley floor, dry
    "73.01.01.2003": (MIDDLE + 0.05, -5.19, MIDDLE + 0.09, -5.12),  # ridge, dry
    "73.01.01.2004": (WEST + 1.0, -5.19, WEST + 1.04, -5.12),  # beyond the heights
}
PEOPLE = [500, 700, 300, 400]
RIDGE_WET, FLOOR, RIDGE_DRY, BEYOND = VILLAGES


def valley():
    row, column = np.mgrid[0:CELLS, 0:CELLS]
    return (300 - row + 5.0 * np.abs(column - CELLS // 2)).astype("f4")


def write(path, values, nodata=np.nan, west=WEST, north=NORTH, step=STEP):
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=str(values.dtype), crs="EPSG:4326", nodata=nodata,
        transform=Affine(step, 0, west, 0, -step, north),
    ) as out:  # fmt: skip
        out.write(values, 1)


def layer_set(folder):
    shapes = np.array([shapely.box(*box) for box in VILLAGES.values()], dtype=object)
    people = np.array(PEOPLE, dtype=np.int64)
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    count = len(shapes)
    villages = pd.DataFrame(
        {
            "adm4_code": list(VILLAGES), "name": [f"Desa {i}" for i in range(count)],
            "kind": "Desa", "adm3_name": "Lembah", "adm2_name": "Kabupaten Lembah",
            "adm1_name": "Sulawesi Selatan", "utc_offset": np.int8(8),
            "longitude": centre[:, 0], "latitude": centre[:, 1], "people": people,
            "area_km2": np.float32(10), "coast_share": np.zeros(count, "f4"),
            "sea_azimuth_deg": np.full(count, np.nan, "f4"), "data_quality": "measured",
        }
    )  # fmt: skip
    teams = pd.DataFrame(
        {
            "team_id": ["T-1"], "post_id": ["P-1"], "name": ["Regu 1"],
            "adm4_code": [FLOOR], "longitude": centre[1:2, 0], "latitude": centre[1:2, 1],
            "members": np.array([10], "i2"), "coordinator_id": ["K-1"], "on_duty": [True],
        }
    )  # fmt: skip
    empty = pd.DataFrame()
    made = LayerSet(
        path=folder, version="valley", villages=villages, teams=teams, coordinators=empty,
        shelters=empty, operator=compile_operator(shapes, people),
        manifest={"quantum_deg": 1e-4, "coast_strip_km": 2.0, "no_elevation": True},
    )  # fmt: skip
    made.__dict__["geometry"] = shapes
    return made


@pytest.fixture(scope="module")
def shapes_and_people(tmp_path_factory):
    return layer_set(tmp_path_factory.mktemp("set"))


@pytest.fixture
def home(tmp_path, shapes_and_people):
    """A context with a layer set of its own folder; rasters are written by the test."""

    @contextmanager
    def opened():
        (tmp_path / "set").mkdir(exist_ok=True)
        with open_context(Settings(home=tmp_path / "home"), live=False) as context:
            layers = replace(shapes_and_people, path=tmp_path / "set")
            layers.__dict__["geometry"] = shapes_and_people.geometry
            yield replace(context, layers=layers)

    with opened() as context:
        yield context


def rows_of(north, south):
    return BASE_GRID.window(WEST - 0.1, south, WEST + 0.3, north)


def rain(mm=100.0, hours=(1,), others=0.0, next_hour=None, **changes):
    """`mm` over the upper half of the valley, `others` below it; nothing is known farther away."""
    shape = (BASE_GRID.rows, BASE_GRID.columns)
    fields = {}
    for h in (1, 3, 6, 24):
        field = np.full(shape, np.nan, "f4")
        if h in hours:
            field[rows_of(NORTH + 0.1, NORTH - 0.3)] = others
            field[rows_of(NORTH + 0.1, NORTH - 0.1)] = mm
        fields[f"rain_{h}h"] = field
    if next_hour is not None:
        fields["rain_next_1h"] = np.full(shape, next_hour, "f4")
    level = np.zeros(shape, np.int8)
    raster = xr.Dataset(
        {name: (("latitude", "longitude"), f) for name, f in
         {"hazard_level": level, **fields}.items()},
        coords={"latitude": BASE_GRID.latitude, "longitude": BASE_GRID.longitude},
    )  # fmt: skip
    given = {
        "event_id": "rain-1", "hazard_id": HazardId.RAIN, "level": Level.SIAGA, "onset": AT,
        "valid_from": AT, "valid_to": AT + timedelta(hours=3), "official": False,
        "status": DocumentStatus.ACTUAL, "title": "hujan", "method": "hand/1",
        "observations": ("0" * 64,),
    }  # fmt: skip
    event = HazardEvent.model_validate({**given, **changes})
    return HazardField(event, AreaRule.SHARE_OF_PEOPLE, raster=raster)


def impact(context, field):
    table = impact_table(field, context.layers, context.levels)
    whole = table[[c for c in table.columns if c.startswith("people_")]].sum(axis=1)
    assert (whole == table["people"]).all()
    return table.set_index("adm4_code")


# --- flood -----------------------------------------------------------------------------


def test_rain_far_up_floods_the_floor_and_no_ridge(home):
    write(home.layers.path / "elevation.tif", valley())
    field, reason = flood_field(home, rain(), POLICY)
    assert reason == "" and not field.event.official
    table = impact(home, field)
    assert table.loc[FLOOR, "level"] == POLICY.levels.estimate_at_most
    assert table.loc[FLOOR, "people_unknown"] == 0
    assert table.loc[FLOOR, "exposed_people"] > 0.9 * 700
    for ridge in (RIDGE_WET, RIDGE_DRY):
        assert ridge not in table.index or table.loc[ridge, "level"] < Level.WASPADA
    assert table.loc[BEYOND, "people_unknown"] == 400 and table.loc[BEYOND, "level"] == 0
    # The mean of what fell on the upper half, at the mouth: half of it.
    assert 40 < table.loc[FLOOR, "value"] < 100
    evidence = field.event.evidence
    assert evidence["classes"].endswith("unconfirmed")
    assert 0 < evidence["lead_time_hours_least"] <= evidence["lead_time_hours_most"] < 10


def test_without_rain_the_floor_is_dry_and_known(home):
    write(home.layers.path / "elevation.tif", valley())
    table = impact(home, flood_field(home, rain(mm=1.0, hours=(1, 3, 6, 24)), POLICY)[0])
    assert FLOOR not in table.index
    assert table.loc[BEYOND, "people_unknown"] == 400


def test_the_coming_hour_raises_and_is_marked(home):
    write(home.layers.path / "elevation.tif", valley())
    field, _ = flood_field(home, rain(mm=0.0, next_hour=60.0), POLICY)
    assert impact(home, field).loc[FLOOR, "level"] == POLICY.levels.estimate_at_most
    raster = field.raster
    hit = raster["hazard_level"].to_numpy() >= 2
    assert set(np.unique(raster["quality"].to_numpy()[hit])) == {
        list(Quality).index(Quality.EXTRAPOLATED)
    }


def test_holes_are_not_known_and_change_no_level_elsewhere(home):
    height = valley()
    height[180:190, 116:125] = -9999  # across the floor
    write(home.layers.path / "elevation.tif", height, nodata=-9999)
    table = impact(home, flood_field(home, rain(), POLICY)[0])
    assert table.loc[FLOOR, "level"] == POLICY.levels.estimate_at_most
    assert 0 < table.loc[FLOOR, "people_unknown"] < 0.3 * 700


def test_sea_at_an_undeclared_fill_is_sea(home):
    height = valley()
    height[200:] = -9999
    write(home.layers.path / "elevation.tif", height, nodata=None)
    table = impact(home, flood_field(home, rain(), POLICY)[0])
    assert table.loc[FLOOR, "level"] == POLICY.levels.estimate_at_most
    assert table.loc[FLOOR, "people_unknown"] > 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (valley() * 100, "expected metres"),
        (np.full((CELLS, CELLS), -9999, "f4"), "nothing is known"),
        (np.full((CELLS, CELLS), np.nan, "f4"), "nothing is known"),
    ],
)
def test_heights_that_cannot_be_used_are_not_assessed(home, values, words):
    write(home.layers.path / "elevation.tif", values)
    troubles = []
    fields = ground_fields(home, rain(), AT, troubles)
    assert fields == [] and troubles == []
    said = {one["hazard_id"]: one["reason"] for one in not_assessed(home, AT)}
    assert words in said["flood"]
    assert said["landslide"] == "no map of susceptibility in the layer set"


def test_heights_of_another_place_are_not_assessed(home):
    write(home.layers.path / "elevation.tif", valley(), west=80.0)
    ground_fields(home, rain(), AT, [])
    assert "nothing in common" in not_assessed(home, AT)[0]["reason"]


def test_terrain_is_compiled_once_and_kept(home):
    write(home.layers.path / "elevation.tif", valley())
    first = flood_ground_of(home, POLICY.flood)
    assert flood_ground_of(home, POLICY.flood) is first
    kept = list((home.settings.home / "cache").glob("terrain-*.npz"))
    assert len(kept) == 1
    from orchestration.rain import land

    land._flood_ground.cache_clear()
    again = flood_ground_of(home, POLICY.flood)
    np.testing.assert_array_equal(again.terrain.hand, first.terrain.hand)
    land._flood_ground.cache_clear()
    kept[0].write_bytes(b"damaged")
    stale = kept[0].with_name("terrain-of-another-set.npz")
    stale.write_bytes(b"old")
    anew = flood_ground_of(home, POLICY.flood)
    assert not stale.exists()
    np.testing.assert_array_equal(anew.terrain.hand, first.terrain.hand)


def test_heights_too_fine_are_averaged_and_a_coarse_floor_is_marked(home):
    write(home.layers.path / "elevation.tif", valley())
    rules = POLICY.model_copy(update={"flood": POLICY.flood.model_copy(
        update={"most_cells": 10_000})})  # fmt: skip
    field, _ = flood_field(home, rain(), rules)
    assert field.raster["hazard_level"].shape == (80, 80)
    assert field.event.quality is Quality.DEGRADED
    assert impact(home, field).loc[FLOOR, "level"] >= Level.WASPADA


def test_return_periods_of_the_place_stand_above_the_general_classes(home):
    write(home.layers.path / "elevation.tif", valley())
    latitude, longitude = np.linspace(-5.4, -4.8, 7), np.linspace(119.8, 120.4, 7)
    years = np.array([150, 200, 250, 300], "f4")[:, None, None] * np.ones((4, 7, 7), "f4")
    made = xr.Dataset(
        {"rain_1h": (("return_period", "latitude", "longitude"), years)},
        coords={"return_period": [2, 5, 10, 25], "latitude": latitude, "longitude": longitude},
    )
    path = home.layers.path / RETURN_PERIODS
    made.to_netcdf(path, engine="scipy")
    field, _ = flood_field(home, rain(), POLICY)
    assert FLOOR not in impact(home, field).index
    assert field.event.evidence["classes"] == "return periods of the place"
    (made / 1000).to_netcdf(path.with_suffix(".part"), engine="scipy")
    (made * 25.4).to_netcdf(path, engine="scipy")
    ground_fields(home, rain(), AT, [])
    assert "expected mm" in not_assessed(home, AT)[0]["reason"]


def test_a_wet_month_counts(home):
    write(home.layers.path / "elevation.tif", valley())
    history = RainHistory(Store(str(home.settings.home.resolve())))
    wet = np.full((BASE_GRID.rows, BASE_GRID.columns), 30.0, "f4")
    dry, _ = flood_field(home, rain(mm=70), POLICY)
    for back in (1, 2, 3, 4, 6):  # the fifth is missing: wet in any case
        day = AT.date() - timedelta(days=back)
        history._store.write(f"rain/days/{day:%Y%m%d}.npz", packed_day(wet))
    soaked, _ = flood_field(home, rain(mm=70), POLICY)
    assert soaked.event.evidence["wetness_known_share"] == 1.0
    assert soaked.event.evidence["most_catchment_mm"] > dry.event.evidence["most_catchment_mm"]


def packed_day(values):
    from orchestration.rain.history import _packed

    return _packed(values, {})


def test_rain_of_another_grid_and_extent_is_taken_where_it_lies(home):
    write(home.layers.path / "elevation.tif", valley())
    days(home, 30.0, 30)  # of the nation's grid: of no use to this one
    whole = rain()
    rows, columns = rows_of(NORTH + 0.1, NORTH - 0.3)
    part = replace(whole, raster=whole.raster.isel(latitude=rows, longitude=columns))
    field, _ = flood_field(home, part, POLICY)
    assert field.event.evidence["wetness_known_share"] == 0.0
    assert impact(home, field).loc[FLOOR, "level"] == POLICY.levels.estimate_at_most
    # Rain that ends in mid-valley: what runs down the floor is not known, its own slopes are.
    cut = part.raster.isel(latitude=slice(0, part.raster.sizes["latitude"] // 2))
    field, _ = flood_field(home, replace(part, raster=cut), POLICY)
    assert impact(home, field).loc[FLOOR, "people_unknown"] > 500


# --- landslide -------------------------------------------------------------------------


def days(home, mm, count, last=TODAY):
    history = RainHistory(Store(str(home.settings.home.resolve())))
    field = np.full((BASE_GRID.rows, BASE_GRID.columns), mm, "f4")
    data = packed_day(field)
    for back in range(1, count + 1):
        day = last - timedelta(days=back)
        history._store.write(f"rain/days/{day:%Y%m%d}.npz", data)
    return history


def slopes(home, values, **given):
    write(home.layers.path / "susceptibility.tif", np.asarray(values), **given)


def test_wet_slopes_slide_and_firm_ground_does_not(home):
    ground = np.full((CELLS, CELLS), 2, np.uint8)
    ground[:, : CELLS // 4] = 5
    slopes(home, ground, nodata=0)
    days(home, 5.0, 7)
    field, reason = landslide_field(home, rain(mm=150, hours=(24,)), AT, POLICY)
    assert reason == ""
    table = impact(home, field)
    assert table.loc[RIDGE_WET, "level"] == POLICY.levels.estimate_at_most
    assert RIDGE_DRY not in table.index and FLOOR not in table.index
    said = field.event.evidence
    assert (
        said["percentiles"] == "configured, unconfirmed" and said["susceptibility"] == "classes-5"
    )
    assert said["days_known"] == 7


def test_missing_days_are_said_and_what_the_others_give_stands(home):
    slopes(home, np.full((CELLS, CELLS), 0.9, "f4"))
    days(home, 5.0, 3)
    heavy, reason = landslide_field(home, rain(mm=150, hours=(24,)), AT, POLICY)
    assert "of the last 7 days is not known" in reason
    table = impact(home, heavy)
    assert table.loc[RIDGE_WET, "level"] >= Level.WASPADA
    assert table.loc[RIDGE_DRY, "people_unknown"] == 300
    none, _ = landslide_field(home, rain(hours=(1,)), AT, POLICY)
    assert impact(home, none).loc[RIDGE_WET, "people_unknown"] == 500


def test_percentiles_come_from_the_same_rain_once_there_is_enough(home, monkeypatch):
    slopes(home, np.full((CELLS, CELLS), 4, np.uint8), nodata=0)
    rules = POLICY.landslide.model_copy(update={"least_days": 20})
    policy = POLICY.model_copy(update={"landslide": rules})
    assert renew_percentiles(home, AT, policy) is None
    days(home, 100.0, 30)
    assert renew_percentiles(home, AT, policy) is not None
    assert renew_percentiles(home, AT, policy) is None
    # This place has 100 mm every day: it is used to it.
    used_to, _ = landslide_field(home, rain(mm=90, hours=(24,), others=90.0), AT, policy)
    assert used_to.event.evidence["percentiles"].startswith("of the place")
    table = impact(home, used_to)
    assert RIDGE_WET not in table.index
    more, _ = landslide_field(home, rain(mm=180, hours=(24,)), AT, policy)
    assert impact(home, more).loc[RIDGE_WET, "level"] == Level.SIAGA
    # A clock that was ahead has left a day of the future behind.
    assert renew_percentiles(home, AT - timedelta(days=9), policy) is not None


@pytest.mark.parametrize(
    ("values", "nodata", "words"),
    [
        (np.zeros((CELLS, CELLS), np.uint8), 0, "nothing is known"),
        (np.full((CELLS, CELLS), 255, np.uint8), None, "nothing is known"),
        (np.full((CELLS, CELLS), 80, np.uint8), 0, "expected an index 0 to 1"),
    ],
)
def test_a_map_that_says_nothing_is_not_assessed(home, values, nodata, words):
    slopes(home, values, nodata=nodata)
    assert ground_fields(home, rain(), AT, []) == []
    assert words in not_assessed(home, AT)[1]["reason"]


def shaken(home, origin):
    """A quake of MMI VII over the whole valley, as the steps before leave it."""
    from orchestration.secondary import FILE, Ground, Secondary

    field = rain(
        event_id="shaking-1", hazard_id=HazardId.SHAKING, onset=origin, valid_from=origin,
        valid_to=origin + timedelta(hours=6),
    )  # fmt: skip
    level = field.raster["hazard_level"]
    raster = xr.Dataset({"hazard_level": level, "mmi": xr.full_like(level, 7.0, "f4")})
    field = replace(field, raster=raster.assign_attrs(value_variable="mmi", outside="none"))
    table = pd.DataFrame({"adm4_code": [FLOOR], "level": [2]})
    stored = event_store.save(
        home.engine, home.runs, field, field.event, table, digest="b" * 64, at=origin
    )
    ground = Ground(villages=(), not_known=(), assessed=True)
    note = Secondary(
        event_id="shaking-1", origin=origin, landslide=ground, liquefaction=ground, watch=None,
        landslide_until=origin + timedelta(days=7),
    )  # fmt: skip
    path = f"{stored.impact_path.rsplit('/', 1)[0]}/{FILE}"
    home.runs.write(path, note.model_dump_json().encode())


def test_ground_shaken_in_the_last_week_slides_worse(home):
    slopes(home, np.full((CELLS, CELLS), 4, np.uint8), nodata=0)
    policy = POLICY.model_copy(update={"landslide": POLICY.landslide.model_copy(update={
        "susceptibility": POLICY.landslide.susceptibility.model_copy(
            update={"kind": "classes-5"})})})  # fmt: skip
    days(home, 5.0, 7)
    heavy = rain(mm=180, hours=(24,))
    shaken(home, AT - timedelta(days=2))
    field, _ = landslide_field(home, heavy, AT, policy)
    assert impact(home, field).loc[RIDGE_WET, "level"] == Level.AWAS
    later = AT + timedelta(days=5)
    field, _ = landslide_field(home, heavy, later, policy)
    assert impact(home, field).loc[RIDGE_WET, "level"] == Level.SIAGA


# --- said, compared, drawn in a cycle ---------------------------------------------------


def test_a_cycle_without_rasters_or_frames_says_so(home):
    done = {"troubles": [], "drafts": [], "released": [], "messages": {}}
    document = cycle_document(home, AT, polls=[], done=done, outputs={"map": None})
    assert [one["hazard_id"] for one in document["not_assessed"]] == ["flood", "landslide"]
    line = next(x for x in cycle_report(document).splitlines() if x.startswith("NOT ASSESSED"))
    assert "flood (no elevation in the layer set)" in line
    write(home.layers.path / "elevation.tif", valley())
    assert "no fresh frame" in not_assessed(home, AT)[0]["reason"]


def test_a_clock_that_jumps_makes_nothing_assessed(home):
    write(home.layers.path / "elevation.tif", valley())
    ground_fields(home, rain(), AT, [])
    assert [one["hazard_id"] for one in not_assessed(home, AT)] == ["landslide"]
    for jump in (timedelta(days=-1), timedelta(days=2)):
        assert not_assessed(home, AT + jump)[0]["hazard_id"] == "flood"


def test_ours_and_theirs_are_counted_in_the_same_province():
    ours = {"73.01.01.2001": 2, "73.01.01.2002": 3, "73.01.01.2003": 1}
    theirs = {"73.01.01.2002", "73.09.01.2002", "31.01.01.1001"}
    found = beside(ours, theirs, ("73",))
    assert (found.both, found.ours_alone, found.bmkg_alone) == (1, 1, 1)
    assert "1 villages as BMKG's nowcast" in found.words
    assert "ours alone" in beside(ours, (), ("73",)).words
    assert "cannot be read" in beside(ours, theirs, ("73",), seen=False).words
    assert "no village in common" in beside({"73.01.01.2001": 2}, theirs, ("73",)).words


def nowcast(context, codes):
    """A warning of BMKG's in force, as the steps before leave it."""
    event = HazardEvent(
        event_id="thunderstorm-1", hazard_id=HazardId.THUNDERSTORM, level=Level.WASPADA, onset=AT,
        valid_from=AT - timedelta(hours=1), valid_to=AT + timedelta(hours=1), official=True,
        status=DocumentStatus.ACTUAL, title="BMKG", method="cap/1", observations=("1" * 64,),
        province_codes=("73",),
    )  # fmt: skip
    field = rain()
    table = impact_table(field, context.layers, context.levels).iloc[:0]
    table = pd.DataFrame({"adm4_code": codes, "level": [2] * len(codes)})
    event_store.save(
        context.engine, context.runs, replace(field, event=event), event, table,
        digest="a" * 64, at=AT,
    )  # fmt: skip


def test_from_frames_to_events_of_a_province(home):
    """Seven frames of rain in the home: the cycle finds rain, flood and the comparison."""
    write(home.layers.path / "elevation.tif", valley())
    history = RainHistory(Store(str(home.settings.home.resolve())))
    rate = np.zeros((BASE_GRID.rows, BASE_GRID.columns), "f4")
    rate[rows_of(NORTH + 0.1, NORTH - 0.1)] = 90.0
    for k in range(8):
        time = AT - timedelta(minutes=10 * (7 - k))
        note = FrameNote(time.isoformat(), "himawari-b13", "m", "ok", (f"{k:064x}",), False)
        history.put(time, rate, note)
    nowcast(home, [RIDGE_DRY])
    troubles = []
    changed = {one["event_id"] for one in stages.overlay(home, AT, troubles)}
    assert troubles == []
    flood = "flood-73-20261122T0900Z"
    assert flood in changed
    stored = event_store.stored(home.engine, flood)
    found = comparison_of(stored.event)
    assert (found.both, found.ours_alone, found.bmkg_alone) == (0, 1, 1)
    assert stored.event.evidence["nowcast_hour"] is True
    # Of its own villages, by the rain of that duration.
    assert stored.event.evidence["rain_hours"] in (1, 3, 6, 24)
    assert 0 < stored.event.evidence["lead_time_hours_least"] < 10
    table = event_store.read_impact(home.runs, stored.impact_path).set_index("adm4_code")
    assert table.loc[FLOOR, "level"] == POLICY.levels.estimate_at_most
    drafts = {one["event_id"]: one for one in stages.decide_all(home, AT, troubles)}
    assert troubles == []
    assert drafts[flood]["warning"].endswith("v1")
    # BMKG's own event stands as it was.
    theirs = event_store.stored(home.engine, "thunderstorm-1")
    assert theirs.event.level == Level.WASPADA and theirs.state == "active"
    done = {"troubles": [], "drafts": [], "released": [], "messages": {}}
    document = cycle_document(home, AT, polls=[], done=done, outputs={"map": None})
    assert found.seen is False  # no feed was polled in this home
    assert f"{flood}: BMKG's nowcast cannot be read now" in cycle_report(document)
    assert "by what was known of it: no village in common" in cycle_report(document)
    assert [one["hazard_id"] for one in document["not_assessed"]] == ["landslide"]
    json.dumps(document)


def test_a_step_that_breaks_is_named_and_the_other_goes_on(home):
    slopes(home, np.full((CELLS, CELLS), 5, np.uint8), nodata=0)
    write(home.layers.path / "elevation.tif", valley())
    broken = rain(mm=150, hours=(24,))
    broken = replace(broken, raster=broken.raster.rename(rain_1h="rain_next_1h_").assign(
        rain_1h=(("latitude",), np.zeros(BASE_GRID.rows))))  # fmt: skip
    troubles = []
    fields = ground_fields(home, broken, AT, troubles)
    assert [f.event.hazard_id for f in fields] == [HazardId.LANDSLIDE]
    assert not_assessed(home, AT)[0]["hazard_id"] == "flood"


def test_a_village_has_evidence_of_its_own(home):
    write(home.layers.path / "elevation.tif", valley())
    field, _ = flood_field(home, rain(), POLICY)

    def of(*codes, **more):
        return over_villages(field.raster, home.layers, codes, POLICY.levels, **more)

    floor = of(FLOOR)
    assert floor["most_catchment_mm"] > 40 and floor["rain_hours"] == 1
    assert floor["lead_time_hours_least"] <= floor["lead_time_hours_most"]
    assert of(BEYOND) == {} and of("99.99.99.9999") == {} and of(FLOOR, at_least=4) == {}
    everyone = of(*VILLAGES)
    assert everyone["most_catchment_mm"] >= floor["most_catchment_mm"]


def test_rain_of_a_village_says_which_duration_and_when(home):
    field = rain(mm=25.0, hours=(1, 24), others=1.0)
    now = np.zeros((BASE_GRID.rows, BASE_GRID.columns), np.int8)
    later = now.copy()
    later[rows_of(NORTH - 0.1, NORTH - 0.3)] = 2
    now[rows_of(NORTH + 0.1, NORTH - 0.1)] = 3
    stack = np.stack([now, later, later])
    raster = field.raster.assign(
        hazard_level=(("latitude", "longitude"), stack.max(axis=0)),
        hazard_level_by_lead=(("lead_time", "latitude", "longitude"), stack),
        probability=(("latitude", "longitude"), np.where(now > 0, np.nan, 0.3).astype("f4")),
    ).assign_coords(lead_time=[0, 30, 60])
    wet = over_villages(raster, home.layers, [RIDGE_WET], POLICY.levels)
    assert (wet["most_mm_1h"], wet["decided_by_hours"], wet["level_2_in_minutes"]) == (25, 1, 0)
    assert wet["most_probability"] is None
    dry = over_villages(raster, home.layers, [RIDGE_DRY], POLICY.levels)
    assert (dry["most_mm_1h"], dry["decided_by_hours"], dry["level_2_in_minutes"]) == (1, None, 30)
    assert dry["most_probability"] == pytest.approx(0.3)
    # Each province's event carries what its own warned villages have.
    import pandas as pd

    parts = [
        (field.event, pd.DataFrame({"adm4_code": [code], "level": [level]}))
        for code, level in ((RIDGE_WET, 3), (RIDGE_DRY, 2), (BEYOND, 0))
    ]
    made = with_local_evidence(replace(field, raster=raster), home.layers, parts, POLICY.levels)
    assert [e.evidence.get("most_mm_1h") for e, _ in made] == [25, 1, None]


def test_days_are_those_before_the_frame(home):
    slopes(home, np.full((CELLS, CELLS), 5, np.uint8), nodata=0)
    days(home, 5.0, 7, last=date(2026, 11, 23))
    field, reason = landslide_field(home, rain(mm=10, hours=(24,)), AT, POLICY)
    assert field.event.evidence["days_known"] == 6 and reason
