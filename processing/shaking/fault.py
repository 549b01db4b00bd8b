"""A finite fault: where the rupture lies, given from outside as GeoJSON.

A LineString or MultiLineString is the upper edge of the rupture seen from above, a Polygon its
whole projection. Properties: `top_km`, depth of the upper edge (0 if not given), and `name`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from shapely.errors import GEOSException
from shapely.geometry import shape

from kentongan.errors import DataError
from processing.quakes import EARTH_RADIUS_KM, Floats, distance_km
from processing.shaking.nearest import to_chords

MAX_POINTS = 500
MAX_KM = 1600.0
"""Longer than any rupture on record (Sumatra 2004, about 1,300 km)."""
MAX_OFF_KM = 300.0
"""A rupture starts at its hypocentre; one farther off belongs to another quake."""
MAX_TOP_KM = 100.0
_STEP_KM = 20.0
"""A chord of this length lies 8 m below the sphere's surface."""
_KINDS = ("LineString", "MultiLineString", "Polygon", "MultiPolygon")


@dataclass(frozen=True, eq=False)
class Fault:
    """A rupture; `outline` in degrees (longitude, latitude)."""

    outline: Any
    top_km: float
    name: str
    sha256: str
    _found: dict[tuple[bytes, bytes], Floats] = field(default_factory=dict, repr=False)
    """Distances by axes: each line and each state of an event asks for the same."""

    def surface_km(self, latitude: Floats, longitude: Floats) -> Floats:
        """Distance to its projection (Joyner-Boore), km, shape (latitude, longitude)."""
        key = (latitude.tobytes(), longitude.tobytes())
        if key not in self._found:
            self._found[key] = self._surface_km(latitude, longitude)
            self._found[key].setflags(write=False)
        return self._found[key]

    def _surface_km(self, latitude: Floats, longitude: Floats) -> Floats:
        starts, ends = zip(*_segments(self.outline), strict=True)
        places = _vectors(latitude[:, None], longitude[None, :])
        chord = to_chords(places, np.array(starts), np.array(ends))
        found: Floats = (
            2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / (2 * EARTH_RADIUS_KM), 1.0))
        )
        if self.outline.geom_type.endswith("Polygon"):
            x, y = np.meshgrid(longitude, latitude)
            found = np.where(shapely.intersects_xy(self.outline, x, y), 0.0, found)
        return found

    def rupture_km(self, latitude: Floats, longitude: Floats) -> Floats:
        """Closest distance to the rupture, km: its upper edge is taken as the nearest part."""
        found: Floats = np.hypot(self.surface_km(latitude, longitude), self.top_km)
        return found

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, degrees."""
        west, south, east, north = self.outline.bounds
        return float(west), float(south), float(east), float(north)


def read_fault(payload: bytes, *, sha256: str, latitude: float, longitude: float) -> Fault:
    """A rupture for the quake at this epicentre.

    Raises:
        DataError: no GeoJSON of one such geometry, too long, or too far from the epicentre.
    """
    feature = _feature(payload)
    outline = _outline(feature)
    properties = feature.get("properties") or {}
    top = properties.get("top_km", 0.0)
    if isinstance(top, bool) or not isinstance(top, int | float) or not 0 <= top <= MAX_TOP_KM:
        raise DataError(f"fault: expected top_km of 0 to {MAX_TOP_KM:g}, found {str(top)[:40]!r}")
    fault = Fault(outline, float(top), str(properties.get("name", ""))[:80], sha256)
    off = float(fault.surface_km(np.array([latitude]), np.array([longitude]))[0, 0])
    if not off <= MAX_OFF_KM:
        raise DataError(
            f"fault: expected a rupture within {MAX_OFF_KM:g} km of the epicentre, found one "
            f"{off:.0f} km off; coordinates are longitude, latitude"
        )
    return fault


def _feature(payload: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise DataError(f"fault: expected GeoJSON, found {str(error)[:120]}") from error
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or len(features) != 1:
            raise DataError("fault: expected one feature, found another number")
        document = features[0]
    if isinstance(document, dict) and document.get("type") in _KINDS:
        document = {"type": "Feature", "geometry": document}
    if not isinstance(document, dict) or not isinstance(document.get("geometry"), dict):
        raise DataError("fault: expected a GeoJSON feature with a geometry, found none")
    if not isinstance(document.get("properties") or {}, dict):
        raise DataError("fault: expected properties by name, found something else")
    return document


def _outline(feature: Mapping[str, Any]) -> Any:
    kind = feature["geometry"].get("type")
    if kind not in _KINDS:
        raise DataError(f"fault: expected one of {', '.join(_KINDS)}, found {str(kind)[:40]!r}")
    try:
        outline = shapely.force_2d(shape(feature["geometry"]))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, GEOSException) as error:
        raise DataError(f"fault: expected coordinates, found {str(error)[:120]}") from error
    points = shapely.get_coordinates(outline)
    if not 2 <= len(points) <= MAX_POINTS or not np.isfinite(points).all():
        raise DataError(f"fault: expected 2 to {MAX_POINTS} finite points, found {len(points)}")
    if (np.abs(points) > (180.0, 90.0)).any() or not outline.is_valid:
        raise DataError("fault: expected a valid shape in degrees (longitude, latitude)")
    if (length := _length_km(outline)) > MAX_KM:
        raise DataError(f"fault: expected at most {MAX_KM:g} km, found {length:.0f} km")
    return outline


def _lines(outline: Any) -> list[Floats]:
    """Coordinates of each line or ring, shape (n, 2): longitude, latitude."""
    parts = shapely.get_parts(outline)
    rings = [
        ring
        for part in parts
        for ring in (shapely.get_rings(part) if part.geom_type == "Polygon" else [part])
    ]
    return [shapely.get_coordinates(ring) for ring in rings]


def _length_km(outline: Any) -> float:
    whole = sum(_apart_km(a, b) for line in _lines(outline) for a, b in pairwise(line))
    return whole / (2 if outline.geom_type.endswith("Polygon") else 1)


def _apart_km(a: Floats, b: Floats) -> float:
    return float(distance_km(b[1], b[0], to_latitude=float(a[1]), to_longitude=float(a[0])))


def _segments(outline: Any) -> list[tuple[Floats, Floats]]:
    """Chords of at most 20 km as pairs of vectors, km."""
    found: list[tuple[Floats, Floats]] = []
    for line in _lines(outline):
        for a, b in pairwise(line):
            parts = max(1, math.ceil(_apart_km(a, b) / _STEP_KM))
            points = a + (b - a) * np.linspace(0.0, 1.0, parts + 1)[:, None]
            found += pairwise(_vectors(points[:, 1], points[:, 0]))
    return found


def _vectors(latitude: Floats, longitude: Floats) -> Floats:
    """Places on the sphere, km, shape (…, 3)."""
    y, x = np.radians(latitude), np.radians(longitude)
    y, x = np.broadcast_arrays(y, x)
    found: Floats = EARTH_RADIUS_KM * np.stack(
        [np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1
    )
    return found
