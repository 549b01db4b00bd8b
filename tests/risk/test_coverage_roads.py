"""Coverage over the roads of a layer set: a flood that cuts the road, sums, assumptions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr

from console.coverage_map import coverage_page
from kentongan.errors import DataError
from kentongan.hazard import AreaRule, HazardField
from kentongan.types import HazardId
from risk.access.friction import METRES_PER_DEGREE
from risk.access.surface import grid_around, write_surface
from risk.analyst.closing import closing_levels
from risk.analyst.hazard import read_hazard
from risk.coverage import access_policy, closing, coverage_of, levels_on
from risk.coverage_table import coverage_table
from risk.layers.build import build_layers
from risk.layers.given import Given
from risk.layers.layerset import LayerSet
from risk.overlay import impact_table

WEST, SOUTH = 120.0, -8.5
ROWS = [
    ("53.01.01.2001", "Barat", (120.0, -8.5, 120.1, -8.4), 1000),
    ("53.01.01.2002", "Tengah", (120.1, -8.5, 120.2, -8.4), 1000),
    ("53.01.02.2001", "Timur", (120.2, -8.5, 120.3, -8.4), 1000),
]


@pytest.fixture
def on_roads(make_layers, tmp_path) -> LayerSet:
    """Three villages in a row, one road through all, the team in the western one."""
    layers = make_layers(ROWS)
    road = gpd.GeoDataFrame(
        {"highway": ["primary"]},
        geometry=[shapely.LineString([(120.0, -8.45), (120.3, -8.45)])],
        crs=4326,
    )
    write_surface(
        tmp_path / "surface.tif", road, access_policy(), bounds=(119.9, -8.6, 120.4, -8.3)
    )
    changed = replace(layers, path=Path(tmp_path))
    changed.__dict__["geometry"] = layers.geometry
    return changed


def flood(raster_field, hazard: HazardId = HazardId.FLOOD) -> HazardField:
    """Level 3 on a strip across the middle village."""
    longitude = np.arange(119.805, 120.5, 0.01)
    latitude = np.arange(-8.695, -8.2, 0.01)
    level = np.zeros((latitude.size, longitude.size), dtype=np.int8)
    level[:, (longitude > 120.14) & (longitude < 120.16)] = 3
    data = xr.Dataset(
        {"hazard_level": (("latitude", "longitude"), level)},
        coords={"latitude": latitude, "longitude": longitude},
    )
    field: HazardField = raster_field(data)
    event = field.event.model_copy(update={"hazard_id": hazard})
    return replace(field, event=event)


def test_the_road_carries_the_team(on_roads, policy):
    found = coverage_of(np.arange(3), on_roads, policy.coverage)
    assert found.travel == "roads"
    # 22 km of primary road at 40 km/h from the middle of the first to that of the last.
    assert found.minutes[2] == pytest.approx(22.0 / 40 * 60, rel=0.05)
    # Off the road people walk at 4 km/h: only a strip along it is reached within the hour.
    assert 0.2 < found.share_60[2] < 0.9
    assert (found.share_30 <= found.share_60).all()


def friction_file(folder: Path, minutes_per_metre: float) -> None:
    with rasterio.open(
        folder / "friction.tif", "w", driver="GTiff", height=60, width=100, count=1,
        dtype="float32", crs="EPSG:4326", nodata=np.nan,
        transform=rasterio.Affine(0.01, 0, 119.5, 0, -0.01, -8.1),
    ) as out:  # fmt: skip
        out.write(np.full((60, 100), minutes_per_metre, dtype=np.float32), 1)


def test_a_friction_raster_carries_where_no_road_is_loaded(make_layers, tmp_path, policy):
    """0.001 min/m is 60 km/h: 22 km to the middle of the eastern village are 22 minutes."""
    layers = make_layers(ROWS)
    friction_file(tmp_path, 0.001)
    changed = replace(layers, path=Path(tmp_path))
    changed.__dict__["geometry"] = layers.geometry
    found = coverage_of(np.arange(3), changed, policy.coverage)
    assert found.by_roads.all()
    assert found.minutes[0] < found.minutes[1] < found.minutes[2]
    km = 0.2 * METRES_PER_DEGREE * np.cos(np.radians(8.45)) / 1000
    assert found.minutes[2] - found.minutes[0] == pytest.approx(km, rel=0.05)


def test_beside_the_road_the_friction_raster_counts(on_roads, tmp_path, policy):
    walked = coverage_of(np.arange(3), on_roads, policy.coverage)
    friction_file(tmp_path, 10.0)
    blocked = coverage_of(np.arange(3), on_roads, policy.coverage)
    assert blocked.share_60.sum() < walked.share_60.sum()


def test_a_flooded_road_cuts_off_who_lives_behind_it(on_roads, policy, raster_field):
    shut = closing(flood(raster_field))
    dry = coverage_of(np.arange(3), on_roads, policy.coverage)
    wet = coverage_of(np.arange(3), on_roads, policy.coverage, levels_on=shut)
    assert wet.share_60[0] == dry.share_60[0]
    assert wet.share_60[1] < dry.share_60[1]
    assert wet.share_60[2] == 0
    assert np.isnan(wet.minutes[2])


def test_shaking_closes_no_road(raster_field):
    assert closing(flood(raster_field, HazardId.SHAKING)) is None


def test_the_impact_table_follows_the_roads(on_roads, policy, raster_field):
    table = impact_table(flood(raster_field), on_roads, policy)
    assert table.attrs["travel"] == "roads"
    row = table.set_index("adm4_code").loc["53.01.01.2002"]
    assert 0 < row["uncovered_people"] <= row["exposed_people"]
    assert not table.set_index("adm4_code").loc["53.01.01.2002"]["reachable_30min"]


def test_without_roads_the_straight_line_is_marked(make_layers, policy, raster_field):
    table = impact_table(flood(raster_field), make_layers(ROWS), policy)
    assert table.attrs["travel"] == "straight-line"


def test_nobody_walks_over_the_sea(make_layers, policy, tmp_path):
    """Two islands 3 km apart: without a bridge the team stays on its own."""
    rows = [(ROWS[0][0], "A", (120.0, -8.5, 120.1, -8.4), 500)]
    rows.append((ROWS[1][0], "B", (120.13, -8.5, 120.2, -8.4), 500))
    layers = make_layers(rows)
    road = gpd.GeoDataFrame(
        {"highway": ["primary"]},
        geometry=[shapely.LineString([(120.0, -8.45), (120.09, -8.45)])],
        crs=4326,
    )
    write_surface(
        tmp_path / "surface.tif", road, access_policy(), bounds=(119.9, -8.6, 120.3, -8.3)
    )
    on_islands = replace(layers, path=Path(tmp_path))
    on_islands.__dict__["geometry"] = layers.geometry
    found = coverage_of(np.arange(2), on_islands, policy.coverage)
    assert np.isnan(found.minutes[1])
    assert found.share_60[1] == 0


def test_zones_close_what_they_touch(zone_field):
    box = shapely.box(120.14, -8.6, 120.16, -8.3)
    field = zone_field(AreaRule.NOWCAST, {"hazard_level": 3, "geometry": box})
    grid = grid_around((120.0, -8.5, 120.3, -8.4))
    levels = levels_on(field, grid)
    assert (levels[:, np.abs(grid.longitude - 120.15) < 0.009] == 3).any()
    assert (levels[:, grid.longitude < 120.13] == 0).all()


def test_sums_by_area(on_roads, policy):
    table = coverage_table(on_roads, "53.01", policy.coverage, night=False)
    assert list(table.areas["code"]) == ["53.01.01", "53.01.02"]
    for name in ("people", "people_30min", "people_60min", "uncovered_people"):
        assert table.areas[name].sum() == table.villages[name].sum()
    # Ten members, 40 % by day.
    assert table.areas["members_on_duty"].tolist() == [4, 0]
    dark = coverage_table(on_roads, "53.01", policy.coverage, night=True)
    assert dark.areas["members_on_duty"].tolist() == [2.5, 0]
    assert dark.mobilisation_minutes > table.mobilisation_minutes
    assert (dark.villages["people_60min"] <= table.villages["people_60min"]).all()


def test_members_are_shared_by_all_within_reach(make_layers, policy):
    """Straight lines: the team's own village is in the first zone, the others in later ones."""
    table = coverage_table(make_layers(ROWS), "53", policy.coverage, night=False)
    supply = table.villages["members_per_10000"].to_numpy()
    assert supply[0] > supply[1] >= supply[2] >= 0
    # 4 members among 1,000 people of weight 1 and those of 11 km (22 min: 0.22) and 22 km (none).
    assert supply[0] == pytest.approx(4 / (1000 + 220) * 10_000, rel=1e-3)


