"""InaTEWS bulletins: the newest event (JSON), the last tsunami bulletins (XML).

Page: docs/sources. Looks like CAP and is not: times with "WIB", "lon,lat", zones without code,
status `TES`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ingest.fields import hemisphere, instant, local_instant, number, required, text_of
from ingest.payload import local_name, one_line, parse_json, parse_xml, xml_comments
from ingest.quake import (
    depth_of,
    document_status,
    magnitude_of,
    make_quake,
    position,
    status_suffix,
    texts_in,
)
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.drills import is_re_creation
from kentongan.errors import DataError, SourceChanged
from kentongan.records import Bulletin, GaugeReading, Quake, TsunamiZone
from kentongan.times import compact, iso
from kentongan.types import TsunamiStatus

MAX_INFOS = 200
"""The history holds 30."""
MAX_ROWS = 2000
"""Zones or gauges of one bulletin; the longest on record has 22."""
_STAGE = re.compile(r"\bPD\s*-?\s*(?P<stage>[1-4])(?:\.(?P<part>\d{1,2}))?(?![\d])", re.ASCII)
_ARCHIPELAGO = ((-15.0, 15.0), (90.0, 145.0))
"""Latitudes and longitudes of BMKG's gauges, generously."""


class BmkgInatews:
    info = SourceInfo(
        source_id="bmkg-inatews",
        title="InaTEWS bulletins",
        provider="BMKG",
        licence="undocumented bucket of BMKG's; agree its use; name BMKG as the source",
        documentation="docs/sources/bmkg-inatews.md",
        base="bmkg_inatews_url",
        cadence=timedelta(days=1),
        late_after=timedelta(days=7),
        history=True,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return ["/datagempa.json", "/last30tsunamievent.xml"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        alert = _alert(payload, context.path)
        context = _marked(context, *xml_comments(payload), *texts_in(alert))
        records: list[Quake | Bulletin] = []
        rejected: list[str] = []
        notes: list[str] = []
        infos = _infos(alert, context.path)
        for info in infos:
            try:
                record, lines = _record(alert, info, context)
            except DataError as error:
                rejected.append(f"{_name(info)}: {one_line(error, 200)}")
                continue
            records.append(record)
            notes += [f"{_name(info)}: {line}" for line in lines]
        newest = max((r.document_time for r in records), default=None)
        return Reading(tuple(records), tuple(rejected), tuple(notes), newest, empty=not infos)


def _marked(context: ReadContext, *said: str) -> ReadContext:
    marked = context.re_creation or is_re_creation(*said)
    return replace(context, re_creation=marked)


def _alert(payload: bytes, path: str) -> Mapping[str, Any]:
    """The alert as a mapping, from JSON or XML; `info` is a list of mappings."""
    if payload.lstrip()[:1] == b"<":
        return _from_xml(parse_xml(payload, path), path)
    document = parse_json(payload, path)
    if not isinstance(document, dict) or "info" not in document:
        raise SourceChanged(f"{path}: expected an alert with info, found {one_line(document, 60)}")
    return document


def _from_xml(root: Any, path: str) -> Mapping[str, Any]:
    if local_name(root) != "alert":
        raise SourceChanged(f"{path}: expected <alert>, found <{one_line(root.tag, 60)}>")
    return {"info": [], **_mapping(root)}


def _mapping(element: Any) -> dict[str, Any]:
    """Leaves as text; `info`, `wzarea`, `obsarea` as lists of mappings; `point` as a mapping."""
    found: dict[str, Any] = {}
    for child in element:
        name = local_name(child)
        if name in ("info", "wzarea", "obsarea"):
            found.setdefault(name, []).append(_mapping(child))
        elif name == "point":
            found[name] = _mapping(child)
        elif name:
            found.setdefault(name, child.text or "")
    return found


def _infos(alert: Mapping[str, Any], path: str) -> Sequence[Any]:
    infos = _listed(alert["info"])
    if len(infos) > MAX_INFOS:
        raise SourceChanged(f"{path}: expected about 30 bulletins, found {len(infos)}")
    return infos


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def _name(info: Any) -> str:
    if not isinstance(info, dict):
        return "info"
    return one_line(f"{info.get('subject')} {info.get('eventid')}", 60)


def _record(
    alert: Mapping[str, Any], info: Any, context: ReadContext
) -> tuple[Quake | Bulletin, tuple[str, ...]]:
    if not isinstance(info, Mapping):
        raise DataError(f"expected an info object, found {one_line(info, 40)!r}")
    sent = _sent(alert, info)
    subject = one_line(text_of(info, "subject"), 120)
    stage = _STAGE.search(subject)
    if not stage and "tsunami" in subject.lower():
        raise DataError(f"subject: expected PD-1 to PD-4, found {subject!r}")
    where, doubts = _where(info, trust_words=stage is not None)
    size, unknown = _size(info, may_be_unknown=stage is not None)
    quake, unread = _quake(alert, info, sent, where, size, context)
    if not stage:
        return quake, unread
    bulletin, left_out = _bulletin(info, stage, quake, sent)
    return bulletin, (*doubts, *unknown, *left_out)


def _size(
    info: Mapping[str, Any], *, may_be_unknown: bool
) -> tuple[tuple[float | None, float | None], tuple[str, ...]]:
    """Magnitude and depth (km). A tsunami bulletin is never lost for either: there what cannot
    be read is None, and a line says so."""
    found: list[float | None] = []
    unknown: list[str] = []
    for name, read in (("magnitude", magnitude_of), ("depth", depth_of)):
        try:
            found.append(read(required(info, name)))
        except DataError as error:
            if not may_be_unknown:
                raise
            found.append(None)
            unknown.append(f"{name} taken as not known: {one_line(error, 160)}")
    return (found[0], found[1]), tuple(unknown)


def _where(
    info: Mapping[str, Any], *, trust_words: bool
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """Position of the quake. A tsunami bulletin is never lost for a wrong pair of numbers:
    there the position in words stands, and a line says so."""
    point = info.get("point")
    raw = {**info, **point} if isinstance(point, Mapping) else info
    try:
        return position(
            raw,
            coordinates="coordinates",
            order="lon,lat",
            latitude="latitude",
            longitude="longitude",
        ), ()
    except DataError as error:
        if not trust_words:
            raise
        words = (
            hemisphere(required(info, "latitude"), "latitude"),
            hemisphere(required(info, "longitude"), "longitude"),
        )
        return words, (f"position taken from its words: {one_line(error, 160)}",)


def _sent(alert: Mapping[str, Any], info: Mapping[str, Any]) -> datetime:
    stated = text_of(info, "timesent")
    if stated:
        return local_instant(stated, stated, "timesent")
    if len(_listed(alert["info"])) > 1:
        raise DataError("timesent: expected the time of this bulletin, found none")
    return instant(required(alert, "sent"), "sent")


def _quake(
    alert: Mapping[str, Any],
    info: Mapping[str, Any],
    sent: datetime,
    where: tuple[float, float],
    size: tuple[float | None, float | None],
    context: ReadContext,
) -> tuple[Quake, tuple[str, ...]]:
    return make_quake(
        _marked(context, *texts_in(info)),
        origin=local_instant(required(info, "date"), required(info, "time"), "date, time"),
        document_time=sent,
        where=where,
        magnitude=size[0],
        depth_km=size[1],
        place=text_of(info, "area"),
        potential=text_of(info, "potential"),
        felt=text_of(info, "felt"),
        shakemap=text_of(info, "shakemap"),
        status=document_status(text_of(alert, "status"), *texts_in(alert), *texts_in(info)),
    )


def _bulletin(
    info: Mapping[str, Any], stage: re.Match[str], quake: Quake, sent: datetime
) -> tuple[Bulletin, tuple[str, ...]]:
    part = f".{stage['part']}" if stage["part"] else ""
    label = f"PD-{stage['stage']}{part}"
    zones, bad_zones = _zones(_listed(info.get("wzarea")))
    gauges, bad_gauges = _gauges(_listed(info.get("obsarea")))
    event = one_line(text_of(info, "eventid"), 40) or compact(quake.origin_time)
    bulletin = Bulletin(
        source_id=quake.source_id,
        key=(
            f"{event}-{label}-{compact(sent)}-{_digest(zones, gauges)}{status_suffix(quake.status)}"
        ),
        sha256=quake.sha256,
        document_time=sent,
        status=quake.status,
        re_creation=quake.re_creation,
        stage=int(stage["stage"]),
        label=label,
        sent=sent,
        quake=quake,
        zones=zones,
        gauges=gauges,
        headline=one_line(text_of(info, "headline"), 2000),
    )
    return bulletin, (*bad_zones, *bad_gauges)


def _digest(zones: Sequence[TsunamiZone], gauges: Sequence[GaugeReading]) -> str:
    """Eight hex digits of what a bulletin says, in any order of rows.

    BMKG sends a corrected bulletin under the same label, and the JSON and the XML may be read
    with different rows left out: each content is a record of its own, equal ones are one.
    """
    said = [f"z|{z.province}|{z.district}|{z.level}|{_clock(z.arrival)}" for z in zones]
    said += [f"g|{g.location}|{g.height_m:g}|{_clock(g.observed_at)}" for g in gauges]
    text = "\n".join(sorted(said)).upper()
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def _clock(value: datetime | None) -> str:
    return iso(value) if value else ""


def _zones(rows: Sequence[Any]) -> tuple[tuple[TsunamiZone, ...], tuple[str, ...]]:
    """Each province and district once: the highest level, the earliest arrival."""
    kept: dict[tuple[str, str], TsunamiZone] = {}
    bad = _too_many(rows, "zones")
    for row in rows[:MAX_ROWS]:
        try:
            zone = _zone(row)
        except DataError as error:
            bad.append(f"zone left out: {one_line(error, 160)}")
            continue
        name = (zone.province, zone.district)
        kept[name] = _worse(kept[name], zone) if name in kept else zone
    return tuple(kept.values()), tuple(bad)


def _too_many(rows: Sequence[Any], what: str) -> list[str]:
    excess = len(rows) - MAX_ROWS
    return [f"{excess} {what} after the first {MAX_ROWS} left out"] if excess > 0 else []


def _zone(row: Any) -> TsunamiZone:
    if not isinstance(row, Mapping):
        raise DataError(f"wzarea: expected an object, found {one_line(row, 40)!r}")
    level = required(row, "level").upper()
    district = one_line(required(row, "district"), 120)
    if level not in set(TsunamiStatus):
        raise DataError(f"{district}: expected AWAS, SIAGA or WASPADA, found {one_line(level)!r}")
    return TsunamiZone(
        province=one_line(text_of(row, "province"), 120),
        district=district,
        level=TsunamiStatus(level),
        arrival=_when(row, "arrival"),
    )


def _worse(a: TsunamiZone, b: TsunamiZone) -> TsunamiZone:
    order = list(TsunamiStatus)
    arrivals = [z.arrival for z in (a, b) if z.arrival]
    return a.model_copy(
        update={
            "level": max(a.level, b.level, key=order.index),
            "arrival": min(arrivals, default=None),
        }
    )


def _when(row: Mapping[str, Any], name: str) -> datetime | None:
    """Date and clock of a row; None where either is missing or unreadable: the row still counts."""
    try:
        return local_instant(text_of(row, "date"), text_of(row, "time"), name)
    except DataError:
        return None


def _gauges(rows: Sequence[Any]) -> tuple[tuple[GaugeReading, ...], tuple[str, ...]]:
    kept: list[GaugeReading] = []
    bad = _too_many(rows, "gauges")
    for row in rows[:MAX_ROWS]:
        try:
            kept.append(_gauge(row))
        except DataError as error:
            bad.append(f"gauge left out: {one_line(error, 160)}")
    return tuple(kept), tuple(bad)


def _gauge(row: Any) -> GaugeReading:
    if not isinstance(row, Mapping):
        raise DataError(f"obsarea: expected an object, found {one_line(row, 40)!r}")
    place = one_line(required(row, "location"), 120)
    latitude = number(required(row, "loclatitude"), f"{place} latitude", low=-180, high=180)
    longitude = number(required(row, "loclongitude"), f"{place} longitude", low=-180, high=180)
    swapped = not _in_archipelago(latitude, longitude) and _in_archipelago(longitude, latitude)
    if swapped:
        latitude, longitude = longitude, latitude
    if abs(latitude) > 90:
        raise DataError(f"{place}: expected a latitude, found {latitude:g}")
    return GaugeReading(
        location=place,
        latitude=latitude,
        longitude=longitude,
        height_m=number(required(row, "height"), f"{place} height", low=0, high=100),
        observed_at=_when(row, "observed"),
        repaired=swapped,
    )


def _in_archipelago(latitude: float, longitude: float) -> bool:
    (south, north), (west, east) = _ARCHIPELAGO
    return south <= latitude <= north and west <= longitude <= east
