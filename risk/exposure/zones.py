"""People under any polygons: exact by area within each cell of the operator."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from risk.exposure import kernels
from risk.exposure.area import area_entries
from risk.exposure.operator import CLASSES, UNKNOWN, ExposureOperator
from risk.exposure.refine import share_out

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]
_Shapes = NDArray[np.object_]
_RANK = {4: 0, 3: 1, 2: 2, 1: 3, -1: 4}
"""Which of several zones over one place speaks: the highest level, then not known."""


def zone_parts(
    operator: ExposureOperator, geometry: _Shapes, zones: _Shapes, level: NDArray[np.integer]
) -> _I64:
    """Parts of each village in each class, int64, shape (villages, 6).

    People of a village in a cell are where the village is in that cell, evenly; outside all
    zones they are in class 0.

    Args:
        geometry: the shapes from which the operator was compiled, EPSG:4326.
        zones: polygons, EPSG:4326, valid, may overlap; empty ones count for nothing.
        level: 0 to 4, -1 not known, one to a zone.
    """
    reach = [_union_of(zones, level, rank) for rank in range(len(_RANK))]
    rows = np.flatnonzero(shapely.intersects(geometry, reach[-1]))
    parts = kernels.parts(operator, np.zeros(_cells(operator), dtype=np.int8))
    if not rows.size:
        return parts
    entry = operator.entries(rows)
    covered = np.column_stack([_covered(operator, geometry, rows, zone) for zone in reach])
    running = np.maximum.accumulate(covered, axis=1)
    portion = np.zeros((entry.size, CLASSES))
    columns = [UNKNOWN if number < 0 else number for number in _RANK]
    portion[:, columns] = np.diff(running, axis=1, prepend=0)
    portion[:, 0] = 1 - running[:, -1]
    village = operator.row[entry]
    parts[rows] = 0
    np.add.at(parts, village, share_out(operator.share[entry].astype(np.int64), portion))
    return parts


def _union_of(zones: _Shapes, level: NDArray[np.integer], rank: int) -> shapely.Geometry:
    """All zones of this rank or a higher one."""
    speaks = [number for number, own in _RANK.items() if own <= rank]
    union = shapely.union_all(zones[np.isin(level, speaks)])
    shapely.prepare(union)
    return union


def _covered(
    operator: ExposureOperator, geometry: _Shapes, rows: _I64, zone: shapely.Geometry
) -> _F64:
    """Share of the village's area in its cell that lies in the zone, for each entry of `rows`."""
    shapes = geometry[rows]
    within = shapely.contains(zone, shapes)
    count = operator.pointer[rows + 1] - operator.pointer[rows]
    share = np.repeat(within.astype(np.float64), count)
    cut = np.flatnonzero(shapely.intersects(zone, shapes) & ~within)
    if not cut.size:
        return share
    entry = np.flatnonzero(np.isin(np.repeat(np.arange(rows.size), count), cut))
    cells = np.int64(_cells(operator))
    owner = np.repeat(np.arange(rows.size), count)[entry]
    key = np.searchsorted(cut, owner) * cells + operator.cell[operator.entries(rows)[entry]]
    inside = _areas(shapely.intersection(shapes[cut], zone), operator, key)
    whole = _areas(shapes[cut], operator, key)
    # People taken in from beyond the shape: with the village as a whole.
    of_village = shapely.area(shapely.intersection(shapes[cut], zone)) / shapely.area(shapes[cut])
    share[entry] = np.where(
        whole > 0,
        np.minimum(inside / np.where(whole > 0, whole, 1), 1),
        of_village[np.searchsorted(cut, owner)],
    )
    return share


def _areas(shapes: _Shapes, operator: ExposureOperator, key: _I64) -> _F64:
    """Area of each shape in each cell that `key` (shape * cells + cell) names, 0 where none."""
    owner = np.arange(len(shapes))
    # An intersection may leave lines and points behind; only its polygons have people.
    parts, of = shapely.get_parts(shapes, return_index=True)
    flat = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    out = np.zeros(key.size)
    if not flat.any():
        return out
    village, cell, area = area_entries(parts[flat], operator.grid)
    have = owner[of[flat]][village] * np.int64(_cells(operator)) + cell
    at = np.minimum(np.searchsorted(key, have), key.size - 1)
    ours = key[at] == have
    np.add.at(out, at[ours], area[ours])
    return out


def unassigned_in_zones(
    operator: ExposureOperator, zones: _Shapes, level: NDArray[np.integer]
) -> _I64:
    """Whole people outside every village in each class, by the middle of their cell."""
    grid, cell = operator.grid, operator.unassigned.cell
    x = grid.west + (cell % grid.columns + 0.5) * grid.step
    y = grid.south + (cell // grid.columns + 0.5) * grid.step
    column = np.zeros(cell.size, dtype=np.int64)
    for rank in reversed(range(len(_RANK))):
        number = next(key for key, own in _RANK.items() if own == rank)
        here = shapely.intersects_xy(_union_of(zones, level, rank), x, y)
        column[here] = UNKNOWN if number < 0 else number
    out = np.zeros(CLASSES, dtype=np.int64)
    np.add.at(out, column, operator.unassigned.people)
    return out


def _cells(operator: ExposureOperator) -> int:
    return operator.grid.rows * operator.grid.columns
