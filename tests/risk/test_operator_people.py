"""The operator from a people raster: exact shares, nobody lost, the same bytes however cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import GridMismatch, LayerError
from kentongan.grid import Grid
from risk.exposure import kernels
from risk.exposure.operator import BY_AREA, BY_RASTER, PARTLY
from risk.exposure.people import UNITS, Found, people_entries
from risk.operator import FINE_PARTS, ExposureOperator, compile_operator
from risk.stripes import ArrayStripes, Stripe

GRID = Grid(west=100.0, south=0.0, step=1.0, columns=4, rows=4)
RING = shapely.Polygon(
    [(100.3, 0.2), (103.1, 0.4), (102.8, 3.3), (100.9, 3.6)],
    holes=[[(101.2, 1.1), (102.2, 1.3), (101.7, 2.4)]],
)
ISLANDS = shapely.MultiPolygon(
    [shapely.box(100.1, 3.61, 100.4, 3.9), shapely.box(103.4, 0.1, 103.95, 2.2)]
)
SLIVER = shapely.Polygon([(103.12, 0.41), (103.13, 0.41), (103.3, 3.4), (103.29, 3.4)])
SHAPES = np.array([RING, ISLANDS, SLIVER], dtype=object)


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    kernels.cool()
    yield
    kernels.cool()


def people(step: float = 0.25, west: float = 100.0, north: float = 4.0, *, height: int = 256):
    size = round(4 / step)
    counts = np.random.default_rng(5).gamma(0.7, 20, (size, size)).astype(np.float32)
    counts[::3, ::5] = np.nan
    return ArrayStripes(counts, west, north, step, step, height)


def compiled(raster: ArrayStripes, shapes=SHAPES, totals=None, **more) -> ExposureOperator:
    return compile_operator(shapes, totals, GRID, raster=raster, **more)


def by_cutting(shape: shapely.Geometry, raster: ArrayStripes) -> np.ndarray:
    """People of a shape in each cell of the grid, cutting every pair of cells: slow and plain."""
    out = np.zeros((GRID.rows, GRID.columns))
    for r, c in np.ndindex(raster.people.shape):
        count = raster.people[r, c]
        west, north = raster.west + c * raster.dx, raster.north - r * raster.dy
        fine = shapely.box(west, north - raster.dy, west + raster.dx, north)
        if np.isnan(count) or not shape.intersects(fine):
            continue
        for i, j in np.ndindex(out.shape):
            cell = shapely.box(100 + j, i, 101 + j, i + 1)
            out[i, j] += count * fine.intersection(cell).intersection(shape).area / fine.area
    return out


@pytest.mark.parametrize(
    ("step", "west", "north"),
    [
        pytest.param(0.25, 100.0, 4.0, id="aligned"),
        pytest.param(0.23, 100.07, 3.99, id="unaligned"),
        pytest.param(0.5, 99.7, 4.4, id="wider-than-the-grid"),
        pytest.param(1.7, 99.2, 5.1, id="coarser-than-the-grid"),
    ],
)
def test_people_in_each_cell_are_those_of_cutting_every_cell(step, west, north):
    raster = people(step, west, north)
    found = people_entries(SHAPES, GRID, raster)
    for village, shape in enumerate(SHAPES):
        exact = by_cutting(shape, raster)
        mine = np.zeros(exact.size)
        own = found.village == village
        mine[found.cell[own]] = found.units[own] / UNITS
        np.testing.assert_allclose(mine, exact.ravel(), atol=1e-6 * max(exact.sum(), 1))


def test_totals_come_from_the_raster_or_are_given_with_the_same_shares():
    free, given_ = compiled(people()), compiled(people(), totals=np.array([1000, 10, 1]))
    np.testing.assert_array_equal(free.share, given_.share)
    assert given_.people.tolist() == [1000, 10, 1]
    assert given_.unassigned.people.size == 0
    sums = np.add.reduceat(free.share, free.pointer[:-1], dtype=np.int64)
    assert (sums == FINE_PARTS).all()


def test_nobody_is_lost_between_villages_and_no_village():
    operator = compiled(people())
    raster = np.nansum(people().people, dtype=np.float64)
    assert operator.notes["counted_twice"] == pytest.approx(0, abs=1e-6)
    assert operator.people.sum() + operator.unassigned.people.sum() == round(raster)
    classes = np.random.default_rng(2).integers(-1, 5, (4, 4)).astype(np.int8)
    counted = operator.overlay(classes).sum() + operator.overlay_unassigned(classes).sum()
    assert counted == round(raster)


def test_a_village_without_raster_people_is_spread_by_area_and_marked():
    raster = people()
    raster.people[:, :4] = 0
    west = shapely.box(100.1, 0.5, 100.9, 1.5)
    shapes = np.array([west, shapely.box(101, 0, 103, 2), shapely.box(102, 2, 103.9, 3.9)])
    operator = compiled(raster, shapes, np.array([500, 500, 500]))
    assert operator.spread.tolist() == [BY_AREA, BY_RASTER, BY_RASTER]
    assert operator.by_area.tolist() == [True, False, False]
    shares = operator.share[operator.pointer[0] : operator.pointer[1]] / FINE_PARTS
    np.testing.assert_allclose(shares, [0.5, 0.5], atol=2e-4)


def test_a_raster_that_reaches_only_a_part_of_a_village_says_so():
    east = ArrayStripes(people().people[:, 8:], 102.0, 4.0, 0.25, 0.25)
    operator = compiled(east, np.array([shapely.box(101, 1, 103, 3)]))
    assert operator.spread.tolist() == [PARTLY]
    inside = np.nansum(people().people[4:12, 8:12], dtype=np.float64)
    assert operator.people[0] == pytest.approx(inside, abs=1)


def test_people_beside_a_village_go_to_the_nearest_or_are_left_over():
    counts = np.zeros((16, 16), dtype=np.float32)
    counts[8, 2], counts[8, 6], counts[1, 14] = 70, 11, 5
    raster = ArrayStripes(counts, 100.0, 4.0, 0.25, 0.25)
    shapes = np.array([shapely.box(100.4, 1.7, 100.8, 2.1)])
    alone = compiled(raster, shapes)
    assert (alone.people.tolist(), alone.unassigned.people.sum()) == ([70], 16)
    near = compiled(raster, shapes, nearest_km=60)
    assert (near.people.tolist(), near.unassigned.people.tolist()) == ([81], [5])
    assert near.notes["taken_to_nearest"] == pytest.approx(11)
    far = compiled(raster, shapes, nearest_km=600)
    assert far.people.tolist() == [86]


@dataclass(frozen=True, eq=False)
class Cut:
    """A raster in stripes that begin at these rows."""

    of: ArrayStripes
    starts: tuple[int, ...]

    def __getattr__(self, name: str):
        return getattr(self.of, name)

    def stripes(self) -> Iterator[Stripe]:
        for first, last in zip(self.starts, (*self.starts[1:], self.of.rows), strict=True):
            yield Stripe(first, self.of.people[first:last])


triangles = st.lists(
    st.lists(
        st.tuples(st.floats(100.01, 103.99), st.floats(0.01, 3.99)), min_size=3, max_size=9
    ).map(lambda points: shapely.MultiPoint(points).convex_hull),
    min_size=1,
    max_size=4,
).map(lambda hulls: [h for h in hulls if h.geom_type == "Polygon" and h.area > 1e-3])


@settings(max_examples=30)
@given(
    triangles.filter(bool),
    st.sampled_from([0.25, 0.31]),
    st.floats(99.5, 100.2),
    st.floats(3.8, 4.5),
    st.sets(st.integers(1, 12), max_size=5),
)
def test_stripes_chunks_and_compiled_loops_give_the_same_bytes(hulls, step, west, north, cuts):
    shapes, raster = np.array(hulls, dtype=object), people(step, west, north)
    whole = people_entries(shapes, GRID, raster)
    parts = people_entries(shapes, GRID, Cut(raster, (0, *sorted(cuts))))
    assert_same(parts, whole)
    kernels.warm()
    assert_same(people_entries(shapes, GRID, raster), whole)
    assert_same(people_entries(shapes, GRID, Cut(raster, (0, *sorted(cuts)))), whole)
    kernels.cool()
    for village in range(len(shapes)):
        alone = people_entries(shapes[village : village + 1], GRID, raster)
        np.testing.assert_array_equal(alone.units, whole.units[whole.village == village])
    inside = np.bincount(whole.village, whole.units, len(shapes)) / UNITS
    assert (inside <= np.nansum(raster.people) * (1 + 1e-6)).all()


def assert_same(a: Found, b: Found) -> None:
    for name in ("village", "cell", "units", "in_cell"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@given(st.floats(100.2, 103.8), st.floats(0.2, 3.8))
def test_villages_that_tile_the_grid_share_out_everybody(x, y):
    tiles = [(100, 0, x, y), (x, 0, 104, y), (100, y, x, 4), (x, y, 104, 4)]
    shapes = np.array([shapely.box(*tile) for tile in tiles])
    operator = compiled(people(), shapes)
    assert operator.people.sum() == round(np.nansum(people().people, dtype=np.float64))
    assert operator.unassigned.people.size == 0


@pytest.mark.parametrize(
    ("count", "words"),
    [
        pytest.param(-3.0, "-3 people", id="negative"),
        pytest.param(3.4e38, "nodata", id="undeclared-nodata"),
        pytest.param(np.inf, "inf people", id="infinite"),
    ],
)
@pytest.mark.parametrize("fast", [False, True], ids=["numpy", "compiled"])
@pytest.mark.parametrize("west", [100.0, 101.9], ids=["inside", "beyond-the-grid"])
def test_a_count_that_cannot_be_is_refused(count, words, fast, west):
    if fast:
        kernels.warm()
    raster = people(west=west)
    raster.people[4, 15] = count
    with pytest.raises(LayerError, match=words):
        compiled(raster)


@pytest.mark.parametrize(
    "starts", [pytest.param((0, 9, 4), id="backwards"), pytest.param((0, 20), id="too-far")]
)
def test_stripes_out_of_order_are_refused(starts):
    class Wrong(Cut):
        def stripes(self):
            for first in self.starts:
                yield Stripe(first, self.of.people[:6])

    with pytest.raises(LayerError, match="north to south"):
        compiled(Wrong(people(), starts))


def test_a_raster_elsewhere_is_refused():
    with pytest.raises(GridMismatch, match="longitude"):
        compiled(people(west=10.0))
    with pytest.raises(LayerError, match="people raster"):
        compile_operator(SHAPES, None, GRID)
