"""A gateway as a channel: a window goes out over kept connections, one receipt for each message.

Whether a message may have been taken is told by what the connection did, not by the kind of error:
before the first byte of the request was written it was certainly not sent and may be tried again;
after it, silence is not known.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpcore
import httpx

from kentongan.errors import SettingsError
from notify.channels.answers import seconds_left
from notify.channels.channel import Outcome, Outgoing, Receipt, Sink
from notify.channels.http.requests import own_id, request_for, understood
from notify.channels.http.route import HttpRoute
from notify.channels.http.secrets import secrets_of
from notify.channels.loop import LoopThread
from notify.channels.real import RealChannel
from notify.firewall.clearance import real_clock

ANSWER_BYTES = 65_536
"""Read of an answer; the rest tells nothing and may be endless."""
_SLACK_S = 5.0
_LAST_TURN_S = 0.05
"""What asyncio needs to close sockets once it was told to."""
_WRITING = "send_request_headers.started"
"""httpcore's event when the first byte of a request is about to be written."""


class HttpChannel(RealChannel):
    """One gateway. Receipts and messages come by the web application (`console.web.hooks`)."""

    def __init__(self, config: HttpRoute, *, clock: Callable[[], datetime] = real_clock) -> None:
        """
        Raises:
            SettingsError: a file of the route cannot be used.
        """
        self.route = config.route
        self.window = config.window
        self.config = config
        self._secrets = secrets_of(config)
        self._trusted = _trusted(config)
        self._clock = clock
        self._loop = LoopThread(f"http-{config.route}")
        self._wire: httpx.AsyncHTTPTransport | None = None

    def open(self, sink: Sink) -> None:
        """Nothing runs beside sending."""

    def close(self) -> None:
        if self._wire is not None:
            self._loop.run(_closed(self._wire), within_s=_SLACK_S)
            self._wire = None
        self._loop.close()

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        return self._loop.run(self._all(messages), within_s=self.config.timeout_s + _SLACK_S)

    async def _all(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        if self._wire is None:
            self._wire = _wire(self.config, self._trusted)
        return await asyncio.gather(*(self._one(self._wire, one) for one in messages))

    async def _one(self, wire: httpx.AsyncHTTPTransport, message: Outgoing) -> Receipt:
        now = self._clock()
        left = seconds_left(message, now)
        if left is not None and left < 1:
            return Receipt(Outcome.REFUSED, "its end is past")
        if message.part:  # gateways split long texts themselves: the whole went with the first
            return Receipt(Outcome.ACCEPTED, "went with part 1", own_id(self.config, message))
        request = request_for(self.config, self._secrets, message, now)
        talk = _Talk()
        request.extensions = {
            "timeout": _limits(self.config),
            "trace": talk.note,
        }
        try:
            async with asyncio.timeout(self.config.timeout_s):
                answer = await wire.handle_async_request(request)
                body = await _beginning(answer)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError,
                httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:  # fmt: skip
            return talk.broken(error)
        return understood(
            self.config, self._secrets, message, status=answer.status_code,
            headers=answer.headers, body=body, at=now,
        )  # fmt: skip


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


def _limits(config: HttpRoute) -> dict[str, float | None]:
    """Of each step. A connection that is broken off from outside while it is made is not closed by
    its library, so its own two limits (TCP, TLS) end before that of the whole."""
    connect = min(config.connect_timeout_s, config.timeout_s / 3)
    return httpx.Timeout(config.timeout_s, connect=connect).as_dict()


def _trusted(config: HttpRoute) -> ssl.SSLContext | bool:
    if config.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(config.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"route {config.route}: ca_file {config.ca_file}: expected certificates in PEM: {error}"
        ) from error


def _wire(config: HttpRoute, trusted: ssl.SSLContext | bool) -> httpx.AsyncHTTPTransport:
    """Kept connections, one for each message of a window. A transport follows no redirect, keeps no
    cookie, reads no proxy from the environment and writes no address into a log."""
    limits = httpx.Limits(
        max_connections=config.window, max_keepalive_connections=config.window, keepalive_expiry=5.0
    )
    return httpx.AsyncHTTPTransport(verify=trusted, limits=limits, trust_env=False)


async def _closed(wire: httpx.AsyncHTTPTransport) -> None:
    """All its connections, those too whose request was broken off: their loop ends after this."""
    await wire.aclose()
    await asyncio.sleep(_LAST_TURN_S)


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
