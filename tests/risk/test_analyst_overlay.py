"""People under any hazard in any areas: cases by hand, hostile files, properties."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine

import risk.analyst.accessor  # noqa: F401 registers `.kentongan`
from kentongan.errors import DataError, GridMismatch, LayerError
from risk.analyst.overlay import Overlay, overlay
from risk.analyst.rounding import whole_table

WEST, NORTH, STEP = 107.0, -6.0, 0.01
FILL = 9.969209968386869e36
"""netCDF's default for floats."""


def write(
    path: Path,
    values: list[list[float]] | np.ndarray,
    *,
    step: float = STEP,
    west: float = WEST,
    north: float = NORTH,
    transform: Affine | None = None,
    crs: str | None = "EPSG:4326",
    nodata: float | None = None,
    dtype: str = "float32",
) -> Path:
    array = np.asarray(values, dtype=dtype)
    with rasterio.open(
        path, "w", driver="GTiff", height=array.shape[0], width=array.shape[1], count=1,
        dtype=dtype, crs=crs, nodata=nodata,
        transform=transform or Affine(step, 0, west, 0, -step, north),
    ) as out:  # fmt: skip
        out.write(array, 1)
    return path


def areas(
    *boxes: tuple[float, float, float, float], ids: list[object] | None = None
) -> gpd.GeoDataFrame:
    """Boxes in cells from the north-west corner: left, top, right, bottom."""
    shapes = [
        shapely.box(WEST + a * STEP, NORTH - d * STEP, WEST + c * STEP, NORTH - b * STEP)
        for a, b, c, d in boxes
    ]
    names = ids or [f"A{i}" for i in range(len(boxes))]
    return gpd.GeoDataFrame({"area_id": names}, geometry=shapes, crs=4326)


def adds_up(found: Overlay) -> None:
    document = found.to_json()
    rows = document["areas"]
    assert document["total_people"] == sum(a["people"] for a in rows) + document["unassigned"]
    assert document["total_people"] == sum(document["by_class"].values())
    assert all(sum(a["by_class"].values()) == a["people"] for a in rows)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """4 x 4 cells, 10 people in each."""
    return write(tmp_path / "people.tif", np.full((4, 4), 10))


def test_classes_are_thresholds_reached(tmp_path, people):
    hazard = write(tmp_path / "depth.tif", np.repeat([[0.0, 0.3, 0.7, 1.5]], 4, axis=0))
    found = overlay(hazard, people, areas((0, 0, 4, 4)), thresholds=[0.3, 0.7, 1.5])
    assert found.to_json() == {
        "total_people": 160,
        "by_class": {"0": 40, "1": 40, "2": 40, "3": 40},
        "areas": [
            {
                "area_id": "A0",
                "people": 160,
                "by_class": {"0": 40, "1": 40, "2": 40, "3": 40},
                "known_fraction": 1.0,
            }
        ],
        "unassigned": 0,
        "warnings": [],
    }


def test_a_hazard_cell_cuts_a_people_cell_by_area(tmp_path, people):
    """The hazard's border lies a quarter into the second column: 10 + 2.5 of each row."""
    hazard = write(
        tmp_path / "h.tif",
        [[1, 0]],
        transform=Affine(STEP * 1.25, 0, WEST, 0, -STEP * 4, NORTH),
    )
    found = overlay(hazard, people, areas((0, 0, 2, 4)))
    assert found.to_json()["areas"][0]["by_class"] == {"0": 30, "1": 50, "unknown": 0}
    assert found.unassigned_by_class == {"0": 20, "1": 0, "unknown": 60}


def test_an_area_cuts_both(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.repeat([[1, 1, 0, 0]], 4, axis=0))
    found = overlay(hazard, people, areas((1.5, 0.5, 2.5, 3.5), (0, 0, 1.5, 4)))
    assert [a["by_class"] for a in found.to_json()["areas"]] == [
        {"0": 15, "1": 15},
        {"0": 0, "1": 60},
    ]
    assert (found.total_people, found.unassigned) == (160, 70)
    adds_up(found)


def test_not_known_has_its_own_key(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.repeat([[1, np.nan, 0, -9999]], 4, axis=0), nodata=-9999)
    found = overlay(hazard, people, areas((0, 0, 4, 4)))
    assert found.by_class == {"0": 40, "1": 40, "unknown": 80}
    assert found.to_json()["areas"][0]["known_fraction"] == 0.5


