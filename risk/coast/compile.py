"""The coast of a layer set, compiled once when it is built: one row a village by the sea.

So a bulletin costs no terrain: the overlay looks its villages up. The people of a village stand in
the cells of the operator (2.2 km, by the people raster where there is one), and evenly within such
a cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.errors import LayerError
from kentongan.grid import Grid
from kentongan.policy import CoastRules
from risk.coast.terrain import Terrain, read_terrain
from risk.coast.threat import Threat, threat_of
from risk.exposure.area import area_entries
from risk.layers.coast import Coast
from risk.layers.progress import Advance, silent
from risk.operator import ExposureOperator

TABLE: dict[str, str] = {
    "adm4_code": "text, ascending: villages with any land where a tsunami may come or may not",
    "inside": "float64 0..1, share of the people in the envelope or in reach of the highest wave",
    "unknown": "float64 0..1, of these, only because the height is not known",
    "reach_2": "float64 0..1, share in reach of a wave of the height of Waspada",
    "reach_3": "float64 0..1, likewise Siaga",
    "reach_4": "float64 0..1, likewise Awas",
    "path_m": "float64, longest way on foot of anybody inside to land outside; 0 with nobody "
    "inside, inf without a way",
    "path_known_m": "float64, likewise of those whose height is known",
    "datum_wrong": "bool, heights there are of another datum and were thrown away",
}
_TILE_DEG = 0.25
"""Villages of one such tile share a window: some 100,000 to 1,000,000 cells of 90 m."""
_MARGIN_KM = 6.0
"""Around the villages: the way out and the rivers lie within."""
_KM_PER_DEGREE = 111.2
_LEAST = 1e-6
"""Shares are kept to six digits: a person of a million."""

Shapes = NDArray[np.object_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CoastInput:
    """What the compilation reads; entries of `villages`, `geometry` and the operator agree.

    Attributes:
        villages: columns of `kentongan.areas.VILLAGES`.
        geometry: their polygons, EPSG:4326.
        elevation: raster in degrees, metres.
        rivers: lines, EPSG:4326; None: no river layer.
    """

    villages: pd.DataFrame
    geometry: Shapes
    operator: ExposureOperator
    coast: Coast
    elevation: Path
    rivers: Shapes | None = None


def compile_tsunami(
    given: CoastInput, rules: CoastRules, advance: Advance = silent
) -> pd.DataFrame:
    """Columns of `TABLE`, one row a coastal village, in code order; the same bytes each time."""
    step = _step(given.elevation, rules)
    rows = _candidates(given, rules)
    tree = shapely.STRtree(given.geometry)
    core = shapely.STRtree(given.coast.core)
    found, done = [], 0
    for group in _groups(given.villages, rows):
        advance("tsunami coast", done / max(rows.size, 1))
        found.append(_group(given, group, step, tree, core, rules))
        done += group.size
    table = pd.concat([pd.DataFrame({name: [] for name in TABLE}), *found], ignore_index=True)
    typed = table.astype({n: "str" if n == "adm4_code" else "float64" for n in TABLE})
    typed["datum_wrong"] = typed["datum_wrong"] > 0
    return typed.sort_values("adm4_code", ignore_index=True)


def _step(elevation: Path, rules: CoastRules) -> float:
    """Degrees: of the rules, or of the heights where these are coarser."""
    from risk.layers.rasters import is_lonlat, open_raster

    with open_raster(elevation) as source:
        if not is_lonlat(source.crs):
            raise LayerError(
                f"{elevation}: expected degrees, found {source.crs}; build the set anew"
            )
        coarsest = max(abs(source.transform.a), abs(source.transform.e))
    return max(float(coarsest), rules.cell_deg)


def _candidates(given: CoastInput, rules: CoastRules) -> Ints:
    """Villages in the coast strip; with rivers also those near one and near the sea."""
    coastal = given.villages["coast_share"].to_numpy() > 0
    if given.rivers is not None:
        shore = shapely.STRtree(shapely.points(given.coast.longitude, given.coast.latitude))
        # A piece of coastline is up to 1 km long; its middle stands for it.
        reach = (rules.river_km + 1) / _KM_PER_DEGREE
        near = shore.query(given.geometry, predicate="dwithin", distance=reach)[0]
        lines = shapely.STRtree(given.rivers)
        side = (rules.river_side_km + 0.1) / _KM_PER_DEGREE
        wet = lines.query(given.geometry, predicate="dwithin", distance=side)[0]
        coastal[np.intersect1d(near, wet)] = True
    return np.flatnonzero(coastal).astype(np.int64)


def _groups(villages: pd.DataFrame, rows: Ints) -> Iterator[Ints]:
    points = villages[["longitude", "latitude"]].to_numpy(np.float64)[rows]
    tile = np.floor(points / _TILE_DEG).astype(np.int64)
    order = np.lexsort((rows, tile[:, 1], tile[:, 0]))
    edges = np.flatnonzero((np.diff(tile[order], axis=0) != 0).any(axis=1)) + 1
    yield from (rows[part] for part in np.split(order, edges) if part.size)


def _group(
    given: CoastInput,
    rows: Ints,
    step: float,
    tree: shapely.STRtree,
    core: shapely.STRtree,
    rules: CoastRules,
) -> pd.DataFrame:
    grid = window(given.geometry[rows], step)
    box = shapely.box(
        grid.west, grid.south, grid.west + grid.columns * step, grid.south + grid.rows * step
    )
    rivers = None if given.rivers is None else given.rivers[shapely.intersects(given.rivers, box)]
    terrain = read_terrain(
        given.elevation,
        grid,
        given.geometry[np.sort(tree.query(box))],
        given.coast.core[np.sort(core.query(box))],
        rules,
        rivers,
    )
    codes = given.villages["adm4_code"].to_numpy()[rows]
    village, cell, weight = people_cells(given.geometry[rows], given.operator, rows, grid)
    table = village_rows(village, cell, weight, rows.size, terrain, threat_of(terrain, rules))
    return table.assign(adm4_code=codes)[list(TABLE)]


def window(geometry: Shapes, step: float) -> Grid:
    """The cells around some villages, on whole multiples of the step."""
    west, south, east, north = shapely.total_bounds(geometry)
    margin = _MARGIN_KM / _KM_PER_DEGREE
    first, low = np.floor((west - margin) / step), np.floor((south - margin) / step)
    columns = int(np.ceil((east + margin) / step) - first)
    rows = int(np.ceil((north + margin) / step) - low)
    return Grid(float(first * step), float(low * step), step, columns, rows)


def people_cells(
    geometry: Shapes, operator: ExposureOperator, rows: Ints, grid: Grid
) -> tuple[Ints, Ints, Floats]:
    """Village (0 … n-1), cell of the window and share of the village's people.

    The share of a cell of the operator is spread over the village's area within it; a village
    whose shares meet none of its cells is spread over all its area. Shares add up to 1.
    """
    village, cell, area = area_entries(geometry, grid)
    coarse = _operator_cell(cell, grid, operator.grid)
    weight = area * _density(village, coarse, area, operator, rows)
    total = np.bincount(village, weights=weight, minlength=rows.size)
    weight = np.where(total[village] > 0, weight, area)
    total = np.bincount(village, weights=weight, minlength=rows.size)
    return village, cell, weight / total[village]


def _operator_cell(cell: Ints, grid: Grid, coarse: Grid) -> Ints:
    row, column = cell // grid.columns, cell % grid.columns
    y = np.floor((grid.south + (row + 0.5) * grid.step - coarse.south) / coarse.step)
    x = np.floor((grid.west + (column + 0.5) * grid.step - coarse.west) / coarse.step)
    found: Ints = (y * coarse.columns + x).astype(np.int64)
    return found


def _density(
    village: Ints, coarse: Ints, area: Floats, operator: ExposureOperator, rows: Ints
) -> Floats:
    """Share of the village's people in the coarse cell, for each unit of its area there."""
    cells = operator.grid.rows * operator.grid.columns
    entry = operator.entries(rows)
    owner = np.repeat(np.arange(rows.size), operator.pointer[rows + 1] - operator.pointer[rows])
    have = owner * cells + operator.cell[entry]
    order = np.argsort(have, kind="stable")
    have, entry = have[order], entry[order]
    wanted, place = np.unique(village * cells + coarse, return_inverse=True)
    inside = np.bincount(place, weights=area)
    at = np.minimum(np.searchsorted(have, wanted), have.size - 1)
    share = np.where(have[at] == wanted, operator.share[entry][at], 0) / operator.scale
    density: Floats = (share / inside)[place]
    return density


