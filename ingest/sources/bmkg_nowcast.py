"""BMKG nowcast: the RSS of active warnings and, behind each link, a CAP 1.2 document.

Page: docs/sources. The RSS has no expiry; identifiers are rendered anew every hour, so the file
code in the link is the identity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ingest.fields import instant, last_local_instant, sane
from ingest.payload import element_text, elements, local_name, one_line, parse_xml, xml_comments
from ingest.polygons import parse_rings
from ingest.quake import document_status, status_suffix
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
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return ["/alerts/nowcast/id"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:
        """The CAP link of each item; none for a CAP document."""
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

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        root = parse_xml(payload, context.path)
        context = _marked(context, *xml_comments(payload))
        kind = local_name(root)
        if kind == "rss":
            return _read_rss(root, context)
        if kind == "alert":
            return _read_cap(root, context)
        raise SourceChanged(
            f"{context.path}: expected <rss> or a CAP <alert>, found <{one_line(root.tag, 60)}>"
        )


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
    if len(items) > MAX_ITEMS:
        raise SourceChanged(f"{path}: expected at most {MAX_ITEMS} items, found {len(items)}")
    return items


def _read_rss(root: Any, context: ReadContext) -> Reading:
    records: list[NowcastItem] = []
    rejected: list[str] = []
    items = _items(root, context.path)
    for item in items:
        try:
            records.append(_item(item, context))
        except DataError as error:
            title = one_line(element_text(item, "title"), 80) or "no title"
            rejected.append(f"item {title!r}: {one_line(error, 160)}")
    channel = elements(root, "channel")[0]
    built = element_text(channel, "lastBuildDate") or element_text(channel, "pubDate")
    notes: tuple[str, ...] = ()
    document_time = None
    try:
        document_time = _rfc822(built, "lastBuildDate")
    except DataError as error:
        notes = (one_line(error, 160),)
    return Reading(tuple(records), tuple(rejected), notes, document_time, empty=not items)


def _item(item: Any, context: ReadContext) -> NowcastItem:
    link = element_text(item, "link")
    code = code_in(link)
    if not code:
        raise DataError(
            f"link: expected one that ends in <code>_alert.xml, found {one_line(link)!r}"
        )
    published = _rfc822(element_text(item, "pubDate"), "pubDate")
    title = one_line(element_text(item, "title"), 200)
    description = element_text(item, "description")
    status = document_status("Actual", title, _first_line(description))
    return NowcastItem(
        source_id=context.source_id,
        key=f"item-{code}-{compact(published)}{status_suffix(status)}",
        sha256=context.sha256,
        document_time=published,
        status=status,
        re_creation=_marked(context, title, description).re_creation,
        code=code,
        province_code=_province(element_text(item, "guid")),
        title=title,
        link=one_line(link, 300),
        published=published,
        until=_until(description),
        district_names=district_names(description[:MAX_TEXT]),
    )


def _until(description: str) -> datetime | None:
    """The time after "hingga" in the last sentence."""
    start = description.lower().rfind("hingga")
    if start < 0:
        return None
    try:
        return last_local_instant(description[start : start + 200], "hingga")
    except DataError:
        return None


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
        record = _nowcast(root, info, rings, context)
    except DataError as error:
        raise SourceChanged(f"{context.path}: CAP document: {one_line(error, 200)}") from error
    name = record.code
    if not rings and not record.is_cancel:
        rejected = (*rejected, "no polygon can be used; its area is unknown")
    return Reading(
        (record,),
        tuple(f"{name}: {line}" for line in rejected),
        tuple(f"{name}: {line}" for line in notes),
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
) -> Nowcast:
    code = code_in(context.path) or one_line(element_text(root, "identifier"), 80)
    if not code:
        raise DataError("identifier: expected one, found none")
    sent = instant(element_text(root, "sent"), "sent")
    headline = one_line(element_text(info, "headline"), 400)
    description = element_text(info, "description")
    event = one_line(element_text(info, "event"), 120)
    said = (headline, event, element_text(root, "note"))
    status = document_status(element_text(root, "status"), *said, _first_line(description))
    message = one_line(element_text(root, "msgType"), 20)
    kind = "" if message == "Alert" else f"-{message.lower()}"
    return Nowcast(
        source_id=context.source_id,
        key=f"{code}-{compact(sent)}{kind}{status_suffix(status)}",
        sha256=context.sha256,
        document_time=sent,
        status=status,
        re_creation=_marked(context, *said, description).re_creation,
        code=code,
        province_code=_province(element_text(root, "identifier")),
        identifier=one_line(element_text(root, "identifier"), 120),
        msg_type=message,
        sent=sent,
        effective=_optional_instant(info, "effective") or sent,
        expires=_optional_instant(info, "expires") or _stated_end(description),
        event=event,
        headline=headline,
        description=description[:MAX_TEXT],
        district_names=district_names(description),
        polygons=rings,
        references=tuple(element_text(root, "references").split())[:50],
    )


def _optional_instant(info: Any, name: str) -> datetime | None:
    text = element_text(info, name)
    return instant(text, name) if text else None


def _stated_end(description: str) -> datetime:
    end = _until(description)
    if end is None:
        raise DataError("expires: expected a time, found none, nor one after 'hingga' in the text")
    return end


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
