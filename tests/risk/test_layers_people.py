"""People of a set from rasters and tables together."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine

from kentongan.errors import LayerError
from risk.layers.build import build_layers
from risk.layers.check.reference import reference
from risk.layers.given import Given
from risk.layers.layerset import load_layers
from risk.layers.people import scaled_to, shared_out
from risk.layers.people_raster import PeopleKind

REGENCY = "75.02"
"""Kabupaten Boalemo: 82 villages of the embedded set."""
WEST, NORTH, STEP = 122.00, 0.96, 1 / 600
SHAPE = (300, 400)


@pytest.fixture(scope="module")
def areas(tmp_path_factory):
    base = load_layers()
    rows = base.within(REGENCY)
    path = tmp_path_factory.mktemp("areas") / "boalemo.parquet"
    table = {"kode": base.villages["adm4_code"].iloc[rows].to_numpy()}
    gpd.GeoDataFrame(table, geometry=list(base.geometry[rows]), crs=4326).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def registered():
    return int(reference().regency_people[REGENCY])


def raster(path, areas, people, crs="EPSG:4326"):
    """`people` in all, in cells whose centres lie in the villages; a corner of them at sea."""
    union = shapely.union_all(gpd.read_parquet(areas).geometry.to_numpy())
    to = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    west, south, east, north = union.bounds
    at = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    x0, y1 = at.transform(west - 0.05, north + 0.05)
    x1, y0 = at.transform(east + 0.05, south - 0.05)
    step = STEP if crs == "EPSG:4326" else 200.0
    rows, columns = int((y1 - y0) / step), int((x1 - x0) / step)
    x, y = np.meshgrid(x0 + (np.arange(columns) + 0.5) * step, y1 - (np.arange(rows) + 0.5) * step)
    lon, lat = to.transform(x, y)
    inside = shapely.contains_xy(union, lon, lat)
    weight = np.random.default_rng(5).random(inside.shape) * inside
    values = (weight / weight.sum() * people).astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32", crs=crs,
        nodata=-9999.0, transform=Affine(step, 0, x0, 0, -step, y1),
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path, float(values.sum(dtype=np.float64))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32651", "ESRI:54009"])
def test_a_raster_alone_counts_everybody(tmp_path, areas, registered, crs):
    path, people = raster(tmp_path / "pop.tif", areas, registered * 1.1, crs)
    layers = build_layers(
        Given(areas, people=(path,), people_kind=PeopleKind.COUNT), tmp_path / "out"
    )
    unassigned = int(layers.operator.unassigned.people.sum())
    assert int(layers.villages["people"].sum()) + unassigned == round(people)
    assert layers.operator.people.tolist() == layers.villages["people"].tolist()
    assert layers.manifest["people_unassigned"] == unassigned
    assert "what the raster counts" in layers.manifest["people_method"]


def test_a_regency_table_scales_and_the_raster_distributes(tmp_path, areas, registered):
    path, _ = raster(tmp_path / "pop.tif", areas, registered)
    table = tmp_path / "kab.csv"
    table.write_text(f"kode,nama,jumlah_penduduk\n{REGENCY},Kabupaten Boalemo,150000\n")
    alone = build_layers(Given(areas, people=(path,), people_kind=PeopleKind.COUNT), tmp_path / "a")
    both = build_layers(
        Given(areas, people=(path, table), people_kind=PeopleKind.COUNT), tmp_path / "b"
    )
    assert int(both.villages["people"].sum()) == 150_000
    expected = alone.villages["people"] * (150_000 / alone.villages["people"].sum())
    assert np.abs(both.villages["people"] - expected).max() <= 1
    assert np.array_equal(both.operator.share, alone.operator.share)
    assert "totals of level 2 scale" in both.manifest["people_method"]


def test_weights_take_the_register(tmp_path, areas, registered):
    """A raster in no known unit, such as the HKV one, says where people live, not how many."""
    path, _ = raster(tmp_path / "w.tif", areas, 3.5)
    layers = build_layers(
        Given(areas, people=(path,), people_kind=PeopleKind.WEIGHT), tmp_path / "out"
    )
    assert int(layers.villages["people"].sum()) == registered
    assert set(layers.villages["data_quality"]) == {"flagged"}
    assert "the raster shares it out" in layers.manifest["people_method"]


def test_villages_of_a_table_keep_their_numbers(tmp_path, areas, registered):
    codes = gpd.read_parquet(areas)["kode"].tolist()
    village, regency = tmp_path / "desa.csv", tmp_path / "kab.csv"
    village.write_text(f"adm4_code,people\n{codes[0]},4321\n{codes[1]},17\n")
    regency.write_text(f"adm2_code,people\n{REGENCY},{registered}\n")
    layers = build_layers(Given(areas, people=(village, regency)), tmp_path / "out")
    people = layers.villages.set_index("adm4_code")["people"]
    assert (people[codes[0]], people[codes[1]], people.sum()) == (4321, 17, registered)
    quality = layers.villages["data_quality"].value_counts().to_dict()
    assert quality == {"measured": 2, "modelled": len(codes) - 2}


def test_a_regency_with_fewer_people_than_its_villages_is_flagged(tmp_path, areas):
    codes = gpd.read_parquet(areas)["kode"].tolist()
    village, regency = tmp_path / "desa.csv", tmp_path / "kab.csv"
    village.write_text(f"adm4_code,people\n{codes[0]},90000\n")
    regency.write_text(f"adm2_code,people\n{REGENCY},80000\n")
    layers = build_layers(Given(areas, people=(village, regency)), tmp_path / "out")
    assert "totals-disagree" in {f["check"] for f in layers.findings}
    assert set(layers.villages["data_quality"]) == {"flagged"}


def test_a_raster_that_ends_in_the_regency_is_flagged(tmp_path, areas, registered):
    path, _ = raster(tmp_path / "pop.tif", areas, registered)
    with rasterio.open(path) as source:
        values, profile = source.read(1), source.profile
    half = values[:, : values.shape[1] * 3 // 4]
    with rasterio.open(path, "w", **{**profile, "width": half.shape[1]}) as out:
        out.write(half, 1)
    layers = build_layers(
        Given(areas, people=(path,), people_kind=PeopleKind.COUNT), tmp_path / "out"
    )
    finding = next(f for f in layers.findings if f["check"] == "raster-too-small")
    assert finding["severity"] == "flag"
    assert "flagged" in set(layers.villages["data_quality"])


@pytest.mark.parametrize(
    "name", ["pop_jakarta_hkv_geographic", "pop_jakarta_hkv_utm48n", "pop_jakarta_asiapop_clip"]
)
def test_bad_people_rasters_build_nothing(samples, tmp_path, name):
    jakarta = samples / "geo" / "adm4_villages_jakarta_31.parquet"
    given_files = Given(jakarta, people=(samples / "geo" / f"{name}.tif",))
    with pytest.raises(LayerError, match="refuse"):
        build_layers(given_files, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_points_of_a_constant_are_no_people(samples, tmp_path):
    """Maumere: 891 points of 35 each."""
    frame = gpd.read_parquet(samples / "geo" / "pop_maumere_polygons.parquet")
    table = tmp_path / "p.csv"
    pd.DataFrame({"POINTID": frame["POINTID"], "people": frame["GRID_CODE"]}).to_csv(table)
    sikka = samples / "geo" / "adm4_villages_cianjur.parquet"
    with pytest.raises(LayerError, match="no-codes"):
        build_layers(Given(sikka, people=(table,)), tmp_path / "out")


def test_two_rasters_are_one_too_many(tmp_path, areas, registered):
    path, _ = raster(tmp_path / "pop.tif", areas, registered)
    with pytest.raises(LayerError, match="two-sources"):
        build_layers(Given(areas, people=(path, path)), tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("adm2_code,people\n75.2,1\n", "codes-as-numbers", id="code-as-number"),
        pytest.param("adm2_code,people\n7502,1\n", "bps-codes", id="bps"),
        pytest.param("adm2_code,people\n75.02,1.234.567\n", "grouped-digits", id="grouped"),
        pytest.param("adm2_code,people\n75.02,banyak\n", "no-number", id="word"),
        pytest.param("adm2_code,people\n75.02,-3\n", "negative-people", id="negative"),
        pytest.param("adm2_code,people\n75.02,inf\n", "no-number", id="infinite"),
        pytest.param("adm2_code,people\n75.02,1\n75.02,2\n", "duplicate-codes", id="twice"),
        pytest.param("adm2_code,people\n75.02,1200\n", "far-from-register", id="far"),
        pytest.param("adm2_code,orang\n75.02,1\n", "no-people", id="column"),
    ],
)
def test_a_table_with_mistakes_is_refused(tmp_path, areas, text, words):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(LayerError, match=words):
        build_layers(Given(areas, people=(tmp_path / "p.csv",)), tmp_path / "out")


def test_a_table_may_come_as_features(tmp_path, areas):
    """As Dukcapil's map service answers: one feature a village, number and code as properties."""
    codes = gpd.read_parquet(areas)["kode"].tolist()
    table = {"kode_kel": [codes[0], f"{codes[1]}-771", codes[2]], "jumlah_pen": [800, 900, None]}
    path = tmp_path / "kel.geojson"
    points = [shapely.Point(122.1, 0.5)] * 3
    gpd.GeoDataFrame(table, geometry=points, crs=4326).to_file(path, engine="pyogrio")
    layers = build_layers(Given(areas, people=(path,)), tmp_path / "out")
    village = layers.villages.set_index("adm4_code")
    assert village.loc[codes[:2], "people"].tolist() == [800, 900]
    assert village.loc[codes[:3], "data_quality"].tolist() == ["measured", "flagged", "modelled"]
    assert {"dirty-codes", "no-people"} <= {f["check"] for f in layers.findings}


