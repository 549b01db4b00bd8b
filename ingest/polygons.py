"""CAP polygons: text to rings of (latitude, longitude)."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.fields import pair
from kentongan.errors import DataError

Ring = tuple[tuple[float, float], ...]

MAX_RINGS, MAX_POINTS = 5_000, 200_000
"""Of one document; the largest on record has 150 polygons and 3,072 points."""
_WITHIN = ((-20.0, 20.0), (85.0, 150.0))
"""Latitudes and longitudes of Indonesia, generously: catches exchanged pairs."""


def parse_rings(
    texts: Sequence[str],
) -> tuple[tuple[Ring, ...], tuple[str, ...], tuple[str, ...]]:
    """Usable rings; a line for each ring left out; a line for each kept although it crosses itself.

    Raises:
        DataError: more points than any warning can have.
    """
    if len(texts) > MAX_RINGS or sum(text.count(",") for text in texts) > MAX_POINTS:
        raise DataError(
            f"polygon: expected at most {MAX_RINGS} polygons and {MAX_POINTS} points in all"
        )
    rings: list[Ring] = []
    rejected: list[str] = []
    notes: list[str] = []
    for number, text in enumerate(texts, start=1):
        try:
            ring = _ring(text)
        except DataError as error:
            rejected.append(f"polygon {number} of {len(texts)} left out: {error}")
            continue
        rings.append(ring)
        if _crosses_itself(ring):
            notes.append(f"polygon {number} of {len(texts)} crosses itself; kept, to be repaired")
    return tuple(rings), tuple(rejected), tuple(notes)


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
    return ring


def _crosses_itself(ring: Ring) -> bool:
    from shapely import Polygon

    return not Polygon(ring).is_valid
