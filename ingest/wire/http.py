"""A polite and distrustful HTTP client: one GET, bounded in time and size, never redirected."""

from __future__ import annotations

import random
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any

import httpx

from ingest.read.payload import one_line
from ingest.wire.answer import (
    Answer,
    conditions,
    kept_headers,
    require_data,
    strong_date,
    usable_tag,
)
from ingest.wire.attempts import pause_s, retry_after_s
from ingest.wire.connections import CONNECT_S, CONNECTIONS, Connections, Use
from ingest.wire.links import host_of, is_loopback
from ingest.wire.rate import LIMITER, Limiter
from kentongan.errors import SourceChanged, SourceDown

__all__ = ["Answer", "PoliteClient", "host_of", "is_loopback", "require_data", "user_agent"]

PATIENCE_S = 2.0
"""Longest wait for a turn: one feed's requests must not keep the other feeds waiting."""
_GZIP = 31
"""zlib's window bits for the gzip format."""


@cache
def _user_agent(contact: str) -> str:
    return user_agent(contact)


def user_agent(contact: str) -> str:
    """`Kentongan/2026.11.0 (+contact)`: who we are, plainly."""
    try:
        name = f"Kentongan/{version('kentongan')}"
    except PackageNotFoundError:
        name = "Kentongan"
    return f"{name} (+{contact})" if contact else name


class PoliteClient:
    """GET with a time limit over all, DNS, slow drips and a second try included.

    Connections are those of the process: making a client costs nothing.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        max_bytes: int,
        contact: str = "",
        limiter: Limiter = LIMITER,
        secret: Mapping[str, str] | None = None,
        connections: Connections = CONNECTIONS,
        limit_loopback: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`secret` are headers that are sent and shown nowhere."""
        self.timeout_s = timeout_s
        self.max_bytes = max_bytes
        self.limiter = limiter
        self.connections = connections
        self.limit_loopback = limit_loopback
        self.monotonic = monotonic
        self._secrets = tuple(value for value in (secret or {}).values() if value)
        self._headers = {
            "User-Agent": _user_agent(contact),
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            **(secret or {}),
        }

    def __enter__(self) -> PoliteClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Connections stay open for the next poll."""

    def hide(self, text: str) -> str:
        """Without our keys: a server may repeat what we sent."""
        for value in self._secrets:
            text = text.replace(value, "***")
        return text

    def is_limited(self, url: str) -> bool:
        """Whether requests to this address are counted; this machine's are not."""
        return self.limit_loopback or not is_loopback(url)

    def admit(self, url: str, *, reserve: int = 0, patience_s: float = PATIENCE_S) -> None:
        """Wait a little for our turn at the host, leaving `reserve` requests to others.

        Raises:
            SourceDown: the minute's requests are spent.
        """
        host = host_of(url)
        if self.is_limited(url) and not self.limiter.take(
            host, patience_s=patience_s, reserve=reserve
        ):
            kept = f", {reserve} kept for warnings" if reserve else ""
            raise SourceDown(
                f"{url}: not asked, {self.limiter.per_minute} requests a minute to {host} are "
                f"spent{kept}; the next poll asks"
            )

    def get(
        self,
        url: str,
        *,
        validator: str | None = None,
        last_modified: str | None = None,
        retry: bool = True,
    ) -> Answer:
        """One answer of any status; 304 if a validator still holds.

        Raises:
            SourceDown: no connection, or no complete answer in time.
            SourceChanged: larger than allowed, or in an encoding that we did not ask for.
        """
        started = self.monotonic()
        ask = _Ask(url, conditions(validator, last_modified), started + self.timeout_s)
        attempt = 0
        while True:
            attempt += 1
            answer, error = self._try(ask)
            wait = self._wait_s(ask, attempt, answer, error) if retry else None
            if wait is None:
                break
            time.sleep(wait)
        if answer is None:
            raise self._explained(url, error) from error
        spent = round(1000 * (self.monotonic() - started))
        return replace(answer, duration_ms=spent, tries=attempt)

    def _try(self, ask: _Ask) -> tuple[Answer | None, Exception | None]:
        """An answer, or why there is none."""
        use = self.connections.take(ask.url)
        try:
            left = ask.deadline - self.monotonic()
            return _in_thread(lambda: self._visit(use, ask), left), None
        except FutureTimeout as error:
            self.connections.abandon(use)
            return None, error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            return None, error

    def _wait_s(
        self, ask: _Ask, attempt: int, answer: Answer | None, error: Exception | None
    ) -> float | None:
        """Seconds until the next try; None: there is none."""
        if answer is None and not _may_pass(error):
            return None
        status = answer.status if answer else None
        asked = retry_after_s(answer.headers) if answer else None
        wait = pause_s(attempt, status, asked, random.random())  # noqa: S311
        if wait is None or self.monotonic() + wait >= ask.deadline:
            return None
        is_free = not self.is_limited(ask.url) or self.limiter.take(host_of(ask.url), patience_s=0)
        return wait if is_free else None

    def _explained(self, url: str, error: Exception | None) -> SourceDown:
        if isinstance(error, (FutureTimeout, httpx.TimeoutException)):
            return self._late(url)
        if _is_tls(error):
            return SourceDown(
                f"{url}: the server's TLS certificate is not accepted ({one_line(error, 120)}); "
                "nothing was read. It is never skipped: install the missing authority, or tell "
                "BMKG"
            )
        return SourceDown(f"{url}: no answer ({type(error).__name__}: {one_line(error, 80)})")

    def _late(self, url: str) -> SourceDown:
        return SourceDown(f"{url}: no complete answer within {self.timeout_s:g} s")

    def _visit(self, use: Use, ask: _Ask) -> Answer:
        """Runs in a thread of its own; gives up by itself at the deadline."""
        try:
            seen = _Seen()
            try:
                return self._once(use, ask, seen)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                if seen.connected or seen.answered:
                    raise
                # The server had closed a connection that we had kept: no failure of its.
                return self._once(use, ask, seen)
        finally:
            self.connections.give_back(use)

    def _once(self, use: Use, ask: _Ask, seen: _Seen) -> Answer:
        left = max(0.01, ask.deadline - self.monotonic())
        with use.http.stream(
            "GET",
            ask.url,
            headers=self._headers | ask.conditions,
            timeout=httpx.Timeout(left, connect=min(left, CONNECT_S)),
            extensions={"trace": seen.note},
        ) as response:
            seen.answered = True
            body = b"".join(self._decoded(ask, response))
            headers = {name: self.hide(v) for name, v in kept_headers(response.headers).items()}
            return Answer(
                url=ask.url,
                status=response.status_code,
                body=body,
                validator=usable_tag(response.headers),
                location=self.hide(response.headers.get("location", "")),
                last_modified=strong_date(response.headers),
                headers=headers,
                request=ask.conditions,
            )

    def _decoded(self, ask: _Ask, response: httpx.Response) -> Iterator[bytes]:
        """Pieces of the decoded body; both it and what was sent stay below the limit."""
        url = ask.url
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self.max_bytes:
            raise self._too_large(url, f"{int(declared)} bytes")
        decoder = _Decoder(url, response.headers.get("content-encoding", ""))
        raw_bytes = decoded_bytes = 0
        for raw in response.iter_raw():
            piece = decoder.feed(raw, self.max_bytes - decoded_bytes + 1)
            raw_bytes += len(raw)
            decoded_bytes += len(piece)
            yield piece
            if max(raw_bytes, decoded_bytes) > self.max_bytes:
                raise self._too_large(url, f"more than {self.max_bytes} bytes")
            if self.monotonic() > ask.deadline:
                raise self._late(url)
        if raw_bytes:
            decoder.finish()

    def _too_large(self, url: str, found: str) -> SourceChanged:
        return SourceChanged(
            f"{url}: {found}, expected at most {self.max_bytes}; not kept. If BMKG's document has "
            "grown, raise KENTONGAN_HTTP_MAX_BYTES"
        )


