"""A polite and distrustful HTTP client: one GET, bounded in time and size, never redirected."""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from urllib.parse import urlsplit

import httpx

from ingest.payload import one_line, refuse_html
from ingest.rate import LIMITER, RateLimiter
from kentongan.errors import NotPublishedYet, SourceBlocked, SourceChanged, SourceDown

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATIENCE_S = 2.0
"""Longest wait for a turn: one feed's requests must not keep the other feeds waiting."""
_PAUSE_S = 0.3
"""Before the one retry after a refused connection."""
_GZIP = 31
"""zlib's window bits for the gzip format."""


@dataclass(frozen=True)
class Answer:
    """A complete answer, whatever its status. `body` is decoded."""

    url: str
    status: int
    body: bytes
    validator: str | None
    """ETag, or the Last-Modified date where there is none."""
    location: str = ""


def user_agent(contact: str) -> str:
    """`Kentongan/2026.11.0 (+contact)`: who we are, plainly."""
    try:
        name = f"Kentongan/{version('kentongan')}"
    except PackageNotFoundError:
        name = "Kentongan"
    return f"{name} (+{contact})" if contact else name


def host_of(url: str) -> str:
    """Lower-case host name; empty if the text is no address with a host."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(url: str) -> bool:
    return host_of(url) in _LOOPBACK


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, loaded once: it takes longer than a request."""
    return httpx.create_ssl_context()


class PoliteClient:
    """GET with a time limit over all, DNS and slow drips included."""

    def __init__(
        self,
        *,
        timeout_s: float,
        max_bytes: int,
        contact: str = "",
        limiter: RateLimiter = LIMITER,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timeout_s = timeout_s
        self.max_bytes = max_bytes
        self.limiter = limiter
        self.monotonic = monotonic
        self._headers = {
            "User-Agent": user_agent(contact),
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
        }
        self._open()

    def _open(self) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fetch")
        self._http = httpx.Client(
            verify=_trust(),
            headers=self._headers,
            timeout=self.timeout_s,
            follow_redirects=False,
            mounts={f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")},
        )

    def __enter__(self) -> PoliteClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def admit(self, url: str) -> None:
        """Wait a little for our turn at the host; loopback has no limit.

        Raises:
            SourceDown: the minute's requests are spent.
        """
        host = host_of(url)
        if not is_loopback(url) and not self.limiter.take(host, patience_s=PATIENCE_S):
            raise SourceDown(
                f"{url}: not asked, {self.limiter.per_minute} requests a minute to {host} are "
                "spent; the next poll asks"
            )

    def get(self, url: str, *, validator: str | None = None) -> Answer:
        """One answer of any status; 304 if the validator still holds.

        Raises:
            SourceDown: no connection, or no complete answer in time.
            SourceChanged: larger than allowed, or in an encoding that we did not ask for.
        """
        future = self._worker.submit(self._get, url, validator)
        try:
            return future.result(timeout=self.timeout_s)
        except FutureTimeout as error:
            self.close()
            self._open()
            raise self._late(url) from error

    def _late(self, url: str) -> SourceDown:
        return SourceDown(f"{url}: no complete answer within {self.timeout_s:g} s")

    def _get(self, url: str, validator: str | None) -> Answer:
        """Runs in the worker thread; gives up by itself at the deadline."""
        deadline = self.monotonic() + self.timeout_s
        try:
            try:
                return self._once(url, validator, deadline)
            except httpx.ConnectError:
                time.sleep(_PAUSE_S)
                return self._once(url, validator, deadline)
        except httpx.TimeoutException as error:
            raise self._late(url) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            raise SourceDown(
                f"{url}: no answer ({type(error).__name__}: {one_line(error, 80)})"
            ) from error

    def _once(self, url: str, validator: str | None, deadline: float) -> Answer:
        with self._http.stream("GET", url, headers=_conditions(validator)) as response:
            body = b"".join(self._decoded(url, response, deadline))
            headers = response.headers
            return Answer(
                url=url,
                status=response.status_code,
                body=body,
                validator=headers.get("etag") or headers.get("last-modified"),
                location=headers.get("location", ""),
            )

    def _decoded(self, url: str, response: httpx.Response, deadline: float) -> Iterator[bytes]:
        """Pieces of the decoded body; both it and what was sent stay below the limit."""
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
            if self.monotonic() > deadline:
                raise self._late(url)
        if raw_bytes:
            decoder.finish()

    def _too_large(self, url: str, found: str) -> SourceChanged:
        return SourceChanged(
            f"{url}: {found}, expected at most {self.max_bytes}; not kept. If BMKG's document has "
            "grown, raise KENTONGAN_HTTP_MAX_BYTES"
        )


def _conditions(validator: str | None) -> dict[str, str]:
    if not validator:
        return {}
    is_tag = validator.startswith(('"', 'W/"'))
    return {"If-None-Match" if is_tag else "If-Modified-Since": validator}


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
