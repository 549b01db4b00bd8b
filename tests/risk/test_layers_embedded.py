"""The committed layer set: whole, sealed, marked, small."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import shapely

from kentongan.areas import COORDINATORS, SHELTERS, TEAMS, VILLAGES
from kentongan.errors import LayerError
from kentongan.settings import data_dir
from risk.layers.layerset import LayerSet, load_layers
from risk.operator import PARTS, compile_operator

FOLDER = data_dir() / "layers" / "embedded"


@pytest.fixture(scope="module")
def layers() -> LayerSet:
    return load_layers()


def test_every_village_of_the_decree_and_everybody(layers):
    villages = layers.villages
    assert len(villages) == 83_762
    assert villages["adm4_code"].is_monotonic_increasing
    assert villages["adm4_code"].is_unique
    assert int(villages["people"].sum()) == 284_973_643
    assert (villages["people"] > 0).all()
    kinds = villages["kind"].value_counts().to_dict()
    assert kinds == {"Desa": 75_252, "Kelurahan": 8_496, "Desa Adat": 14}
    assert villages["adm4_code"].str[:8].nunique() == 7_285
    assert villages["adm4_code"].str[:5].nunique() == 514
    assert set(villages["utc_offset"]) == {7, 8, 9}


def test_people_of_a_regency_are_its_register(layers):
    cianjur = layers.villages.iloc[layers.within("32.03")]
    assert int(cianjur["people"].sum()) == 2_638_825
    assert len(cianjur) == 360


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("villages", VILLAGES),
        ("teams", TEAMS),
        ("coordinators", COORDINATORS),
        ("shelters", SHELTERS),
    ],
)
def test_tables_have_the_promised_columns_and_types(layers, table, columns):
    found = getattr(layers, table)
    for name, meaning in columns.items():
        kind = meaning.split()[0].rstrip(",:;")
        assert str(found[name].dtype) == {"text": "str"}.get(kind, kind), name


def test_every_village_has_a_valid_shape_around_its_point(layers):
    shapes = layers.geometry
    assert shapely.is_valid(shapes).all()
    assert (shapely.area(shapes) > 0).all()
    points = layers.villages[["longitude", "latitude"]].to_numpy()
    inside = shapely.intersects_xy(shapes, points[:, 0], points[:, 1])
    # Rounding to 11 m leaves a few points beside their border.
    assert inside.mean() > 0.9999


def test_villages_without_a_usable_point_share_their_district_and_say_so(layers):
    row = int(layers.index(["72.06.20.2002"])[0])
    assert layers.villages["data_quality"].iloc[row] == "points-only"
    # Its published point stands 90 km away, at 121.967 E.
    assert layers.villages["longitude"].iloc[row] > 122.3
    assert layers.manifest["modelled"]["shapes_shared"] == 384


def test_the_operator_fits_the_shapes(layers):
    some = slice(*(layers.within(c).start for c in ("75", "76")))
    fresh = compile_operator(layers.geometry[some], layers.operator.people[some])
    kept = slice(layers.operator.pointer[some.start], layers.operator.pointer[some.stop])
    np.testing.assert_array_equal(layers.operator.cell[kept], fresh.cell)
    np.testing.assert_array_equal(layers.operator.share[kept], fresh.share)
    sums = np.add.reduceat(layers.operator.share, layers.operator.pointer[:-1], dtype=np.int64)
    assert (sums == PARTS).all()


def test_synthetic_people_cannot_be_called(layers):
    assert layers.coordinators["msisdn"].str.match(r"^\+999\d{9}$").all()
    assert layers.coordinators["msisdn"].is_unique
    for table in (layers.teams, layers.coordinators, layers.shelters):
        assert table["name"].str.endswith("(sintetis)").all()


def test_helpers_are_there_for_every_regency_and_district(layers):
    villages = layers.villages["adm4_code"]
    assert set(layers.teams["adm4_code"].str[:5]) == set(villages.str[:5])
    assert set(layers.coordinators["adm2_code"]) == set(villages.str[:5])
    assert set(layers.shelters["adm4_code"].str[:8]) == set(villages.str[:8])
    assert set(layers.teams["coordinator_id"]) <= set(layers.coordinators["coordinator_id"])
    assert layers.teams["on_duty"].mean() == pytest.approx(0.6, abs=0.05)
    members = layers.teams["members"].sum() / 514
    assert members == pytest.approx(76, abs=2)  # 38,992 members in 2020


def test_small_enough_to_be_committed():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 8_000_000
    assert (FOLDER / "outline.geojson").stat().st_size < 300_000
    assert len(json.loads((FOLDER / "outline.geojson").read_text())["features"]) == 38


def test_lookups(layers):
    assert layers.names["75.02.05"] == "Mananggu"
    assert layers.names["75.02"] == "Kabupaten Boalemo"
    assert layers.names["75"] == "Gorontalo"
    span = layers.within("75.02.05")
    assert span.stop - span.start == 9
    empty = layers.within("99")
    assert empty.start == empty.stop
    with pytest.raises(LayerError, match=r"99\.99"):
        layers.index(["99.99.99.9999"])


def test_loaded_once():
    assert load_layers() is load_layers("")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(
            lambda folder: (folder / "teams.parquet").unlink(),
            "teams.parquet is missing",
            id="gone",
        ),
        pytest.param(
            lambda folder: (folder / "operator.parquet").write_bytes(b"PAR1"),
            "changed",
            id="changed",
        ),
        pytest.param(
            lambda folder: (folder / "manifest.json").write_text("{"), "manifest", id="no-manifest"
        ),
        pytest.param(
            lambda folder: (folder / "manifest.json").write_text('{"format": 99, "files": {}}'),
            "format 99",
            id="other-format",
        ),
    ],
)
def test_a_damaged_set_is_refused(tmp_path, spoil, words):
    folder = Path(shutil.copytree(FOLDER, tmp_path / "set"))
    spoil(folder)
    with pytest.raises(LayerError, match=words):
        load_layers(folder)
