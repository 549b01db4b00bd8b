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

    Rings run anticlockwise on the map, holes clockwise: an edge towards the north has its
    village to the west.

    Attributes:
        x: float64, shape (points,), columns of the people grid from the west.
        y: int64, shape (points,), `Y_UNITS` to a row of the people grid, from the north.
        joined: bool, shape (points,).
        start: int64, shape (villages + 1,): points of village v are start[v]:start[v+1].
        bounds: float64, shape (villages, 4): lowest x, lowest y, highest x, highest y, in
            columns and rows; NaN for an empty shape.
    """

    x: _F64
    y: _I64
    joined: NDArray[np.bool_]
    start: _I64
    bounds: _F64


def make_outline(geometry: NDArray[np.object_], people: PeopleStripes) -> Outline:
    """Outlines of polygons and multipolygons (EPSG:4326, valid)."""
    parts, owner = shapely.get_parts(shapely.orient_polygons(geometry), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points = shapely.get_coordinates(rings)
    count = shapely.get_num_coordinates(rings).astype(np.int64)
    x = (points[:, 0] - people.west) / people.dx
    y = np.rint((people.north - points[:, 1]) / people.dy * Y_UNITS).astype(np.int64)
    joined = np.ones(len(points), dtype=np.bool_)
    joined[np.cumsum(count) - 1] = False
    ends = np.bincount(owner[part], count, len(geometry)).cumsum()
    start = np.concatenate([[0], ends]).astype(np.int64)
    return Outline(x, y, joined, start, _bounds(geometry, people))


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
