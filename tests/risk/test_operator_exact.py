"""The operator against exactextract: real villages of Cianjur and Jakarta, and hard shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from kentongan.grid import BASE_GRID, Grid
from risk.operator import compile_operator
from risk.stripes import ArrayStripes

exactextract = pytest.importorskip("exactextract")

FINE = 24
"""Cells of 3 arc seconds along a cell of the base grid."""
EXACT = 1e-6
"""Of a village's people, in every class."""


def source(values: np.ndarray, west: float, north: float, step: float) -> Any:
    from exactextract.raster import NumPyRasterSource

    rows, columns = values.shape
    wkt = CRS.from_epsg(4326).to_wkt()
    return NumPyRasterSource(
        values, xmin=west, xmax=west + columns * step, ymax=north, ymin=north - rows * step,
        srs_wkt=wkt,
    )  # fmt: skip


def shares(shapes: np.ndarray, classes: Any, people: Any) -> tuple[np.ndarray, np.ndarray]:
    """Their share of each village's people in each class, shape (n, 6), and the people."""
    frame = gpd.GeoDataFrame(geometry=shapes, crs=4326)
    found = exactextract.exact_extract(
        classes, frame, ["unique", "weighted_frac"], weights=people, output="pandas"
    )
    out = np.zeros((len(shapes), 6))
    for i, (keys, values) in enumerate(zip(found["unique"], found["weighted_frac"], strict=True)):
        out[i, np.asarray(keys, dtype=int)] = np.nan_to_num(values)
    total = exactextract.exact_extract(people, frame, ["sum"], output="pandas")
    return out, total["sum"].to_numpy()


@pytest.mark.parametrize(
    "name", ["adm4_villages_cianjur.parquet", "adm4_villages_jakarta_31.parquet"]
)
def test_real_villages_have_the_people_that_exactextract_finds(samples: Path, name):
    shapes = gpd.read_parquet(samples / "geo" / name).geometry.to_numpy()
    grid, step = BASE_GRID, BASE_GRID.step / FINE
    west, south, east, north = shapely.total_bounds(shapes)
    rows, columns = grid.window(west, south, east, north)
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    rng = np.random.default_rng(32)
    people = rng.gamma(0.6, 30, (tall * FINE, wide * FINE)).astype(np.float32)
    classes = np.full((grid.rows, grid.columns), -1, dtype=np.int8)
    classes[rows, columns] = rng.integers(0, 5, (tall, wide))
    left, top = grid.west + columns.start * grid.step, grid.south + rows.stop * grid.step
    operator = compile_operator(shapes, None, raster=ArrayStripes(people, left, top, step, step))
    upright = np.ascontiguousarray(classes[rows, columns][::-1])
    theirs, total = shares(
        shapes, source(upright, left, top, grid.step), source(people, left, top, step)
    )
    settled = total >= 1
    ours = operator.parts(classes) / operator.scale
    assert np.abs(ours - theirs)[settled].max() < EXACT
    # Whole people come from one running sum: each is within one of its own.
    assert np.abs(operator.people - total).max() < 1 + EXACT * total.max()


GRID = Grid(west=100.0, south=0.0, step=1.0, columns=6, rows=5)
HARD = np.array(
    [
        shapely.box(100.5, 0.5, 105.5, 4.5) - shapely.box(101.1, 1.2, 103.9, 3.3),
        shapely.Polygon([(100, 0), (106, 4.999), (106, 5), (100, 0.001)]),
        shapely.box(101.1, 1.2, 103.9, 3.3),
        shapely.MultiPolygon([shapely.box(x, 0.1, x + 0.07, 4.9) for x in (100.2, 102.31, 105.8)]),
        shapely.Point(103, 2.5).buffer(1.9, 64) - shapely.Point(103, 2.5).buffer(1.8, 64),
        shapely.box(102, 1, 103, 2),
        shapely.Point(100.371, 4.123).buffer(0.002),
    ],
    dtype=object,
)
NAMES = ["hole", "sliver", "fills-the-hole", "islands", "ring", "one-cell", "speck"]


@pytest.mark.parametrize("offset", [0.0, 0.05, 0.1], ids=["aligned", "by-a-quarter", "by-a-half"])
def test_hard_shapes_under_a_raster_with_an_origin_of_its_own(offset):
    """exactextract cannot weigh by a grid that does not align: it is given quarters of cells."""
    step, quarters = 0.2, 4
    rng = np.random.default_rng(4)
    people = rng.gamma(0.8, 40, (26, 31)).astype(np.float32)
    west, north = GRID.west - offset, GRID.south + 5 + offset
    raster = ArrayStripes(people, west, north, step, step)
    classes = rng.integers(0, 5, (GRID.rows, GRID.columns)).astype(np.int8)
    operator = compile_operator(HARD, None, GRID, raster=raster)
    finer = np.kron(people / np.float32(quarters**2), np.ones((quarters, quarters), np.float32))
    cut = round(offset / step * quarters)
    finer = np.ascontiguousarray(finer[cut : cut + 100, cut : cut + 120])
    theirs, total = shares(
        HARD,
        source(np.ascontiguousarray(classes[::-1]), GRID.west, GRID.south + 5, 1.0),
        source(finer, GRID.west, GRID.south + 5, step / quarters),
    )
    ours = operator.parts(classes) / operator.scale
    settled = total >= 1
    np.testing.assert_allclose(ours[settled], theirs[settled], atol=2 * EXACT)
    assert np.abs(operator.people - total).max() <= 1
