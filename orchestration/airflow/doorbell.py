"""Looking at one address for changed bytes, cheaply, politely and without trust.

Every limit stands here: time, bytes, no redirect, no decompression, a growing pause. The limit of
requests and the breakers are those that the polls keep.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from kentongan.errors import SettingsError, SourceBlocked, SourceChanged, SourceDown
from kentongan.settings import Settings
from kentongan.store import sha256_hex

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ingest.wire.breaker import Permit

BELLS = {
    "bmkg-quakes": ("bmkg_data_url", "/DataMKG/TEWS/autogempa.json"),
    "bmkg-inatews": ("bmkg_inatews_url", "/datagempa.json"),
    "bmkg-nowcast": ("bmkg_www_url", "/alerts/nowcast/id"),
}
"""Setting of the base address and path: the one document of a source that every event changes."""

MAX_PAUSE_S = 30.0
"""Longest pause of a doorbell, so that a feed which recovers is heard within half a minute."""

_MAX_ETAG = 256
"""Characters; a longer one is not worth sending back."""


@dataclass(frozen=True)
class Glance:
    """What was last seen at an address. `etag` is empty if the server gives none."""

    sha256: str
    etag: str = ""


def address(source_id: str, settings: Settings) -> str:
    """The address that the doorbell of a source watches.

    Raises:
        SettingsError: the source has no doorbell.
    """
    if source_id not in BELLS:
        raise SettingsError(
            f"doorbell for {source_id!r}: none; there is one for {', '.join(sorted(BELLS))}"
        )
    base, path = BELLS[source_id]
    return str(getattr(settings, base)).rstrip("/") + path


def pause_s(poll_s: float, strained: int) -> float:
    """Seconds until the next look. `strained` polls in a row failed or rang.

    A feed that is down, or whose bytes differ at each look (a rendering time, a firewall's
    ticket number), is looked at ever less often; the first failure or ring costs nothing.
    """
    return max(poll_s, min(poll_s * 2.0 ** min(max(0, strained - 1), 16), MAX_PAUSE_S))


@dataclass
class Turn:
    """Asks the polls' own limit and breakers before a look, and tells them how it went.

    Nothing is shared before the first poll has made the database, nor for addresses on this
    machine. Blocking: call it in a thread.
    """

    url: str
    engine: Engine | None
    _permit: Permit | None = None

    def take(self, at: datetime) -> None:
        """Raises:
        SourceDown: the host's breaker is open, or the minute's requests are spent.
        """
        if self.engine is None:
            return
        from ingest.wire.breaker import Breaker, Open
        from ingest.wire.links import host_of, place_of
        from ingest.wire.rate import SharedLimiter

        found = Breaker(self.engine).admit(place_of(self.url), at)
        if isinstance(found, Open):
            raise SourceDown(f"{self.url}: not looked at, {found}")
        self._permit = found
        if not SharedLimiter(self.engine).take(host_of(self.url), patience_s=0):
            self._permit = None
            raise SourceDown(f"{self.url}: not looked at, the minute's requests are spent")

    def done(self, at: datetime, failure: str = "") -> None:
        """The look gave something good, or `failure`."""
        if self.engine is None or self._permit is None:
            return
        from ingest.wire.breaker import Breaker
        from ingest.wire.links import place_of

        breaker, place = Breaker(self.engine), place_of(self.url)
        if failure:
            breaker.failed(place, at, failure, warning=True)
        else:
            breaker.succeeded(place, self._permit)
        self._permit = None


def turn(url: str, settings: Settings) -> Turn:
    """What the doorbell of an address shares with the polls."""
    from ingest.wire.links import is_loopback
    from kentongan.db import make_engine

    database = settings.resolved_database_url
    file = database.removeprefix("sqlite:///")
    if is_loopback(url) or (file != database and not Path(file).is_file()):
        return Turn(url, None)
    return Turn(url, make_engine(database))


async def glance(
    http: httpx.AsyncClient, url: str, last: Glance | None, *, timeout_s: float, max_bytes: int
) -> Glance:
    """Look once; the same `Glance` means no change.

    Raises:
        SourceDown: no answer in time, or a server error.
        SourceBlocked: a firewall's HTML page.
        SourceChanged: a redirect, another status, more than `max_bytes`.
    """
    headers = {"If-None-Match": last.etag} if last and last.etag else {}
    try:
        async with (
            asyncio.timeout(timeout_s),
            http.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == httpx.codes.NOT_MODIFIED and last:
                return last
            _require_ok(response, url)
            body = await _bounded(response, url, max_bytes)
    except (httpx.HTTPError, TimeoutError) as error:
        raise SourceDown(f"{url}: {type(error).__name__} {error}".strip()) from error
    _require_data(body, url)
    etag = str(response.headers.get("etag", ""))
    return Glance(sha256_hex(body), etag if len(etag) <= _MAX_ETAG else "")


def _require_ok(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if status >= 500 or status == httpx.codes.TOO_MANY_REQUESTS:
        raise SourceDown(f"{url}: HTTP {status}")
    raise SourceChanged(f"{url}: expected HTTP 200 or 304, found {status}; nothing was followed")


async def _bounded(response: httpx.Response, url: str, max_bytes: int) -> bytes:
    """The body as sent: never decompressed, so a bomb stays small."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise SourceChanged(f"{url}: more than {max_bytes} bytes; reading stopped")
    return bytes(body)


def _require_data(body: bytes, url: str) -> None:
    start = body[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise SourceBlocked(f"{url}: an HTML page instead of data")


def client(settings: Settings) -> httpx.AsyncClient:
    """A client that asks for plain bytes and follows nothing."""
    from ingest.wire.http import user_agent

    return httpx.AsyncClient(
        timeout=settings.http_timeout_s,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity", "User-Agent": user_agent(settings.http_contact)},
        limits=httpx.Limits(max_connections=2),
    )
