"""Documents of the quake lists, JSON or XML of any year, as rows with the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.keep.drift import misplaced, names_of
from ingest.read.payload import elements, local_name, one_line, parse_json, parse_xml, xml_comments
from ingest.read.quake import texts_in
from kentongan.errors import SourceChanged

MAX_QUAKES = 200
"""Today's lists hold 15, that of 2020 60."""
KNOWN = frozenset(
    {
        "Tanggal",
        "Jam",
        "DateTime",
        "Coordinates",
        "Lintang",
        "Bujur",
        "Magnitude",
        "Kedalaman",
        "Wilayah",
        "Wilayah1",
        "Wilayah2",
        "Wilayah3",
        "Wilayah4",
        "Wilayah5",
        "Potensi",
        "Dirasakan",
        "Shakemap",
        "_symbol",
    }
)
"""Of both schemas; in XML, `point/coordinates` stands for Coordinates."""
_PLACES = {"Infogempa": {"gempa"}, "gempa": KNOWN | {"point"}, "point": {"coordinates"}}


@dataclass(frozen=True)
class QuakeList:
    rows: Sequence[Any]
    around: tuple[str, ...]
    """Texts beside the quakes, as a note that the file is a drill or a re-creation."""
    others: frozenset[str] = frozenset()
    """Names of what stands beside the quakes or inside their fields, and is not read."""


def quake_list(payload: bytes, path: str) -> QuakeList:
    """Rows of a quake list, told by its content and not by its name.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: neither form, or far more rows than a list has.
    """
    is_xml = payload.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    found = _from_xml(payload, path) if is_xml else _from_json(payload, path)
    if len(found.rows) > MAX_QUAKES:
        raise SourceChanged(f"{path}: expected about 15 quakes, found {len(found.rows)}")
    return found


def _from_json(payload: bytes, path: str) -> QuakeList:
    """The quakes, whether one object, a list, or (seen once) a bare list."""
    document = found = parse_json(payload, path)
    inner = document.get("Infogempa") if isinstance(document, Mapping) else None
    if isinstance(document, Mapping):
        found = inner.get("gempa") if isinstance(inner, Mapping) else None
    rows = [found] if isinstance(found, Mapping) else found
    if not isinstance(rows, list):
        raise SourceChanged(f"{path}: expected Infogempa.gempa, found {one_line(document, 60)}")
    beside = names_of([inner]) - {"gempa"}
    return QuakeList(rows, (*texts_in(document), *texts_in(inner)), frozenset(beside))


def _from_xml(payload: bytes, path: str) -> QuakeList:
    root = parse_xml(payload, path)
    rows = [_row(child) for child in elements(root, "gempa")]
    if local_name(root) != "Infogempa" or not rows:
        found = one_line(f"<{local_name(root)}> with {len(rows)} <gempa>", 60)
        raise SourceChanged(f"{path}: expected <Infogempa> with <gempa>, found {found}")
    beside = tuple(child.text or "" for child in root if local_name(child) != "gempa")
    return QuakeList(
        rows,
        (*xml_comments(payload), *beside),
        frozenset(misplaced(root, _PLACES, many=("gempa",))),
    )


def _row(element: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in element:
        point = elements(child, "coordinates") if local_name(child) == "point" else []
        name = "Coordinates" if point else local_name(child)
        found.setdefault(name, (point[0] if point else child).text or "")
    return found
