"""Villages → closed rings that always cover them, in few points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from notify.warning import Ring

MAX_VERTICES = 100
"""Common limit of cell broadcast centres."""
# Degrees of buffer tried one after the other: 0.002 is about 220 m.
_BUFFERS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
# Degrees, about 1.7 km: a circle of 9 km2, near the middle of Indonesia's villages.
_POINT_RADIUS = 0.015
_DECIMALS = 4
# Half a step of the fourth decimal, with room for both axes.
_ROUNDING = 0.0001
_FINE = 40
"""Points of a village from which it is worth simplifying before the union."""


def cover(shapes: Any) -> tuple[Ring, ...]:
    """Closed rings that together cover every shape, with at most 100 points where possible.

    Buffered, simplified and rounded, then tested: a simplification that leaves a village
    partly outside is thrown away and a wider one tried. Islands stay apart, holes are filled.

    Args:
        shapes: array of shapely (multi)polygons, degrees; None entries are left out.
    """
    import shapely

    given = np.asarray(shapes, dtype=object)
    known = given[~(shapely.is_missing(given) | shapely.is_empty(given))]
    if not len(known):
        return ()
    villages = _with_area(shapely.make_valid(known))
    outline = _outline(villages)
    best = None
    for buffer in _BUFFERS:
        candidate = _simplified(outline, buffer)
        if not _covers(candidate, villages):
            continue
        best = candidate
        if _largest(candidate) <= MAX_VERTICES:
            break
    if best is not None and _largest(best) > MAX_VERTICES:
        hulls = _hulls(best)
        best = hulls if _covers(hulls, villages) else best
    return _rings(best if best is not None else _box(villages))


def leaves_indonesia(rings: Sequence[Ring]) -> bool:
    """Whether a point lies outside the box that CAP's checker holds for Indonesia."""
    from notify.cap.rules.area import EAST, NORTH, SOUTH, WEST

    return any(
        not (SOUTH <= latitude <= NORTH and WEST <= longitude <= EAST)
        for ring in rings
        for latitude, longitude in ring
    )


def _hulls(candidate: Any) -> Any:
    """The same with convex hulls in place of polygons that still have too many corners."""
    import shapely

    parts = shapely.get_parts(candidate)
    ragged = shapely.get_num_coordinates(parts) > MAX_VERTICES
    parts[ragged] = shapely.convex_hull(parts[ragged])
    return _filled(shapely.union_all(parts))


def _with_area(villages: Any) -> Any:
    """A village of which only a point is known stands for its surroundings."""
    import shapely

    flat = shapely.area(villages) == 0
    villages[flat] = shapely.buffer(villages[flat], _POINT_RADIUS, quad_segs=2)
    return villages


def _outline(villages: Any) -> Any:
    """About their union, without holes; `_covers` has the last word."""
    import shapely

    slack = _BUFFERS[0] / 2
    fine = shapely.get_num_coordinates(villages) > _FINE
    coarse = villages.copy()
    coarse[fine] = shapely.make_valid(shapely.simplify(villages[fine], slack))
    return _filled(shapely.make_valid(shapely.union_all(coarse).simplify(slack)))


def _covers(candidate: Any, villages: Any) -> bool:
    import shapely

    shapely.prepare(candidate)
    return bool(shapely.covers(candidate, villages).all())


def _box(villages: Any) -> Any:
    import shapely

    west, south, east, north = shapely.total_bounds(villages)
    grow = 2 * _ROUNDING
    return shapely.box(west - grow, south - grow, east + grow, north + grow)


def _simplified(outline: Any, buffer: float) -> Any:
    """The outline grown by `buffer`, with few points, rounded."""
    import shapely

    wide = outline.buffer(buffer + _ROUNDING, quad_segs=2)
    plain = _filled(wide).simplify(buffer * 0.9)
    rounded = shapely.transform(plain, lambda points: np.round(points, _DECIMALS))
    return _filled(rounded if rounded.is_valid else rounded.buffer(0))


def _filled(shape: Any) -> Any:
    """Its polygons without holes; what lay in a hole is gone, for it is inside now.

    `shape` must be valid: then two of its filled polygons are nested or apart.
    """
    import shapely

    parts = shapely.get_parts(shapely.get_parts(shape))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    full = shapely.polygons(shapely.get_exterior_ring(parts))
    keep = np.ones(len(parts), dtype=bool)
    inside = shapely.point_on_surface(parts)
    for k in np.flatnonzero(shapely.get_num_interior_rings(parts)):
        shapely.prepare(full[k])
        within = shapely.contains_properly(full[k], inside)
        within[k] = False
        keep &= ~within
    return shapely.multipolygons(full[keep])


def _largest(shape: Any) -> int:
    import shapely

    return int(shapely.get_num_coordinates(shapely.get_parts(shape)).max())


def _rings(shape: Any) -> tuple[Ring, ...]:
    import shapely

    parts = shapely.get_parts(shapely.normalize(shape))
    return tuple(
        tuple(
            (latitude + 0.0, longitude + 0.0)
            for longitude, latitude in np.round(shapely.get_coordinates(part), _DECIMALS).tolist()
        )
        for part in parts
    )
