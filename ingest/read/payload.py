"""Hostile bytes to trees: HTML found by content, JSON and XML read within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lxml import etree

from kentongan.errors import SourceBlocked, SourceChanged

MAX_DEPTH = 40
"""BMKG's deepest document (village forecast) has 6 levels."""
MAX_NODES = 500_000
"""Values or tags of one document. The largest on record (forecast of a province) has 27,000; a
million of the smallest take 100 MB and a second, twenty megabytes of them more than both limits."""
_HEAD_BYTES = 4096
_HTML = ("<!doctype html", "<html", "<head", "<body", "<title", "<script", "<meta")


def one_line(text: object, limit: int = 160) -> str:
    """Foreign text fit for a log line: printable, no line breaks, at most `limit` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in str(text)[: 4 * limit]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def head_text(payload: bytes) -> str:
    """The beginning as text, whatever its encoding: UTF-8, or UTF-16 with or without a mark."""
    head = payload[:_HEAD_BYTES]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace")
    if head[1:2] == b"\0" and head[:1] != b"\0":
        return head.decode("utf-16-le", "replace")
    if head[:1] == b"\0" and head[1:2] != b"\0":
        return head.decode("utf-16-be", "replace")
    return head.decode("utf-8-sig", "replace")


def is_html(payload: bytes) -> bool:
    """Whether this is a web page, by content: servers send block pages as anything."""
    rest = head_text(payload).lstrip("\ufeff \t\r\n").lower()
    while rest.startswith(("<?", "<!--")):
        mark = "-->" if rest.startswith("<!--") else "?>"
        end = rest.find(mark)
        if end < 0:
            return False
        rest = rest[end + len(mark) :].lstrip()
    return rest.startswith(_HTML)


def refuse_html(payload: bytes, path: str) -> None:
    """Raises:
    SourceBlocked: a web page stands where data should.
    """
    if is_html(payload):
        raise SourceBlocked(
            f"{path}: an HTML page instead of data ({one_line(_title(payload), 60)}); the firewall "
            "blocks us or the address is gone. Ask BMKG to admit this address and User-Agent"
        )


def _title(payload: bytes) -> str:
    text = head_text(payload)
    start = text.lower().find("<title>")
    end = text.lower().find("</title>", start)
    return text[start + 7 : end] if 0 <= start < end else "no title"


def parse_json(payload: bytes, path: str) -> Any:
    """A JSON value of bounded depth and size, without NaN or Infinity, that says each thing once.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: cut short, not UTF-8, not JSON, too large, nested too deeply, or an object
            that gives one name two values: readers would take the last one without a word.
    """
    refuse_html(payload, path)
    _within(payload.count(b",") + payload.count(b"[") + payload.count(b"{"), path)
    try:
        value = json.loads(
            payload.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_once_each
        )
    except (ValueError, RecursionError) as error:
        raise SourceChanged(
            f"{path}: expected JSON, found {len(payload)} bytes that end or break early "
            f"({one_line(error, 80)}); kept in the archive"
        ) from error
    if _too_deep(value):
        raise SourceChanged(f"{path}: JSON nested deeper than {MAX_DEPTH} levels")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        for name, value in pairs:
            if found[name] != value:
                raise ValueError(f"two values of {one_line(name, 40)!r} in one object")
    return found


def _within(nodes: int, path: str) -> None:
    if nodes > MAX_NODES:
        raise SourceChanged(
            f"{path}: expected at most {MAX_NODES} values, found about {nodes}; kept in the archive"
        )


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def parse_xml(payload: bytes, path: str) -> Any:
    """The root element, read without entities, DTD or network.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: a DOCTYPE, cut short, too large, or not XML.
    """
    refuse_html(payload, path)
    if b"<!DOCTYPE" in payload or b"<!ENTITY" in payload:
        raise _doctype(path)
    # Of each tag "<" stands twice at most, in any encoding.
    _within(payload.count(b"<") // 2, path)
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(payload.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SourceChanged(
            f"{path}: expected XML, found {len(payload)} bytes that end or break early "
            f"({one_line(error, 80)}); kept in the archive"
        ) from error
    if root is None:
        raise SourceChanged(f"{path}: expected XML, found no element")
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype(path)
    return root


def xml_comments(payload: bytes) -> tuple[str, ...]:
    """Texts of the comments in an XML document; none in another."""
    flat = payload.replace(b"\0", b"")
    if not flat.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        return ()
    found: list[str] = []
    start = flat.find(b"<!--")
    while start >= 0:
        end = flat.find(b"-->", start)
        if end < 0:
            break
        found.append(flat[start + 4 : end].decode("utf-8", "replace"))
        start = flat.find(b"<!--", end)
    return tuple(found)


def _doctype(path: str) -> SourceChanged:
    return SourceChanged(f"{path}: the XML declares a DOCTYPE; BMKG's have none, so it is refused")


def local_name(element: Any) -> str:
    """Tag without its namespace; empty for anything that is no element."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def elements(parent: Any, name: str) -> list[Any]:
    """Direct children of that local name."""
    return [child for child in parent if local_name(child) == name]


def element_text(parent: Any, name: str) -> str:
    """Stripped text of the first such child; empty if there is none."""
    for child in elements(parent, name):
        return (child.text or "").strip()
    return ""
