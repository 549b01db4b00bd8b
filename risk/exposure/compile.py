"""Compile the operator: from shapes alone, or from shapes and a people raster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import LayerError
from kentongan.grid import BASE_GRID, Grid
from risk.exposure import kernels
from risk.exposure.area import area_entries
from risk.exposure.leftover import to_nearest
from risk.exposure.operator import (
    BY_AREA,
    BY_RASTER,
    FINE_PARTS,
    PARTLY,
    PARTS,
    ExposureOperator,
    Unassigned,
)
from risk.exposure.people import UNITS, Found, people_entries
from risk.stripes import PeopleStripes

_NOBODY = UNITS
"""A village in which the raster has less than one person says nothing about where people live."""

_LARGE = 20_000_000
"""Cells of a raster above which compiled loops win more than they take to load (some 2 s)."""

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]


def compile_operator(
    geometry: NDArray[np.object_],
    people: _I64 | None,
    grid: Grid = BASE_GRID,
    *,
    raster: PeopleStripes | None = None,
    nearest_km: float = 0.0,
    scale: int | None = None,
) -> ExposureOperator:
    """Which share of each village's people lives in which cell of the grid.

    Without a raster people are spread evenly over each village's area. With one they live
    where it has them, by the exact share of each raster cell inside the village; a village
    where it has nobody is spread by area, one that it does not reach whole is marked. Memory:
    the shapes' points, the entries and some rows of the raster, however large that is.

    Args:
        geometry: polygons or multipolygons, EPSG:4326, valid, shape (villages,).
        people: whole people, shape (villages,). None: as many as the raster has, rounded on
            running sums in the order of the villages, so that they and the unassigned add up
            to the raster's sum to the person.
        raster: counts per cell, EPSG:4326, any origin and step.
        nearest_km: people of the raster outside every village, in a cell with people of
            villages or this near to one, count for that village. The rest is `unassigned`.
        scale: parts of one village; `PARTS` without a raster, `FINE_PARTS` with one.

    Raises:
        LayerError: a village without area, or one that reaches out of the grid; a raster with
            negative or impossible counts; neither people nor raster.
        GridMismatch: a raster that does not meet the grid.
    """
    if raster is None:
        if people is None:
            raise LayerError("no people: give a total for each village, a people raster or both")
        village, cell, area = area_entries(geometry, grid)
        share = _by_total(village, area, len(geometry))
        parts = _whole_parts(village, share, scale or PARTS)
        return _operator(grid, village, cell, parts, people, scale or PARTS)
    if raster.rows * raster.columns > _LARGE:
        kernels.warm()
    found = people_entries(geometry, grid, raster)
    return _from_raster(found, geometry, people, grid, nearest_km, scale or FINE_PARTS)


def _from_raster(
    found: Found,
    geometry: NDArray[np.object_],
    people: _I64 | None,
    grid: Grid,
    nearest_km: float,
    scale: int,
) -> ExposureOperator:
    villages = len(geometry)
    left = found.in_cell.copy()
    np.subtract.at(left, found.cell, found.units)
    village, cell, units, kept = to_nearest(found, left, geometry, grid, nearest_km)
    total = _sums(village, units, villages)
    notes = {
        "raster_people": found.in_cell.sum() / UNITS,
        "beyond_grid": found.outside / UNITS,
        "taken_to_nearest": (units.sum() - found.units.sum()) / UNITS,
        "in_no_village": kept.sum() / UNITS,
        "counted_twice": -np.minimum(left, 0).sum() / UNITS,
    }
    if people is None:
        counted, unassigned = _whole(total, kept)
    else:
        counted, unassigned = people.astype(np.int64), Unassigned()
    empty = total < _NOBODY
    spread = np.where(found.reached, BY_RASTER, PARTLY).astype(np.uint8)
    spread[empty] = BY_AREA
    if empty.any():
        village, cell, units = _with_area(village, cell, units, geometry, empty, grid)
    return _operator(
        grid, village, cell, _running_parts(village, units, scale), counted, scale, spread,
        unassigned,
        {name: float(value) for name, value in notes.items()},
    )  # fmt: skip


def _whole(total: _I64, kept: _I64) -> tuple[_I64, Unassigned]:
    """Whole people of villages, then of cells without one, on one running sum."""
    cell = np.flatnonzero(kept)
    running = np.cumsum(np.concatenate([total, kept[cell]]))
    whole = np.diff((running + UNITS // 2) // UNITS, prepend=0)
    people = whole[total.size :]
    some = people > 0
    return whole[: total.size], Unassigned(cell[some].astype(np.int32), people[some])


def _with_area(
    village: _I64,
    cell: _I64,
    units: _I64,
    geometry: NDArray[np.object_],
    empty: NDArray[np.bool_],
    grid: Grid,
) -> tuple[_I64, _I64, _I64]:
    """The entries with those of villages that the raster leaves empty, by area."""
    rows = np.flatnonzero(empty)
    which, where, area = area_entries(geometry[rows], grid)
    kept = ~empty[village]
    village = np.concatenate([village[kept], rows[which]])
    cell = np.concatenate([cell[kept], where])
    even = np.rint(_by_total(which, area, rows.size) * UNITS).astype(np.int64)
    units = np.concatenate([units[kept], even])
    order = np.argsort(village, kind="stable")
    return village[order], cell[order], units[order]


def _by_total(village: _I64, area: _F64, villages: int) -> _F64:
    total = np.bincount(village, weights=area, minlength=villages)
    if (total <= 0).any():
        raise LayerError(f"village number {int(np.argmin(total))} has no area; give it a shape")
    share: _F64 = area / total[village]
    return share


def _sums(village: _I64, units: _I64, villages: int) -> _I64:
    out = np.zeros(villages, dtype=np.int64)
    np.add.at(out, village, units)
    return out


def _operator(
    grid: Grid,
    village: _I64,
    cell: _I64,
    parts: _I64,
    people: _I64,
    scale: int,
    spread: NDArray[np.uint8] | None = None,
    unassigned: Unassigned | None = None,
    notes: dict[str, float] | None = None,
) -> ExposureOperator:
    some = parts > 0
    counts = np.bincount(village[some], minlength=people.size)
    return ExposureOperator(
        grid=grid,
        pointer=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        cell=cell[some].astype(np.int32),
        share=parts[some].astype(np.int32),
        people=people.astype(np.int64),
        scale=scale,
        spread=spread,
        unassigned=unassigned or Unassigned(),
        notes=notes or {},
    )


def _running_parts(village: _I64, units: _I64, scale: int) -> _I64:
    """Parts of `scale` on running sums within each village (sorted by village)."""
    running = np.cumsum(units)
    new = np.concatenate([[True], village[1:] != village[:-1]])[: village.size]
    first = np.flatnonzero(new)
    number = np.cumsum(new) - 1
    before = (running - units)[first]
    total = np.append(before[1:], running[-1:]) - before
    upto = np.floor((running - before[number]) / total[number] * scale + 0.5).astype(np.int64)
    parts: _I64 = np.diff(upto, prepend=0)
    parts[first] = upto[first]
    return parts


def _whole_parts(village: _I64, share: _F64, scale: int) -> _I64:
    """Parts of `scale` by largest remainder within each village (sorted by village)."""
    exact = share * scale
    parts = np.floor(exact).astype(np.int64)
    held = np.zeros(int(village[-1]) + 1 if village.size else 0, dtype=np.int64)
    np.add.at(held, village, parts)
    missing = scale - held
    order = np.lexsort((-(exact - parts), village))
    start = np.searchsorted(village, np.arange(missing.size))
    rank = np.arange(village.size) - start[village[order]]
    parts[order[rank < missing[village[order]]]] += 1
    return parts