def test_an_unknown_area_is_refused(make_layers, policy):
    with pytest.raises(DataError, match="expected a dotted code"):
        coverage_table(make_layers(ROWS), "99", policy.coverage, night=False)


def test_a_flood_on_the_roads_of_jakarta(samples, tmp_path, policy):
    """Before and after, on recorded roads and a modelled flood; the maps can be opened."""
    geo = samples / "geo"
    given = Given(geo / "adm4_villages_jakarta_31.parquet", roads=geo / "roads_jakarta_osm.parquet")
    layers = build_layers(given, tmp_path / "set")
    hazard = read_hazard(geo / "flood_depth_current_jakarta.tif", [0.1, 0.3, 0.7, 1.5], None)
    before = coverage_table(layers, "31", policy.coverage, night=False)
    after = coverage_table(
        layers, "31", policy.coverage, night=False, levels_on=closing_levels(hazard)
    )
    assert before.travel == after.travel == "roads"
    assert before.villages["people_60min"].sum() > 0.98 * before.villages["people"].sum()
    assert (after.villages["people_60min"] <= before.villages["people_60min"]).all()
    lost = before.villages["people_60min"].sum() - after.villages["people_60min"].sum()
    assert lost > 500_000
    for name, table in (("before", before), ("after", after)):
        page = coverage_page(table, layers, f"Jakarta {name}")
        assert "Content-Security-Policy" in page
        assert page.count("hampir semua orang terjangkau") == 1


def test_exposed_people_of_an_event_are_those_to_be_reached(make_layers, policy):
    exposed = pd.Series({"53.01.01.2001": 7, "53.01.02.2001": 100})
    table = coverage_table(make_layers(ROWS), "53", policy.coverage, night=False, exposed=exposed)
    assert table.villages["exposed_people"].tolist() == [7, 0, 100]
    assert (table.villages["uncovered_people"] <= table.villages["exposed_people"]).all()
