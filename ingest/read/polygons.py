"""CAP polygons: text to rings of (latitude, longitude)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ingest.read.fields import pair
from kentongan.errors import DataError
from kentongan.grid import BASE_GRID

Ring = tuple[tuple[float, float], ...]

MAX_RINGS, MAX_POINTS = 5_000, 50_000
"""Of one document; BMKG's largest on record has 150 polygons and 3,072 points in all."""
MAX_RING_POINTS = 5_000
"""Of one ring; more than BMKG's largest document has in all."""
MAX_CROSSING_POINTS, MAX_CROSSINGS = 2_000, 5_000
"""Of a ring that crosses itself. A digitising slip crosses a few times. The cost of repair grows
with the crossings: 5,000 of them take 0.1 s, 120,000 take 4 s (measured)."""
MAX_REPAIRED_POINTS = 5_000
"""Of all rings of one document that cross themselves; counting crossings takes up to 3 s for
2,000 points (measured)."""
MIN_AREA_DEG2 = 1e-9
"""About 12 square metres: smaller rings are rounding, not land."""
_WITHIN = ((-20.0, 20.0), (85.0, 150.0))
"""Latitudes and longitudes of Indonesia, generously: catches exchanged pairs."""


def parse_rings(
    texts: Sequence[str],
) -> tuple[tuple[Ring, ...], tuple[str, ...], tuple[str, ...]]:
    """Usable rings; a line for each ring left out; a line for each kept although it crosses itself.

    What lies beyond the limits is left out; the rings before it stay.
    """
    rings: list[Ring] = []
    rejected: list[str] = []
    notes: list[str] = []
    total = repaired = 0
    for number, text in enumerate(texts[:MAX_RINGS], start=1):
        total += _points(text)
        try:
            _within_limits(_points(text), total)
            ring = _ring(text)
            crosses = _crosses_itself(ring)
            repaired += len(ring) if crosses else 0
            if crosses:
                _repairable(ring, repaired)
        except DataError as error:
            rejected.append(f"polygon {number} of {len(texts)} left out: {error}")
            continue
        rings.append(ring)
        if crosses:
            notes.append(f"polygon {number} of {len(texts)} crosses itself; kept, to be repaired")
    if rings and not any(_has_area(ring) for ring in rings):
        rejected.append(f"{len(rings)} polygons left out: none encloses an area")
        rings = []
    if len(texts) > MAX_RINGS:
        rejected.append(f"{len(texts) - MAX_RINGS} polygons after the first {MAX_RINGS} left out")
    return tuple(rings), tuple(rejected), tuple(notes)


def _points(text: str) -> int:
    return text.count(",")


def _within_limits(points: int, total: int) -> None:
    if points > MAX_RING_POINTS:
        raise DataError(f"expected at most {MAX_RING_POINTS} points, found {points}")
    if total > MAX_POINTS:
        raise DataError(f"expected at most {MAX_POINTS} points in all, this one leads to {total}")


def _ring(text: str) -> Ring:
    ring = tuple(pair(point, "point") for point in text.split())
    if len(ring) < 4:
        raise DataError(f"expected at least 4 points, found {len(ring)}")
    if ring[0] != ring[-1]:
        raise DataError(f"not closed: begins at {ring[0]}, ends at {ring[-1]}")
    (south, north), (west, east) = _WITHIN
    for latitude, longitude in ring:
        if not (south <= latitude <= north and west <= longitude <= east):
            raise DataError(f"expected lat,lon in Indonesia, found {latitude:g},{longitude:g}")
    return _in_sight(ring)


def _in_sight(ring: Ring) -> Ring:
    """Raises:
    DataError: no part of it can lie in Indonesia.
    """
    south, west = (min(values) for values in zip(*ring, strict=True))
    north, east = (max(values) for values in zip(*ring, strict=True))
    grid = BASE_GRID
    top, right = grid.south + grid.rows * grid.step, grid.west + grid.columns * grid.step
    if north < grid.south or south > top or east < grid.west or west > right:
        raise DataError(f"expected an area in Indonesia, found one near {south:g},{west:g}")
    return ring


def _has_area(ring: Ring) -> bool:
    """Whether it encloses more than rounding; a ring that crosses itself is repaired first."""
    from shapely import Polygon, make_valid

    area = Polygon(ring)
    whole = area if area.is_valid else make_valid(area, method="structure")
    return bool(whole.area > MIN_AREA_DEG2)


def _crosses_itself(ring: Ring) -> bool:
    from shapely import Polygon

    return not Polygon(ring).is_valid


def _repairable(ring: Ring, repaired: int) -> None:
    if len(ring) > MAX_CROSSING_POINTS or repaired > MAX_REPAIRED_POINTS:
        raise DataError(f"crosses itself and has {len(ring)} points, too many to be repaired")
    crossings = _crossings(ring)
    if crossings > MAX_CROSSINGS:
        raise DataError(f"crosses itself {crossings} times, expected at most {MAX_CROSSINGS}")


def _crossings(ring: Ring) -> int:
    """Pairs of sides that meet, without neighbours."""
    import shapely

    sides = shapely.linestrings([(a, b) for a, b in pairwise(ring) if a != b])
    met = shapely.STRtree(sides).query(sides, predicate="intersects").shape[1]
    return max(0, int(met) - 3 * len(sides)) // 2
