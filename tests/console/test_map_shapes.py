"""Polygons for the map: small, whole, and the same people."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from console import map_shapes
from console.map_shapes import UNITS_PER_DEGREE, drawable, packed, simplify


def unpacked(polygons: list[list[list[int]]]) -> shapely.Geometry:
    rings = [
        [np.cumsum(np.reshape(ring, (-1, 2)), axis=0) / UNITS_PER_DEGREE for ring in polygon]
        for polygon in polygons
    ]
    return shapely.MultiPolygon([(p[0], p[1:]) for p in rings])


boxes = st.tuples(
    st.integers(950_000, 1_400_000),
    st.integers(-110_000, 60_000),
    st.integers(2, 9_000),
    st.integers(2, 9_000),
)


@given(st.lists(boxes, min_size=1, max_size=8))
def test_unpacking_gives_the_packed_shape_back(found):
    edges = np.array(found) / UNITS_PER_DEGREE
    shapes = shapely.box(*edges.T[:2], edges[:, 0] + edges[:, 2], edges[:, 1] + edges[:, 3])
    for shape, polygons in zip(shapes, packed(shapes), strict=True):
        assert unpacked(polygons).symmetric_difference(shape).area == pytest.approx(0, abs=1e-8)


def test_a_hole_an_island_and_nothing_survive_packing():
    lake = shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 2, 2))
    both = shapely.MultiPolygon([lake, shapely.box(6, 6, 7, 7)])
    shapes = packed(np.array([both, shapely.MultiPolygon(), shapely.box(0, 0, 1, 1)], dtype=object))
    assert unpacked(shapes[0]).equals(both)
    assert shapes[1] == []
    assert unpacked(shapes[2]).equals(shapely.box(0, 0, 1, 1))


def test_neighbours_keep_their_common_border():
    wiggle = [(1 + 0.0003 * (i % 2), i * 0.01) for i in range(101)]
    left = shapely.Polygon([(0, 0), *wiggle, (0, 1)])
    right = shapely.Polygon([(2, 0), *wiggle, (2, 1)])
    a, b = simplify(np.array([left, right], dtype=object), 0.003)
    assert shapely.get_num_coordinates(a) < shapely.get_num_coordinates(left) / 4
    assert a.intersection(b).area == 0
    assert a.union(b).area == pytest.approx(2, abs=1e-4)


def test_damaged_and_foreign_shapes_do_no_harm():
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    found = simplify(np.array([bow_tie, shapely.Point(1, 1), None], dtype=object), 0.003)
    assert found[0].area == pytest.approx(0.5, rel=0.05)
    assert found[1].is_empty
    assert found[2].is_empty


@pytest.mark.parametrize("high_share", [0.0, 1.0], ids=["mostly-low", "mostly-high"])
def test_too_many_villages_become_districts_with_the_same_people(
    situation, monkeypatch, high_share
):
    monkeypatch.setattr(map_shapes, "MOST_SHAPES", 50)
    villages = situation(300).villages
    villages["level"] = np.where(np.arange(300) < 300 * high_share, 3, 2)
    found = drawable(villages)
    assert len(found) <= 50
    assert found["merged"].sum() == 300
    for column in ("people", "exposed", "uncovered"):
        assert found[column].sum() == villages[column].sum()


def test_a_district_with_a_village_without_team_has_no_time(situation, monkeypatch):
    monkeypatch.setattr(map_shapes, "MOST_SHAPES", 1)
    villages = situation(3).villages.assign(level=2)
    assert np.isnan(drawable(villages)["team_minutes"].iloc[0])


def test_high_levels_stay_villages_while_they_are_few(situation, monkeypatch):
    monkeypatch.setattr(map_shapes, "MOST_SHAPES", 50)
    villages = situation(60).villages.assign(level=[3] + [2] * 59)
    found = drawable(villages)
    assert (found["level"] == 3).sum() == 1
    assert found.loc[found["level"] == 3, "name"].tolist() == ["Desa 0"]
