"""Asking another side over HTTP: kept connections, a limit of time, and what a broken one means.

Whether a message may have been taken is told by what the connection did, not by the kind of error:
before the first byte of the request was written it was certainly not sent and may be tried again;
after it, silence is not known.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpcore
import httpx

from kentongan.errors import SettingsError
from notify.channels.channel import Outcome, Receipt

ANSWER_BYTES = 65_536
"""Read of an answer; the rest tells nothing and may be endless."""
_LAST_TURN_S = 0.05
"""What asyncio needs to close sockets once it was told to."""
_WRITING = "send_request_headers.started"
"""httpcore's event when the first byte of a request is about to be written."""


class AsksByHttp(Protocol):
    """What of a route says how it is asked."""

    @property
    def route(self) -> str: ...
    @property
    def window(self) -> int: ...
    @property
    def connect_timeout_s(self) -> float: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def ca_file(self) -> Path | None: ...


@dataclass(frozen=True)
class Said:
    """An answer; of its body the beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Kept connections to one route's other side, within one event loop."""

    def __init__(self, config: AsksByHttp) -> None:
        """
        Raises:
            SettingsError: `ca_file` holds no certificates.
        """
        self.config = config
        self._trusted = _trusted(config)
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def ask(self, request: httpx.Request) -> Said | Receipt:
        """The answer, or what its absence means for the message."""
        if self._transport is None:
            self._transport = _transport(self.config, self._trusted)
        talk = _Talk()
        request.extensions = {"timeout": _limits(self.config), "trace": talk.note}
        try:
            async with asyncio.timeout(self.config.timeout_s):
                answer = await self._transport.handle_async_request(request)
                body = await _beginning(answer)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError,
                httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:  # fmt: skip
            return talk.broken(error)
        return Said(answer.status_code, answer.headers, body)

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    async def close(self) -> None:
        """All its connections, those too whose request was broken off: their loop ends after."""
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None
            await asyncio.sleep(_LAST_TURN_S)


@dataclass
class _Talk:
    """What is known of one request while it is under way."""

    written: bool = False

    async def note(self, event: str, _: Mapping[str, object]) -> None:
        self.written = self.written or event.endswith(_WRITING)

    def broken(self, error: Exception) -> Receipt:
        """No words of the error: they may hold the address."""
        kind = type(error).__name__
        if self.written:
            return Receipt(Outcome.UNKNOWN, f"no answer after it was sent: {kind}")
        return Receipt(Outcome.RETRY, f"not sent: {kind}", counts=False)


def _limits(config: AsksByHttp) -> dict[str, float | None]:
    """Of each step. A connection that is broken off from outside while it is made is not closed by
    its library, so its own two limits (TCP, TLS) end before that of the whole."""
    connect = min(config.connect_timeout_s, config.timeout_s / 3)
    return httpx.Timeout(config.timeout_s, connect=connect).as_dict()


def _trusted(config: AsksByHttp) -> ssl.SSLContext | bool:
    if config.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(config.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"route {config.route}: ca_file {config.ca_file}: expected certificates in PEM: {error}"
        ) from error


def _transport(config: AsksByHttp, trusted: ssl.SSLContext | bool) -> httpx.AsyncHTTPTransport:
    """Kept connections, one for each message of a window. A transport follows no redirect, keeps no
    cookie, reads no proxy from the environment and writes no address into a log."""
    limits = httpx.Limits(
        max_connections=config.window, max_keepalive_connections=config.window, keepalive_expiry=5.0
    )
    return httpx.AsyncHTTPTransport(verify=trusted, limits=limits, trust_env=False)


async def _beginning(answer: httpx.Response) -> bytes:
    """The first `ANSWER_BYTES` of the body, as they came."""
    found = bytearray()
    try:
        async for chunk in answer.aiter_raw():
            found += chunk
            if len(found) >= ANSWER_BYTES:
                break
    finally:
        await answer.aclose()
    return bytes(found[:ANSWER_BYTES])