def test_beyond_the_hazard_nothing_is_known(tmp_path, people):
    hazard = write(tmp_path / "h.tif", [[1]])
    found = overlay(hazard, people, areas((0, 0, 4, 4)))
    assert found.by_class == {"0": 0, "1": 10, "unknown": 150}


def test_a_fill_value_that_nobody_declared_is_not_a_depth(tmp_path, people):
    hazard = write(tmp_path / "ash.tif", np.repeat([[0, 5, FILL, -9999]], 4, axis=0))
    found = overlay(hazard, people, areas((0, 0, 4, 4)), thresholds=[1])
    assert found.by_class == {"0": 40, "1": 40, "unknown": 80}
    assert sum("does not declare" in w for w in found.warnings) == 2


@pytest.mark.parametrize("flip", ["south-up", "east-to-west", "both"])
def test_orientation_does_not_matter(tmp_path, people, flip):
    values = np.arange(16).reshape(4, 4) % 3
    plain = write(tmp_path / "plain.tif", values)
    a, c, e, f = STEP, WEST, -STEP, NORTH
    turned = values
    if flip in ("south-up", "both"):
        turned, e, f = turned[::-1], STEP, NORTH - 4 * STEP
    if flip in ("east-to-west", "both"):
        turned, a, c = turned[:, ::-1], -STEP, WEST + 4 * STEP
    other = write(tmp_path / "other.tif", turned, transform=Affine(a, 0, c, 0, e, f))
    where = areas((0, 0, 2, 2), (2, 0, 4, 4), (0, 2, 1.5, 4))
    assert overlay(other, people, where).to_json() == overlay(plain, people, where).to_json()


def test_people_from_south_to_north(tmp_path):
    values = np.arange(16).reshape(4, 4)
    plain = write(tmp_path / "p.tif", values)
    up = write(
        tmp_path / "up.tif",
        values[::-1],
        transform=Affine(STEP, 0, WEST, 0, STEP, NORTH - 4 * STEP),
    )
    hazard = write(tmp_path / "h.tif", np.eye(4))
    where = areas((0, 0, 2, 2), (1.5, 2, 4, 4))
    assert overlay(hazard, up, where).to_json() == overlay(hazard, plain, where).to_json()


def test_a_turned_hazard_is_cut_where_it_lies(tmp_path, people):
    """Rows that run along 45 degrees: a diamond of one cell around the middle of the people."""
    middle = WEST + 2 * STEP, NORTH - 2 * STEP
    turned = Affine.translation(*middle) @ Affine.rotation(45) @ Affine.scale(STEP)
    hazard = write(tmp_path / "h.tif", [[1]], transform=turned @ Affine.translation(-0.5, -0.5))
    found = overlay(hazard, people, areas((0, 0, 4, 4)))
    assert found.by_class["1"] == 10  # a square of the size of a cell, with its people
    assert any("turned" in w for w in found.warnings)


def test_another_coordinate_system_is_cut_and_not_resampled(tmp_path):
    """A UTM raster of two halves over people in degrees: the border is a meridian of UTM."""
    people = write(tmp_path / "p.tif", np.full((40, 40), 100), step=STEP / 10)
    half = write(
        tmp_path / "utm.tif",
        [[1, 0]],
        transform=Affine(10_000, 0, 713_500, 0, -20_000, 9_340_000),
        crs="EPSG:32748",
    )
    box = shapely.box(WEST, NORTH - 4 * STEP, WEST + 4 * STEP, NORTH)
    zone = gpd.GeoSeries([shapely.box(713_500, 9_320_000, 723_500, 9_340_000)], crs=32748)
    inside = shapely.intersection(zone.segmentize(500).to_crs(4326).iloc[0], box).area / box.area
    found = overlay(half, people, areas((0, 0, 4, 4)))
    assert found.by_class["1"] == pytest.approx(160_000 * inside, abs=2)
    assert any("another coordinate system" in w for w in found.warnings)
    adds_up(found)


def test_people_in_utm_keep_their_cells(tmp_path):
    rows = np.full((10, 10), 50)
    grid = Affine(100, 0, 722_000, 0, -100, 9_336_000)
    people = write(tmp_path / "p.tif", rows, transform=grid, crs="EPSG:32748")
    hazard = write(tmp_path / "h.tif", np.tri(10), transform=grid, crs="EPSG:32748")
    frame = gpd.GeoDataFrame(
        {"id": [1]}, geometry=[shapely.box(722_000, 9_335_000, 722_500, 9_336_000)], crs=32748
    )
    found = overlay(hazard, people, frame)
    assert found.to_json()["areas"][0]["by_class"] == {"0": 500, "1": 2000}
    assert found.total_people == 5000


