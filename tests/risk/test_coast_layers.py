"""Heights from a file to villages: sea, holes, fills, other datums; people, and the overlay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import LayerError
from kentongan.grid import BASE_GRID, Grid
from kentongan.hazard import AreaRule
from risk.coast.compile import TABLE, CoastInput, compile_tsunami, people_cells, window
from risk.coast.shares import coast_shares
from risk.coast.shore import coast_of, km_from_sea
from risk.coast.terrain import read_heights, read_terrain
from risk.coast.walk import WalkOut, need_minutes, walk_out, walk_table
from risk.coast_hold import coastal_villages
from risk.layers.build import build_layers
from risk.layers.coast import Coast
from risk.layers.describe import describe
from risk.layers.given import Given
from risk.layers.layerset import load_layers
from risk.overlay import impact_table

STEP = 1 / 1200
NAN = float("nan")
NOTHING = np.array([], dtype=object)
ORIGIN = datetime(2026, 8, 14, 21, 58, 23, tzinfo=UTC)
ROWS = [
    ("53.10.01.2001", "Pantai", (120.00, 0.00, 120.02, 0.02), 1000),
    ("53.10.01.2002", "Tebing", (120.00, 0.02, 120.02, 0.04), 900),
    ("53.10.01.2003", "Gunung", (120.02, 0.00, 120.04, 0.02), 800),
]
SHORE = 120.0
CORE = shapely.box(120.02, -1, 121, 1)


def write(path, values, *, west=119.9, north=0.1, step=STEP, nodata=-9999.0):
    values = np.asarray(values, dtype=np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1,
        dtype="float32", crs=4326, nodata=nodata,
        transform=Affine(step, 0, west, 0, -step, north),
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path


def places(columns=300, rows=240, west=119.9, north=0.1, step=STEP):
    x = west + (np.arange(columns) + 0.5) * step
    y = north - (np.arange(rows) + 0.5) * step
    return np.meshgrid(x, y)


def slope(x, y):
    """Sea west of 120 E; a beach of 1 in 100 south of 0.02 N, a cliff of 30 m north of it."""
    inland_m = (x - SHORE) * 111_195
    return np.where(inland_m < 0, -9999, np.where(y < 0.02, inland_m / 100, 30 + inland_m / 100))


def village(rows=ROWS, share=(1.0, 1.0, 0.0), azimuth=(270.0, 270.0, NAN)):
    return rows, {"coast_share": list(share), "azimuth": list(azimuth)}


@pytest.fixture
def layers(make_layers):
    rows, coast = village()
    return make_layers(rows, **coast)


def coast_input(layers, path, **more):
    shore = np.linspace(-0.05, 0.09, 20)
    coast = Coast(
        2.0, np.array([CORE], dtype=object), np.full(20, SHORE), shore, np.full(20, 270.0),
        np.ones(20),
    )  # fmt: skip
    return CoastInput(layers.villages, layers.geometry, layers.operator, coast, Path(path), **more)


def compiled(layers, path, policy, **more):
    return compile_tsunami(coast_input(layers, path, **more), policy.tsunami.coast)


def with_heights(layers, table):
    found = replace(layers, manifest=layers.manifest | {"no_elevation": False})
    found.__dict__.update(geometry=layers.geometry, tsunami=table)
    return found


def test_a_beach_is_inside_up_to_ten_metres_and_a_cliff_is_not(layers, policy, tmp_path):
    table = compiled(layers, write(tmp_path / "dem.tif", slope(*places())), policy)
    assert list(table) == list(TABLE)
    beach, cliff = table.iloc[0], table.iloc[1]
    # 10 m lie 1000 m from the shore, of 2224 m; cells are 93 m, the lowest of each counts.
    assert beach["inside"] == pytest.approx(1000 / 2224, abs=0.05)
    assert beach["reach_2"] <= beach["reach_3"] <= beach["reach_4"] <= beach["inside"]
    assert beach["reach_4"] > 0
    assert beach["path_m"] == pytest.approx(1000, abs=100)
    assert beach["path_known_m"] == beach["path_m"]
    assert beach["unknown"] == 0
    # The row beside the beach and what the sea touches: one cell on the safe side.
    assert cliff["inside"] < 0.1
    assert table["adm4_code"].tolist() == ["53.10.01.2001", "53.10.01.2002"]


def test_the_same_input_gives_the_same_table(layers, policy, tmp_path):
    path = write(tmp_path / "dem.tif", slope(*places()))
    pd.testing.assert_frame_equal(compiled(layers, path, policy), compiled(layers, path, policy))


def hole(x, y):
    """Heights of the cliff are missing from 0.5 to 1 km inland."""
    gap = (y >= 0.02) & (x > 120.0045) & (x < 120.009)
    return np.where(gap, -9999, slope(x, y))


def other_datum(x, y):
    return np.where(slope(x, y) > -9999, slope(x, y) + 45, -9999)


def ellipsoid_with_sea(x, y):
    """Sea, too, has a height: that of the geoid."""
    return np.where(slope(x, y) > -9999, slope(x, y) + 45, 45)


def empty(x, y):
    return np.full_like(x, -9999)


def fill_not_declared(x, y):
    gap = (y >= 0.02) & (x > 120.0045) & (x < 120.009)
    return np.where(gap, -32768, slope(x, y))


@pytest.mark.parametrize(
    ("heights", "unknown", "wrong"),
    [
        pytest.param(hole, 0.225, False, id="a-hole"),
        pytest.param(fill_not_declared, 0.225, False, id="a-fill-that-is-not-declared"),
        pytest.param(other_datum, 1.0, True, id="heights-above-the-ellipsoid"),
        pytest.param(ellipsoid_with_sea, 1.0, True, id="above-the-ellipsoid-at-sea-too"),
        pytest.param(empty, 1.0, False, id="nothing-known"),
    ],
)
def test_not_known_is_inside(layers, policy, tmp_path, heights, unknown, wrong):
    table = compiled(layers, write(tmp_path / "dem.tif", heights(*places())), policy)
    cliff = table.iloc[1]
    assert cliff["unknown"] == pytest.approx(unknown, abs=0.06)
    assert cliff["unknown"] <= cliff["inside"] < cliff["unknown"] + 0.13
    assert bool(cliff["datum_wrong"]) is wrong


def test_a_raster_that_is_elsewhere_says_nothing(layers, policy, tmp_path):
    path = write(tmp_path / "dem.tif", np.full((50, 50), 100.0), west=110, north=-5)
    table = compiled(layers, path, policy)
    assert (table["unknown"] > 0.9).all()
    assert (table["inside"] == table["unknown"]).all()


@pytest.mark.parametrize("step", [1 / 3600, 1 / 1200, 1 / 500])
def test_resolution_moves_the_share_by_no_more_than_a_cell(layers, policy, tmp_path, step):
    size = round(0.25 / step), round(0.2 / step)
    path = write(tmp_path / "d.tif", slope(*places(*size, step=step)), step=step)
    found = compiled(layers, path, policy).iloc[0]["inside"]
    assert found == pytest.approx(1000 / 2224, abs=0.01 + max(step, STEP) * 111_195 / 2224)


def test_the_lowest_part_of_a_cell_counts_and_a_hole_in_it_is_not_known(tmp_path):
    values = np.full((6, 6), 20.0)
    values[0, 0], values[5, 5] = 3.0, -9999
    path = write(tmp_path / "d.tif", values, west=120.0, north=0.6, step=0.1)
    found = read_heights(path, Grid(120.0, 0.0, 0.3, 2, 2))
    assert found.lowest.tolist() == [[20, 20], [3, 20]]
    assert found.complete.tolist() == [[True, False], [True, True]]
    assert found.mean[1, 0] == pytest.approx((8 * 20 + 3) / 9, rel=1e-5)


def test_without_any_sea_nothing_is_reached(policy, tmp_path):
    path = write(tmp_path / "d.tif", np.full((240, 300), 3.0))
    grid = Grid(120.0, 0.0, 0.001, 10, 10)
    terrain = read_terrain(path, grid, np.array([CORE, shapely.box(119, -1, 121, 1)]),
                           np.array([CORE]), policy.tsunami.coast)  # fmt: skip
    assert terrain.land.all()
    assert not terrain.datum_wrong


def test_a_river_brings_villages_behind_the_strip_in(layers, policy, tmp_path):
    x, _y = places()
    low = np.where(x < SHORE, -9999, 2.0)
    path = write(tmp_path / "d.tif", low)
    line = np.array([shapely.LineString([(119.99, 0.01), (120.06, 0.01)])], dtype=object)
    without, along = (compiled(layers, path, policy, rivers=r) for r in (None, line))
    assert "53.10.01.2003" not in set(without["adm4_code"])
    third = along.set_index("adm4_code").loc["53.10.01.2003"]
    # 0.5 km on both sides of the line, of 2.2 km.
    assert third["inside"] == pytest.approx(1.0 / 2.22, abs=0.1)


def test_shares_of_people_follow_the_operator(layers):
    rows = np.arange(3)
    grid = window(layers.geometry, STEP)
    owner, cell, weight = people_cells(layers.geometry, layers.operator, rows, grid)
    np.testing.assert_allclose(np.bincount(owner, weights=weight), 1)
    assert cell.min() >= 0
    assert cell.max() < grid.rows * grid.columns
    squeezed = replace(
        layers.operator, pointer=np.arange(4), share=np.full(3, layers.operator.scale, np.int32),
        cell=layers.operator.cell[layers.operator.pointer[:-1]],
    )  # fmt: skip
    owner, cell, weight = people_cells(layers.geometry, squeezed, rows, grid)
    lived = cell[weight > 0]
    x = grid.west + (lived % grid.columns + 0.5) * grid.step
    where = np.floor((x - BASE_GRID.west) / BASE_GRID.step)
    assert set(where) <= set(squeezed.cell % BASE_GRID.columns)


@settings(max_examples=15)
@given(drop=st.floats(0, 40), seed=st.integers(0, 99))
def test_lower_land_never_holds_fewer_inside(make_layers, policy, tmp_path_factory, drop, seed):
    rows, coast = village()
    layers = make_layers(rows, **coast)
    folder = tmp_path_factory.mktemp("dem")
    x, _y = places()
    rough = np.random.default_rng(seed).uniform(0, 25, x.shape)
    high = np.where(x < SHORE, -9999, rough)
    low = np.where(x < SHORE, -9999, np.maximum(rough - drop, 0))
    first, second = (
        compiled(layers, write(folder / name, values), policy)
        for name, values in (("a.tif", high), ("b.tif", low))
    )
    assert (second["inside"] >= first["inside"] - 1e-6).all()


def field_of(zone_field, **zone):
    return zone_field(AreaRule.COAST_STRIP, {"adm_codes": "53.10", "hazard_level": 3} | zone)


def test_without_heights_all_is_as_before(layers, zone_field, policy):
    table = impact_table(field_of(zone_field), layers, policy)
    assert table["people_3"].tolist() == [1000, 900, 0]
    assert set(table["rule"].iloc[:-1]) == {"coast-strip"}
    assert table["no_elevation"].iloc[:-1].all()


def test_with_heights_the_cliff_is_out_and_the_beach_counts_by_people(
    layers, zone_field, policy, tmp_path
):
    x, y = places()
    table = compiled(layers, write(tmp_path / "d.tif", slope(x, y + 1e-3)), policy)
    known = with_heights(layers, table)
    found = impact_table(field_of(zone_field), known, policy).set_index("adm4_code")
    beach = found.loc["53.10.01.2001"]
    assert beach["people_3"] == round(1000 * table.iloc[0]["inside"])
    assert beach["people_0"] + beach["people_3"] == 1000
    assert beach["rule"] == "coast-elevation (compiled by other rules; build the set anew)"
    assert not beach["no_elevation"]
    assert "53.10.01.2003" not in found.index


def test_a_village_that_the_table_does_not_name_keeps_the_strip(layers, zone_field, policy):
    table = pd.DataFrame(
        {
            "adm4_code": ["53.10.01.2001"], "inside": [0.0], "unknown": [0.0], "reach_2": [0.0],
            "reach_3": [0.0], "reach_4": [0.0], "path_m": [0.0], "path_known_m": [0.0],
            "datum_wrong": [False],
        }
    )  # fmt: skip
    found = impact_table(field_of(zone_field), with_heights(layers, table), policy)
    assert found["adm4_code"].tolist()[:-1] == ["53.10.01.2002"]
    assert found["rule"].iloc[0] == "coast-strip"


def test_heights_that_were_never_compiled_are_told(layers, policy, tmp_path):
    folder = replace(layers, path=tmp_path)
    folder.__dict__["geometry"] = layers.geometry
    write(tmp_path / "elevation.tif", slope(*places()))
    shares = coast_shares(folder, policy.tsunami)
    assert set(shares.rule) == {"coast-strip (heights not compiled; build the set anew)"}
    assert shares.no_elevation.all()
    assert shares.inside.tolist() == [1.0, 1.0, 0.0]


RULES = {"origin": ORIGIN, "detour": 1.0}


@pytest.mark.parametrize(
    ("path", "known", "arrival_min", "expected"),
    [
        pytest.param(0.0, 0.0, 18, WalkOut.YES, id="there-already-and-warned-in-time"),
        pytest.param(0.0, 0.0, 17.9, WalkOut.UNKNOWN, id="nobody-known-inside-too-late"),
        pytest.param(660.0, 660.0, 28, WalkOut.YES, id="ten-minutes-on-foot"),
        pytest.param(661.0, 661.0, 28, WalkOut.NO, id="a-metre-too-far"),
        pytest.param(5000.0, 100.0, 28, WalkOut.UNKNOWN, id="only-where-no-height-is-known"),
        pytest.param(np.inf, np.inf, 300, WalkOut.NO, id="an-island-without-a-way-out"),
        pytest.param(None, 0.0, 300, WalkOut.UNKNOWN, id="no-heights"),
        pytest.param(100.0, 100.0, None, WalkOut.UNKNOWN, id="no-arrival"),
    ],
)
def test_who_can_walk_out(policy, path, known, arrival_min, expected):
    arrival = None if arrival_min is None else ORIGIN + timedelta(minutes=arrival_min)
    rules = policy.tsunami.coast
    found = walk_out(path, path_known_m=known, arrival=arrival, rules=rules, **RULES)
    assert found.out is expected


@given(path=st.floats(0, 1e5), more=st.floats(0, 1e5), minutes=st.floats(-60, 600))
def test_nobody_farther_in_is_out_sooner(policy, path, more, minutes):
    rules, order = policy.tsunami.coast, [WalkOut.YES, WalkOut.UNKNOWN, WalkOut.NO]
    arrival = ORIGIN + timedelta(minutes=minutes)
    near, far = (
        walk_out(p, path_known_m=p, arrival=arrival, rules=rules, **RULES)
        for p in (path, path + more)
    )
    assert order.index(near.out) <= order.index(far.out)
    assert need_minutes(path, rules, 1.35) <= need_minutes(path + more, rules, 1.35)


def test_the_table_of_a_tsunami(layers, zone_field, policy, tmp_path):
    table = compiled(layers, write(tmp_path / "d.tif", slope(*places())), policy)
    known = with_heights(layers, table)
    arrival = pd.Timestamp(ORIGIN + timedelta(minutes=40))
    impact = impact_table(field_of(zone_field, onset=arrival), known, policy)
    found = walk_table(impact, known, origin=ORIGIN, rules=policy.tsunami.coast, detour=1.35)
    beach = found.iloc[0]
    assert (beach["inside"] + beach["outside"], beach["level"]) == (1000, 3)
    assert beach["reach"] == round(1000 * table.iloc[0]["reach_3"])
    assert beach["have_minutes"] == pytest.approx(40)
    assert beach["need_minutes"] == pytest.approx(18 + beach["path_m"] * 1.35 / 1.1 / 60)
    assert beach["walk_out"] == "yes"
    without = walk_table(
        impact_table(field_of(zone_field), layers, policy), layers, origin=ORIGIN,
        rules=policy.tsunami.coast, detour=1.35,
    )  # fmt: skip
    assert set(without["walk_out"]) == {"unknown"}
    assert without["reach"].isna().all()


@pytest.mark.parametrize(
    ("longitude", "latitude", "low", "high"),
    [
        pytest.param(121.3, -8.3, 0, 0, id="flores-sea"),
        pytest.param(110.4, -7.8, 15, 40, id="yogyakarta"),
        pytest.param(113.9, -0.9, 150, 300, id="middle-of-borneo"),
    ],
)
def test_how_far_a_place_lies_from_the_sea(longitude, latitude, low, high):
    assert low <= km_from_sea(longitude, latitude, coast_of(load_layers())) <= high


def test_far_from_indonesia_nothing_is_known_of_the_coast():
    assert km_from_sea(10.0, 50.0, coast_of(load_layers())) is None


CODE = "75.02.05.2005"
BOX = (122.10, 0.50, 122.16, 0.56)
SEASIDE = (122.10, 0.42, 122.16, 0.50)


def build(tmp_path, dem, box=BOX, **more):
    areas = tmp_path / "areas.geojson"
    gpd.GeoDataFrame({"kode": [CODE]}, geometry=[shapely.box(*box)], crs=4326).to_file(areas)
    return build_layers(Given(areas, elevation=dem, **more), tmp_path / "set")


def test_a_set_built_with_heights_holds_its_coast(tmp_path, zone_field, policy):
    _x, y = places(480, 480, west=121.95, north=0.73)
    dem = write(tmp_path / "dem.tif", (y - 0.48) * 111_195 / 50, west=121.95, north=0.73)
    rivers = tmp_path / "rivers.geojson"
    line = shapely.LineString([(122.13, 0.45), (122.13, 0.6)])
    gpd.GeoDataFrame({"waterway": ["river"]}, geometry=[line], crs=4326).to_file(rivers)
    layers = build(tmp_path, dem, rivers=rivers)
    assert layers.manifest["no_elevation"] is False
    assert layers.manifest["tsunami"]["villages"] == 1
    assert layers.manifest["tsunami"]["rivers"] is True
    field = zone_field(AreaRule.COAST_STRIP, {"adm_codes": "75.02", "hazard_level": 4})
    row = impact_table(field, layers, policy).iloc[0]
    assert row["rule"].startswith("coast-elevation")
    assert "other rules" not in row["rule"]
    assert 0 < row["people_4"] < layers.villages["people"].iloc[0] * 0.5


def test_rivers_without_a_line_are_refused(tmp_path):
    points = tmp_path / "points.geojson"
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(122.1, 0.5)], crs=4326).to_file(points)
    dem = write(tmp_path / "dem.tif", np.full((480, 480), 5.0), west=121.95, north=0.73)
    with pytest.raises(LayerError, match="no line"):
        build(tmp_path, dem, rivers=points)


def test_before_zones_are_drawn_a_village_along_a_river_is_held_too(layers, policy, tmp_path):
    x, _ = places()
    path = write(tmp_path / "d.tif", np.where(x < SHORE, -9999, 2.0))
    line = np.array([shapely.LineString([(119.99, 0.01), (120.06, 0.01)])], dtype=object)
    table = compiled(layers, path, policy, rivers=line)
    strip = {"53.10.01.2001", "53.10.01.2002"}
    assert coastal_villages(layers.villages) == strip
    assert coastal_villages(layers.villages, table) == strip | {"53.10.01.2003"}
    dry = table.assign(inside=0.0)
    assert coastal_villages(layers.villages, dry) == strip


def test_a_set_says_how_its_coast_was_compiled(tmp_path):
    dem = write(tmp_path / "dem.tif", np.full((480, 480), 60.0), west=121.95, north=0.73)
    found = describe(build(tmp_path, dem, SEASIDE))
    assert found["tsunami_coast"].endswith("in 1, of another datum in 1")
    assert describe(load_layers())["tsunami_coast"] == "strip alone, no heights"
