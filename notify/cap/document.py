"""CAP 1.2: frozen models, deterministic XML, a strict reader.

Source: OASIS, Common Alerting Protocol Version 1.2 (2010). Coordinates are latitude,
longitude. Times carry the offset of their place and never `Z`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from kentongan.errors import DataError
from notify.warning import Ring

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"

_FORBIDDEN = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold, outer spaces gone."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _whole_seconds(value: datetime) -> datetime:
    return value.replace(microsecond=0)


def _five_decimals(ring: Ring) -> Ring:
    return tuple((round(lat, 5) + 0.0, round(lon, 5) + 0.0) for lat, lon in ring)


Text = Annotated[str, AfterValidator(_clean)]
Moment = Annotated[AwareDatetime, AfterValidator(_whole_seconds)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pair(_Frozen):
    """`valueName` and `value`: eventCode, parameter, geocode."""

    name: Text
    value: Text


class Area(_Frozen):
    description: Text
    polygons: tuple[Annotated[Ring, AfterValidator(_five_decimals)], ...] = ()
    circles: tuple[Text, ...] = ()
    geocodes: tuple[Pair, ...] = ()


class Info(_Frozen):
    language: Text
    categories: tuple[
        Literal[
            "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport",
            "Infra", "CBRNE", "Other",
        ],
        ...,
    ] = Field(min_length=1)  # fmt: skip
    event: Text
    response_types: tuple[
        Literal[
            "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear",
            "None",
        ],
        ...,
    ] = ()  # fmt: skip
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
    audience: Text | None = None
    event_codes: tuple[Pair, ...] = ()
    effective: Moment | None = None
    onset: Moment | None = None
    expires: Moment | None = None
    sender_name: Text | None = None
    headline: Text | None = None
    description: Text | None = None
    instruction: Text | None = None
    web: Text | None = None
    contact: Text | None = None
    parameters: tuple[Pair, ...] = ()
    areas: tuple[Area, ...] = ()


class Alert(_Frozen):
    identifier: Text
    sender: Text
    sent: Moment
    status: Literal["Actual", "Exercise", "System", "Test", "Draft"]
    msg_type: Literal["Alert", "Update", "Cancel", "Ack", "Error"]
    source: Text | None = None
    scope: Literal["Public", "Restricted", "Private"]
    restriction: Text | None = None
    addresses: Text | None = None
    codes: tuple[Text, ...] = ()
    note: Text | None = None
    references: Text | None = None
    incidents: Text | None = None
    infos: tuple[Info, ...] = ()


# (element, field) in the order of the schema; a field that is a tuple repeats its element.
_ALERT = (
    ("identifier", "identifier"), ("sender", "sender"), ("sent", "sent"), ("status", "status"),
    ("msgType", "msg_type"), ("source", "source"), ("scope", "scope"),
    ("restriction", "restriction"), ("addresses", "addresses"), ("code", "codes"),
    ("note", "note"), ("references", "references"), ("incidents", "incidents"), ("info", "infos"),
)  # fmt: skip
_INFO = (
    ("language", "language"), ("category", "categories"), ("event", "event"),
    ("responseType", "response_types"), ("urgency", "urgency"), ("severity", "severity"),
    ("certainty", "certainty"), ("audience", "audience"), ("eventCode", "event_codes"),
    ("effective", "effective"), ("onset", "onset"), ("expires", "expires"),
    ("senderName", "sender_name"), ("headline", "headline"), ("description", "description"),
    ("instruction", "instruction"), ("web", "web"), ("contact", "contact"),
    ("parameter", "parameters"), ("area", "areas"),
)  # fmt: skip
_AREA = (
    ("areaDesc", "description"), ("polygon", "polygons"), ("circle", "circles"),
    ("geocode", "geocodes"),
)  # fmt: skip
_PAIR = (("valueName", "name"), ("value", "value"))
_FIELDS: dict[type[BaseModel], tuple[tuple[str, str], ...]] = {
    Alert: _ALERT, Info: _INFO, Area: _AREA, Pair: _PAIR,
}  # fmt: skip
_MODELS: dict[str, type[BaseModel]] = {
    "info": Info, "area": Area, "eventCode": Pair, "parameter": Pair, "geocode": Pair,
}  # fmt: skip
_RINGS = "polygon"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


def format_time(value: datetime) -> str:
    """`2026-09-24T15:27:00+08:00`; UTC as `-00:00`, as CAP asks."""
    offset = value.utcoffset() or timedelta()
    text = value.strftime("%Y-%m-%dT%H:%M:%S")
    if not offset:
        return text + "-00:00"
    minutes = int(offset.total_seconds() // 60)
    return f"{text}{'+' if minutes > 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def to_xml(alert: Alert) -> bytes:
    """The document: the same alert gives the same bytes."""
    from lxml import etree

    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _fill(root, alert)
    etree.indent(root)
    text: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def _fill(parent: Any, model: BaseModel) -> None:
    from lxml import etree

    for tag, field in _FIELDS[type(model)]:
        value = getattr(model, field)
        for item in value if isinstance(value, tuple) else (value,):
            if item is None:
                continue
            child = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
            if isinstance(item, BaseModel):
                _fill(child, item)
            else:
                child.text = _written(item)


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, tuple):
        return " ".join(f"{_number(lat)},{_number(lon)}" for lat, lon in value)
    return str(value)


def _number(value: float) -> str:
    """At most five decimals (about 1 m), no exponent, no `-0`."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def read_tree(xml: bytes) -> Any:
    """Root element, read without entities, network or limits lifted.

    Raises:
        DataError: no well-formed XML, or it declares a DTD.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DataError(f"CAP: expected well-formed XML, found: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise DataError("CAP: a document type declaration is not allowed; remove <!DOCTYPE …>")
    return root


def parse(xml: bytes) -> Alert:
    """The alert that a document holds, signed or not; `parse(to_xml(alert)) == alert`.

    Raises:
        DataError: no CAP 1.2, an element that the models do not know, or a wrong value.
    """
    root = read_tree(xml)
    if root.tag != f"{{{NAMESPACE}}}alert":
        raise DataError(f"CAP: expected element alert of {NAMESPACE}, found {root.tag}")
    try:
        return Alert.model_validate(_values(root, _ALERT))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"CAP: {where}: {first['msg']}") from error


def _values(element: Any, fields: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    names = dict(fields)
    values: dict[str, Any] = {}
    for child in element:
        if child.tag == _SIGNATURE:
            continue
        tag = str(child.tag).removeprefix(f"{{{NAMESPACE}}}")
        if tag not in names:
            raise DataError(f"CAP: unknown element {tag} in line {child.sourceline}")
        values.setdefault(names[tag], []).append(_value(tag, child))
    many = {"codes", "infos", "categories", "response_types", "event_codes", "parameters",
            "areas", "polygons", "circles", "geocodes"}  # fmt: skip
    return {field: found if field in many else found[-1] for field, found in values.items()}


def _value(tag: str, element: Any) -> Any:
    if tag in _MODELS:
        return _values(element, _FIELDS[_MODELS[tag]])
    text = _clean(element.text or "")
    return parse_ring(text) if tag == _RINGS else text


def parse_ring(text: str) -> Ring:
    """Pairs `lat,lon` separated by spaces.

    Raises:
        DataError: something else.
    """
    try:
        pairs = [tuple(map(float, pair.split(","))) for pair in text.split()]
    except ValueError as error:
        raise DataError(
            f"CAP polygon: expected 'lat,lon lat,lon …', found {text[:40]!r}"
        ) from error
    if any(len(pair) != 2 for pair in pairs):
        raise DataError(f"CAP polygon: expected pairs lat,lon, found {text[:40]!r}")
    return tuple((pair[0], pair[1]) for pair in pairs)
