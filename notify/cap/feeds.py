"""Lists of alerts for other programs: Atom (RFC 4287), RSS 2.0 as BMKG's, and JSON.

Pure: the same alerts give the same bytes, so that a list changes only when an alert comes,
changes or ends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from kentongan.times import iso
from notify.cap.document import NAMESPACE, read_tree
from notify.cap.rules.finding import children, words

CAP_TYPE = "application/cap+xml"
ATOM_TYPE = "application/atom+xml"
RSS_TYPE = "application/rss+xml"
ATOM, RSS, INDEX, ALIVE = "feed.atom", "feed.rss", "index.json", "alive.json"
_ATOM_NS = "http://www.w3.org/2005/Atom"
_TAGGED = "2026"
"""Year in which the names were given (RFC 4151); never changed, or every reader sees all anew."""
_CAP_FIELDS = ("urgency", "severity", "certainty", "effective", "onset", "expires")


@dataclass(frozen=True)
class Summary:
    """What a list says of an alert: the texts of its first info, Indonesian."""

    headline: str
    description: str
    event: str
    category: str
    msg_type: str
    sender_name: str
    areas: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    """Elements of CAP with their values, for readers that do not open the document."""
    size: int = 0
    """Bytes of the document."""


@dataclass(frozen=True)
class Entry:
    """One alert of a list."""

    identifier: str
    warning_id: str
    version: int
    sender: str
    status: str
    sent: datetime
    expires: datetime
    path: str
    """Below the store's root, as it was released."""
    sha256: str
    in_force: bool
    """The newest of its warning, and not expired. An end is in force until it expires."""
    superseded_by: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a list stands, and what it calls itself."""

    url: str
    """Of its folder, without a slash at the end."""
    title: str
    subtitle: str

    def of(self, name: str) -> str:
        return f"{self.url}/{name}"

    def alert(self, identifier: str) -> str:
        return self.of(f"{identifier}.xml")

    def tag(self, name: str) -> str:
        """A name for ever, whatever the address becomes but for its host."""
        return f"tag:{urlsplit(self.url).hostname},{_TAGGED}:{name}"


def summary(xml: bytes) -> Summary:
    """What a list says of a document.

    Raises:
        DataError: it cannot be read.
    """
    root = read_tree(xml)
    info = next(iter(children(root, "info")), None)
    if info is None:
        return Summary("", "", "", "", words(root, "msgType"), "", (), (), len(xml))
    areas = tuple(words(area, "areaDesc") for area in children(info, "area"))
    fields = tuple((name, words(info, name)) for name in _CAP_FIELDS if words(info, name))
    return Summary(
        headline=words(info, "headline") or words(info, "event"),
        description=words(info, "description"),
        event=words(info, "event"),
        category=words(info, "category"),
        msg_type=words(root, "msgType"),
        sender_name=words(info, "senderName"),
        areas=areas,
        fields=fields,
        size=len(xml),
    )


def changed_at(entries: Sequence[Entry], at: datetime) -> datetime | None:
    """When the list last changed: by an alert that came or one that ended. None: never."""
    moments = [moment for e in entries for moment in (e.sent, e.expires) if moment <= at]
    return max(moments, default=None)


def atom(
    listed: Sequence[tuple[Entry, Summary]], place: Place, *, changed: datetime | None
) -> bytes:
    """One entry for each alert in force, newest first."""
    from lxml import etree

    root = etree.Element(f"{{{_ATOM_NS}}}feed", nsmap={None: _ATOM_NS, "cap": NAMESPACE})
    root.set("{http://www.w3.org/XML/1998/namespace}lang", "id")
    for name, text in (
        ("id", place.tag("cap")),
        ("title", place.title),
        ("subtitle", place.subtitle),
        ("updated", iso(changed or datetime(2026, 1, 1, tzinfo=UTC))),
        ("rights", "Sumber data: BMKG"),
    ):
        _atom(root, name, text)
    _link(root, "self", place.of(ATOM), ATOM_TYPE)
    for entry, said in listed:
        _atom_entry(root, entry, said, place)
    return _written(root)


def _atom_entry(root: Any, entry: Entry, said: Summary, place: Place) -> None:
    node = _atom(root, "entry")
    _atom(node, "id", place.tag(f"cap/{entry.identifier}"))
    _atom(node, "title", said.headline)
    _atom(node, "updated", iso(entry.sent))
    _atom(node, "published", iso(entry.sent))
    author = _atom(node, "author")
    _atom(author, "name", said.sender_name or entry.sender)
    _atom(node, "category").set("term", said.category)
    _atom(node, "summary", said.description)
    url = place.alert(entry.identifier)
    _link(node, "alternate", url, CAP_TYPE)
    _link(node, "enclosure", url, CAP_TYPE, length=str(said.size))
    _cap_fields(node, entry, said)


def _cap_fields(node: Any, entry: Entry, said: Summary) -> None:
    from lxml import etree

    pairs = (
        ("identifier", entry.identifier), ("status", entry.status), ("msgType", said.msg_type),
        ("event", said.event), *said.fields, ("areaDesc", "; ".join(said.areas)),
    )  # fmt: skip
    for name, text in pairs:
        etree.SubElement(node, f"{{{NAMESPACE}}}{name}").text = text


def _atom(parent: Any, name: str, text: str | None = None) -> Any:
    from lxml import etree

    node = etree.SubElement(parent, f"{{{_ATOM_NS}}}{name}")
    node.text = text
    return node


def _link(parent: Any, rel: str, url: str, media_type: str, **more: str) -> None:
    node = _atom(parent, "link")
    for name, value in {"rel": rel, "href": url, "type": media_type, **more}.items():
        node.set(name, value)


def rss(
    listed: Sequence[tuple[Entry, Summary]], place: Place, *, changed: datetime | None
) -> bytes:
    """The same as RSS 2.0, with the elements that BMKG's nowcast list has."""
    from lxml import etree

    root = etree.Element("rss", nsmap={"atom": _ATOM_NS, "cap": NAMESPACE}, version="2.0")
    channel = etree.SubElement(root, "channel")
    built = _rfc822(changed or datetime(2026, 1, 1, tzinfo=UTC))
    for name, text in (
        ("title", place.title),
        ("link", place.of(RSS)),
        ("description", place.subtitle),
        ("language", "id"),
        ("copyright", "Sumber data: BMKG"),
        ("pubDate", built),
        ("lastBuildDate", built),
        ("docs", "https://www.rssboard.org/rss-specification"),
    ):
        etree.SubElement(channel, name).text = text
    _link(channel, "self", place.of(RSS), RSS_TYPE)
    for entry, said in listed:
        _rss_item(channel, entry, said, place)
    return _written(root)


