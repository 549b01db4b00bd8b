"""Names residents know; polygons that never leave a village outside."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from kentongan.errors import DataError
from notify.area.cover import MAX_VERTICES, cover
from notify.area.geocodes import count
from notify.area.names import area_names, joined, short_regency
from notify.area.villages import rows_of, split


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Kabupaten Boalemo", "Kab. Boalemo"),
        ("Kota Gorontalo", "Kota Gorontalo"),
        ("Kota Administrasi Jakarta Pusat", "Kota Jakarta Pusat"),
        ("Kabupaten Administrasi Kepulauan Seribu", "Kab. Kepulauan Seribu"),
    ],
)
def test_short_names(name, short):
    assert short_regency(name) == short


def test_lists_read_like_speech():
    assert joined(["A"]) == "A"
    assert joined(["Dengilo", "Mananggu"]) == "Dengilo dan Mananggu"
    assert joined(["A", "B", "C"]) == "A, B, dan C"


def test_where_from_the_most_telling_to_the_shortest():
    assert area_names("Kab. X", ["A", "B"], whole=False) == [
        "Kec. A dan B, Kab. X", "Kec. A dan B", "Kab. X (2 kec.)", "Kab. X",
    ]  # fmt: skip
    assert area_names("Kab. X", list("ABCDEFGHIJKL"), whole=False)[0] == "Kab. X (12 kec.)"
    assert area_names("Kab. X", ["A", "B"], whole=True) == ["Kab. X"]


def test_groups_are_one_for_each_regency_and_level_highest_first():
    levels = {"75.04.01.2001": 2, "75.02.01.2001": 2, "75.02.01.2002": 4, "75.02.01.2003": 2}
    assert split(list(levels), levels) == {
        ("75.02", 4): ["75.02.01.2002"],
        ("75.02", 2): ["75.02.01.2001", "75.02.01.2003"],
        ("75.04", 2): ["75.04.01.2001"],
    }


def test_a_village_of_another_layer_set_is_an_error(areas):
    assert count(areas["adm4_code"]).districts == {"53.07": 1, "75.02": 2, "75.04": 1}
    with pytest.raises(DataError, match=r"11\.01\.01\.2001"):
        rows_of(areas, ["75.02.07.2001", "11.01.01.2001"])


def stars(seed: int, count: int, points: int) -> list[shapely.Polygon]:
    """Ragged islands around the equator."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        angle = np.sort(rng.uniform(0, 2 * np.pi, points))
        radius = rng.uniform(0.005, 0.08, points)
        x0, y0 = rng.uniform(120, 121), rng.uniform(-0.5, 0.5)
        made.append(
            shapely.Polygon(np.c_[x0 + radius * np.cos(angle), y0 + radius * np.sin(angle)])
        )
    return made


@example(1942, 8, 119)  # ragged at every width: 101 points without a hull
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(4, 120))
def test_the_cover_holds_every_village(seed, count, points):
    shapes = stars(seed, count, points)
    rings = cover(np.asarray(shapes, dtype=object))
    hull = shapely.union_all([shapely.Polygon([(x, y) for y, x in ring]) for ring in rings])
    assert all(hull.buffer(1e-9).covers(shapely.make_valid(shape)) for shape in shapes)
    for ring in rings:
        assert ring[0] == ring[-1] and len(ring) >= 4
        assert shapely.Polygon([(x, y) for y, x in ring]).is_valid
        assert all(round(v, 5) == v for point in ring for v in point)
        assert all(-1 <= lat <= 1 and 119 <= lon <= 122 for lat, lon in ring)
    assert max(map(len, rings)) <= MAX_VERTICES
    assert cover(np.asarray(shapes, dtype=object)) == rings


def test_a_village_in_a_hole_of_another_is_inside():
    ring = shapely.box(0, 0, 1, 1) - shapely.box(0.3, 0.3, 0.7, 0.7)
    rings = cover(np.asarray([ring, shapely.box(0.4, 0.4, 0.5, 0.5)], dtype=object))
    assert len(rings) == 1


def test_points_and_unknown_shapes():
    assert cover(np.asarray([None], dtype=object)) == ()
    (ring,) = cover(np.asarray([shapely.Point(122, 0.5), None], dtype=object))
    assert shapely.Polygon([(x, y) for y, x in ring]).contains(shapely.Point(122, 0.5))


def test_real_villages_are_covered_within_the_limit(samples):
    import geopandas as gpd

    path = samples / "geo" / "adm4_villages_cianjur.parquet"
    shapes = gpd.read_parquet(path).geometry.to_numpy()
    rings = cover(shapes)
    hull = shapely.union_all([shapely.Polygon([(x, y) for y, x in ring]) for ring in rings])
    assert shapely.covers(hull, shapely.make_valid(shapes)).all()
    assert max(map(len, rings)) <= MAX_VERTICES
    assert hull.area < 1.3 * shapely.union_all(shapely.make_valid(shapes)).area
