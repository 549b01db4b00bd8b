"""Geometry of foreign polygons, with a bound on the work that they can cause."""

from __future__ import annotations

import math
from typing import Any

from notify.warning import Ring

OVERLAP_SHARE = 0.1
"""Of the smaller polygon: neighbours that were simplified share a strip along their border."""
APART_DEG = 0.45
"""Degrees, about 50 km: islands of one group count as one place (unconfirmed)."""
_WORK = 60_000_000
"""Pairs of segments whose boxes all overlap, the worst there is: GEOS looks for crossings among
so many in 1 to 2 s (measured with combs of diagonal teeth)."""
_OVERLAY = 10
"""An intersection of two such polygons costs so many times as much."""


class Budget:
    """Work that may still be spent on one document."""

    def __init__(self, work: int = _WORK) -> None:
        self._left = work
        self.is_spent = False

    def take(self, work: int) -> bool:
        """Whether so much is left; what does not fit is not taken."""
        if work > self._left:
            self.is_spent = True
            return False
        self._left -= work
        return True


def is_simple(ring: Ring, budget: Budget) -> bool | None:
    """Whether the ring bounds one area without crossing or touching itself.

    None: too many points for what is left of the budget.
    """
    import shapely

    if not budget.take(len(ring) ** 2):
        return None
    polygon = shapely.Polygon([(lon, lat) for lat, lon in ring])
    return bool(polygon.is_valid and polygon.area > 0)


def first_overlap(rings: list[Ring], budget: Budget) -> tuple[int, int] | None:
    """The first two polygons that share more than a strip; None also when the budget is spent."""
    import shapely

    shapes = [_shape(ring, budget) for ring in rings]
    tree = shapely.STRtree(shapes)
    for i, shape in enumerate(shapes):
        for j in sorted(int(k) for k in tree.query(shape) if k > i):
            if not budget.take(_OVERLAY * len(rings[i]) * len(rings[j])):
                return None
            if _overlap(shape, shapes[j]):
                return i, j
    return None


def _shape(ring: Ring, budget: Budget) -> Any:
    """Empty where it is no valid polygon, another rule says so, or cannot be judged."""
    import shapely

    finite = all(math.isfinite(lat) and math.isfinite(lon) for lat, lon in ring)
    if len(ring) < 4 or ring[0] != ring[-1] or not finite or not budget.take(len(ring) ** 2):
        return shapely.Polygon()
    polygon = shapely.Polygon([(lon, lat) for lat, lon in ring])
    return polygon if polygon.is_valid else shapely.Polygon()


def _overlap(one: Any, other: Any) -> bool:
    smaller: float = min(one.area, other.area)
    return smaller > 0 and bool(one.intersection(other).area > OVERLAP_SHARE * smaller)


def places_apart(rings: list[Ring]) -> int:
    """Groups of polygons whose boxes lie further than `APART_DEG` from every other group."""
    import numpy as np
    import shapely

    boxes = [_box(ring) for ring in rings]
    tree = shapely.STRtree(shapely.box(*np.asarray(boxes, dtype=float).T))
    left, groups = set(range(len(rings))), 0
    while left:
        groups += 1
        waiting = [left.pop()]
        while waiting:
            near = {int(k) for k in tree.query(_wider(boxes[waiting.pop()]))} & left
            left -= near
            waiting.extend(near)
    return groups


def _box(ring: Ring) -> tuple[float, float, float, float]:
    """West, south, east, north; clipped to the earth, so that anything can be compared."""
    lats = [min(max(lat, -90.0), 90.0) for lat, _ in ring if lat == lat]
    lons = [min(max(lon, -180.0), 180.0) for _, lon in ring if lon == lon]
    return min(lons, default=0), min(lats, default=0), max(lons, default=0), max(lats, default=0)


def _wider(box: tuple[float, float, float, float]) -> Any:
    import shapely

    west, south, east, north = box
    return shapely.box(west - APART_DEG, south - APART_DEG, east + APART_DEG, north + APART_DEG)
