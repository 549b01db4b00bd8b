"""Modelled village shapes: who lives nearer to this village's point than to any other.

Voronoi cells of the villages' points in the Mercator plane (locally true to shape, so nearest
means nearest), cut at the coast. Where the coastline has no land for a village (small islands,
generalised shores), it gets a disc around its point inside its own cell. A village without a
usable point shares the cells of its district. Measured against real borders, the nearest point
names the right village for only 61 to 74 % of the area: good enough to say where to look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

from kentongan.types import DataQuality
from risk.sphere import EARTH_RADIUS_KM, unit_vectors

KM_PER_DEGREE = 111.195
"""Great circle of a sphere of 6,371 km."""
QUANTUM = 1e-4
"""Degrees (11 m): the embedded shapes are modelled, more digits would be noise."""

_NEAR_LAND_KM = 2.0
"""A point this near shares in the land: the 10 m coastline is off by some hundred metres."""
_DISC_KM = 1.0
"""Radius of the disc of a village whose island the coastline does not have."""
_MIN_CELL_KM2 = 0.02
"""A cell smaller than this is a rounding artefact: the disc is added."""
_ASTRAY_KM, _ASTRAY_RATIO, _ASTRAY_NEAREST_KM = 50.0, 6.0, 3.0
"""A point this far from its district's, and in the midst of another one, is a mistake."""
_NEIGHBOURS = 5
"""All of another district: the midst."""

_F64 = NDArray[np.float64]
_Geometries = NDArray[np.object_]


@dataclass(frozen=True)
class Cells:
    """In the order of the villages given.

    Attributes:
        geometry: polygons, EPSG:4326, on a grid of `QUANTUM`, valid, none empty.
        longitude, latitude: a point inside, degrees.
        quality: `DataQuality` of the shape.
        sharers: how many villages hold this very shape.
    """

    geometry: _Geometries
    longitude: _F64
    latitude: _F64
    quality: NDArray[np.object_]
    sharers: NDArray[np.int64]


def village_cells(villages: pd.DataFrame, land: _Geometries) -> Cells:
    """Cells of villages.

    Args:
        villages: `code` (dotted), `longitude`, `latitude` (degrees, NaN if not known).
        land: polygons, EPSG:4326.
    """
    astray = points_astray(villages)
    known = villages["longitude"].notna().to_numpy() & ~astray
    points = villages.loc[known, ["longitude", "latitude"]].to_numpy(np.float64)
    own, from_disc = _known_cells(points, land)
    geometry = np.empty(len(villages), dtype=object)
    geometry[known] = own
    quality = np.full(len(villages), str(DataQuality.POINTS_ONLY), dtype=object)
    quality[np.flatnonzero(known)[~from_disc]] = str(DataQuality.MODELLED)
    longitude = villages["longitude"].to_numpy(np.float64, copy=True)
    latitude = villages["latitude"].to_numpy(np.float64, copy=True)
    sharers = np.ones(len(villages), dtype=np.int64)
    district = villages["code"].str[:8].to_numpy()
    for code in np.unique(district[~known]):
        members = district == code
        whole = shapely.union_all(geometry[members & known])
        seat = shapely.point_on_surface(whole)
        unknown = np.flatnonzero(members & ~known)
        geometry[unknown] = whole
        longitude[unknown], latitude[unknown] = seat.x, seat.y
        sharers[unknown] = members.sum()
    return Cells(geometry, longitude, latitude, quality, sharers)


def points_astray(villages: pd.DataFrame) -> NDArray[np.bool_]:
    """Points that stand far from their district, in the midst of another one.

    Distance alone would accuse the outer islands; they have no strangers around them.
    """
    known = villages["longitude"].notna().to_numpy()
    out = np.zeros(len(villages), dtype=np.bool_)
    if known.sum() <= _NEIGHBOURS:
        return out
    some = villages[known]
    district = some["code"].str[:8].to_numpy()
    centre = some.groupby(district)[["longitude", "latitude"]].transform("median")
    here = unit_vectors(some["longitude"].to_numpy(), some["latitude"].to_numpy())
    there = unit_vectors(centre["longitude"].to_numpy(), centre["latitude"].to_numpy())
    away = pd.Series(np.linalg.norm(here - there, axis=1) * EARTH_RADIUS_KM)
    usual = away.groupby(district).transform("median")
    nearest, who = cKDTree(here).query(here, k=_NEIGHBOURS + 1)
    strangers = (district[who[:, 1:]] != district[:, None]).all(axis=1)
    far = (away > _ASTRAY_KM) & (away > _ASTRAY_RATIO * usual)
    out[known] = far.to_numpy() & strangers & (nearest[:, 1] * EARTH_RADIUS_KM < _ASTRAY_NEAREST_KM)
    return out


