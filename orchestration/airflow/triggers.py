"""Doorbells: tell Airflow that the bytes at an address of BMKG's changed.

The event says only which source changed; the task that it wakes polls the source itself,
archives and parses. Airflow may merge, reorder or lose events, and the one-minute backstop
polls anyway, so a lost ring costs time and never data.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from kentongan.errors import SettingsError, SourceBlocked, SourceChanged, SourceDown, SourceError
from kentongan.settings import Settings
from kentongan.store import sha256_hex
from kentongan.times import iso
from orchestration.watch import INTERVALS_S, utc_now

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

_STORE_KEY = "last"


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


class FeedTrigger(BaseEventTrigger):
    """Yields `{"source_id", "sha256", "seen_at"}` whenever the bytes of a source change.

    Args:
        source_id: one of `BELLS`.
        poll_s: seconds between looks; none: the interval of `orchestration.watch`.

    Never ends: a failing feed is logged and looked at less often. The base addresses come
    from the settings of the triggerer's process.
    """

    def __init__(self, source_id: str, poll_s: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.source_id = source_id
        self.poll_s = poll_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        return name, {"source_id": self.source_id, "poll_s": self.poll_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        settings = Settings()
        url, poll_s = address(self.source_id, settings), self._interval()
        last, strained = await self._remembered(), 0
        async with _client(settings) as http:
            while True:
                seen = await self._look(http, url, last, settings)
                if seen is not None and (last is None or seen.sha256 != last.sha256):
                    yield self._event(seen)
                    # After the yield: a ring may come twice, never not at all.
                    await self._remember(seen)
                    strained += 1
                else:
                    strained = strained + 1 if seen is None else 0
                last = seen or last
                await asyncio.sleep(pause_s(poll_s, strained))

    def _interval(self) -> float:
        return self.poll_s if self.poll_s is not None else INTERVALS_S[self.source_id]

    def _event(self, seen: Glance) -> TriggerEvent:
        payload = {"source_id": self.source_id, "sha256": seen.sha256, "seen_at": iso(utc_now())}
        return TriggerEvent(payload)  # type: ignore[no-untyped-call]

    async def _look(
        self, http: httpx.AsyncClient, url: str, last: Glance | None, settings: Settings
    ) -> Glance | None:
        """None if the look failed; a doorbell that raises is silent for ever."""
        timeout_s, max_bytes = settings.http_timeout_s, settings.http_max_bytes
        try:
            return await glance(http, url, last, timeout_s=timeout_s, max_bytes=max_bytes)
        except SourceError as error:
            self.log.warning("doorbell %s: %s", self.source_id, error)
        except Exception:
            self.log.exception("doorbell %s: unexpected; it goes on", self.source_id)
        return None

    async def _remembered(self) -> Glance | None:
        """What an earlier triggerer saw last, so that a restart does not ring for nothing."""
        if self.asset_state_store is None:
            return None
        try:
            stored = await self.asset_state_store.aget(_STORE_KEY)
            if isinstance(stored, dict):
                return Glance(str(stored["sha256"]), str(stored["etag"]))
        except Exception:
            self.log.exception("doorbell %s: no memory; it rings once more", self.source_id)
        return None

    async def _remember(self, seen: Glance) -> None:
        if self.asset_state_store is None:
            return
        try:
            await self.asset_state_store.aset(_STORE_KEY, asdict(seen))
        except Exception:
            self.log.exception("doorbell %s: memory not written", self.source_id)


def _client(settings: Settings) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=settings.http_timeout_s,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "Kentongan (early warning)"},
        limits=httpx.Limits(max_connections=2),
    )
