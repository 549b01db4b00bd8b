"""Who is inside: the same hits as GEOS gives, border and corners included; codes of any level."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import DataError
from risk.exposure import kernels
from risk.inside import CodeIndex, PointIndex


@pytest.fixture(scope="module", params=[False, True], ids=["geos", "compiled"])
def fast(request) -> Iterator[bool]:
    kernels.cool()
    if request.param:
        kernels.warm()
    yield request.param
    kernels.cool()


def hits(index: PointIndex, polygons) -> list[set[int]]:
    found = index.inside(np.array(polygons, dtype=object))
    return [set(found.of(i).tolist()) for i in range(len(polygons))]


def by_geos(x, y, polygons) -> list[set[int]]:
    return [set(np.flatnonzero(shapely.intersects_xy(p, x, y)).tolist()) for p in polygons]


# A lattice of quarters: points fall on edges and corners of shapes drawn on the same lattice.
quarters = st.integers(0, 40).map(lambda k: 106 + k / 4 * 0.1)
corners = st.lists(st.tuples(quarters, quarters), min_size=3, max_size=8)
shapes = st.lists(
    corners.map(lambda c: shapely.make_valid(shapely.Polygon(c)))
    | st.tuples(corners, corners).map(
        lambda two: shapely.union_all([shapely.MultiPoint(c).convex_hull for c in two])
    ),
    min_size=1,
    max_size=4,
).map(lambda found: [s for s in found if s.geom_type in ("Polygon", "MultiPolygon")])


@settings(max_examples=80)
@given(shapes.filter(bool), st.lists(st.tuples(quarters, quarters), max_size=60))
def test_points_on_borders_and_corners_are_hits_as_in_geos(fast, polygons, points):
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    assert hits(PointIndex(x, y), polygons) == by_geos(x, y, polygons)


@pytest.mark.parametrize("spread", [0.001, 0.3, 20.0], ids=["one-cell", "district", "nation"])
def test_many_points_in_rings_with_holes_and_islands(fast, spread):
    rng = np.random.default_rng(8)
    x, y = 110 + rng.normal(0, spread, 4000), -2 + rng.normal(0, spread / 2, 4000)
    near = [shapely.Point(110 + dx * spread, -2).buffer(spread, 40) for dx in (-0.6, 0, 0.9)]
    polygons = [
        near[0] - near[1].buffer(-spread / 3),
        shapely.MultiPolygon([near[2].buffer(-spread / 2), shapely.box(90, -20, 91, -19)]),
        shapely.box(100, -3, 120, -1),
        shapely.box(0, 0, 1, 1),
        shapely.Polygon(),
        shapely.Polygon([(110, -2), (110 + spread, -2), (110 + spread, -2 + 1e-9)]),
    ]
    index = PointIndex(x, y)
    assert hits(index, polygons) == by_geos(x, y, polygons)


def test_both_ways_give_the_same_bytes_as_sjoin_finds():
    rng = np.random.default_rng(9)
    x, y = rng.uniform(105, 108, 5000), rng.uniform(-8, -6, 5000)
    polygons = np.array(
        [shapely.Point(*rng.uniform((105, -8), (108, -6))).buffer(0.3) for _ in "abcd"]
    )
    index = PointIndex(x, y)
    kernels.cool()
    plain = index.inside(polygons)
    kernels.warm()
    quick = index.inside(polygons)
    kernels.cool()
    np.testing.assert_array_equal(plain.point, quick.point)
    np.testing.assert_array_equal(plain.pointer, quick.pointer)
    points = gpd.GeoDataFrame(geometry=shapely.points(x, y), crs=4326)
    joined = gpd.sjoin(points, gpd.GeoDataFrame(geometry=polygons, crs=4326))
    asked = np.repeat(np.arange(len(polygons)), np.diff(quick.pointer))
    pairs = set(zip(asked.tolist(), quick.point.tolist(), strict=True))
    assert pairs == set(zip(joined["index_right"].tolist(), joined.index.tolist(), strict=True))


def test_points_without_a_position_are_nowhere(fast):
    x, y = np.array([106.0, np.nan, 106.1, np.inf]), np.array([-6.0, -6.0, np.nan, -6.0])
    assert hits(PointIndex(x, y), [shapely.box(-180, -90, 180, 90)]) == [{0}]
    assert hits(PointIndex(np.empty(0), np.empty(0)), [shapely.box(0, 0, 1, 1)]) == [set()]
    assert hits(PointIndex(x, y), []) == []


def test_points_all_over_the_globe_fit_into_memory(fast):
    x, y = np.array([-180.0, 180.0, 106.8, 0]), np.array([-90.0, 90.0, -6.2, 0])
    index = PointIndex(x, y)
    assert index.rows * index.columns < 2e7
    assert hits(index, [shapely.box(106, -7, 107, -6)]) == [{2}]


def test_coordinates_come_in_pairs():
    with pytest.raises(DataError, match="pair"):
        PointIndex(np.zeros(3), np.zeros(2))


CODES = ["32.03.01.2001", "32.03.01.2002", "32.03.10.2001", "32.04.01.2001", "31.71.03.1001"]


@given(st.lists(st.sampled_from(CODES), max_size=40), st.lists(st.sampled_from(CODES), max_size=4))
def test_people_by_village_code(registered, asked):
    found = CodeIndex(registered).inside(asked)
    for i, code in enumerate(asked):
        assert found.of(i).tolist() == [n for n, own in enumerate(registered) if own == code]


@pytest.mark.parametrize(
    ("area", "people"),
    [
        pytest.param("32", [0, 1, 2, 3], id="province"),
        pytest.param("32.03", [0, 1, 2], id="regency"),
        pytest.param("32.03.01", [0, 1], id="district"),
        pytest.param("32.03.1", [], id="half-a-code"),
        pytest.param("99", [], id="nowhere"),
    ],
)
def test_people_of_an_area_by_its_code(area, people):
    assert sorted(CodeIndex(CODES).inside([area]).point.tolist()) == people
