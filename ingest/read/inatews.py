"""InaTEWS' alerts, JSON or XML: a quake or a tsunami bulletin for each `info`.

They look like CAP and are not: times with "WIB", "lon,lat", zones without code, status `TES`. The
alert's own identifier and `sent` may be those of another event, so each `info` speaks for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from ingest.keep.drift import field_names, misplaced, names_of
from ingest.read.fields import hemisphere, instant, local_instant, required, text_of
from ingest.read.payload import elements, local_name, one_line, parse_json, parse_xml, xml_comments
from ingest.read.plausible import plausible
from ingest.read.quake import (
    depth_of,
    document_status,
    magnitude_of,
    make_quake,
    position,
    status_doubt,
    status_suffix,
    texts_in,
)
from ingest.read.tsunami_rows import GAUGE_FIELDS, ZONE_FIELDS, gauges_of, rows_digest, zones_of
from ingest.source import ReadContext, Reading
from kentongan.drills import is_re_creation
from kentongan.errors import DataError, SourceChanged
from kentongan.records import Bulletin, Quake
from kentongan.times import compact

MAX_INFOS = 200
"""The history holds 30."""
_BEFORE_ORIGIN = timedelta(seconds=60)
"""A solution may move the origin by seconds, never to after the sending."""
_STAGE = re.compile(r"\bPD\s*-?\s*(?P<stage>[1-4])(?:\.(?P<part>\d{1,2}))?(?![\d])", re.ASCII)
_ALERT = ("identifier", "sender", "sent", "status", "msgType", "scope", "code", "info")
_INFO = (
    *("event", "date", "time", "point", "latitude", "longitude", "magnitude", "depth", "area"),
    *("eventid", "potential", "subject", "headline", "description", "instruction", "shakemap"),
    *("instruction1", "instruction2", "instruction3", "wzmap", "ttmap", "sshmap", "felt"),
    *("timesent", "wzarea", "obsarea"),
)
KNOWN = frozenset(
    {
        *_ALERT,
        *(f"info.{name}" for name in _INFO),
        *(f"info.wzarea.{name}" for name in ZONE_FIELDS),
        *(f"info.obsarea.{name}" for name in GAUGE_FIELDS),
    }
)
_PLACES = {
    "alert": _ALERT,
    "info": _INFO,
    "wzarea": ZONE_FIELDS,
    "obsarea": GAUGE_FIELDS,
    "point": ("coordinates",),
}
_MANY = ("info", "wzarea", "obsarea")
Lines = tuple[str, ...]


def read_document(payload: bytes, context: ReadContext) -> Reading:
    """Records of one alert.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: no alert.
    """
    if payload.lstrip()[:1] == b"<":
        alert = alert_from_xml(parse_xml(payload, context.path), context.path)
    else:
        alert = _from_json(payload, context.path)
    return read_alert(alert, context, comments=xml_comments(payload))


def read_alert(
    alert: Mapping[str, Any],
    context: ReadContext,
    *,
    comments: Sequence[str] = (),
    titles: Sequence[str] = (),
) -> Reading:
    """Records of an alert as a mapping.

    Args:
        comments: notes of an author in the file, who may mark a re-creation.
        titles: texts of BMKG's around the alert, which may mark that and a drill.
    """
    said = (*titles, *texts_in(alert))
    whole = _Alert(alert, _marked(context, *comments, *said), said)
    infos = whole.infos
    records: list[Quake | Bulletin] = []
    rejected: list[str] = []
    notes: list[str] = []
    for info in infos:
        try:
            record, lines = _record(info, whole)
        except DataError as error:
            rejected.append(f"{_name(info)}: {one_line(error, 240)}")
            continue
        records.append(record)
        notes += [f"{_name(info)}: {line}" for line in lines]
    newest = max((r.document_time for r in records), default=None)
    fields, unknown = field_names(_names(alert, infos), KNOWN)
    return Reading(
        tuple(records),
        tuple(rejected),
        tuple(notes),
        newest,
        empty=not infos,
        fields=fields,
        unknown_fields=unknown,
    )


@dataclass(frozen=True)
class _Alert:
    raw: Mapping[str, Any]
    context: ReadContext
    said: tuple[str, ...]

    @property
    def infos(self) -> Sequence[Any]:
        infos = _listed(self.raw.get("info"))
        if len(infos) > MAX_INFOS:
            raise SourceChanged(
                f"{self.context.path}: expected about 30 bulletins, found {len(infos)}"
            )
        return infos


def _marked(context: ReadContext, *said: str) -> ReadContext:
    marked = context.re_creation or is_re_creation(*said)
    return replace(context, re_creation=marked)


def _from_json(payload: bytes, path: str) -> Mapping[str, Any]:
    document = parse_json(payload, path)
    if not isinstance(document, dict) or "info" not in document:
        raise SourceChanged(f"{path}: expected an alert with info, found {one_line(document, 60)}")
    return document


def alert_from_xml(root: Any, path: str) -> Mapping[str, Any]:
    """The alert as a mapping as in JSON, `info` a list of mappings.

    Raises:
        SourceChanged: another element.
    """
    if local_name(root) != "alert":
        raise SourceChanged(f"{path}: expected <alert>, found <{one_line(root.tag, 60)}>")
    if not elements(root, "info") and any(len(child) for child in root):
        raise SourceChanged(f"{path}: expected <info> in the alert, found other elements instead")
    return {"info": [], **_mapping(root), **dict.fromkeys(misplaced(root, _PLACES, many=_MANY), "")}


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


def _names(alert: Mapping[str, Any], infos: Sequence[Any]) -> Iterator[str]:
    rows = [info for info in infos if isinstance(info, Mapping)]
    yield from names_of([alert])
    yield from names_of(rows, "info.", nested=("point", "wzarea", "obsarea"))
    for name in ("wzarea", "obsarea"):
        inner = chain.from_iterable(_listed(info.get(name)) for info in rows)
        yield from names_of(inner, f"info.{name}.", nested=())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def _name(info: Any) -> str:
    if not isinstance(info, dict):
        return "info"
    return one_line(f"{info.get('subject')} {info.get('eventid')}", 60)


def _record(info: Any, alert: _Alert) -> tuple[Quake | Bulletin, Lines]:
    if not isinstance(info, Mapping):
        raise DataError(f"expected an info object, found {one_line(info, 40)!r}")
    subject = one_line(text_of(info, "subject"), 120)
    stage = _STAGE.search(subject)
    if not stage and "tsunami" in subject.lower():
        raise DataError(f"subject: expected PD-1 to PD-4, found {subject!r}")
    keep = stage is not None
    origin, early = _origin(info, alert.context, keep=keep)
    sent = _sent(info, alert, origin, keep=keep)
    where, doubts = _where(info, trust_words=keep)
    size, unknown = _size(info, may_be_unknown=keep)
    quake, unread = _quake(info, alert, origin=origin, sent=sent, where=where, size=size)
    doubt = status_doubt(text_of(alert.raw, "status"))
    lines = (*doubt, *early, *_ahead(sent, alert.context), *doubts, *unknown)
    if not stage:
        return quake, (*lines, *unread)
    bulletin, left_out = _bulletin(info, stage, quake)
    return bulletin, (*lines, *left_out)


def _origin(info: Mapping[str, Any], context: ReadContext, *, keep: bool) -> tuple[datetime, Lines]:
    """The origin. One that lies ahead of the reception refuses a quake, and only marks a tsunami
    bulletin: this machine's clock may be the wrong one."""
    origin = local_instant(required(info, "date"), required(info, "time"), "date, time")
    try:
        return plausible(origin, context.last_seen, name="date, time"), ()
    except DataError as error:
        if not keep:
            raise
        return origin, (one_line(error, 200),)