def _rss_item(channel: Any, entry: Entry, said: Summary, place: Place) -> None:
    from lxml import etree

    item = etree.SubElement(channel, "item")
    author = f"{entry.sender} ({said.sender_name})" if said.sender_name else entry.sender
    for name, text in (
        ("title", said.headline),
        ("link", place.alert(entry.identifier)),
        ("description", said.description),
        ("author", author),
        ("category", said.category),
    ):
        etree.SubElement(item, name).text = text
    guid = etree.SubElement(item, "guid", isPermaLink="false")
    guid.text = entry.identifier
    etree.SubElement(item, "pubDate").text = _rfc822(entry.sent)
    etree.SubElement(
        item, "enclosure", url=place.alert(entry.identifier), length=str(said.size), type=CAP_TYPE
    )
    _cap_fields(item, entry, said)


def _rfc822(value: datetime) -> str:
    return format_datetime(value)


def index(entries: Sequence[Entry], place: Place, *, changed: datetime | None) -> bytes:
    """Alerts of the past too, newest first, each with the hash of its bytes."""
    document = {
        "title": place.title,
        "changed": iso(changed) if changed else None,
        "credit": "BMKG",
        "alerts": [_indexed(entry, place) for entry in entries],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _indexed(entry: Entry, place: Place) -> dict[str, Any]:
    return {
        "identifier": entry.identifier,
        "warning_id": entry.warning_id,
        "version": entry.version,
        "sender": entry.sender,
        "status": entry.status,
        "sent": entry.sent.isoformat(),
        "expires": entry.expires.isoformat(),
        "in_force": entry.in_force,
        "superseded_by": entry.superseded_by,
        "sha256": entry.sha256,
        "url": f"{urlsplit(place.url).path}/{entry.identifier}.xml",
    }


def _written(root: Any) -> bytes:
    from lxml import etree

    etree.indent(root)
    text: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"
