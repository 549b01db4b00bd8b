"""InaTEWS' lists: the last 30 events, the last 30 felt ones, the last 40 as Atom of CAP.

Page: docs/sources. No recording of the Atom feed exists; it is read after the layouts of RFC 4287
and of an alert inside an entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from ingest.read.fields import instant
from ingest.read.inatews import alert_from_xml, read_alert
from ingest.read.payload import (
    element_text,
    elements,
    local_name,
    one_line,
    parse_xml,
    xml_comments,
)
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.errors import DataError, SourceChanged

MAX_ENTRIES = 400
"""The feed is named after its 40."""
_FEED = frozenset(
    {
        *("id", "title", "subtitle", "updated", "author", "link", "rights", "generator", "icon"),
        *("logo", "category", "contributor", "entry"),
    }
)
_ENTRY = frozenset(
    {
        *("id", "title", "updated", "published", "author", "link", "summary", "content", "rights"),
        *("category", "contributor", "source", "alert"),
    }
)


class BmkgInatewsLists:
    info = SourceInfo(
        source_id="bmkg-inatews-lists",
        title="InaTEWS lists of quakes",
        provider="BMKG",
        licence="undocumented bucket of BMKG's; agree its use; name BMKG as the source",
        documentation="docs/sources/bmkg-inatews-lists.md",
        base="bmkg_inatews_url",
        cadence=timedelta(days=1),
        late_after=timedelta(days=7),
        history=True,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return ["/last30event.xml", "/last30feltevent.xml", "/capatomlast40event.xml"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        """Raises:
        SourceBlocked: HTML.
        SourceChanged: neither form, or a list without any quake, which there never is.
        """
        root = parse_xml(payload, context.path)
        comments = xml_comments(payload)
        if local_name(root) == "feed":
            return _read_feed(root, context, comments)
        reading = read_alert(alert_from_xml(root, context.path), context, comments=comments)
        if reading.empty:
            raise SourceChanged(f"{context.path}: expected about 30 quakes, found none")
        return reading


def _read_feed(feed: Any, context: ReadContext, comments: Sequence[str]) -> Reading:
    """Alerts inside the entries; what an entry only links to is named, not followed."""
    entries = elements(feed, "entry")
    if not 0 < len(entries) <= MAX_ENTRIES:
        raise SourceChanged(f"{context.path}: expected 40 entries, found {len(entries)}")
    titles = tuple(element_text(feed, name) for name in ("title", "subtitle"))
    parts: list[Reading] = []
    linked: list[str] = []
    for entry in entries:
        alerts = [alert_from_xml(found, context.path) for found in _alerts(entry)]
        about = (*titles, *(element_text(entry, name) for name in ("title", "summary")))
        parts += [read_alert(a, context, comments=comments, titles=about) for a in alerts]
        linked += [] if alerts else [_link(entry)]
    return _joined(feed, parts, linked)


def _alerts(entry: Any) -> Iterator[Any]:
    for content in elements(entry, "content"):
        yield from elements(content, "alert")
    yield from elements(entry, "alert")


def _link(entry: Any) -> str:
    found = [link.get("href") or "" for link in elements(entry, "link")]
    return one_line(next((href for href in found if href), element_text(entry, "id")), 200)


def _joined(feed: Any, parts: Sequence[Reading], linked: Sequence[str]) -> Reading:
    entries = elements(feed, "entry")
    notes = list(chain.from_iterable(part.notes for part in parts))
    rejected = list(chain.from_iterable(part.rejected for part in parts))
    rejected += ["an entry holds an alert without info" for part in parts if part.empty]
    if linked:
        line = f"{len(linked)} entries without an alert inside, not followed: {linked[0]}"
        (notes if parts else rejected).append(line)
    times = [part.document_time for part in parts if part.document_time]
    names = _names(feed, "", _FEED), *(_names(entry, "entry.", _ENTRY) for entry in entries)
    known = chain(*(part.fields for part in parts), *(known for known, _ in names))
    unknown = chain(*(part.unknown_fields for part in parts), *(strange for _, strange in names))
    return Reading(
        tuple(chain.from_iterable(part.records for part in parts)),
        tuple(rejected),
        tuple(notes),
        max(times, default=_updated(feed)),
        fields=tuple(sorted(set(known))),
        unknown_fields=tuple(sorted(set(unknown))),
    )


def _updated(feed: Any) -> datetime | None:
    try:
        return instant(element_text(feed, "updated"), "updated")
    except DataError:
        return None


def _names(parent: Any, prefix: str, known: frozenset[str]) -> tuple[list[str], list[str]]:
    found = {local_name(child) for child in parent} - {""}
    return (
        [prefix + name for name in found & known],
        [prefix + one_line(name, 60) for name in found - known],
    )