def village_rows(
    village: Ints, cell: Ints, weight: Floats, count: int, terrain: Terrain, threat: Threat
) -> pd.DataFrame:
    """`TABLE` without codes, from the shares of people by cell."""

    def share(mask: NDArray[np.bool_]) -> Floats:
        inside = np.bincount(village, weights=weight * mask.ravel()[cell], minlength=count)
        return np.asarray(np.round(np.clip(inside, 0, 1), 6), dtype=np.float64)

    def longest(some: NDArray[np.bool_]) -> Floats:
        path = np.zeros(count)
        np.maximum.at(path, village[some], threat.path_m.ravel()[cell[some]])
        return np.round(path)

    lived = threat.inside.ravel()[cell] & (weight > 0)
    doubtful = lived & threat.unknown.ravel()[cell]
    return pd.DataFrame(
        {
            "inside": _some(share(threat.inside), village[lived]),
            "unknown": _some(share(threat.unknown), village[doubtful]),
            **{f"reach_{i}": share(mask) for i, mask in enumerate(threat.reached, start=2)},
            "path_m": longest(lived),
            "path_known_m": longest(lived & ~doubtful),
            "datum_wrong": terrain.datum_wrong,
        }
    )


def _some(share: Floats, villages: Ints) -> Floats:
    """Rounding makes nobody of few: where anybody is, the share is above 0."""
    out, few = share.copy(), np.unique(villages)
    out[few] = np.maximum(out[few], _LEAST)
    return out