@dataclass(frozen=True)
class _Ask:
    url: str
    conditions: dict[str, str]
    deadline: float


@dataclass
class _Seen:
    """What happened on the wire during one request."""

    connected: bool = False
    answered: bool = False

    def note(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.connected = True


def _in_thread(act: Callable[[], Answer], seconds: float) -> Answer:
    """What `act` returns; nobody waits longer, not even for a look-up of a name.

    Raises:
        TimeoutError: it goes on by itself, and ends with its own time limits.
    """
    done: Future[Answer] = Future()

    def run() -> None:
        try:
            done.set_result(act())
        except BaseException as error:  # noqa: BLE001
            done.set_exception(error)

    threading.Thread(target=run, name="fetch", daemon=True).start()
    return done.result(timeout=max(0.0, seconds))


def _may_pass(error: Exception | None) -> bool:
    """Whether a failed connection may be made a moment later."""
    return isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)) and not _is_tls(error)


def _is_tls(error: BaseException | None) -> bool:
    """Whether a certificate or handshake was refused."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


class _Decoder:
    """The body as sent, or gunzipped, unpacked no further than there is room for."""

    def __init__(self, url: str, encoding: str) -> None:
        self.url = url
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip"):
            raise SourceChanged(
                f"{url}: expected gzip or nothing, found encoding {one_line(name, 40)}"
            )
        self._member = zlib.decompressobj(_GZIP) if name.endswith("gzip") else None

    def feed(self, raw: bytes, room: int) -> bytes:
        if self._member is None:
            return raw
        try:
            return self._member.decompress(raw, max(1, room))
        except zlib.error as error:
            raise SourceChanged(f"{self.url}: damaged gzip ({one_line(error, 60)})") from error

    def finish(self) -> None:
        """Raises:
        SourceChanged: the gzip member ended early, or something follows it.
        """
        if self._member and (not self._member.eof or self._member.unused_data):
            raise SourceChanged(f"{self.url}: damaged gzip (cut short, or data after its end)")
