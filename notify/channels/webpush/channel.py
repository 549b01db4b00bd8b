"""Web Push as a channel: encrypt for each browser, post over kept connections.

A second copy of a message does no harm: the push service replaces by `Topic`, the phone by `tag`.
So what got no answer is posted once more at once; then it is `unknown`, because a phone may have it
and is owed the end of its warning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from kentongan.errors import DataError
from notify.channels.answers import retry_after, seconds_left
from notify.channels.channel import Outcome, Outgoing, Receipt, Sink
from notify.channels.loop import LoopThread
from notify.channels.real import RealChannel
from notify.channels.webpush import payload
from notify.channels.webpush.guard import (
    MAYBE_SENT,
    NOT_SENT,
    GuardedTransport,
    NotPublic,
)
from notify.channels.webpush.pauses import Pauses
from notify.channels.webpush.route import WebPushRoute
from notify.channels.webpush.subscription import Subscription, read_subscription
from notify.channels.webpush.vapid import Vapid
from notify.firewall.clearance import real_clock

log = logging.getLogger(__name__)

HIGH_FROM_LEVEL = 3
"""Wakes a phone that saves power (RFC 8030, 5.3)."""
LONGEST_TTL_S = 28 * 86_400
"""Push services cut to four weeks."""
TRIES = 2
"""A kept connection may have been closed by the other side a moment ago."""
_ANSWER_BYTES = 2048
"""Read of an answer; the rest tells us nothing and may be endless."""
_CONNECT_SHARE = 0.3
"""Of the time for one message: for its turn, for the connection, and for TLS each."""


class WebPush(RealChannel):
    """One route. `send` may be called from any one thread at a time."""

    def __init__(
        self,
        config: WebPushRoute,
        *,
        clock: Callable[[], datetime] = real_clock,
    ) -> None:
        """
        Raises:
            SettingsError: the key is missing or of another kind.
        """
        self.route = config.route
        self.window = config.window
        self.config = config
        self._vapid = Vapid(config.key_file, config.contact)
        self._sink: Sink | None = None
        self._clock = clock
        self._pauses = Pauses()
        self._loop = LoopThread(f"webpush-{config.route}")
        self._client: httpx.AsyncClient | None = None

    @property
    def public_key(self) -> str:
        return self._vapid.public_key

    def open(self, sink: Sink) -> None:
        self._sink = sink

    def close(self) -> None:
        if self._client is not None:
            self._loop.run(self._client.aclose(), within_s=5.0)
            self._client = None
        self._loop.close()

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        answers = self._loop.run(self._all(messages), within_s=self.config.timeout_s + 5.0)
        for message, answer in zip(messages, answers, strict=True):
            if answer.gone:
                self._drop(message)
        return [answer.receipt for answer in answers]

    async def _all(self, messages: Sequence[Outgoing]) -> list[_Answer]:
        if self._client is None:
            self._client = _client(self.config)
        work = (self._one(self._client, one) for one in messages)
        found = await asyncio.gather(*work, return_exceptions=True)
        return [one if isinstance(one, _Answer) else self._fault(one) for one in found]

    def _fault(self, error: BaseException) -> _Answer:
        """One of ours; it must not leave the rest of the window in doubt."""
        log.error("route %s: a push failed", self.route, exc_info=error)
        return _Answer(Receipt(Outcome.UNKNOWN, f"fault: {type(error).__name__}"))

    async def _one(self, client: httpx.AsyncClient, message: Outgoing) -> _Answer:
        now = self._clock()
        ttl = seconds_left(message, now)
        if ttl is None or ttl < 1:
            return _refused("no end is known" if ttl is None else "its end is past")
        try:
            there = read_subscription(
                message.address, hosts=self.config.hosts, allow_local=self.config.allow_local
            )
            body = encrypted(payload.fitted(_content(message)), there)
        except DataError as error:
            return _refused(str(error))
        pause = self._pauses.left(there.origin)
        if pause:
            return _Answer(
                Receipt(Outcome.RETRY, "its push service pauses", counts=False, retry_after_s=pause)
            )
        headers = _headers(message, min(ttl, LONGEST_TTL_S))
        headers["Authorization"] = self._vapid.authorization(there.origin, now)
        return await self._post(client, there, headers, body)

    async def _post(
        self, client: httpx.AsyncClient, there: Subscription, headers: dict[str, str], body: bytes
    ) -> _Answer:
        silent = Receipt(Outcome.UNKNOWN, "no answer in time")
        try:
            async with asyncio.timeout(self.config.timeout_s):
                for _ in range(TRIES):
                    try:
                        answer, text = await _posted(client, there.endpoint, headers, body)
                    except MAYBE_SENT as error:
                        silent = Receipt(Outcome.UNKNOWN, f"no answer: {type(error).__name__}")
                        continue
                    self._pauses.answered(there.origin)
                    return self._understood(there, answer, text)
        except TimeoutError:
            log.info("route %s: %s does not answer", self.route, there.origin)
        except NotPublic as error:
            return _refused(str(error))
        except NOT_SENT as error:
            silent = Receipt(Outcome.RETRY, f"no connection: {type(error).__name__}", counts=False)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return _refused(f"no message can be posted there: {type(error).__name__}")
        self._pauses.silent(there.origin)
        return _Answer(silent)

    def _understood(self, there: Subscription, answer: httpx.Response, text: str) -> _Answer:
        code = answer.status_code
        said = f"{code} {text}".strip()[:120]
        if code in (200, 201, 202, 204):
            return _Answer(Receipt(Outcome.ACCEPTED))
        if code in (404, 410):
            return _Answer(Receipt(Outcome.REFUSED, f"{code}: the subscription is gone"), True)
        if code == 429 or code >= 500:
            pause = retry_after(answer.headers.get("retry-after"), self._clock())
            if pause:
                self._pauses.asked(there.origin, pause)
            return _Answer(Receipt(Outcome.RETRY, said, counts=False, retry_after_s=pause))
        if code in (401, 403):
            hint = "it refuses our signature: clock, key_file, or another key at sign-up"
            return _Answer(Receipt(Outcome.RETRY, f"{code}: {hint}"))
        return _refused(said)

    def _drop(self, message: Outgoing) -> None:
        if self._sink is None:
            return
        try:
            self._sink.gone(message)
        except Exception:  # the receipts of the window must be written all the same
            log.exception("route %s: a subscription that is gone was not dropped", self.route)


@dataclass(frozen=True, slots=True)
class _Answer:
    receipt: Receipt
    gone: bool = False


def _refused(detail: str) -> _Answer:
    return _Answer(Receipt(Outcome.REFUSED, detail))


def _client(config: WebPushRoute) -> httpx.AsyncClient:
    short = config.timeout_s * _CONNECT_SHARE
    return httpx.AsyncClient(
        transport=GuardedTransport(connections=config.window, allow_local=config.allow_local),
        timeout=httpx.Timeout(config.timeout_s, connect=short, pool=short),
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "Kentongan"},
    )


def _content(message: Outgoing) -> dict[str, object]:
    """What the service worker reads; a message without a payload is its text."""
    return message.payload or {"title": message.text, "body": "", "status": message.cap_status}


def _headers(message: Outgoing, ttl: int) -> dict[str, str]:
    return {
        "TTL": str(ttl),
        "Urgency": "high" if message.level >= HIGH_FROM_LEVEL else "normal",
        "Topic": payload.topic(message.warning_id),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
    }


def encrypted(content: bytes, there: Subscription) -> bytes:
    """For this browser alone (RFC 8291), with a key pair used once."""
    import http_ece  # type: ignore[import-untyped]
    from cryptography.hazmat.primitives.asymmetric import ec

    return bytes(
        http_ece.encrypt(
            content,
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=there.p256dh,
            auth_secret=there.auth,
            version="aes128gcm",
        )
    )


async def _posted(
    client: httpx.AsyncClient, endpoint: str, headers: dict[str, str], body: bytes
) -> tuple[httpx.Response, str]:
    async with client.stream("POST", endpoint, content=body, headers=headers) as answer:
        return answer, await _beginning(answer)


async def _beginning(answer: httpx.Response) -> str:
    """Of a hostile answer: bounded, in characters that a log may hold."""
    found = b""
    async for part in answer.aiter_raw(_ANSWER_BYTES):
        found = (found + part)[:_ANSWER_BYTES]
        if len(found) >= _ANSWER_BYTES:
            break
    return "".join(c if " " <= c <= "~" else " " for c in found.decode("latin-1"))[:100]