def test_without_a_coordinate_system_what_fits_is_degrees(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)), crs=None)
    found = overlay(hazard, people, areas((0, 0, 4, 4)))
    assert found.by_class == {"0": 0, "1": 160}
    assert any("read as EPSG:4326" in w for w in found.warnings)


def test_without_a_coordinate_system_what_does_not_fit_is_refused(tmp_path, people):
    metres = write(
        tmp_path / "h.tif", [[1]], crs=None, transform=Affine(100, 0, 7e5, 0, -100, 9.3e6)
    )
    with pytest.raises(GridMismatch, match="no coordinate system"):
        overlay(metres, people, areas((0, 0, 4, 4)))
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        pixels = write(tmp_path / "i.tif", [[1]], crs=None, transform=Affine.identity())
    with pytest.raises(GridMismatch, match="no coordinate system"):
        overlay(pixels, people, areas((0, 0, 4, 4)))


def test_values_that_are_no_classes_need_thresholds(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.full((4, 4), 0.4))
    with pytest.raises(DataError, match="--thresholds"):
        overlay(hazard, people, areas((0, 0, 4, 4)))


def test_a_threshold_is_met_in_the_file_s_own_precision(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.full((4, 4), 0.7))  # float32 0.7 is below 0.7
    assert overlay(hazard, people, areas((0, 0, 4, 4)), thresholds=[0.7]).by_class["1"] == 160


@pytest.mark.parametrize("bad", [[], [2, 1], [1, 1], [np.nan], [np.inf]])
def test_thresholds_that_do_not_rise_are_refused(tmp_path, people, bad):
    with pytest.raises(DataError, match="ascending"):
        overlay(people, people, areas((0, 0, 4, 4)), thresholds=bad)


def test_a_density_is_told_not_guessed(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)))
    where = areas((0, 0, 4, 4))
    assert overlay(hazard, people, where).total_people == 160
    dense = overlay(hazard, people, where, people_kind="per-km2")
    # 0.04 degrees squared at 6 S on the ellipsoid: 19.57 km2
    assert dense.total_people == pytest.approx(10 * 19.57, abs=1)
    with pytest.raises(DataError, match="per-ha"):
        overlay(hazard, people, where, people_kind="per head")


def test_negative_people_are_refused(tmp_path):
    bad = write(tmp_path / "p.tif", [[5, -3]])
    with pytest.raises(LayerError, match="1 cells below 0, down to -3"):
        overlay(write(tmp_path / "h.tif", [[1, 1]]), bad, areas((0, 0, 2, 1)))


def test_swapped_axes_are_refused(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)))
    turned = areas((0, 0, 4, 4))
    turned = turned.set_geometry([shapely.box(-6.04, 107.0, -6.0, 107.04)], crs=4326)
    with pytest.raises(LayerError, match="swapped"):
        overlay(hazard, people, turned)
    high = write(tmp_path / "s.tif", [[1]], transform=Affine(0.04, 0, -6.04, 0, -0.04, 107.04))
    with pytest.raises(DataError, match="swapped"):
        overlay(high, people, areas((0, 0, 4, 4)))


def test_a_hazard_elsewhere_is_not_known_for_anybody(tmp_path, people):
    hazard = write(tmp_path / "h.tif", [[0]], west=120.0)
    found = overlay(hazard, people, areas((0, 0, 2, 4)))
    assert found.by_class == {"0": 0, "unknown": 160}
    assert found.to_json()["areas"][0]["known_fraction"] == 0
    assert any("not known for anybody" in w for w in found.warnings)


def test_polygons_elsewhere_are_not_known_either(people):
    far = gpd.GeoDataFrame({"class": [3]}, geometry=[shapely.box(120, -6, 121, -5)], crs=4326)
    assert overlay(far, people, areas((0, 0, 2, 4))).by_class["unknown"] == 160


def test_polygons_count_once_in_their_highest_class(people):
    zones = areas((0, 0, 3, 4), (1, 0, 2, 4), (2, 0, 3, 2)).rename(columns={"area_id": "name"})
    zones["class"] = [1, 3, None]
    found = overlay(zones, people, areas((0, 0, 3, 4), (3, 0, 4, 4)))
    # Column 0 is class 1, column 1 class 3, half of column 2 is under class 1 and not known.
    assert found.by_class == {"0": 40, "1": 80, "3": 40}
    adds_up(found)


