"""Any hazard over the operator: other grids, polygons, ensembles; nothing is resampled."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import GridMismatch
from kentongan.grid import Grid
from risk.exposure import kernels
from risk.exposure.expose import Exposed, expose
from risk.exposure.refine import box_portions, field_cells
from risk.operator import UNKNOWN, ExposureOperator, compile_operator
from risk.stripes import ArrayStripes

GRID = Grid(west=100.0, south=0.0, step=1.0, columns=4, rows=4)
SHAPES = np.array(
    [
        shapely.box(100.2, 0.1, 101.9, 2.3),
        shapely.box(101.9, 0.1, 103.7, 2.3) - shapely.box(102.5, 1.2, 103.2, 1.8),
        shapely.MultiPolygon(
            [shapely.box(100.1, 2.5, 100.3, 3.9), shapely.box(103.1, 3.05, 103.9, 3.9)]
        ),
    ]
)
PEOPLE = np.array([100_003, 50_000, 777])
OPERATOR = compile_operator(SHAPES, PEOPLE, GRID, scale=1 << 30)


def dataset(levels: np.ndarray, latitude, longitude, **attrs) -> xr.Dataset:
    coords = {"latitude": latitude, "longitude": longitude}
    extra = ("realization",) * (levels.ndim - 2)
    return xr.Dataset(
        {"hazard_level": ((*extra, "latitude", "longitude"), levels)}, coords, attrs=attrs
    )


def laid(hazard, operator: ExposureOperator = OPERATOR) -> Exposed:
    return expose(operator, SHAPES, hazard)


def by_cutting(levels: np.ndarray, south: float, west: float, dy: float, dx: float) -> np.ndarray:
    """Share of each village in each class, cell by cell of both grids."""
    out = np.zeros((3, 6))
    fine = {
        (r, c): shapely.box(
            west + c * dx, south + r * dy, west + (c + 1) * dx, south + (r + 1) * dy
        )
        for r, c in np.ndindex(levels.shape)
    }
    for v, shape in enumerate(SHAPES):
        weights = np.zeros((4, 4))
        for i, j in np.ndindex(4, 4):
            part = shape.intersection(shapely.box(100 + j, i, 101 + j, i + 1))
            weights[i, j] = part.area * np.cos(np.radians(i + 0.5))
            left = 1.0
            for (r, c), cell in fine.items():
                if part.area and (inside := part.intersection(cell).area / part.area) > 0:
                    out[v, levels[r, c]] += weights[i, j] * inside
                    left -= inside
            out[v, UNKNOWN] += weights[i, j] * left
        out[v] /= weights.sum()
    return out


def test_the_same_cells_are_looked_up():
    levels = np.random.default_rng(1).integers(-1, 5, (4, 4)).astype(np.int8)
    found = laid(dataset(levels, GRID.latitude, GRID.longitude))
    assert found.method == "cells"
    np.testing.assert_array_equal(found.counts, OPERATOR.overlay(levels))


def test_north_first_and_turned_rasters_are_set_upright():
    levels = np.random.default_rng(1).integers(-1, 5, (4, 4)).astype(np.int8)
    upright = dataset(levels, GRID.latitude, GRID.longitude)
    turned = upright.isel(latitude=slice(None, None, -1)).transpose("longitude", "latitude")
    np.testing.assert_array_equal(laid(turned).counts, laid(upright).counts)


def test_wider_cells_that_hold_whole_ones_cut_nothing():
    found = laid(dataset(np.array([[1, 2], [3, 4]], np.int8), [1.0, 3.0], [101.0, 103.0]))
    each = np.kron([[1, 2], [3, 4]], np.ones((2, 2))).astype(np.int8)
    assert found.method == "cells"
    np.testing.assert_array_equal(found.counts, OPERATOR.overlay(each))


@settings(max_examples=15)
@given(
    st.integers(2, 7),
    st.integers(2, 7),
    st.floats(99.1, 101.5),
    st.floats(-0.7, 1.2),
    st.floats(0.21, 1.7),
    st.randoms(use_true_random=False),
)
def test_any_grid_is_cut_along_its_own_lines(rows, columns, west, south, step, random):
    levels = np.array(
        [[random.randint(0, 4) for _ in range(columns)] for _ in range(rows)], np.int8
    )
    latitude = south + (np.arange(rows) + 0.5) * step * 0.9
    longitude = west + (np.arange(columns) + 0.5) * step
    field = dataset(levels, latitude, longitude)
    exact = by_cutting(levels, south, west, step * 0.9, step)
    found = laid(field)
    np.testing.assert_allclose(found.parts / OPERATOR.scale, exact, atol=2e-6)
    assert (found.counts.sum(axis=1) == PEOPLE).all()
    kernels.warm()
    np.testing.assert_array_equal(laid(field).parts, found.parts)
    kernels.cool()


def test_beyond_the_field_is_not_known_unless_it_says_none():
    levels, places = np.full((2, 2), 3, np.int8), ([1.0, 1.2], [101.0, 101.2])
    blind, clear = laid(dataset(levels, *places)), laid(dataset(levels, *places, outside="none"))
    np.testing.assert_array_equal(blind.counts[:, 3], clear.counts[:, 3])
    assert blind.counts[:, 0].sum() == 0
    assert clear.counts[:, UNKNOWN].sum() == 0
    assert (blind.known_fraction < 0.2).all()
    assert (clear.known_fraction == 1).all()


def test_polygons_count_by_area_and_the_highest_speaks():
    zones = [
        shapely.box(100, 0, 102.6, 1),
        shapely.box(101, 0, 102, 4),
        shapely.box(103, 3, 104, 4),
    ]
    frame = gpd.GeoDataFrame({"hazard_level": [2, 4, -1]}, geometry=zones, crs=4326)
    found = laid(frame)
    assert found.method == "polygons by area"
    middle = np.cos(np.radians(np.arange(4) + 0.5))
    low, high = 1.7 * (0.9 * middle[0]), 0.9 * (0.9 * middle[0] + middle[1] + 0.3 * middle[2])
    whole = 1.7 * (0.9 * middle[0] + middle[1] + 0.3 * middle[2])
    expected = [(low - 0.9 * 0.9 * middle[0]) / whole, high / whole]
    np.testing.assert_allclose(found.parts[0, [2, 4]] / OPERATOR.scale, expected, atol=1e-6)
    assert found.parts[2, UNKNOWN] > 0
    assert (found.counts.sum(axis=1) == PEOPLE).all()
    assert (laid(frame.to_crs(3857)).counts == found.counts).all()


@settings(max_examples=20)
@given(st.integers(1, 4), st.floats(0.05, 1.5), st.floats(100, 104), st.floats(0, 4))
def test_a_larger_zone_never_holds_fewer(level, radius, x, y):
    def at_least(size: float) -> np.ndarray:
        shape = shapely.Point(x, y).buffer(size)
        frame = gpd.GeoDataFrame({"hazard_level": [level]}, geometry=[shape], crs=4326)
        return laid(frame).counts[:, level]

    assert (at_least(radius * 1.3) >= at_least(radius)).all()


def test_members_give_medians_and_a_spread_that_members_have():
    rng = np.random.default_rng(6)
    levels = rng.integers(-1, 5, (11, 4, 4)).astype(np.int8)
    found = laid(dataset(levels, GRID.latitude, GRID.longitude))
    each = np.stack([OPERATOR.overlay(one) for one in levels])
    at_least = np.cumsum(each[:, :, 4:0:-1], axis=2)[:, :, ::-1]
    spread = found.spread
    assert spread is not None
    assert (spread.members, found.method) == (11, "cells, 11 members")
    ranked = np.sort(at_least, axis=0)
    np.testing.assert_array_equal(spread.low, ranked[1])
    np.testing.assert_array_equal(spread.middle, ranked[5])
    np.testing.assert_array_equal(spread.high, ranked[9])
    np.testing.assert_array_equal(spread.nation, np.sort(at_least.sum(axis=1), axis=0)[[1, 5, 9]])
    np.testing.assert_array_equal(found.counts.sum(axis=1), PEOPLE)
    np.testing.assert_array_equal(
        np.cumsum(found.counts[:, 4:0:-1], axis=1)[:, ::-1], spread.middle
    )


def test_one_member_is_the_field_itself():
    levels = np.random.default_rng(1).integers(-1, 5, (1, 4, 4)).astype(np.int8)
    members = laid(dataset(levels, GRID.latitude, GRID.longitude))
    alone = laid(dataset(levels[0], GRID.latitude, GRID.longitude))
    np.testing.assert_array_equal(members.counts, alone.counts)
    np.testing.assert_array_equal(members.spread.low, members.spread.high)


def test_people_in_no_village_are_counted_under_every_kind_of_hazard():
    counts = np.full((16, 16), 10.0, dtype=np.float32)
    raster = ArrayStripes(counts, 100.0, 4.0, 0.25, 0.25)
    operator = compile_operator(SHAPES, None, GRID, raster=raster)
    everywhere = shapely.box(99, -1, 105, 5)
    half = dataset(np.array([[1, 2]] * 3, np.int8), [0.0, 1.9, 3.8], [100.4, 102.4])
    hazards = [
        dataset(np.full((4, 4), 3, np.int8), GRID.latitude, GRID.longitude),
        half,
        gpd.GeoDataFrame({"hazard_level": [3]}, geometry=[everywhere], crs=4326),
        dataset(np.full((3, 4, 4), 3, np.int8), GRID.latitude, GRID.longitude),
    ]
    for hazard in hazards:
        found = laid(hazard, operator)
        assert found.nation.sum() == 2560
        assert found.unassigned.sum() == operator.unassigned.people.sum() > 500
    assert laid(hazards[2], operator).unassigned[3] == operator.unassigned.people.sum()


@pytest.mark.parametrize(
    ("hazard", "words"),
    [
        pytest.param(
            dataset(np.zeros((4, 4), np.int8), GRID.latitude, GRID.longitude).rename(latitude="y"),
            "dims",
            id="other-dims",
        ),
        pytest.param(
            dataset(np.full((4, 4), 2.5), GRID.latitude, GRID.longitude), "2.5", id="halves"
        ),
        pytest.param(
            dataset(np.full((4, 4), 7, np.int8), GRID.latitude, GRID.longitude), "7", id="seven"
        ),
        pytest.param(
            dataset(np.zeros((4, 4), np.int8), [0.5, 2.5, 1.5, 3.5], GRID.longitude),
            "ascending",
            id="no-order",
        ),
        pytest.param(
            dataset(np.zeros((4, 4), bool), GRID.latitude, GRID.longitude), "bool", id="yes-or-no"
        ),
        pytest.param(
            gpd.GeoDataFrame({"hazard_level": [2]}, geometry=[shapely.box(100, 0, 101, 1)]),
            "coordinate system",
            id="polygons-without-crs",
        ),
    ],
)
def test_what_cannot_be_laid_is_refused(hazard, words):
    with pytest.raises(GridMismatch, match=words):
        laid(hazard)


def test_real_villages_under_cells_of_another_size(samples: Path):
    """A flood grid of 0.003 degrees over Cianjur, against the area of each village in it."""
    frame = gpd.read_parquet(samples / "geo" / "adm4_villages_cianjur.parquet")
    shapes = frame.geometry.to_numpy()
    operator = compile_operator(shapes, np.full(len(shapes), 5000), scale=1 << 30)
    latitude = np.arange(-7.6, -6.5, 0.003)
    longitude = np.arange(106.7, 107.6, 0.003)
    wet = (np.hypot(latitude[:, None] + 6.8, longitude - 107.1) < 0.2).astype(np.int8) * 3
    found = expose(operator, shapes, dataset(wet, latitude, longitude, outside="none"))
    cells = shapely.box(
        *np.broadcast_arrays(
            longitude - 0.0015, latitude[:, None] - 0.0015,
            longitude + 0.0015, latitude[:, None] + 0.0015,
        )
    )[wet > 0]  # fmt: skip
    flood = shapely.coverage_union_all(cells)
    share = shapely.area(shapely.intersection(shapes, flood)) / shapely.area(shapes)
    # Cells weigh by the cosine of their row: 2 km of latitude change it by 4e-5 here.
    np.testing.assert_allclose(found.parts[:, 3] / operator.scale, share, atol=1e-4)


@settings(max_examples=30)
@given(st.floats(99.3, 101), st.floats(-1, 1), st.floats(0.15, 2.2), st.integers(0, 99))
def test_whole_cells_are_shared_by_the_area_of_each_class(west, south, step, seed):
    levels = np.random.default_rng(seed).integers(-1, 5, (5, 6)).astype(np.int8)
    y, x = south + (np.arange(5) + 0.5) * step, west + (np.arange(6) + 0.5) * step
    portion = box_portions(field_cells(y, x, levels, -1, GRID), np.arange(16), GRID)
    for cell in range(16):
        box = shapely.box(100 + cell % 4, cell // 4, 101 + cell % 4, cell // 4 + 1)
        exact = np.zeros(6)
        for r, c in np.ndindex(5, 6):
            own = shapely.box(
                west + c * step, south + r * step, west + (c + 1) * step, south + (r + 1) * step
            )
            exact[levels[r, c]] += own.intersection(box).area
        exact[UNKNOWN] += 1 - exact.sum()
        np.testing.assert_allclose(portion[cell], exact, atol=1e-5)
