"""Posts, members, shelters, roads and rasters of a deployment."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio import Affine

from kentongan.areas import MEMBERS
from kentongan.errors import LayerError
from risk.access.surface import read_surface
from risk.layers.build import build_layers
from risk.layers.check.run import check_file
from risk.layers.given import Given
from risk.layers.layerset import load_layers
from risk.layers.registers import e164

CODE = "75.02.05.2005"
BOX = shapely.box(122.10, 0.50, 122.16, 0.56)


@pytest.fixture(scope="module")
def areas(tmp_path_factory):
    path = tmp_path_factory.mktemp("areas") / "a.parquet"
    gpd.GeoDataFrame({"kode": [CODE]}, geometry=[BOX], crs=4326).to_parquet(path)
    return path


def built(tmp_path, areas, **files):
    return build_layers(Given(areas, **files), tmp_path / "out")


def csv(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_a_post_without_coordinates_stands_in_its_village(tmp_path, areas):
    path = csv(tmp_path, f"kode_desa;anggota;nama\n{CODE};12;Tagana Mananggu\n")
    layers = built(tmp_path, areas, posts=path)
    team, village = layers.teams.iloc[0], layers.villages.iloc[0]
    assert team["members"] == 12
    assert (team["longitude"], team["latitude"]) == (village["longitude"], village["latitude"])


def test_posts_with_inverted_latitudes_are_refused(tmp_path, areas):
    text = f"adm4_code,lintang,bujur,members\n{CODE},-40.52,122.12,3\n"
    with pytest.raises(LayerError, match="places-elsewhere"):
        built(tmp_path, areas, posts=csv(tmp_path, text))


def test_posts_with_swapped_axes_are_refused(tmp_path, areas):
    text = f"adm4_code,latitude,longitude,members\n{CODE},122.12,0.52,3\n"
    with pytest.raises(LayerError, match="swapped-axes"):
        built(tmp_path, areas, posts=csv(tmp_path, text))


def test_posts_outside_the_set_are_left_out_and_told(tmp_path, areas):
    text = f"adm4_code,members\n{CODE},3\n32.03.01.1006,4\n"
    layers = built(tmp_path, areas, posts=csv(tmp_path, text))
    assert len(layers.teams) == 1
    assert "rows-left-out" in {f["check"] for f in layers.findings}


MEMBERS_CSV = f"""id,kode_desa,jenjang,keahlian,telepon,post_id,active
1,{CODE},Muda,"Shelter; dapur umum",0812-3456-7890,P-1,ya
2,{CODE},madya,,+62 811 222 333,P-1,ya
3,{CODE},utama,psikososial,812,P-1,tidak
4,{CODE},jagoan,,,,ya
"""


def test_members_and_their_skills(tmp_path, areas):
    layers = built(tmp_path, areas, members=csv(tmp_path, MEMBERS_CSV))
    members = layers.members
    assert list(members.columns) == list(MEMBERS)
    assert members["grade"].tolist() == ["muda", "madya", "utama", "jagoan"]
    assert members["skills"].iloc[0] == "dapur umum;shelter"
    assert members["active"].tolist() == [True, True, False, True]
    checks = {f["check"] for f in layers.findings}
    assert {"bad-phone", "unknown-grade"} <= checks


def test_numbers_of_members_are_not_stored(tmp_path, areas):
    layers = built(tmp_path, areas, members=csv(tmp_path, MEMBERS_CSV))
    everything = b"".join(p.read_bytes() for p in layers.path.iterdir())
    assert b"81234567890" not in everything
    hashed = layers.members["phone_sha256"]
    assert [len(h) for h in hashed] == [64, 64, 0, 0]


def test_a_table_of_members_is_checked_as_places(tmp_path):
    findings = check_file(csv(tmp_path, MEMBERS_CSV))
    assert [f.found for f in findings] == ["4 points"]


def test_teams_follow_from_members(tmp_path, areas):
    teams = built(tmp_path, areas, members=csv(tmp_path, MEMBERS_CSV)).teams
    assert teams[["post_id", "members"]].to_numpy().tolist() == [["P-1", 2], [f"P-{CODE}", 1]]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0812-3456-7890", "+6281234567890"),
        ("+62 (811) 222.333", "+62811222333"),
        ("62811222333", "+62811222333"),
        ("812", ""),
        ("telepon", ""),
        ("+0811222333", ""),
        ("0" * 30, ""),
    ],
)
def test_telephone_numbers(written, number):
    assert e164(written) == number


def test_shelters_need_their_capacity(tmp_path, areas):
    with pytest.raises(LayerError, match="'capacity' is missing"):
        built(tmp_path, areas, shelters=csv(tmp_path, f"adm4_code,nama\n{CODE},SDN 1\n"))


def test_shelters_in_indonesian(tmp_path, areas):
    text = f"kode_desa,name,lintang,bujur,daya_tampung\n{CODE},SDN 1,0.53,122.13,300\n"
    layers = built(tmp_path, areas, shelters=csv(tmp_path, text))
    assert layers.shelters["capacity"].tolist() == [300]


def test_roads_become_a_surface(tmp_path, areas):
    lines = [shapely.LineString([(122.10, 0.52), (122.16, 0.54)]),
             shapely.LineString([(110, -7), (111, -7)])]  # fmt: skip
    roads = gpd.GeoDataFrame({"fclass": ["primary", "primary"]}, geometry=lines, crs=4326)
    roads.to_file(tmp_path / "roads.gpkg", engine="pyogrio")
    layers = built(tmp_path, areas, roads=tmp_path / "roads.gpkg")
    surface = read_surface(layers.raster("surface"), (122.1, 0.5, 122.16, 0.56))
    assert surface.on_road.any()
    assert layers.manifest["rasters"]["surface"]["method"] == "1 roads burnt into cells"


def test_real_roads_of_jakarta(samples, tmp_path):
    jakarta = gpd.read_parquet(samples / "geo" / "adm4_villages_jakarta_31.parquet").iloc[60:63]
    jakarta.to_parquet(tmp_path / "a.parquet")
    layers = build_layers(
        Given(tmp_path / "a.parquet", roads=samples / "geo" / "roads_jakarta_osm.parquet"),
        tmp_path / "out",
    )
    assert layers.raster("surface") is not None


def test_roads_elsewhere_are_refused(samples, tmp_path, areas):
    with pytest.raises(LayerError, match="no road in the area"):
        built(tmp_path, areas, roads=samples / "geo" / "roads_jakarta_osm.parquet")


def test_areas_are_no_roads(samples, tmp_path, areas):
    with pytest.raises(LayerError, match="no-lines"):
        built(tmp_path, areas, roads=areas)


def elevation(tmp_path, *, nodata=-32767.0, fill=None):
    values = np.linspace(0, 900, 100 * 100, dtype=np.float32).reshape(100, 100)
    if fill is not None:
        values[0, :] = fill
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=100, height=100, count=1, dtype="float32", crs=4326,
        nodata=nodata, transform=Affine(0.01, 0, 121.6, 0, -0.01, 1.0),
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path


def test_elevation_is_cut_to_the_villages(tmp_path, areas):
    layers = built(tmp_path, areas, elevation=elevation(tmp_path))
    with rasterio.open(layers.raster("elevation")) as out:
        assert out.bounds.left <= 122.0 <= out.bounds.right <= 122.28
        assert out.width < 100
    assert layers.manifest["rasters"]["elevation"]["method"] == "cut, not resampled"


def test_elevation_with_undeclared_nodata_is_refused(tmp_path, areas):
    with pytest.raises(LayerError, match="undeclared-nodata"):
        built(tmp_path, areas, elevation=elevation(tmp_path, nodata=None, fill=-9999.0))


def test_the_manifest_names_every_input_and_tool(tmp_path, areas):
    layers = built(tmp_path, areas, elevation=elevation(tmp_path))
    sources = {s["role"]: s for s in layers.manifest["sources"]}
    assert set(sources) == {"areas", "elevation"}
    assert all(len(d) == 64 for s in sources.values() for d in s["sha256"].values())
    assert {"shapely", "rasterio", "pyproj"} <= set(layers.manifest["tools"])
    assert layers.manifest["decree"].startswith("Kepmendagri")
    assert load_layers(layers.path).findings == layers.findings


@pytest.mark.parametrize("name", ["operator.bin", "elevation.tif", "villages.parquet"])
def test_a_changed_file_is_found(tmp_path, areas, name):
    layers = built(tmp_path, areas, elevation=elevation(tmp_path))
    content = bytearray((layers.path / name).read_bytes())
    content[len(content) // 2] ^= 1
    copy = tmp_path / "copy"
    layers.path.rename(copy)
    (copy / name).write_bytes(bytes(content))
    with pytest.raises(LayerError, match=f"{name} was changed"):
        load_layers(copy)
