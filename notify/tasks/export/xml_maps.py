"""Tasks for receivers and map programs: GPX 1.1 (Topografix) and KML 2.2 (OGC 07-147r2).

Elements stand in the order that the schemas ask for. A KML viewer reads a description as HTML, so
what stands there is escaped once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from lxml import etree

from kentongan.times import iso
from notify.tasks.export.sheet import (
    SOURCE,
    Point,
    Sheet,
    Way,
    clean,
    facts_of,
    place_of,
    shelters_of,
    title_of,
)
from notify.tasks.listing import TaskLine, leg_words, way_words

GPX_NS = "http://www.topografix.com/GPX/1/1"
KML_NS = "http://www.opengis.net/kml/2.2"
MOST_POINTS = 20_000
"""Of all ways; about 45 bytes each in GPX."""
_COLOURS = {4: "ff2020d0", 3: "ff1080f0", 2: "ff20c0f0"}
"""aabbggrr by level: red, orange, yellow."""
_PLAIN, _STRAIGHT, _ROAD, _SHELTER = "ffa0a0a0", "ff808080", "ffb06020", "ff208020"


def gpx(sheet: Sheet) -> bytes:
    ways = list(sheet.ways(MOST_POINTS))
    root = etree.Element(
        f"{{{GPX_NS}}}gpx", nsmap={None: GPX_NS}, version="1.1", creator="Kentongan"
    )
    about = _add(root, "metadata")
    _texts(about, {"name": sheet.heading, "desc": f"{sheet.first_line} {sheet.made}",
                   "time": iso(sheet.at)})  # fmt: skip
    for line in _lines(sheet):
        if (place := place_of(line)) is not None:
            _point(root, "wpt", place, {"name": title_of(line), "desc": ". ".join(facts_of(line)),
                                        "sym": "Flag, Red", "type": "tugas"})  # fmt: skip
    for (name, place), people in shelters_of(ways).items():
        _point(root, "wpt", place, {"name": f"{sheet.mark}{name}", "desc": f"{people} jiwa",
                                    "sym": "Campground", "type": "tempat"})  # fmt: skip
    for number, way in enumerate(ways, start=1):
        _route(root, way, number, sheet)
    return _bytes(root)


def _route(root: etree._Element, way: Way, number: int, sheet: Sheet) -> None:
    route = _add(root, "rte")
    _texts(route, {"name": _way_name(way, sheet), "desc": _way_facts(way), "src": SOURCE,
                   "number": str(number), "type": way_words(way.leg)})  # fmt: skip
    for point in way.points:
        _point(route, "rtept", point, {})


def kml(sheet: Sheet) -> bytes:
    ways = list(sheet.ways(MOST_POINTS))
    root = etree.Element(f"{{{KML_NS}}}kml", nsmap={None: KML_NS})
    document = _add(root, "Document")
    said = f"{sheet.first_line} {sheet.made}"
    _texts(document, {"name": sheet.heading, "description": escape(said)})
    _styles(document)
    for coordinator, lines in sheet.groups.items():
        folder = _add(document, "Folder")
        _texts(folder, {"name": f"{sheet.mark}Koordinator {clean(coordinator)}"})
        for line in lines:
            _village(folder, line)
    folder = _add(document, "Folder")
    _texts(folder, {"name": f"{sheet.mark}Jalur dan tempat"})
    for way in ways:
        style = "lurus" if way.is_straight else "jalan"
        mark = _placemark(folder, _way_name(way, sheet), [_way_facts(way)], style)
        shape = _add(mark, "LineString")
        _texts(shape, {"tessellate": "1", "coordinates": _coordinates(way.points)})
    for (name, place), people in shelters_of(ways).items():
        mark = _placemark(folder, f"{sheet.mark}{name}", [f"{people} jiwa"], "tempat")
        _texts(_add(mark, "Point"), {"coordinates": _coordinates([place])})
    return _bytes(root)


def _village(folder: etree._Element, line: TaskLine) -> None:
    place = place_of(line)
    style = f"tingkat-{line.level}" if line.level in _COLOURS else "tingkat"
    mark = _placemark(folder, title_of(line), facts_of(line), style)
    if place is not None:
        _texts(_add(mark, "Point"), {"coordinates": _coordinates([place])})


def _placemark(
    folder: etree._Element, name: str, facts: Sequence[str], style: str
) -> etree._Element:
    mark = _add(folder, "Placemark")
    said = "<br>".join(escape(fact) for fact in facts)
    _texts(mark, {"name": name, "description": said, "styleUrl": f"#{style}"})
    return mark


def _styles(document: etree._Element) -> None:
    points = {f"tingkat-{level}": colour for level, colour in _COLOURS.items()}
    for name, colour in {**points, "tingkat": _PLAIN, "tempat": _SHELTER}.items():
        style = _add(document, "Style")
        style.set("id", name)
        _texts(_add(style, "IconStyle"), {"color": colour})
    for name, colour, width in (("lurus", _STRAIGHT, "2"), ("jalan", _ROAD, "4")):
        style = _add(document, "Style")
        style.set("id", name)
        _texts(_add(style, "LineStyle"), {"color": colour, "width": width})


def _way_name(way: Way, sheet: Sheet) -> str:
    to = clean(way.leg.shelter or way.leg.shelter_id or "tempat tujuan")
    straight = f" ({way_words(way.leg)})" if way.is_straight else ""
    return f"{sheet.mark}{way.line.task_id} ke {to}{straight}"


def _way_facts(way: Way) -> str:
    thinned = ", disederhanakan" if way.thinned else ""
    return f"{clean(leg_words(way.leg))}{thinned}"


def _lines(sheet: Sheet) -> Iterator[TaskLine]:
    for lines in sheet.groups.values():
        yield from lines


def _coordinates(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.6f},{y:.6f}" for x, y in points)


def _point(parent: etree._Element, name: str, place: Point, texts: dict[str, str]) -> None:
    point = _add(parent, name)
    point.set("lat", f"{place[1]:.6f}")
    point.set("lon", f"{place[0]:.6f}")
    _texts(point, texts)


def _add(parent: etree._Element, name: str) -> etree._Element:
    """A child in its parent's namespace."""
    return etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")


def _texts(parent: etree._Element, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        _add(parent, name).text = text


def _bytes(root: etree._Element) -> bytes:
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return made