def test_polygons_without_a_class_are_class_one(people):
    zones = areas((0, 0, 1.5, 4)).drop(columns="area_id")
    found = overlay(zones, people, areas((0, 0, 4, 4)))
    assert found.by_class == {"0": 100, "1": 60}
    assert any("class 1" in w for w in found.warnings)


def test_overlapping_areas_count_people_once(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)))
    found = overlay(hazard, people, areas((0, 0, 3, 4), (1, 0, 4, 4)))
    assert [a["people"] for a in found.to_json()["areas"]] == [120, 40]
    assert any("first of the two" in w for w in found.warnings)
    adds_up(found)


def test_slivers_are_told_and_balanced(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)))
    found = overlay(hazard, people, areas((0, 0, 2.001, 3), (2, 0, 4, 3)))
    assert any("slivers" in w for w in found.warnings)
    adds_up(found)


def test_broken_and_empty_areas_are_said(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)))
    bow = shapely.Polygon([(107, -6), (107.02, -6.02), (107.02, -6), (107, -6.02)])
    frame = gpd.GeoDataFrame(
        {"area_id": ["bow", "none", "empty"]},
        geometry=[bow, None, shapely.Polygon()],
        crs=4326,
    )
    found = overlay(hazard, people, frame)
    assert [a["people"] for a in found.to_json()["areas"]] == [20, 0, 0]
    assert [a["known_fraction"] for a in found.to_json()["areas"]] == [1, 0, 0]
    assert any("repaired" in w for w in found.warnings)
    assert any("without a shape" in w for w in found.warnings)
    adds_up(found)


def test_parts_of_one_identifier_are_one_area(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)))
    found = overlay(hazard, people, areas((0, 0, 1, 1), (3, 3, 4, 4), ids=["x", "x"]))
    assert [a["people"] for a in found.to_json()["areas"]] == [20]


def test_identifiers_stay_what_they_are(tmp_path, people):
    hazard = write(tmp_path / "h.tif", np.ones((4, 4)))
    found = overlay(hazard, people, areas((0, 0, 1, 1), (3, 3, 4, 4), ids=[10, 20]))
    assert [a["area_id"] for a in found.to_json()["areas"]] == [10, 20]
    with pytest.raises(LayerError, match="no column 'kode'"):
        overlay(hazard, people, areas((0, 0, 1, 1)), area_id="kode")


def field(values: object, **dims: object) -> xr.DataArray:
    coords = {
        "latitude": NORTH - (np.arange(4) + 0.5) * STEP,
        "longitude": WEST + (np.arange(4) + 0.5) * STEP,
    }
    return xr.DataArray(np.asarray(values, dtype="float32"), dims=(*dims, "latitude", "longitude"),
                        coords={**dims, **coords}, name="depth")  # fmt: skip


def test_the_accessor_gives_the_same(tmp_path, people):
    values = np.arange(16).reshape(4, 4)
    where = areas((0, 0, 2, 2), (2, 0, 4, 4))
    by_file = overlay(write(tmp_path / "h.tif", values), people, where, thresholds=[4, 8])
    array = field(values)
    assert array.kentongan.overlay(people, where, thresholds=[4, 8]).to_json() == by_file.to_json()
    turned = array.transpose("longitude", "latitude").isel(latitude=slice(None, None, -1))
    assert turned.kentongan.overlay(people, where, thresholds=[4, 8]).to_json() == by_file.to_json()


def test_netcdf_with_its_own_fill(tmp_path, people):
    values = np.ones((4, 4))
    values[0, 0] = np.nan
    path = tmp_path / "h.nc"
    field(values).to_netcdf(path, encoding={"depth": {"_FillValue": FILL}})
    found = overlay(path, people, areas((0, 0, 4, 4)), thresholds=[0.5])
    assert found.by_class == {"0": 0, "1": 150, "unknown": 10}


def test_several_variables_must_be_named(tmp_path, people):
    path = tmp_path / "h.nc"
    xr.Dataset({"a": field(np.ones((4, 4))), "b": field(np.zeros((4, 4)))}).to_netcdf(path)
    with pytest.raises(DataError, match="--variable"):
        overlay(path, people, areas((0, 0, 4, 4)))
    assert overlay(path, people, areas((0, 0, 4, 4)), variable="a").by_class["1"] == 160


