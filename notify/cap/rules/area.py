"""Rules about places: polygons, circles, geocodes. Pairs are latitude, longitude."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kentongan.codes import adm_level
from kentongan.errors import DataError
from notify.cap.document import NAMESPACE, parse_ring
from notify.cap.rules.finding import Finding, children, found, shown, words
from notify.cap.rules.shapes import Budget, first_overlap, is_simple, places_apart
from notify.warning import Ring

SOUTH, NORTH, WEST, EAST = -12.0, 8.0, 94.0, 142.0
"""Degrees: Indonesia with its waters."""
AREA_DESC_LIMIT = 50
POINTS_LIMIT = 100
"""What cell broadcast centres commonly take."""
_LONG_DECIMALS = re.compile(r"\.\d{7,}", re.ASCII)
_MANY_PLACES = 2_000
"""Polygons of one info beyond which they are not compared; BMKG's largest has 150."""


def areas(root: Any) -> Iterator[Finding]:
    for area in children(root, "info/area"):
        if not any(children(area, name) for name in ("polygon", "circle", "geocode")):
            yield found("AREA", "area without polygon, circle or geocode", area)
        if not words(area, "areaDesc"):
            yield found("AREA-NAME", "area without a name", area)
        if children(area, "ceiling") and not children(area, "altitude"):
            yield found("ALTITUDE", "ceiling without altitude", area)


def polygons(root: Any) -> Iterator[Finding]:
    """Form, place on the earth, then validity of each polygon; equal ones are judged once."""
    budget, left_out = Budget(), 0
    judged: dict[str, bool | None] = {}
    for polygon in _polygons(root):
        text = (polygon.text or "").strip()
        try:
            ring = parse_ring(text)
        except DataError as error:
            yield found("POLYGON", str(error), polygon)
            continue
        wrong = [*_form(ring, polygon), *_on_earth(ring, polygon)]
        yield from wrong
        if wrong:
            continue
        if text not in judged:
            judged[text] = is_simple(ring, budget)
        if judged[text] is False:
            yield found("POLYGON-SIMPLE", "the ring crosses or touches itself", polygon)
        left_out += judged[text] is None
    if left_out:
        yield found("LIMIT", f"{left_out} polygons have too many points to be judged", root)


def _polygons(root: Any) -> Iterator[Any]:
    found_: Iterator[Any] = root.iter(f"{{{NAMESPACE}}}polygon")
    return found_


def _form(ring: Ring, polygon: Any) -> Iterator[Finding]:
    if len(ring) < 4:
        yield found("POLYGON", f"{len(ring)} points; expected at least four points", polygon)
    elif ring[0] != ring[-1]:
        message = f"not closed: begins at {_pair(ring[0])}, ends at {_pair(ring[-1])}"
        yield found("POLYGON", message, polygon)


def _on_earth(ring: Ring, element: Any) -> Iterator[Finding]:
    off = [pair for pair in ring if not _is_on_earth(*pair)]
    if not off:
        return
    swapped = all(SOUTH <= lon <= NORTH and WEST <= lat <= EAST for lat, lon in ring)
    hint = "; it is written lon,lat" if swapped else ""
    yield found("LAT-LON", f"{_pair(off[0])} is no lat,lon on the earth{hint}", element)


def _is_on_earth(lat: float, lon: float) -> bool:
    return abs(lat) <= 90 and abs(lon) <= 180  # NaN is not


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:g},{pair[1]:g}"


def box(root: Any) -> Iterator[Finding]:
    for polygon in _polygons(root):
        outside = [pair for pair in _ring(polygon) if _is_on_earth(*pair) and not _in_box(*pair)]
        if outside:
            message = f"{len(outside)} points, as {_pair(outside[0])}, are outside Indonesia's box"
            yield found("BOX", message, polygon)


def _in_box(lat: float, lon: float) -> bool:
    return SOUTH <= lat <= NORTH and WEST <= lon <= EAST


def _ring(polygon: Any) -> Ring:
    """Empty where it cannot be read: another rule says so."""
    try:
        return parse_ring((polygon.text or "").strip())
    except DataError:
        return ()


def circles(root: Any) -> Iterator[Finding]:
    for circle in root.iter(f"{{{NAMESPACE}}}circle"):
        text = (circle.text or "").strip()
        parts = text.split()
        try:
            ((lat, lon),), radius = parse_ring(parts[0]), float(parts[1])
        except (DataError, ValueError, IndexError):
            lat = lon = radius = float("nan")
        if len(parts) != 2 or not radius >= 0 or radius == float("inf"):
            yield found("CIRCLE", f"{shown(text)}: expected lat,lon radius", circle)
            continue
        yield from _on_earth(((lat, lon),), circle)
        if radius == 0:
            yield found("CIRCLE-ZERO", "radius 0: give a radius in kilometres", circle)


def geocodes(root: Any) -> Iterator[Finding]:
    for area in children(root, "info/area"):
        seen: set[tuple[str, str]] = set()
        for code in children(area, "geocode"):
            pair = (words(code, "valueName"), words(code, "value"))
            if pair in seen:
                yield found("GEOCODE-TWICE", f"{shown(pair[1])} stands twice", code)
            seen.add(pair)
            if pair[0].lower().startswith("kemendagri") and not _is_dotted(pair[1]):
                yield found("GEOCODE", f"{shown(pair[1])}: expected a code as 75.02.07.2001", code)


def _is_dotted(code: str) -> bool:
    try:
        return adm_level(code) > 0
    except DataError:
        return False


def advice(root: Any) -> Iterator[Finding]:
    for area in children(root, "info/area"):
        name = words(area, "areaDesc")
        if len(name) >= AREA_DESC_LIMIT:
            message = f"{len(name)} characters; fewer than {AREA_DESC_LIMIT} are shown everywhere"
            yield found("AREA-DESC", message, children(area, "areaDesc")[0])
    for polygon in _polygons(root):
        points = (polygon.text or "").count(",")
        if points > POINTS_LIMIT:
            yield found("POLYGON-POINTS", f"{points} points; at most {POINTS_LIMIT}", polygon)
        if _LONG_DECIMALS.search(polygon.text or ""):
            yield found("DECIMALS", "more than six decimals", polygon)


def together(root: Any) -> Iterator[Finding]:
    """How the polygons of one info lie to each other; equal sets are judged once."""
    budget, judged = Budget(), set[str]()
    for info in children(root, "info"):
        nodes = children(info, "area/polygon")
        key = "|".join((node.text or "").strip() for node in nodes)
        if key in judged or len(nodes) < 2:
            continue
        judged.add(key)
        if len(nodes) > _MANY_PLACES:
            yield found("LIMIT", f"{len(nodes)} polygons were not compared with each other", info)
            continue
        rings = [ring for node in nodes if (ring := _ring(node))]
        if len(rings) > 1:
            yield from _together(rings, info, budget)


def _together(rings: list[Ring], info: Any, budget: Budget) -> Iterator[Finding]:
    pair = first_overlap(rings, budget)
    if pair is not None:
        where = " and ".join(_pair(rings[i][0]) for i in pair)
        yield found("POLYGON-OVERLAP", f"polygons that begin at {where} overlap", info)
    if budget.is_spent:
        yield found("LIMIT", "the polygons have too many points to be compared", info)
    count = places_apart(rings)
    if count > 1:
        message = f"{count} places more than 50 km apart; readers prefer an alert for each"
        yield found("FAR-APART", message, info)
