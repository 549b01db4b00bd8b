"""Which part of a village lies within the coast strip, and which way its sea lies.

The strip is what is nearer to the coastline than `strip_km`, or seaward of it: everything but
the *inland core*. So an island that a generalised coastline does not have is all coast. The
sea's direction is the coastline's outward normal, taken over a chord of some 8 km so that the
arms of a bay do not decide, and averaged along the village's shore.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from risk.layers.cells import KM_PER_DEGREE, QUANTUM
from risk.layers.sources import Land

STRIP_KM = 2.0
_PIECE_KM = 1.0
"""Longest piece of coastline that has one direction."""
_CHORD_KM = 8.0
_SMALL_ISLAND_KM2 = 200.0
"""An island of this size (some 16 km across) has the wave all around it: no side."""
_MIN_AGREEMENT = 0.3
"""Mean resultant length of the normals; below, the shore faces all ways (a cape, an atoll)."""
_SHORE_KM = (1.0, 3.0)
"""Coastline within the first distance is the village's own; else within the second."""
_TILE_DEG = 0.5

_F64 = NDArray[np.float64]
_Geometries = NDArray[np.object_]


@dataclass(frozen=True)
class Coast:
    """A coastline, compiled.

    Attributes:
        core: polygons, EPSG:4326: land farther than `strip_km` from the sea, in tiles.
        longitude, latitude: middle of each piece of coastline, degrees.
        azimuth: towards the sea, degrees clockwise from north; NaN on a small island.
        length_km: of the piece.
    """

    strip_km: float
    core: _Geometries
    longitude: _F64
    latitude: _F64
    azimuth: _F64
    length_km: _F64


def compile_coast(land: Land, strip_km: float = STRIP_KM) -> Coast:
    """The coast of Indonesia; a land border is no coast."""
    rings = shapely.get_rings(shapely.orient_polygons(land.indonesia))
    pieces = [_pieces(shapely.get_coordinates(ring)) for ring in rings]
    x, y, azimuth, length = (np.concatenate(column) for column in zip(*pieces, strict=True))
    shapely.prepare(land.neighbours)
    # The data share the vertices of a border; 0.001 degree (110 m) is far below any strait.
    sea = ~shapely.dwithin(land.neighbours, shapely.points(x, y), 1e-3)
    core = _inland_core(land, rings, strip_km)
    return Coast(strip_km, core, x[sea], y[sea], azimuth[sea], length[sea])


def _inland_core(land: Land, rings: _Geometries, strip_km: float) -> _Geometries:
    """All land without the strip, cut into tiles that are quick to intersect."""
    ends, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    first, last = ends[:-1][same], ends[1:][same]
    middle = (first + last) / 2
    sea = ~shapely.dwithin(land.neighbours, shapely.points(middle), 1e-3)
    strip = _capsules(first[sea], last[sea], strip_km)
    whole = shapely.union_all(np.append(land.indonesia, land.neighbours))
    tree = shapely.STRtree(strip)
    tiles = _tiles(shapely.union_all(land.indonesia))
    core = [
        shapely.difference(shapely.intersection(whole, t), shapely.union_all(strip[tree.query(t)]))
        for t in tiles
    ]
    parts = shapely.get_parts(shapely.set_precision(np.array(core, dtype=object), QUANTUM))
    polygons: _Geometries = parts[shapely.area(parts) > 0]
    return polygons


def _capsules(first: _F64, last: _F64, radius_km: float) -> _Geometries:
    """All within a distance of each straight piece; a degree of longitude shrinks with latitude."""
    shrink = np.cos(np.radians((first[:, 1] + last[:, 1]) / 2))[:, None]
    factor = np.hstack([shrink, np.ones_like(shrink)])
    lines = shapely.linestrings(np.stack([first * factor, last * factor], axis=1))
    capsules = shapely.buffer(lines, radius_km / KM_PER_DEGREE, quad_segs=4)
    points, owner = shapely.get_coordinates(capsules, return_index=True)
    stretched: _Geometries = shapely.set_coordinates(capsules, points / factor[owner])
    return stretched


def _tiles(area: shapely.Geometry) -> _Geometries:
    west, south, east, north = np.floor(np.array(area.bounds) / _TILE_DEG) * _TILE_DEG
    x, y = np.meshgrid(
        np.arange(west, east + _TILE_DEG, _TILE_DEG), np.arange(south, north + _TILE_DEG, _TILE_DEG)
    )
    boxes = shapely.box(x.ravel(), y.ravel(), x.ravel() + _TILE_DEG, y.ravel() + _TILE_DEG)
    shapely.prepare(area)
    tiles: _Geometries = boxes[shapely.intersects(area, boxes)]
    return tiles


