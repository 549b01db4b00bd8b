"""Addresses: their hosts, and links inside a feed, followed only to BMKG on the configured base."""

from __future__ import annotations

from urllib.parse import urlsplit

from ingest.read.payload import one_line
from kentongan.errors import SourceChanged

_HOME = "bmkg.go.id"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def linked_path(url: str, index_path: str) -> str:
    """The path (with query) of a link that may be followed.

    Raises:
        SourceChanged: it leads to another host than BMKG's, or out of its index's folder.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if not (host == _HOME or host.endswith(f".{_HOME}")):
        raise SourceChanged(
            f"{one_line(url, 120)}: link to another host, expected {_HOME}; not followed"
        )
    folder = index_path.partition("?")[0].rsplit("/", 1)[0] + "/"
    plain = parts.scheme in ("http", "https") and "@" not in parts.netloc
    plain = plain and port in (None, 80, 443) and url.isprintable() and " " not in url
    inside = parts.path.startswith(folder) and ".." not in parts.path and "%" not in parts.path
    if not (plain and inside):
        raise SourceChanged(
            f"{one_line(url, 120)}: expected a plain link below {folder}; not followed"
        )
    return parts.path + (f"?{parts.query}" if parts.query else "")


def host_of(url: str) -> str:
    """Lower-case host name; empty if the text is no address with a host."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(url: str) -> bool:
    return host_of(url) in _LOOPBACK


def origin_of(url: str) -> str:
    """Scheme, host and port; the text itself where it is no address."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
    except ValueError:
        return url


def place_of(url: str) -> str:
    """Host and port: what a breaker stands for."""
    return origin_of(url).partition("://")[2]