def _known_cells(points: _F64, land: _Geometries) -> tuple[_Geometries, NDArray[np.bool_]]:
    """Shapes of villages with a point, and which of them hold a disc and no land."""
    places, place_of = np.unique(points, axis=0, return_inverse=True)
    marks = shapely.points(places)
    whole = shapely.multipolygons(land)
    shapely.prepare(whole)
    away_km = shapely.distance(whole, marks) * KM_PER_DEGREE
    near = away_km <= _NEAR_LAND_KM
    shape = np.full(len(places), shapely.Polygon(), dtype=object)
    shape[near] = _cut(voronoi(places[near]), land)
    small = shapely.area(shape) * KM_PER_DEGREE**2 < _MIN_CELL_KM2
    disc = np.flatnonzero(small | (away_km > 0))
    around = shapely.intersection(_discs(places[disc]), voronoi(places)[disc])
    shape[disc] = shapely.union(shape[disc], around)
    return quantised(shape)[place_of], small[place_of]


def _discs(points: _F64) -> _Geometries:
    circle = shapely.get_coordinates(shapely.Point(0, 0).buffer(_DISC_KM / KM_PER_DEGREE, 4))
    stretch = 1 / np.cos(np.radians(points[:, 1]))
    x = points[:, :1] + circle[:, 0] * stretch[:, None]
    y = points[:, 1:] + circle[:, 1]
    discs: _Geometries = shapely.polygons(np.stack([x, y], axis=2))
    return discs


def quantised(geometry: _Geometries) -> _Geometries:
    """The same shapes on a grid of `QUANTUM`, valid; one too thin for it becomes a small box."""
    rounded: _Geometries = shapely.set_precision(geometry, QUANTUM)
    gone = np.flatnonzero(shapely.area(rounded) <= 0)
    x, y = np.round(shapely.get_coordinates(shapely.centroid(geometry[gone])).T / QUANTUM)
    rounded[gone] = shapely.set_precision(
        shapely.box((x - 1) * QUANTUM, (y - 1) * QUANTUM, (x + 1) * QUANTUM, (y + 1) * QUANTUM),
        QUANTUM,
    )
    return rounded


def voronoi(points: _F64) -> _Geometries:
    """Voronoi cells of different points (degrees), nearest by the Mercator plane, in degrees."""
    flat = np.column_stack([points[:, 0], _mercator(points[:, 1])])
    centre, reach = flat.mean(axis=0), np.ptp(flat, axis=0).max() + 1
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    # A far ring of points closes the outer cells.
    ring = centre + 4 * reach * np.column_stack([np.cos(turn), np.sin(turn)])
    diagram = Voronoi(np.vstack([flat, ring]))
    regions = [diagram.regions[r] for r in diagram.point_region[: len(flat)]]
    owner = np.repeat(np.arange(len(flat)), [len(r) for r in regions])
    corner = diagram.vertices[np.concatenate(regions)]
    bearing = np.arctan2(corner[:, 1] - flat[owner, 1], corner[:, 0] - flat[owner, 0])
    order = np.lexsort((bearing, owner))
    degrees = np.column_stack([corner[:, 0], _inverse_mercator(corner[:, 1])])[order]
    cells: _Geometries = shapely.polygons(shapely.linearrings(degrees, indices=owner[order]))
    return cells


def _mercator(latitude: _F64) -> _F64:
    projected: _F64 = np.degrees(np.arctanh(np.sin(np.radians(latitude))))
    return projected


def _inverse_mercator(y: _F64) -> _F64:
    latitude: _F64 = np.degrees(np.arcsin(np.tanh(np.radians(y))))
    return latitude


def _cut(cells: _Geometries, land: _Geometries) -> _Geometries:
    """The land of each cell; an empty polygon where there is none."""
    cell, part = shapely.STRtree(land).query(cells)
    shapely.prepare(land)
    inside = shapely.contains_properly(land[part], cells[cell])
    out = np.full(len(cells), shapely.Polygon(), dtype=object)
    out[cell[inside]] = cells[cell[inside]]
    cell, part = cell[~inside], part[~inside]
    pieces = shapely.intersection(cells[cell], land[part])
    some = shapely.area(pieces) > 0
    cell, pieces = cell[some], pieces[some]
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    for group in np.split(order, starts[1:]) if order.size else []:
        out[cell[group[0]]] = shapely.union_all(pieces[group])
    return out
