"""What a server answered, and whether that is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from ingest.read.payload import one_line, refuse_html
from ingest.wire.links import host_of
from kentongan.errors import NotPublishedYet, SourceBlocked, SourceChanged, SourceDown

_STRONG_AFTER_S = 60.0
"""Age from which a Last-Modified date counts: a document that changed twice within its second has
one date (RFC 7232, 2.2.2, takes a minute between the two clocks of a server)."""
_KEPT_HEADERS = frozenset(
    (
        *("date", "last-modified", "etag", "content-type", "content-length", "content-encoding"),
        *("cache-control", "age", "expires", "vary", "retry-after", "location", "server", "via"),
        *("x-cache", "cf-ray", "cf-cache-status", "x-goog-generation", "x-goog-hash"),
    )
)
"""What tells who answered, how old it is and from which cache; nothing else is stored."""
_HEADER_LENGTH = 200
"""Characters kept of one header: BMKG's longest on record has 60."""
_TAG_LENGTH = 256
"""Characters of an ETag that is worth sending back."""


@dataclass(frozen=True)
class Answer:
    """A complete answer, whatever its status. `body` is decoded."""

    url: str
    status: int
    body: bytes
    validator: str | None
    """ETag."""
    location: str = ""
    last_modified: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers worth keeping, shortened."""
    request: Mapping[str, str] = field(default_factory=dict)
    """What we sent beside address and name: conditions; never a key."""
    duration_ms: int | None = None
    """From the first try to the last byte."""
    tries: int = 1


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: one_line(value, _HEADER_LENGTH)
        for name, value in headers.items()
        if name in _KEPT_HEADERS
    }


def strong_date(headers: Mapping[str, str]) -> str | None:
    """The Last-Modified date, if it was old enough when sent to stand for one content."""
    text, sent = headers.get("last-modified"), headers.get("date")
    try:
        age = parsedate_to_datetime(sent or "") - parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return text if age.total_seconds() >= _STRONG_AFTER_S else None


def usable_tag(headers: Mapping[str, str]) -> str | None:
    """The ETag, if it is one that can be sent back."""
    tag = headers.get("etag", "")
    return tag if tag.isascii() and tag.isprintable() and 0 < len(tag) <= _TAG_LENGTH else None


def conditions(validator: str | None, last_modified: str | None) -> dict[str, str]:
    """Both conditions: a server must look at the ETag first (RFC 9110, 13.1.3)."""
    found = {}
    if validator:
        is_tag = validator.startswith(('"', 'W/"'))
        found["If-None-Match" if is_tag else "If-Modified-Since"] = validator
    if last_modified:
        found["If-Modified-Since"] = last_modified
    return found


def require_data(answer: Answer) -> bytes:
    """The body of an answer that is data.

    Raises:
        SourceBlocked: status 401 or 403, or a web page instead of data.
        NotPublishedYet: 404 or 410.
        SourceDown: 408, 429 or 5xx.
        SourceChanged: a redirect or any other status.
    """
    url, status = answer.url, answer.status
    if 300 <= status < 400:
        raise SourceChanged(f"{url}: redirects to {_target(answer)}; refused, data is not moved")
    if status in (401, 403):
        raise SourceBlocked(f"{url}: HTTP {status}, blocked; ask BMKG to admit this address")
    if status in (404, 410):
        raise NotPublishedYet(f"{url}: HTTP {status}, nothing is published there")
    if status in (408, 429) or status >= 500:
        raise SourceDown(f"{url}: HTTP {status}, the server cannot answer now")
    if status != 200:
        raise SourceChanged(f"{url}: expected HTTP 200, found {status}")
    refuse_html(answer.body, url)
    return answer.body


def _target(answer: Answer) -> str:
    there = host_of(answer.location)
    if there and there != host_of(answer.url):
        return f"another host, {one_line(there, 80)}"
    return one_line(answer.location, 120) or "nowhere"