def test_the_dukcapil_table_as_published(samples, tmp_path, areas, registered):
    table = samples / "geo" / "regency_population_area_dukcapil_2024s2.csv"
    layers = build_layers(Given(areas, people=(table,)), tmp_path / "out")
    assert int(layers.villages["people"].sum()) == registered
    assert {f["severity"] for f in layers.findings} == {"info"}


def test_the_same_files_give_the_same_bytes(tmp_path, areas, registered):
    path, _ = raster(tmp_path / "pop.tif", areas, registered, "ESRI:54009")
    given_files = Given(areas, people=(path,), people_kind=PeopleKind.COUNT)
    for name in ("a", "b"):
        build_layers(given_files, tmp_path / name)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


@given(
    total=st.integers(0, 10**7),
    weight=st.lists(st.floats(0, 1e6), min_size=1, max_size=50).filter(lambda w: sum(w) > 1e-3),
)
def test_shared_out_people_add_up(total, weight):
    out = shared_out(total, np.array(weight))
    assert int(out.sum()) == total
    assert (out >= 0).all()


def test_a_finer_total_stands_against_a_coarser_one():
    code = np.array(["11.01.01.2001", "11.01.01.2002", "11.01.02.2001"], dtype=object)
    plain = np.array([1, 1, 1])
    fixed = np.array([True, False, False])
    out, found = scaled_to(
        pd.Series({"11.01": 100}), np.array([40, 5, 5]), fixed, plain, plain, code, 2
    )
    assert (out.tolist(), found) == ([40, 30, 30], [])
