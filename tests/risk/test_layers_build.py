"""Layer sets from a deployment's own polygons."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from kentongan.errors import LayerError
from risk.layers.build import build_layers as build_set
from risk.layers.given import Given
from risk.layers.layerset import load_layers

MANANGGU = "75.02.05.2005"
BOX = shapely.box(122.10, 0.50, 122.16, 0.56)


def build_layers(areas, out, *, people=None, **given):
    return build_set(Given(areas, people=(people,) if people else (), **given), out)


def areas_file(tmp_path, codes, shapes=None, *, column="kode", crs=4326, name="areas.geojson"):
    shapes = shapes if shapes is not None else [BOX] * len(codes)
    frame = gpd.GeoDataFrame({column: codes}, geometry=list(shapes), crs=crs)
    path = tmp_path / name
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_file(path, engine="pyogrio")
    return path


def test_what_the_file_lacks_is_joined_by_code(tmp_path):
    layers = build_layers(areas_file(tmp_path, [MANANGGU]), tmp_path / "out")
    village = layers.villages.iloc[0]
    embedded = load_layers().villages.set_index("adm4_code").loc[MANANGGU]
    for name in ("name", "adm3_name", "adm2_name", "adm1_name", "people", "utc_offset"):
        assert village[name] == embedded[name]
    assert village["data_quality"] == "modelled"
    assert layers.manifest["villages_missing"] == 83_761
    assert MANANGGU not in layers.manifest["codes_missing"]


@pytest.mark.parametrize("name", ["a.parquet", "a.gpkg", "a.geojson", "a.shp"])
def test_file_formats(tmp_path, name):
    column = "KDEPUM"
    layers = build_layers(
        areas_file(tmp_path, [MANANGGU], column=column, name=name), tmp_path / "o"
    )
    assert layers.geometry[0].equals(shapely.set_precision(BOX, 1e-6))


def test_another_coordinate_system_is_brought_to_degrees(tmp_path):
    utm = gpd.GeoSeries([BOX], crs=4326).to_crs(32651)
    path = areas_file(tmp_path, [MANANGGU], utm, crs=32651, name="utm.gpkg")
    layers = build_layers(path, tmp_path / "out")
    assert layers.geometry[0].symmetric_difference(BOX).area < 1e-8
    assert "32651" in layers.manifest["crs"]


def test_broken_shapes_are_repaired_and_counted(tmp_path):
    bow = shapely.Polygon([(122.1, 0.5), (122.2, 0.6), (122.2, 0.5), (122.1, 0.6)])
    layers = build_layers(areas_file(tmp_path, [MANANGGU], [bow]), tmp_path / "out")
    assert shapely.is_valid(layers.geometry).all()
    assert layers.manifest["shapes_repaired"] == 1


def test_parts_of_one_village_are_joined(tmp_path):
    island = shapely.box(122.3, 0.5, 122.31, 0.51)
    layers = build_layers(
        areas_file(tmp_path, [MANANGGU, MANANGGU], [BOX, island]), tmp_path / "out"
    )
    assert len(layers.villages) == 1
    assert layers.geometry[0].area == pytest.approx(BOX.area + island.area, rel=1e-6)


def test_features_without_code_or_shape_are_told(tmp_path):
    shapes = [BOX, BOX, shapely.Polygon()]
    path = areas_file(tmp_path, [MANANGGU, None, "75.02.05.2006"], shapes, name="a.parquet")
    manifest = build_layers(path, tmp_path / "out").manifest
    assert manifest["features_without_code"] == 1
    assert manifest["codes_without_shape"] == ["75.02.05.2006"]


def test_a_code_that_we_do_not_know_is_kept_with_defaults(tmp_path):
    layers = build_layers(areas_file(tmp_path, [MANANGGU, "75.02.05.2999"]), tmp_path / "out")
    new = layers.villages.set_index("adm4_code").loc["75.02.05.2999"]
    assert (new["adm3_name"], new["adm1_name"]) == ("Mananggu", "Gorontalo")
    assert (new["kind"], new["utc_offset"]) == ("Desa", 8)
    assert new["people"] > 0
    assert layers.manifest["codes_unknown"] == ["75.02.05.2999"]


@pytest.mark.parametrize(
    ("codes", "column", "words"),
    [
        pytest.param(["7502052005"], "kode", "'7502052005'", id="bps-or-undotted"),
        pytest.param([7502052005], "kode", "column 'kode'", id="number"),
        pytest.param(["75.02.05"], "kode", "areas of level 3", id="district"),
        pytest.param(
            ["Mananggu"], "nama_saja", "no column of codes among nama_saja", id="no-codes"
        ),
    ],
)
def test_codes_that_are_no_dotted_village_codes_are_refused(tmp_path, codes, column, words):
    with pytest.raises(LayerError, match=words):
        build_layers(areas_file(tmp_path, codes, column=column), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_named_column_must_be_there(tmp_path):
    with pytest.raises(LayerError, match="no column 'KDEPUM'; found kode"):
        build_layers(areas_file(tmp_path, [MANANGGU]), tmp_path / "out", area_id="KDEPUM")


def test_swapped_coordinates_are_refused(tmp_path):
    swapped = shapely.box(0.5, 122.1, 0.56, 122.16)
    with pytest.raises(LayerError, match="swapped-axes"):
        build_layers(
            areas_file(tmp_path, [MANANGGU], [swapped], name="a.parquet"), tmp_path / "out"
        )


@pytest.mark.parametrize("content", [b"", b"{", b"PAR1garbage"])
@pytest.mark.parametrize("name", ["x.geojson", "x.parquet"])
def test_a_file_that_is_no_map_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LayerError, match=name):
        build_layers(path, tmp_path / "out")


def test_a_folder_with_other_things_is_never_written_over(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(LayerError, match="empty folder"):
        build_layers(areas_file(tmp_path, [MANANGGU]), tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_own_registers_replace_the_modelled_ones(tmp_path):
    (tmp_path / "p.csv").write_text(f"adm4_code,people\n{MANANGGU},4321\n75.02.05.2001,9\n")
    (tmp_path / "t.csv").write_text(
        f"adm4_code,longitude,latitude,members,name\n{MANANGGU},122.12,0.52,12,Tagana Mananggu\n"
    )
    (tmp_path / "s.csv").write_text(
        f"adm4_code,name,longitude,latitude,capacity\n{MANANGGU},SDN 1,122.13,0.53,300\n"
    )
    layers = build_layers(
        areas_file(tmp_path, [MANANGGU]),
        tmp_path / "out",
        people=tmp_path / "p.csv",
        posts=tmp_path / "t.csv",
        shelters=tmp_path / "s.csv",
    )
    assert layers.villages[["people", "data_quality"]].to_numpy().tolist() == [[4321, "measured"]]
    assert layers.operator.people.tolist() == [4321]
    assert layers.teams[["name", "members", "on_duty"]].to_numpy().tolist() == [
        ["Tagana Mananggu", 12, True]
    ]
    assert layers.shelters[["name", "capacity"]].to_numpy().tolist() == [["SDN 1", 300]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(f"adm4_code,isi\n{MANANGGU},1\n", "no column of people", id="column"),
        pytest.param(f"adm4_code,people\n{MANANGGU},-5\n", "not below 0", id="negative"),
        pytest.param(f"adm4_code,people\n{MANANGGU},banyak\n", "banyak", id="no-number"),
        pytest.param(f"adm4_code,people\n{MANANGGU},1\n{MANANGGU},2\n", "twice", id="twice"),
    ],
)
def test_a_register_with_mistakes_is_refused(tmp_path, text, words):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(LayerError, match=words):
        build_layers(areas_file(tmp_path, [MANANGGU]), tmp_path / "out", people=tmp_path / "p.csv")


def test_real_villages_of_cianjur(samples, tmp_path):
    layers = build_layers(samples / "geo" / "adm4_villages_cianjur.geojson", tmp_path / "out")
    assert len(layers.villages) == 360
    assert int(layers.villages["people"].sum()) == 2_638_825
    assert layers.villages["area_km2"].sum() == pytest.approx(3634, rel=0.01)
    coastal = layers.villages[layers.villages["coast_share"] > 0]
    assert 5 < len(coastal) < 40
    assert np.nanmedian(coastal["sea_azimuth_deg"]) == pytest.approx(195, abs=30)


def test_a_village_that_a_covered_regency_lacks_can_still_be_warned(tmp_path):
    base = load_layers()
    rows = base.within("75.02")
    codes = base.villages["adm4_code"].iloc[rows].tolist()
    lost, kept = codes[3], [c for c in codes if c != codes[3]]
    shapes = list(base.geometry[base.index(kept)])
    layers = build_layers(areas_file(tmp_path, kept, shapes), tmp_path / "out")
    assert layers.villages["adm4_code"].tolist() == codes
    quality = layers.villages.set_index("adm4_code")["data_quality"]
    assert (quality[lost], quality[kept[0]]) == ("points-only", "modelled")
    assert layers.manifest["codes_filled"] == [lost]
    assert layers.geometry[3].intersects(base.geometry[base.index([lost])[0]])