def _sent(info: Mapping[str, Any], alert: _Alert, origin: datetime, *, keep: bool) -> datetime:
    """When it was sent, as written. The alert's own `sent` counts only for a single info, and
    where it is not older than the quake; a quake without any is as of its origin.

    Raises:
        DataError: a tsunami bulletin without a time, or one that cannot be read.
    """
    own = text_of(info, "timesent")
    if own:
        return local_instant(own, own, "timesent")
    if len(alert.infos) == 1 and text_of(alert.raw, "sent"):
        sent = instant(required(alert.raw, "sent"), "sent")
        if sent >= origin - _BEFORE_ORIGIN:
            return sent
    if keep:
        raise DataError("timesent: expected the time of this bulletin, found none")
    return origin


def _ahead(stated: datetime, context: ReadContext) -> Lines:
    """A line where the time of sending lies ahead of the reception: the record waits until then."""
    try:
        plausible(stated, context.last_seen, name="timesent")
    except DataError as error:
        return (f"not known before it is sent: {one_line(error, 200)}",)
    return ()


def _size(
    info: Mapping[str, Any], *, may_be_unknown: bool
) -> tuple[tuple[float | None, float | None], Lines]:
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


def _where(info: Mapping[str, Any], *, trust_words: bool) -> tuple[tuple[float, float], Lines]:
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
            hemisphere(required(info, "latitude"), "latitude", of_latitude=True),
            hemisphere(required(info, "longitude"), "longitude", of_latitude=False),
        )
        return words, (f"position taken from its words: {one_line(error, 160)}",)


def _quake(
    info: Mapping[str, Any],
    alert: _Alert,
    *,
    origin: datetime,
    sent: datetime,
    where: tuple[float, float],
    size: tuple[float | None, float | None],
) -> tuple[Quake, Lines]:
    return make_quake(
        _marked(alert.context, *texts_in(info)),
        origin=origin,
        document_time=sent,
        where=where,
        magnitude=size[0],
        depth_km=size[1],
        place=text_of(info, "area"),
        potential=text_of(info, "potential"),
        felt=text_of(info, "felt"),
        shakemap=text_of(info, "shakemap"),
        status=document_status(
            text_of(alert.raw, "status"),
            *alert.said,
            *texts_in(info),
            scope=text_of(alert.raw, "scope"),
        ),
    )


def _bulletin(
    info: Mapping[str, Any], stage: re.Match[str], quake: Quake
) -> tuple[Bulletin, Lines]:
    part = f".{stage['part']}" if stage["part"] else ""
    label = f"PD-{stage['stage']}{part}"
    zones, bad_zones = zones_of(_listed(info.get("wzarea")))
    gauges, bad_gauges = gauges_of(_listed(info.get("obsarea")))
    event = one_line(text_of(info, "eventid"), 40) or compact(quake.origin_time)
    sent, suffix = quake.document_time, status_suffix(quake.status)
    bulletin = Bulletin(
        source_id=quake.source_id,
        key=f"{event}-{label}-{compact(sent)}-{rows_digest(zones, gauges)}{suffix}",
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
