"""The overlay on recorded layers: published totals, a second implementation, known traps."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from kentongan.errors import LayerError
from risk.analyst.areas import areas_of_file
from risk.analyst.hazard import count, read_hazard
from risk.analyst.measure import PeopleMeasure
from risk.analyst.overlay import overlay
from risk.analyst.people import people_of_file
from risk.layers.progress import silent

STEP = 1 / 1200
"""About 93 m, as national people rasters have it."""


def made_up(path: Path, bounds: np.ndarray, values: np.ndarray | None = None) -> Path:
    """A deterministic people raster over a box, its origin on no round degree."""
    west, north = bounds[0] - 0.0103, bounds[3] + 0.0071
    columns = int((bounds[2] - west) / STEP) + 9
    rows = int((north - bounds[1]) / STEP) + 9
    found = np.random.default_rng(7).integers(0, 40, (rows, columns)) if values is None else values
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=columns, count=1, dtype="float32",
        crs="EPSG:4326", transform=Affine(STEP, 0, west, 0, -STEP, north),
    ) as out:  # fmt: skip
        out.write(found.astype("float32"), 1)
    return path


def test_the_earthquake_case_of_inasafe(samples):
    """Upstream's own check: 200 people at rounded MMI VIII (test_ita_earthquake of InaSAFE)."""
    folder = samples / "peer-cases" / "inasafe"
    found = overlay(
        folder / "earthquake.tif",
        folder / "pop_binary_raster_20_20.asc",
        folder / "small_grid.geojson",
        thresholds=np.arange(0.5, 10),  # rounded half up: VIII begins at 7.5
        area_id="area_id",
    )
    assert found.total_people == 200
    assert found.by_class["8"] == 200
    assert sum(a["people"] for a in found.to_json()["areas"]) + found.unassigned == 200


@pytest.mark.parametrize("name", ["cianjur", "jakarta_31"])
def test_villages_as_exactextract_counts_them(samples, tmp_path, name):
    """Where its definition is the same: hazard classes on the people's own cells."""
    exactextract = pytest.importorskip("exactextract")
    path = samples / "geo" / f"adm4_villages_{name}.parquet"
    villages = gpd.read_parquet(path)
    people = made_up(tmp_path / "people.tif", villages.total_bounds)
    with rasterio.open(people) as source:
        counts = source.read(1)
    classes = (np.indices(counts.shape).sum(axis=0) // 37) % 3
    hazard = made_up(tmp_path / "hazard.tif", villages.total_bounds, classes)
    raster, areas = people_of_file(people, None), areas_of_file(path, None)
    box = (raster.cells.bounds, raster.cells.crs)
    each, every, _ = count(
        read_hazard(hazard, None, box), areas.shapes, PeopleMeasure(raster), silent
    )
    total = exactextract.exact_extract(str(people), villages, ["sum"], output="pandas")["sum"]
    scale = np.maximum(total.to_numpy(), 1)
    for key in range(3):
        part = made_up(
            tmp_path / f"{key}.tif", villages.total_bounds, np.where(classes == key, counts, 0)
        )
        want = exactextract.exact_extract(str(part), villages, ["sum"], output="pandas")["sum"]
        assert (np.abs(each[0, :, key] - want.to_numpy()) / scale).max() < 1e-6
    assert every[0, :3].sum() == counts.sum(dtype="int64")
    assert (each[0, :, 3] == 0).all()


def test_inundation_depth_of_jakarta(samples, tmp_path):
    """What lies outside the model (nodata -9999) is not known, not dry."""
    villages = samples / "geo" / "adm4_villages_jakarta_31.parquet"
    people = made_up(tmp_path / "people.tif", np.array([106.68, -6.38, 106.98, -6.07]))
    found = overlay(
        samples / "geo" / "flood_depth_current_jakarta.tif",
        people,
        villages,
        thresholds=[0.3, 0.7, 1.5],
    )
    assert found.by_class["unknown"] > 0
    assert found.total_people == sum(found.table["people"]) + found.unassigned
    assert set(found.classes) == {"0", "1", "2", "3", "unknown"}
    assert any("slivers" in w for w in found.warnings)


def test_ash_of_gede_on_the_modelled_villages(samples):
    found = overlay(
        samples / "geo" / "ashload_gede_vei4.tif",
        areas=samples / "geo" / "adm4_villages_cianjur.geojson",
        thresholds=[1, 10, 100, 10_000],
    )
    assert len(found.table) == 360
    assert found.by_class["4"] == 0  # the largest load is 7,958
    assert found.by_class["3"] > 0
    assert found.total_people == sum(found.by_class.values())


def test_counts_repeated_on_a_finer_grid_are_told(samples):
    geo = samples / "geo"
    found = overlay(
        geo / "flood_depth_current_jakarta.tif",
        geo / "pop_jakarta_asiapop_clip.tif",
        geo / "adm4_villages_jakarta_31.parquet",
        thresholds=[0.3],
    )
    assert found.total_people == pytest.approx(3_701_787_874, rel=1e-6)
    assert any("neighbours are equal" in w for w in found.warnings)
    assert any("more than Indonesia has" in w for w in found.warnings)


def test_ringing_below_zero_is_refused(samples):
    geo = samples / "geo"
    with pytest.raises(LayerError, match="below 0, down to -19812"):
        overlay(
            geo / "flood_depth_current_jakarta.tif",
            geo / "pop_jakarta_hkv_utm48n.tif",
            geo / "adm4_villages_jakarta_31.parquet",
            thresholds=[0.3],
        )


def test_zones_of_a_volcano_on_the_layer_set(samples):
    found = overlay(samples / "geo" / "volcano_krb.parquet")
    assert any("repaired" in w for w in found.warnings)
    assert found.by_class["1"] > 0
    assert found.unassigned == 0


def test_states_of_flood_reports_are_classes(samples, tmp_path):
    people = made_up(tmp_path / "people.tif", np.array([106.68, -6.38, 106.98, -6.07]))
    found = overlay(
        samples / "geo" / "flood_reports_jakarta_2016_rw.parquet",
        people,
        samples / "geo" / "adm4_villages_jakarta_31.parquet",
        class_column="state",
    )
    assert found.classes[:5] == ("0", "1", "2", "3", "4")
    assert all(found.by_class[key] > 0 for key in "1234")
