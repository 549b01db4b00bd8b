"""The exposure operator: exact cover, whole people, and what must hold for any hazard."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kentongan.errors import GridMismatch, LayerError
from kentongan.grid import BASE_GRID, Grid
from risk.operator import PARTS, UNKNOWN, ExposureOperator, compile_operator, whole_people

SMALL = Grid(west=100.0, south=0.0, step=1.0, columns=4, rows=4)


def compiled(*shapes: shapely.Geometry, people: int = 1000) -> ExposureOperator:
    return compile_operator(
        np.array(shapes, dtype=object), np.full(len(shapes), people, dtype=np.int64), SMALL
    )


def cover(operator: ExposureOperator) -> np.ndarray:
    """Shares of the first village on the small grid."""
    out = np.zeros(SMALL.rows * SMALL.columns)
    out[operator.cell[: operator.pointer[1]]] = operator.share[: operator.pointer[1]] / PARTS
    return out.reshape(SMALL.rows, SMALL.columns)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        pytest.param(shapely.box(101, 1, 102, 2), {(1, 1): 1.0}, id="one-whole-cell"),
        pytest.param(
            shapely.box(100.5, 0.25, 101.5, 0.75), {(0, 0): 0.5, (0, 1): 0.5}, id="half-and-half"
        ),
        pytest.param(
            shapely.Polygon([(100, 0), (101, 0), (100, 1)]), {(0, 0): 1.0}, id="triangle-in-a-cell"
        ),
        pytest.param(
            shapely.Polygon([(100, 1), (102, 1), (100, 2)]),
            {(1, 0): 0.75, (1, 1): 0.25},
            id="triangle-over-two-cells",
        ),
        pytest.param(
            shapely.MultiPolygon(
                [shapely.box(100, 0, 100.5, 0.5), shapely.box(103, 0, 103.5, 0.5)]
            ),
            {(0, 0): 0.5, (0, 3): 0.5},
            id="two-islands-with-nothing-between",
        ),
        pytest.param(
            shapely.box(100, 0, 103, 1) - shapely.box(101, 0, 102, 1),
            {(0, 0): 0.5, (0, 2): 0.5},
            id="a-hole-that-is-a-whole-cell",
        ),
    ],
)
def test_cover_is_exact_within_a_grid_row(shape, expected):
    found = cover(compiled(shape))
    wanted = np.zeros_like(found)
    for cell, share in expected.items():
        wanted[cell] = share
    np.testing.assert_allclose(found, wanted, atol=2 / PARTS)


def test_rows_weigh_by_the_cosine_of_their_latitude():
    found = cover(compiled(shapely.box(100, 0, 101, 4)))[:, 0]
    cosine = np.cos(np.radians([0.5, 1.5, 2.5, 3.5]))
    np.testing.assert_allclose(found, cosine / cosine.sum(), atol=2 / PARTS)


def test_direction_of_a_ring_does_not_matter():
    box = shapely.box(100.2, 0.3, 102.7, 3.1)
    np.testing.assert_array_equal(cover(compiled(box)), cover(compiled(shapely.reverse(box))))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        pytest.param(shapely.box(99, 0, 101, 1), "out of the grid", id="west-of-the-grid"),
        pytest.param(shapely.Polygon(), "no area", id="empty"),
    ],
)
def test_a_village_off_the_grid_or_without_area_is_refused(shape, words):
    with pytest.raises(LayerError, match=words):
        compiled(shapely.box(101, 1, 102, 2), shape)


def test_a_field_of_another_shape_or_class_is_refused():
    operator = compiled(shapely.box(101, 1, 102, 2))
    with pytest.raises(GridMismatch, match="shape"):
        operator.overlay(np.zeros((3, 4), dtype=np.int8))
    with pytest.raises(GridMismatch, match="-1"):
        operator.overlay(np.full((4, 4), 7, dtype=np.int8))


def test_same_cover_as_exactextract_on_real_villages(samples: Path):
    exactextract = pytest.importorskip("exactextract")
    from exactextract.raster import NumPyRasterSource

    villages = gpd.read_parquet(samples / "geo" / "adm4_villages_cianjur.parquet")
    operator = compile_operator(villages.geometry.to_numpy(), np.full(len(villages), 5000))
    grid = BASE_GRID
    number = np.arange(grid.rows * grid.columns, dtype=float).reshape(grid.rows, grid.columns)
    source = NumPyRasterSource(
        number[::-1],
        xmin=grid.west,
        ymin=grid.south,
        xmax=grid.west + grid.columns * grid.step,
        ymax=grid.south + grid.rows * grid.step,
    )
    exact = exactextract.exact_extract(
        source, villages[["geometry"]], ["coverage", "values"], output="pandas"
    )
    for v, (cover_, cells) in enumerate(zip(exact["coverage"], exact["values"], strict=True)):
        cell = np.asarray(cells).astype(int)
        latitude = grid.south + (cell // grid.columns + 0.5) * grid.step
        area = np.asarray(cover_) * np.cos(np.radians(latitude))
        theirs = np.zeros(grid.rows * grid.columns)
        theirs[cell] = area / area.sum()
        entries = slice(operator.pointer[v], operator.pointer[v + 1])
        theirs[operator.cell[entries]] -= operator.share[entries] / PARTS
        assert np.abs(theirs).max() < 2e-6


VILLAGES = compiled(
    shapely.box(100.1, 0.1, 103.9, 3.9),
    shapely.box(101.4, 1.2, 101.6, 1.9),
    shapely.Polygon([(100, 0), (104, 0.3), (102.1, 3.7)]),
    people=997,
)
classes = hnp.arrays(np.int8, (4, 4), elements=st.integers(-1, 4))


@given(classes)
def test_nobody_is_lost_or_made_up(field):
    assert (VILLAGES.overlay(field).sum(axis=1) == 997).all()


@given(classes, hnp.arrays(np.int8, (4, 4), elements=st.integers(0, 4)))
def test_a_stronger_hazard_never_exposes_fewer(field, more):
    stronger = np.where(field < 0, field, np.minimum(field + more, 4)).astype(np.int8)
    weak, strong = VILLAGES.overlay(field), VILLAGES.overlay(stronger)
    for level in (1, 2, 3, 4):
        assert (strong[:, level:UNKNOWN].sum(axis=1) >= weak[:, level:UNKNOWN].sum(axis=1)).all()


@given(classes, hnp.arrays(np.bool_, (4, 4)))
def test_losing_sight_never_makes_anybody_safe(field, lost):
    seen, blind = (
        VILLAGES.overlay(field),
        VILLAGES.overlay(np.where(lost, -1, field).astype(np.int8)),
    )
    assert (blind[:, 0] <= seen[:, 0]).all()
    assert (blind[:, UNKNOWN] >= seen[:, UNKNOWN]).all()


@given(
    st.integers(0, 10**9),
    st.lists(st.integers(0, PARTS), min_size=5, max_size=5).map(sorted),
)
def test_whole_people_are_within_one_of_the_exact_share(people, cuts):
    parts = np.diff([0, *cuts, PARTS])[None, :]
    counts = whole_people(np.array([people]), parts)
    assert counts.sum() == people
    assert (np.abs(counts - people * parts / PARTS) <= 1 + 1e-6).all()