def test_members_give_a_band(people):
    values = np.zeros((11, 4, 4))
    for member in range(11):
        values[member].flat[:member] = 1
    array = field(values, realization=np.arange(11))
    found = array.kentongan.overlay(people, areas((0, 0, 4, 4)))
    row = found.table.iloc[0]
    assert (row["at_least_1_p10"], row["at_least_1_p90"]) == (10, 90)
    assert found.by_class == {"0": 110, "1": 50}  # the mean of the members
    adds_up(found)


def test_quantiles_give_their_own_band(people):
    values = np.zeros((3, 4, 4))
    values[1].flat[:4], values[2].flat[:12] = 1, 1
    found = field(values, quantile=[0.1, 0.5, 0.9]).kentongan.overlay(people, areas((0, 0, 4, 4)))
    row = found.table.iloc[0]
    assert (row["at_least_1_p10"], row["at_least_1_p90"]) == (0, 120)
    assert found.by_class == {"0": 120, "1": 40}


def test_several_times_must_be_chosen(people):
    with pytest.raises(DataError, match="isel"):
        field(np.zeros((2, 4, 4)), time=[0, 1]).kentongan.overlay(people, areas((0, 0, 4, 4)))


def test_a_file_that_is_no_raster_is_an_error_of_ours(tmp_path, people):
    path = tmp_path / "h.tif"
    path.write_bytes(b"II*\x00" + b"\xff" * 500)
    with pytest.raises(LayerError, match="cannot be read"):
        overlay(path, people, areas((0, 0, 4, 4)))
    with pytest.raises(LayerError, match="no such file"):
        overlay(tmp_path / "none.tif", people, areas((0, 0, 4, 4)))


def test_two_hundred_people_at_rounded_eight(tmp_path):
    """A chequer of 200 people under MMI from 7.5 to 8.4: all are VIII when rounded half up."""
    people = write(tmp_path / "p.tif", np.indices((20, 20)).sum(axis=0) % 2, step=0.002)
    mmi = np.linspace(7.5, 8.49, 36).reshape(6, 6)
    hazard = write(tmp_path / "mmi.tif", mmi, step=0.0083333)
    where = areas((0, 0, 4, 4))
    found = overlay(hazard, people, where, thresholds=np.arange(0.5, 10))
    assert found.total_people == 200
    assert found.by_class["8"] == 200
    assert overlay(hazard, people, where, thresholds=[4.5, 5.5, 6.5, 7.5]).by_class["4"] == 200


@settings(max_examples=25)
@given(
    counts=st.lists(st.floats(0, 1000), min_size=16, max_size=16),
    classes=st.lists(st.integers(-1, 3), min_size=9, max_size=9),
    cut=st.floats(0.2, 3.8),
    shift=st.floats(-2, 2),
)
def test_nobody_is_lost_and_nobody_made(tmp_path_factory, counts, classes, cut, shift):
    folder = tmp_path_factory.mktemp("any")
    people = write(folder / "p.tif", np.reshape(counts, (4, 4)))
    hazard = write(folder / "h.tif", np.reshape(classes, (3, 3)), west=WEST + shift * STEP)
    found = overlay(hazard, people, areas((0, 0, cut, 4), (cut, 0, 4, 3)))
    adds_up(found)
    assert found.total_people == pytest.approx(np.float32(counts).sum(), abs=0.51)


@given(st.lists(st.lists(st.floats(0, 50), min_size=3, max_size=3), min_size=1, max_size=40))
def test_whole_tables_stay_near_the_exact_one(rows):
    exact = np.array(rows)
    whole = whole_table(exact)
    assert abs(whole.sum() - exact.sum()) <= 0.5001
    assert (np.abs(whole - exact) < 1.0001).all()
    assert (np.abs(whole.sum(axis=1) - exact.sum(axis=1)) < 1.0001).all()


@pytest.mark.parametrize("fill", [255, 9999, 65535])
def test_a_positive_fill_among_people_is_said(tmp_path, fill):
    values = np.full((10, 10), 3.0)
    values[:2] = fill
    people = write(tmp_path / "p.tif", values)
    found = overlay(write(tmp_path / "h.tif", np.ones((10, 10))), people, areas((0, 0, 10, 10)))
    assert any(f"hold {fill} people" in line for line in found.warnings)


def test_many_people_in_many_cells_are_no_fill(tmp_path):
    values = np.arange(156, 256, dtype=float).reshape(10, 10)
    values[0, 0] = 255
    people = write(tmp_path / "p.tif", values)
    found = overlay(write(tmp_path / "h.tif", np.ones((10, 10))), people, areas((0, 0, 10, 10)))
    assert not any("fill value" in line for line in found.warnings)
