"""Travel of Tagana over the roads of a layer set to villages anywhere in it, under a hazard.

The nation has too many cells to search at once: villages are taken in squares, each with enough
land around it that every team which matters is inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from kentongan.grid import Grid
from kentongan.policy import AccessPolicy
from risk.access.friction import METRES_PER_DEGREE, Friction, make_friction, sloped
from risk.access.reach import reached
from risk.access.surface import grid_around, read_surface
from risk.coverage import LevelsOn

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

SQUARE_DEG = 1.0
MOST_SQUARES = 60
"""Searched for one event: some 40 s. The villages of further squares keep the straight line."""
_F32 = NDArray[np.float32]
_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Travel:
    """One entry for each village asked for.

    Attributes:
        minutes: float32, of the nearest team on duty to the village's inner point; NaN: none.
        people_30, people_60: int64, people who live where a team is within 30, 60 minutes.
        by_roads: bool; False: the village is in no square that was searched.
    """

    minutes: _F32
    people_30: _I64
    people_60: _I64
    by_roads: NDArray[np.bool_]


def margin_deg(rules: AccessPolicy) -> float:
    """Land around a square: as far as the fastest road leads within the longest reach."""
    km = max(rules.road_kmh.values()) * rules.reach_minutes[1] / 60
    return km * 1000 / METRES_PER_DEGREE


def travel_to(
    rows: _I64,
    layers: LayerSet,
    rules: AccessPolicy,
    *,
    night: bool,
    levels_on: LevelsOn | None = None,
    first: NDArray[np.bool_] | None = None,
) -> Travel:
    """Travel over the set's road surface to some of its villages.

    Args:
        rows: of the villages.
        levels_on: the hazard that closes roads; None: nothing is closed.
        first: which villages matter most, where not all squares can be searched.
    """
    n = rows.size
    minutes = np.full(n, np.nan, dtype=np.float32)
    people_30, people_60 = np.zeros(n, np.int64), np.zeros(n, np.int64)
    done = np.zeros(n, dtype=np.bool_)
    if not has_ways(layers):
        return Travel(minutes, people_30, people_60, done)
    for some in squares_of(layers, rows, first):
        friction = window(layers, rows[some], rules)
        if friction is None:
            continue
        if levels_on is not None:
            friction = friction.under(levels_on(friction.grid), rules)
        villages = layers.villages.iloc[rows[some]]
        shapes = layers.geometry[rows[some]]
        got = reached(friction, layers.teams, villages, shapes, rules=rules, night=night)
        minutes[some], done[some] = got.minutes, True
        people_30[some], people_60[some] = got.people_30, got.people_60
    return Travel(minutes, people_30, people_60, done)


def squares_of(
    layers: LayerSet, rows: _I64, first: NDArray[np.bool_] | None = None
) -> Iterator[_I64]:
    """Positions in `rows` by square, those that matter before the others."""
    table = layers.villages.iloc[rows]
    x = np.floor(table["longitude"].to_numpy() / SQUARE_DEG).astype(np.int64)
    y = np.floor(table["latitude"].to_numpy() / SQUARE_DEG).astype(np.int64)
    key = y * 1000 + x
    weight = np.ones(rows.size) if first is None else first.astype(np.float64)
    squares, where = np.unique(key, return_inverse=True)
    matter = np.bincount(where, weights=weight, minlength=squares.size)
    for number in np.argsort(-matter, kind="stable")[:MOST_SQUARES]:
        yield np.flatnonzero(where == number)


def has_ways(layers: LayerSet) -> bool:
    """Whether the set has roads or a friction raster to travel over."""
    return any(layers.raster(name) is not None for name in ("surface", "friction"))


def window(layers: LayerSet, rows: _I64, rules: AccessPolicy) -> Friction | None:
    """Friction around some villages; None where the roads end before them.

    Roads carry; beside them the set's friction raster counts where it has one, else walking,
    slowed by slopes where heights are loaded. Nobody walks over the sea.
    """
    west, south, east, north = shapely.total_bounds(layers.geometry[rows])
    m = margin_deg(rules)
    box = (west - m, south - m, east + m, north + m)
    roads = layers.raster("surface")
    friction = read_surface(roads, box) if roads else make_friction(grid_around(box), rules)
    if friction is None or not _holds(friction.grid, (west, south, east, north)):
        return None
    heights, given = layers.raster("elevation"), layers.raster("friction")
    if heights is not None:
        friction = sloped(friction, mean_on(heights, friction.grid), rules)
    if given is not None:
        friction = friction.beside_roads(mean_on(given, friction.grid))
    return friction.on(land_of(layers, friction.grid))


def _holds(grid: Grid, box: tuple[float, float, float, float]) -> bool:
    east, north = grid.west + grid.columns * grid.step, grid.south + grid.rows * grid.step
    return grid.west <= box[0] and grid.south <= box[1] and box[2] <= east and box[3] <= north


def land_of(layers: LayerSet, grid: Grid) -> NDArray[np.bool_]:
    """Cells of the grid that some village touches."""
    from affine import Affine
    from rasterio.features import rasterize

    north = grid.south + grid.rows * grid.step
    frame = shapely.box(grid.west, grid.south, grid.west + grid.columns * grid.step, north)
    shapes = layers.geometry[layers.strtree.query(frame)]
    if not shapes.size:
        return np.zeros((grid.rows, grid.columns), dtype=np.bool_)
    raster = rasterize(
        shapes,
        out_shape=(grid.rows, grid.columns),
        transform=Affine(grid.step, 0, grid.west, 0, -grid.step, north),
        all_touched=True,
        dtype="uint8",
    )
    land: NDArray[np.bool_] = raster[::-1] > 0
    return land


def mean_on(path: Path, grid: Grid) -> NDArray[np.float64]:
    """Mean of a raster (heights, friction) in each cell, rows from the south; NaN not known."""
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    north = grid.south + grid.rows * grid.step
    transform = rasterio.Affine(grid.step, 0, grid.west, 0, -grid.step, north)
    options = {"transform": transform, "width": grid.columns, "height": grid.rows}
    with (
        rasterio.open(path) as source,
        WarpedVRT(source, crs="EPSG:4326", resampling=Resampling.average, **options) as warped,
    ):
        heights = warped.read(1, masked=True).astype(np.float64)
    found: NDArray[np.float64] = np.ma.filled(heights, np.nan)[::-1]
    return found
