"""BMKG nowcast: the RSS of active warnings and, behind each link, a CAP 1.2 document.

Page: docs/sources. The RSS has no expiry; identifiers are rendered anew every hour, so the file
code in the link is the identity. The same documents in English are `bmkg_nowcast_en`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ingest.keep.drift import field_names, misplaced
from ingest.read.fields import instant, sane
from ingest.read.nowcast_times import end_time, said_end, sent_time
from ingest.read.payload import (
    element_text,
    elements,
    local_name,
    one_line,
    parse_xml,
    xml_comments,
)
from ingest.read.polygons import parse_rings
from ingest.read.quake import document_status, status_doubt, status_suffix
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.drills import is_re_creation
from kentongan.errors import DataError, SourceChanged
from kentongan.records import Nowcast, NowcastItem
from kentongan.times import compact

MAX_ITEMS = 500
"""34 provinces with a few active warnings each; 11 items on record."""
MAX_TEXT = 20_000
"""Characters of a description; the longest on record, of 98 districts, has 2,000."""
_CODE = re.compile(r"/([A-Z]{3}\d{8}\d{3,6})_alert(?:\.[a-z]{2})?\.xml$", re.ASCII)
_IDENTIFIER = re.compile(r"2\.49\.0\.1\.360\.0\.\d{4}\.\d{2}\.\d{2}\.\d{2}\.(\d{2})\.\d+", re.ASCII)
_NAMED = re.compile(r"(?:khususnya di|especially in)\s*:?\s*(?P<list>[^\n]*)", re.IGNORECASE)
_AFTER_LIST = re.compile(r"\.\s+(?:Kondisi|These conditions|Hal ini|Masyarakat)\b", re.IGNORECASE)
_BETWEEN = re.compile(r",\s*(?:dan\s+)?|\s+dan\s+", re.IGNORECASE)

KNOWN = {
    "rss": frozenset(
        {"rss", "channel", "item", "title", "link", "description", "author", "category", "guid"}
        | {"pubDate", "lastBuildDate", "language", "copyright", "docs"}
    ),
    "alert": frozenset(
        {"alert", "identifier", "sender", "sent", "status", "msgType", "scope", "references"}
        | {"note", "info", "language", "category", "event", "urgency", "severity", "certainty"}
        | {"eventCode", "valueName", "value", "effective", "onset", "expires", "senderName"}
        | {"headline", "description", "instruction", "web", "contact", "area", "areaDesc"}
        | {"polygon", "source", "incidents"}
    ),
}
"""Names of elements; those of CAP that BMKG has not used yet are known too."""
_OUTSIDE = frozenset(
    {"identifier", "sender", "sent", "status", "msgType", "scope", "references", "note", "info"}
    | {"source", "incidents"}
)
"""Elements of a CAP alert that do not stand in an info."""
_PLACES = {
    "rss": {"rss": {"channel"}, "channel": KNOWN["rss"], "item": KNOWN["rss"] - {"item"}},
    "alert": {
        "alert": _OUTSIDE,
        "info": KNOWN["alert"] - _OUTSIDE - {"alert", "polygon", "areaDesc", "valueName", "value"},
        "area": {"areaDesc", "polygon"},
        "eventCode": {"valueName", "value"},
    },
}
_MANY = ("area", "polygon", "category", "eventCode", "info", "item", "link")
"""Elements that may stand more than once in their parent."""
RSS = "/alerts/nowcast/id"
LANGUAGES = ("id", "en")


class BmkgNowcast:
    info = SourceInfo(
        source_id="bmkg-nowcast",
        title="BMKG nowcast warnings",
        provider="BMKG",
        licence="BMKG open data; name BMKG as the source",
        documentation="docs/sources/bmkg-nowcast.md",
        base="bmkg_www_url",
        cadence=timedelta(minutes=10),
        # The RSS is rendered anew at least hourly (unconfirmed); three missed are no accident.
        late_after=timedelta(hours=3),
        history=False,
        periodic=True,
        fallbacks={RSS: f"{RSS}/rss.xml"},
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return [RSS]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:
        return cap_links(payload, path)

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        return read_nowcast(payload, context)


def cap_links(payload: bytes, path: str) -> Sequence[Link]:
    """The CAP link of each item of the RSS; none for a CAP document.

    Raises:
        SourceError: neither of the two.
    """
    root = parse_xml(payload, path)
    if local_name(root) != "rss":
        return ()
    found: dict[str, Link] = {}
    for item in _items(root, path):
        link = element_text(item, "link")
        if link:
            province = _province(element_text(item, "guid"))
            label = one_line(element_text(item, "title"), 120)
            found.setdefault(link, Link(link, label, province))
    return list(found.values())


def read_nowcast(payload: bytes, context: ReadContext) -> Reading:
    """The RSS or one CAP document, in either language.

    Raises:
        SourceError: neither of the two, or its code or times cannot be made out.
    """
    root = parse_xml(payload, context.path)
    context = _marked(context, *xml_comments(payload))
    kind = local_name(root)
    if kind not in ("rss", "alert"):
        raise SourceChanged(
            f"{context.path}: expected <rss> or a CAP <alert>, found <{one_line(root.tag, 60)}>"
        )
    reading = _read_rss(root, context) if kind == "rss" else _read_cap(root, context)
    names = {local_name(element) for element in root.iter()} | misplaced(
        root, _PLACES[kind], many=_MANY
    )
    fields, unknown = field_names(names - {""}, KNOWN[kind])
    return replace(reading, fields=fields, unknown_fields=unknown)


def _marked(context: ReadContext, *said: str) -> ReadContext:
    return replace(context, re_creation=context.re_creation or is_re_creation(*said))


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def code_in(link: str) -> str:
    """`CGT20260924002` from a link or path; empty if it has none."""
    found = _CODE.search(link.split("?")[0].split("#")[0])
    return found[1] if found else ""


def _province(identifier: str) -> str:
    """adm1 code from `2.49.0.1.360.0.YYYY.MM.DD.HH.PP.SSS`; empty if it is of another form."""
    found = _IDENTIFIER.fullmatch(identifier.strip())
    return found[1] if found else ""


def _items(root: Any, path: str) -> list[Any]:
    channels = elements(root, "channel")
    if len(channels) != 1:
        raise SourceChanged(f"{path}: expected one channel in the RSS, found {len(channels)}")
    items = elements(channels[0], "item")
    strange = [c for c in channels[0] if len(c) and local_name(c) not in ("item", "image")]
    strange += [*elements(channels[0], "guid"), *elements(channels[0], "title")[1:]]
    listed = sum(local_name(element) == "item" for element in root.iter())
    if len(items) != listed or (strange and not items):
        raise SourceChanged(
            f"{path}: expected all items in the channel and under this name, found "
            f"{listed - len(items)} elsewhere and {len(strange)} other elements as of items"
        )
    if len(items) > MAX_ITEMS:
        raise SourceChanged(f"{path}: expected at most {MAX_ITEMS} items, found {len(items)}")
    return items


def _read_rss(root: Any, context: ReadContext) -> Reading:
    channel = elements(root, "channel")[0] if elements(root, "channel") else root
    language = _language(element_text(channel, "language"), context.path)
    records: list[NowcastItem] = []
    rejected: list[str] = []
    notes: list[str] = []
    items = _items(root, context.path)
    for item in items:
        title = one_line(element_text(item, "title"), 80) or "no title"
        try:
            record, lines = _item(item, context, language)
        except DataError as error:
            rejected.append(f"item {title!r}: {one_line(error, 240)}")
            continue
        records.append(record)
        notes += [f"item {title!r}: {one_line(line, 240)}" for line in lines]
    built = element_text(channel, "lastBuildDate") or element_text(channel, "pubDate")
    document_time = None
    try:
        document_time = _rfc822(built, "lastBuildDate")
    except DataError as error:
        notes.insert(0, one_line(error, 160))
    kept = _latest_of_each(records)
    if len(set(records)) > len(kept):
        notes.append("an item stands twice with two ends; the later one counts")
    return Reading(kept, tuple(rejected), tuple(notes), document_time, empty=not items)


def _latest_of_each(records: Sequence[NowcastItem]) -> tuple[NowcastItem, ...]:
    """One item for each key: that with the latest end, or with none."""
    found: dict[str, NowcastItem] = {}
    for record in records:
        known = found.get(record.key, record)
        later = record.until is None or (known.until is not None and record.until > known.until)
        found[record.key] = record if later else known
    return tuple(found.values())


def _language(text: str, path: str) -> str:
    """`id` or `en`: as the document says, else as its address does."""
    said = text.strip().lower()[:2]
    if said in LANGUAGES:
        return said
    return "en" if "/nowcast/en" in path else "id"


def _item(item: Any, context: ReadContext, language: str) -> tuple[NowcastItem, tuple[str, ...]]:
    link = element_text(item, "link")
    code = code_in(link)
    if not code:
        raise DataError(
            f"link: expected one that ends in <code>_alert.xml, found {one_line(link)!r}"
        )
    stated = _rfc822(element_text(item, "pubDate"), "pubDate")
    published, notes = sent_time(stated, context, "pubDate")
    title = one_line(element_text(item, "title"), 200)
    description = element_text(item, "description")
    status = document_status("Actual", title, _first_line(description))
    record = NowcastItem(
        source_id=context.source_id,
        key=f"item-{code}-{compact(stated)}{status_suffix(status)}",
        sha256=context.sha256,
        document_time=published,
        status=status,
        re_creation=_marked(context, title, description).re_creation,
        code=code,
        province_code=_province(element_text(item, "guid")),
        title=title,
        link=one_line(link, 300),
        published=published,
        until=said_end(description),
        district_names=district_names(description[:MAX_TEXT]),
        language=language,
    )
    return record, notes


def _rfc822(text: str, name: str) -> datetime:
    try:
        value = parsedate_to_datetime(text.strip())
        if value.tzinfo is None:
            raise ValueError("no zone")
        return sane(value.astimezone(UTC), name)
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        raise DataError(
            f"{name}: expected 'Thu, 24 Sep 2026 15:07:00 +0800', found {one_line(text, 60)!r}"
        ) from error


def _read_cap(root: Any, context: ReadContext) -> Reading:
    try:
        info = _chosen_info(root)
        rings, rejected, notes = parse_rings(_polygon_texts(info))
        record, lines = _nowcast(root, info, rings, context)
    except DataError as error:
        raise SourceChanged(f"{context.path}: CAP document: {one_line(error, 300)}") from error
    name = record.code
    if not rings and not record.is_cancel:
        rejected = (*rejected, "no polygon can be used; its area is unknown")
    return Reading(
        (record,),
        tuple(f"{name}: {line}" for line in rejected),
        tuple(f"{name}: {one_line(line, 300)}" for line in (*lines, *notes)),
        record.sent,
        area_unknown=not rings and not record.is_cancel,
    )


def _chosen_info(root: Any) -> Any:
    infos = elements(root, "info")
    if not infos:
        raise DataError("info: expected one, found none")
    indonesian = [i for i in infos if element_text(i, "language").lower().startswith("id")]
    return (indonesian or infos)[0]


def _polygon_texts(info: Any) -> list[str]:
    return [
        polygon.text or ""
        for area in elements(info, "area")
        for polygon in elements(area, "polygon")
    ]


def _nowcast(
    root: Any, info: Any, rings: tuple[tuple[tuple[float, float], ...], ...], context: ReadContext
) -> tuple[Nowcast, tuple[str, ...]]:
    code = code_in(context.path) or one_line(element_text(root, "identifier"), 80)
    if not code:
        raise DataError("identifier: expected one, found none")
    stated = instant(element_text(root, "sent"), "sent")
    sent, notes = sent_time(stated, context, "sent")
    headline = one_line(element_text(info, "headline"), 400)
    description = element_text(info, "description")
    event = one_line(element_text(info, "event"), 120)
    said = (headline, event, element_text(root, "note"))
    declared = element_text(root, "status")
    scope = element_text(root, "scope")
    status = document_status(declared, *said, _first_line(description), scope=scope)
    message = one_line(element_text(root, "msgType"), 20)
    kind = "" if message == "Alert" else f"-{message.lower()}"
    effective = _optional_instant(info, "effective") or sent
    end = _optional_instant(info, "expires")
    expires, more = end_time(end, lambda: said_end(description), begin=effective)
    record = Nowcast(
        source_id=context.source_id,
        key=f"{code}-{compact(stated)}{kind}{status_suffix(status)}",
        sha256=context.sha256,
        document_time=sent,
        status=status,
        re_creation=_marked(context, *said, description).re_creation,
        code=code,
        province_code=_province(element_text(root, "identifier")),
        identifier=one_line(element_text(root, "identifier"), 120),
        msg_type=message,
        sent=sent,
        effective=effective,
        expires=expires,
        event=event,
        headline=headline,
        description=description[:MAX_TEXT],
        district_names=district_names(description),
        polygons=rings,
        references=tuple(element_text(root, "references").split())[:50],
        language=_language(element_text(info, "language"), context.path),
    )
    return record, (*status_doubt(declared), *notes, *more)


def _optional_instant(info: Any, name: str) -> datetime | None:
    text = element_text(info, name)
    return instant(text, name) if text else None


def district_names(description: str) -> tuple[str, ...]:
    """District names after "khususnya di", as written; empty if the text names none.

    Names hold full stops ("BTS. ULU") and apostrophes; the list ends with its line, or at the
    full stop before the next sentence where a text came without line breaks.
    """
    found = _NAMED.search(description)
    if not found:
        return ()
    line = one_line(found["list"], MAX_TEXT)
    listed = _AFTER_LIST.split(line, maxsplit=1)[0].strip()
    listed = listed.removesuffix(".")
    names = (one_line(name, 80) for name in _BETWEEN.split(listed))
    return tuple(dict.fromkeys(n for n in names if n and n.lower() != "sekitarnya"))
