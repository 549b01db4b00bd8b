"""The borders of all villages as flat arrays in the coordinates of a lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from risk.exposure.lattice import Y_UNITS
from risk.stripes import PeopleStripes

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outline:
    """Points of all rings; point i and i + 1 make an edge where `joined[i]`.

    Attributes:
        x: float64, shape (points,), columns of the people grid from the west.
        y: int64, shape (points,), `Y_UNITS` to a row of the people grid, from the north.
        joined: bool, shape (points,).
        start, stop: int64, shape (villages,): points of village v are start[v]:stop[v].
        turn: int64, shape (villages,): 1 where an edge towards the north has the village to its
            west (rings run anticlockwise on the map, holes clockwise), -1 where to its east.
        bounds: float64, shape (villages, 4): lowest x, lowest y, highest x, highest y, in
            columns and rows; NaN for an empty shape.
    """

    x: _F64
    y: _I64
    joined: NDArray[np.bool_]
    start: _I64
    stop: _I64
    turn: _I64
    bounds: _F64


def make_outline(geometry: NDArray[np.object_], people: PeopleStripes) -> Outline:
    """Outlines of polygons and multipolygons (EPSG:4326, valid).

    A polygon of one ring, as most villages are, is read as it is; taking shapes apart costs
    more than all the rest.
    """
    single = (shapely.get_type_id(geometry) == shapely.GeometryType.POLYGON) & (
        shapely.get_num_interior_rings(geometry) == 0
    )
    points = shapely.get_coordinates(geometry[single])
    count = np.zeros(len(geometry), dtype=np.int64)
    count[single] = shapely.get_num_coordinates(geometry[single])
    turn = np.ones(len(geometry), dtype=np.int64)
    alone = np.flatnonzero(single & (count > 0))
    turn[alone] = _turn(points, count[alone])
    rings, owner = _rings(geometry, np.flatnonzero(~single))
    sizes = shapely.get_num_coordinates(rings).astype(np.int64)
    ends = np.cumsum(np.concatenate([count[alone], sizes]))
    joined = np.ones(int(ends[-1]) if ends.size else 0, dtype=np.bool_)
    joined[ends - 1] = False
    whole = np.concatenate([points, shapely.get_coordinates(rings)])
    start = np.cumsum(count) - count
    count[~single] = np.bincount(owner, sizes, len(geometry)).astype(np.int64)[~single]
    start[~single] = len(points) + np.cumsum(count[~single]) - count[~single]
    y = np.rint((people.north - whole[:, 1]) / people.dy * Y_UNITS).astype(np.int64)
    x = (whole[:, 0] - people.west) / people.dx
    return Outline(x, y, joined, start, start + count, turn, _bounds(geometry, people))


def _turn(points: _F64, count: _I64) -> _I64:
    """1 for each ring that runs anticlockwise, else -1."""
    first = np.cumsum(count) - count
    if not first.size:
        return np.empty(0, dtype=np.int64)
    # About the first point of each ring: far from the origin, products would drown it.
    x, y = (points - np.repeat(points[first], count, axis=0)).T
    cross = np.append(x[:-1] * y[1:] - x[1:] * y[:-1], 0.0)
    cross[first[1:] - 1] = 0.0  # from the last point of a ring to the first of the next
    return np.where(np.add.reduceat(cross, first) >= 0, 1, -1).astype(np.int64)


def _rings(geometry: NDArray[np.object_], rows: _I64) -> tuple[NDArray[np.object_], _I64]:
    """Rings of the other shapes, turned the right way, and the row of each."""
    parts, owner = shapely.get_parts(shapely.orient_polygons(geometry[rows]), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    return rings, rows[owner[part]]


def _bounds(geometry: NDArray[np.object_], people: PeopleStripes) -> _F64:
    west, south, east, north = shapely.bounds(geometry).T
    return np.column_stack(
        [
            (west - people.west) / people.dx,
            (people.north - north) / people.dy,
            (east - people.west) / people.dx,
            (people.north - south) / people.dy,
        ]
    )
