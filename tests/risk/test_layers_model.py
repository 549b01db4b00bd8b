"""How village shapes, people, coasts and helpers are modelled; on small worlds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import LayerError
from risk.layers import files, synthetic
from risk.layers.cells import points_astray, village_cells, voronoi
from risk.layers.coast import coast_columns, compile_coast
from risk.layers.sources import Land, read_land, read_nusantara
from risk.operator import compile_operator

NAN = float("nan")
ISLAND = shapely.box(120.0, 0.0, 121.0, 1.0)


def seeds(*rows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["code", "longitude", "latitude"])


def test_cells_tile_the_land_without_gap_or_overlap():
    rng = np.random.default_rng(7)
    points = np.round(rng.uniform([120.01, 0.01], [120.99, 0.99], (60, 2)), 4)
    villages = seeds(*[(f"75.01.01.2{i:03d}", x, y) for i, (x, y) in enumerate(points)])
    cells = village_cells(villages, np.array([ISLAND], dtype=object))
    assert shapely.area(cells.geometry).sum() == pytest.approx(1.0, rel=1e-3)
    assert shapely.union_all(cells.geometry).area == pytest.approx(1.0, rel=1e-3)
    assert (cells.quality == "modelled").all()


@given(st.integers(0, 10_000))
def test_a_place_belongs_to_its_nearest_point(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform([120, -1], [121, 1], (12, 2))
    cells = voronoi(points)
    place = rng.uniform([120, -1], [121, 1])
    away = np.hypot(*((points - place) * [np.cos(np.radians(place[1])), 1]).T)
    first, second = np.sort(away)[:2]
    if second - first > 1e-3:
        assert shapely.intersects_xy(cells[np.argmin(away)], *place)


def test_a_village_that_the_coastline_lacks_gets_a_disc():
    villages = seeds(
        ("75.01.01.2001", 120.3, 0.5), ("75.01.01.2002", 120.7, 0.5), ("75.01.01.2003", 122.0, 0.5)
    )
    cells = village_cells(villages, np.array([ISLAND], dtype=object))
    assert cells.quality.tolist() == ["modelled", "modelled", "points-only"]
    disc = cells.geometry[2]
    assert disc.area * 111.195**2 == pytest.approx(np.pi, rel=0.05)
    assert disc.contains(shapely.Point(122.0, 0.5))


def test_villages_without_a_point_share_their_district():
    villages = seeds(
        ("75.01.01.2001", 120.2, 0.5),
        ("75.01.01.2002", NAN, NAN),
        ("75.01.02.2001", 120.8, 0.5),
    )
    cells = village_cells(villages, np.array([ISLAND], dtype=object))
    assert cells.geometry[1].equals(cells.geometry[0])
    assert cells.quality[1] == "points-only"
    assert cells.sharers.tolist() == [1, 2, 1]
    assert shapely.intersects_xy(cells.geometry[1], cells.longitude[1], cells.latitude[1])


def test_two_villages_on_one_point_share_one_cell():
    villages = seeds(
        ("75.01.01.2001", 120.2, 0.5), ("75.01.01.2002", 120.2, 0.5), ("75.01.01.2003", 120.8, 0.5)
    )
    cells = village_cells(villages, np.array([ISLAND], dtype=object))
    assert cells.geometry[0].equals(cells.geometry[1])


def test_a_point_amid_strangers_far_from_home_is_astray_and_an_island_is_not():
    home = [(f"75.01.01.2{i:03d}", 120 + 0.01 * i, 0.0) for i in range(8)]
    strangers = [(f"75.01.02.2{i:03d}", 122 + 0.01 * i, 0.0) for i in range(8)]
    lost = [("75.01.01.2900", 122.035, 0.001)]
    island = [("75.01.01.2901", 120.0, 3.0)]
    villages = seeds(*home, *strangers, *lost, *island)
    found = points_astray(villages)
    assert villages["code"][found].tolist() == ["75.01.01.2900"]


@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=4),
    st.lists(st.floats(0.01, 1e4), min_size=4, max_size=20),
)
def test_people_of_a_regency_are_shared_out_to_the_person(totals, weights):
    regency = pd.Series([f"75.{i % len(totals):02d}" for i in range(len(weights))]).sort_values()
    register = pd.Series(totals, index=[f"75.{i:02d}" for i in range(len(totals))])
    people = synthetic.share_out(register, regency, np.array(weights))
    found = pd.Series(people).groupby(regency.to_numpy()).sum()
    assert found.to_dict() == register.loc[found.index].to_dict()
    assert (people >= 0).all()


def square_land() -> Land:
    """A square island of 111 km; the east half belongs to a neighbour."""
    neighbour = shapely.box(120.5, 0, 121, 1)
    return Land(np.array([shapely.box(120, 0, 120.5, 1)], dtype=object), neighbour)


@pytest.mark.parametrize(
    ("box", "share", "azimuth"),
    [
        pytest.param((120.0, 0.4, 120.036, 0.5), 0.5, 270.0, id="west-shore"),
        pytest.param((120.2, 0.96, 120.3, 1.0), 0.45, 0.0, id="north-shore"),
        pytest.param((120.2, 0.0, 120.3, 0.01), 1.0, 180.0, id="south-shore"),
        pytest.param((120.2, 0.4, 120.3, 0.5), 0.0, NAN, id="inland"),
        pytest.param((120.46, 0.4, 120.5, 0.5), 0.0, NAN, id="a-land-border-is-no-coast"),
        pytest.param((125.0, 0.4, 125.01, 0.41), 1.0, NAN, id="an-island-that-the-map-lacks"),
    ],
)
def test_coast_share_and_the_way_to_the_sea(box, share, azimuth):
    coast = compile_coast(square_land())
    found_share, found_azimuth = coast_columns(np.array([shapely.box(*box)], dtype=object), coast)
    assert found_share[0] == pytest.approx(share, abs=0.01)
    if np.isnan(azimuth):
        assert np.isnan(found_azimuth[0])
    else:
        turn = (found_azimuth[0] - azimuth + 180) % 360 - 180
        assert abs(turn) < 3


def test_a_small_island_faces_every_side():
    atoll = Land(np.array([shapely.box(120, 0, 120.1, 0.1)], dtype=object), shapely.Polygon())
    share, azimuth = coast_columns(
        np.array([shapely.box(120, 0.09, 120.1, 0.1)], dtype=object), compile_coast(atoll)
    )
    assert share[0] == pytest.approx(1.0)
    assert np.isnan(azimuth[0])


def small_set(folder) -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform([120.01, 0.01], [120.99, 0.99], (40, 2))
    villages = seeds(*[(f"75.01.{i // 10:02d}.2{i:03d}", x, y) for i, (x, y) in enumerate(points)])
    cells = village_cells(villages, np.array([ISLAND], dtype=object))
    folder.mkdir()
    files.write_geometry(folder / "geometry.parquet", cells.geometry, 1e-4)
    people = np.arange(40, dtype=np.int64) + 5
    files.write_operator(folder / "operator.parquet", compile_operator(cells.geometry, people))
    files.write_coast(folder, compile_coast(square_land()))
    files.write_manifest(folder, {"name": "small"})


def test_the_same_build_twice_gives_the_same_bytes(tmp_path):
    small_set(tmp_path / "a")
    small_set(tmp_path / "b")
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert "manifest.json" in names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_shapes_come_back_as_they_went(tmp_path):
    ring = shapely.box(120, 0, 121, 1) - shapely.box(120.2, 0.2, 120.4, 0.4)
    several = shapely.MultiPolygon([ring, shapely.box(122, -1, 122.5, -0.5)])
    shapes = np.array([ring, several, shapely.box(-1, -1, 0, 0)], dtype=object)
    files.write_geometry(tmp_path / "g.parquet", shapes, 1e-4)
    back = files.read_geometry(tmp_path / "g.parquet", 1e-4)
    assert shapely.equals(back, shapes).all()
    assert shapely.is_valid(back).all()


def test_helpers_do_not_depend_on_the_rest_of_the_nation():
    villages = pd.DataFrame(
        {
            "adm4_code": [
                f"75.0{r}.0{d}.20{i:02d}" for r in (1, 2) for d in (1, 2) for i in range(6)
            ],
            "name": "X",
            "kind": "Desa",
            "adm2_name": "Kabupaten X",
            "longitude": 120.0,
            "latitude": 0.0,
            "coast_share": 0.0,
        }
    )
    one = villages[villages["adm4_code"].str.startswith("75.01")]
    for make in (synthetic.shelters, synthetic.coordinators):
        whole, part = make(villages), make(one)
        pd.testing.assert_frame_equal(
            whole[whole["adm4_code"].str.startswith("75.01")].reset_index(drop=True), part
        )
    heads = synthetic.coordinators(villages)
    teams = synthetic.teams(villages, heads)
    assert teams.groupby(teams["adm4_code"].str[:5])["adm4_code"].nunique().between(7, 8).all()
    assert set(teams["adm4_code"].str[:8]) == {"75.01.01", "75.01.02", "75.02.01", "75.02.02"}


@pytest.mark.parametrize("read", [read_nusantara, read_land])
def test_a_source_that_is_no_archive_is_refused(tmp_path, read):
    path = tmp_path / "x.whl"
    path.write_text("no zip")
    with pytest.raises(LayerError, match=r"x\.whl"):
        read(path)
