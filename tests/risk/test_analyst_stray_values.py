"""Numbers and words that stand for something else never become a class in silence."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from kentongan.errors import DataError
from risk.analyst.classes import classes_of
from risk.analyst.overlay import overlay
from risk.analyst.words import words_as_classes

ONE = Affine(0.01, 0, 107.0, 0, -0.01, -6.0)


def write(path: Path, values: list[list[float]]) -> Path:
    array = np.asarray(values, dtype="float32")
    with rasterio.open(
        path, "w", driver="GTiff", height=array.shape[0], width=array.shape[1], count=1,
        dtype="float32", crs="EPSG:4326", transform=ONE,
    ) as out:  # fmt: skip
        out.write(array, 1)
    return path


def cell(column: int, row: int) -> shapely.Polygon:
    west, north = 107.0 + column * 0.01, -6.0 - row * 0.01
    return shapely.box(west, north - 0.01, west + 0.01, north)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write(tmp_path / "people.tif", [[10, 20], [30, 40]])


@pytest.fixture
def area() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"id": ["A"]}, geometry=[shapely.box(107, -6.02, 107.02, -6)], crs=4326)


@pytest.mark.parametrize("fill", [-1, -99, -999, -9999])
def test_a_lone_negative_number_is_not_class_0(tmp_path, people, area, fill):
    hazard = write(tmp_path / "depth.tif", [[fill, 0.2], [0.6, 2]])
    found = overlay(hazard, people, area, thresholds=[0.5, 1])
    assert found.by_class == {"0": 20, "1": 30, "2": 40, "unknown": 10}
    assert any(f"{fill}" in said and "not known" in said for said in found.warnings)


def test_depths_that_go_on_below_0_keep_theirs():
    found = classes_of(np.array([-1.0, -0.6, -0.2, 0.7]), [0.5], "depth.tif")
    assert (found.index.tolist(), found.warnings) == ([0, 0, 0, 1], ())


def test_a_threshold_below_the_number_makes_it_a_value():
    found = classes_of(np.array([-99.0, 0.0]), [-100.0, -50.0], "cold.tif")
    assert (found.index.tolist(), found.warnings) == ([1, 2], ())


def test_a_lone_255_in_the_highest_class_is_said():
    found = classes_of(np.array([0, 1, 255], dtype=np.float32), [1.0], "classes.tif")
    assert found.index.tolist() == [0, 1, 1]
    assert "255" in found.warnings[0]
    assert not classes_of(np.arange(256, dtype=np.float32), [1.0], "grey.tif").warnings


def test_a_hazard_without_any_value_is_said(tmp_path, people, area):
    hazard = write(tmp_path / "none.tif", [[np.nan] * 2] * 2)
    found = overlay(hazard, people, area, thresholds=[0.5])
    assert found.by_class == {"0": 0, "1": 0, "unknown": 100}
    assert "not known" in " ".join(found.warnings)


def test_codes_that_became_numbers_are_said(tmp_path, people):
    cells = gpd.GeoDataFrame({"code": [11.1, 11.11]}, geometry=[cell(0, 0), cell(1, 0)], crs=4326)
    found = overlay(write(tmp_path / "h.tif", [[1, 2], [3, 4]]), people, cells)
    assert "11.10 becomes 11.1" in " ".join(found.warnings)


def test_polygons_that_say_no_flood_nobody(people, area):
    flood = gpd.GeoDataFrame(
        {"FLOODPRONE": ["YES", "no", None]}, geometry=[cell(0, 0), cell(1, 0), cell(0, 1)], crs=4326
    )
    found = overlay(flood, people, area)
    assert found.by_class == {"0": 60, "1": 10, "unknown": 30}
    assert "words in the column 'FLOODPRONE'" in " ".join(found.warnings)


def test_a_no_in_another_column_makes_nobody_safe(people, area):
    flood = gpd.GeoDataFrame({"checked": ["no"]}, geometry=[cell(0, 0)], crs=4326)
    assert overlay(flood, people, area).by_class == {"0": 90, "1": 10}


def test_zones_of_volcanoes_keep_their_order():
    zones = pd.Series(["Kawasan Rawan Bencana I", "KRB III", "zona 2", None])
    assert words_as_classes(zones) == pytest.approx([1, 3, 2, np.nan], nan_ok=True)
    assert words_as_classes(pd.Series(["yes", "perhaps"])) is None
    assert words_as_classes(pd.Series([1, 0])) is None


def test_the_only_column_of_numbers_is_compared_with_thresholds(people, area):
    flood = gpd.GeoDataFrame(
        {"id": [1, 2], "depth": [0.2, 1.4]}, geometry=[cell(0, 0), cell(1, 0)], crs=4326
    )
    found = overlay(flood, people, area, thresholds=[0.5, 1])
    assert found.by_class == {"0": 80, "1": 0, "2": 20}
    assert "'depth'" in " ".join(found.warnings)
    with pytest.raises(DataError, match="--class-column"):
        overlay(flood.assign(width=[3.0, 4.0]), people, area, thresholds=[0.5, 1])