def _pieces(ring: _F64) -> tuple[_F64, _F64, _F64, _F64]:
    """Middle, direction of the sea and length of the pieces of one closed ring, land at left."""
    scale = np.cos(np.radians((ring[1:, 1] + ring[:-1, 1]) / 2))
    steps = np.diff(ring, axis=0) * KM_PER_DEGREE
    along = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0] * scale, steps[:, 1]))])
    around = along[-1]
    count = max(4, int(np.ceil(around / _PIECE_KM)))
    middle = (np.arange(count) + 0.5) * around / count
    half = min(_CHORD_KM / 2, 0.2 * around)

    def at(position: _F64) -> tuple[_F64, _F64]:
        wrapped = np.mod(position, around)
        return np.interp(wrapped, along, ring[:, 0]), np.interp(wrapped, along, ring[:, 1])

    x, y = at(middle)
    (x0, y0), (x1, y1) = at(middle - half), at(middle + half)
    east, north = (x1 - x0) * np.cos(np.radians(y)), y1 - y0
    # Land is at the left of the way, so the sea is a quarter turn to the right of it.
    azimuth = np.degrees(np.arctan2(north, -east)) % 360
    if _ring_km2(ring) < _SMALL_ISLAND_KM2:
        azimuth = np.full(count, np.nan)
    return x, y, azimuth, np.full(count, around / count)


def _ring_km2(ring: _F64) -> float:
    middle = float(np.cos(np.radians(ring[:, 1].mean())))
    return float(shapely.area(shapely.polygons(ring))) * KM_PER_DEGREE**2 * middle


def coast_columns(
    geometry: _Geometries, coast: Coast
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`coast_share` (0..1 of the area) and `sea_azimuth_deg` (NaN inland or all around).

    Args:
        geometry: polygons, EPSG:4326, none empty.
    """
    share = _coast_share(geometry, coast)
    azimuth = np.full(len(geometry), np.nan)
    wet = np.flatnonzero(share > 0)
    azimuth[wet] = _sea_azimuth(geometry[wet], coast)
    return share.astype(np.float32), azimuth.astype(np.float32)


def _coast_share(geometry: _Geometries, coast: Coast) -> _F64:
    tree = shapely.STRtree(coast.core)
    village, tile = tree.query(geometry)
    shapely.prepare(coast.core)
    within = shapely.contains(coast.core[tile], geometry[village])
    share = np.ones(len(geometry))
    share[village[within]] = 0.0
    open_ = share[village] > 0
    village, tile = village[open_], tile[open_]
    dry = shapely.area(shapely.intersection(geometry[village], coast.core[tile]))
    share -= np.bincount(village, weights=dry, minlength=len(share)) / shapely.area(geometry)
    # Below a thousandth it is the seam of two tiles, not a shore.
    share[share < 1e-3] = 0.0
    return np.clip(share, 0.0, 1.0)


def _sea_azimuth(geometry: _Geometries, coast: Coast) -> _F64:
    tree = shapely.STRtree(shapely.points(coast.longitude, coast.latitude))
    own = _mean_azimuth(geometry, tree, coast, _SHORE_KM[0])
    missing = np.flatnonzero(np.isnan(own) & ~_has_shore(geometry, tree, _SHORE_KM[0]))
    own[missing] = _mean_azimuth(geometry[missing], tree, coast, _SHORE_KM[1])
    return own


def _has_shore(geometry: _Geometries, tree: shapely.STRtree, km: float) -> NDArray[np.bool_]:
    found = tree.query(geometry, predicate="dwithin", distance=km / KM_PER_DEGREE)[0]
    return np.bincount(found, minlength=len(geometry)) > 0


def _mean_azimuth(geometry: _Geometries, tree: shapely.STRtree, coast: Coast, km: float) -> _F64:
    """Mean direction by length; NaN where most of the shore has none or it faces all ways."""
    village, piece = tree.query(geometry, predicate="dwithin", distance=km / KM_PER_DEGREE)
    turn, length = np.radians(coast.azimuth[piece]), coast.length_km[piece]
    sided = np.where(np.isnan(turn), 0.0, length)
    turn = np.nan_to_num(turn)

    def total(weights: _F64) -> _F64:
        sums: _F64 = np.bincount(village, weights=weights, minlength=len(geometry)).astype(float)
        return sums

    east, north = total(sided * np.sin(turn)), total(sided * np.cos(turn))
    clear = np.hypot(east, north) >= _MIN_AGREEMENT * np.maximum(total(length), 1e-9)
    clear &= total(sided) > total(length) / 2
    return np.where(clear, np.degrees(np.arctan2(east, north)) % 360, np.nan)
