"""Firebase Cloud Messaging, HTTP v1: one message a topic, so that the server holds no location.

The app asks Google for the topics of its district (`adm3-750207`) and regency (`adm2-7502`); what
we post holds the warning's id, digest and end, and the app looks at its own position. Reference:
https://firebase.google.com/docs/cloud-messaging/send/v1-api
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, field_validator

from kentongan.errors import DataError, DispatchError, SettingsError
from kentongan.times import iso
from notify.channels.answers import retry_after, seconds_left
from notify.channels.channel import Outcome, Outgoing, Receipt, Sink
from notify.channels.loop import LoopThread
from notify.channels.real import RealChannel
from notify.channels.routes import Medium, RouteBase
from notify.channels.webpush.guard import MAYBE_SENT, NOT_SENT, GuardedTransport
from notify.channels.webpush.payload import fitted, topic
from notify.firewall.clearance import real_clock

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_TOPIC = re.compile(r"adm[1-4]-\d{2,10}|all-id")
_TOKEN = re.compile(r"[A-Za-z0-9:_-]{32,1024}")
_RENEW = timedelta(minutes=5)
"""Before a token runs out; Google's live an hour."""
_TOKEN_S = 8.0
"""For Google's token service; the window waits for it."""
_LONGEST_TTL_S = 28 * 86_400
_ANSWER_BYTES = 8192
_TITLE, _DATA_BODY, _ALERT_BODY = 120, 1000, 200
"""Characters. Apple counts data and alert together and takes 4,096 bytes."""
HIGH_FROM_LEVEL = 3
TRIES = 2


class FcmRoute(RouteBase):
    """`kind = "fcm"` of the routes file."""

    kind: Literal["fcm"] = "fcm"
    channel: Medium = "fcm"
    window: int = Field(default=50, ge=1, le=500)
    rate_per_s: float = Field(default=200.0, gt=0)
    """A project's quota is 600,000 a minute; 1,000 fan-outs may run at once."""
    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,29}$")]
    account_file: Path
    """JSON key of a service account that may send."""
    base_url: str = "https://fcm.googleapis.com"
    timeout_s: float = Field(default=15.0, gt=0, le=40)

    @field_validator("base_url")
    @classmethod
    def _safe(cls, value: str) -> str:
        if not re.match(r"https://|http://127\.0\.0\.1[:/]", value):
            raise ValueError("expected https")
        return value.rstrip("/")


class Fcm(RealChannel):
    """One route. `send` may be called from any one thread at a time."""

    def __init__(self, config: FcmRoute, *, clock: Callable[[], datetime] = real_clock) -> None:
        """
        Raises:
            SettingsError: the service account's key cannot be used.
        """
        self.route = config.route
        self.window = config.window
        self.config = config
        self._clock = clock
        self._account = _Account(config.account_file)
        self._sink: Sink | None = None
        self._loop = LoopThread(f"fcm-{config.route}")
        self._client: httpx.AsyncClient | None = None

    def open(self, sink: Sink) -> None:
        self._sink = sink

    def close(self) -> None:
        if self._client is not None:
            self._loop.run(self._client.aclose(), within_s=5.0)
            self._client = None
        self._loop.close()

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        token = self._account.token(self._clock())
        work = self._all(messages, token)
        answers = self._loop.run(work, within_s=self.config.timeout_s + 5.0)
        if any(answer.stale for answer in answers):
            self._account.forget()
        if self._sink is not None:
            for message, answer in zip(messages, answers, strict=True):
                if answer.gone:
                    self._sink.gone(message)
        return [answer.receipt for answer in answers]

    async def _all(self, messages: Sequence[Outgoing], token: str) -> list[_Answer]:
        if self._client is None:
            short = self.config.timeout_s * 0.3
            timeout = httpx.Timeout(self.config.timeout_s, connect=short, pool=short)
            # An address that the operator wrote down: on this machine too, in tests.
            transport = GuardedTransport(connections=self.window, allow_local=True)
            self._client = httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)
        return await asyncio.gather(*(self._one(self._client, one, token) for one in messages))

    async def _one(self, client: httpx.AsyncClient, message: Outgoing, token: str) -> _Answer:
        try:
            body = document(message, self._clock())
        except DataError as error:
            return _Answer(Receipt(Outcome.REFUSED, str(error)))
        url = f"{self.config.base_url}/v1/projects/{self.config.project}/messages:send"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        silent = Receipt(Outcome.UNKNOWN, "no answer in time")
        try:
            async with asyncio.timeout(self.config.timeout_s):
                for _ in range(TRIES):  # a second copy replaces the first: collapse_key
                    try:
                        answer, text = await _posted(client, url, headers, body)
                    except NOT_SENT as error:
                        detail = f"no connection: {type(error).__name__}"
                        return _Answer(Receipt(Outcome.RETRY, detail, counts=False))
                    except MAYBE_SENT as error:
                        silent = Receipt(Outcome.UNKNOWN, f"no answer: {type(error).__name__}")
                        continue
                    return self._understood(answer, text)
        except TimeoutError:
            return _Answer(silent)
        return _Answer(silent)

    def _understood(self, answer: httpx.Response, text: str) -> _Answer:
        code, found = answer.status_code, _object(text)
        if code == 200:
            name = str(found.get("name", "")).rsplit("/", 1)[-1][:80]
            return _Answer(Receipt(Outcome.ACCEPTED, provider_id=name or None))
        status = _error_code(found)
        said = f"{code} {status}".strip()
        if code == 404 and status == "UNREGISTERED":
            return _Answer(Receipt(Outcome.REFUSED, said), gone=True)
        if code == 429 or code >= 500:
            pause = retry_after(answer.headers.get("retry-after"), self._clock())
            receipt = Receipt(Outcome.RETRY, said, counts=False, retry_after_s=pause)
            return _Answer(receipt)
        if code in (401, 403):
            return _Answer(Receipt(Outcome.RETRY, f"{said}: key or rights"), stale=code == 401)
        return _Answer(Receipt(Outcome.REFUSED, said))


@dataclass(frozen=True, slots=True)
class _Answer:
    receipt: Receipt
    gone: bool = False
    stale: bool = False
    """Our token is not taken any more."""


class _Account:
    """Tokens of the service account, renewed in the thread that sends, before they run out."""

    def __init__(self, path: Path) -> None:
        from google.oauth2 import service_account

        try:
            read: Any = service_account.Credentials.from_service_account_file
            self._credentials: Any = read(str(path), scopes=[_SCOPE])
        except (OSError, ValueError, KeyError) as error:
            raise SettingsError(
                f"{path}: expected the JSON key of a service account: {type(error).__name__}"
            ) from error
        self._lock = threading.Lock()

    def forget(self) -> None:
        with self._lock:
            self._credentials.token = None

    def token(self, at: datetime) -> str:
        """
        Raises:
            DispatchError: the token service does not give one; nothing was sent.
        """
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        with self._lock:
            ends = self._credentials.expiry
            if self._credentials.token and ends and at + _RENEW < ends.replace(tzinfo=UTC):
                return str(self._credentials.token)
            try:
                self._credentials.refresh(partial(Request(), timeout=_TOKEN_S))
            except GoogleAuthError as error:
                raise DispatchError(f"FCM: no token: {type(error).__name__}") from error
            return str(self._credentials.token)


def document(message: Outgoing, at: datetime) -> bytes:
    """The request of one message; pure.

    Raises:
        DataError: no topic or token, no end, or its end is past.
    """
    left = seconds_left(message, at)
    if left is None or left < 1:
        raise DataError("no end is known" if left is None else "its end is past")
    ttl = min(left, _LONGEST_TTL_S)
    high = message.level >= HIGH_FROM_LEVEL
    key = topic(message.warning_id)
    body = {
        **_target(message.address),
        "data": data_of(message),
        "android": {
            "priority": "high" if high else "normal",
            "ttl": f"{ttl}s",
            "collapse_key": key,
        },
        "apns": {
            "headers": {
                "apns-priority": "10" if high else "5",
                "apns-expiration": str(int(at.timestamp()) + ttl),
                "apns-collapse-id": key,
            },
            "payload": {
                "aps": {
                    "alert": _shown(message, body=_ALERT_BODY),
                    "sound": "default",
                    "mutable-content": 1,
                    "interruption-level": "time-sensitive" if high else "active",
                }
            },
        },
    }
    return json.dumps({"message": body}, ensure_ascii=False).encode("utf-8", errors="replace")


def data_of(message: Outgoing) -> dict[str, str]:
    """What the app gets; every value is text (HTTP v1), all of them below `payload.LIMIT` bytes."""
    payload = message.payload or {}
    shown = _shown(message)
    wanted = {
        **shown,
        "warning_id": message.warning_id,
        "version": str(message.version),
        "status": message.cap_status,
    }
    for name in ("identifier", "state", "hazard", "level", "onset", "expires", "url", "cap_sha256"):
        if name in payload:
            wanted[name] = str(payload[name])
    if message.not_after is not None:
        wanted.setdefault("expires", iso(message.not_after))
    if payload.get("districts"):
        wanted["area_codes"] = " ".join(payload["districts"])
    found: dict[str, str] = json.loads(fitted(wanted))
    return found


def _shown(message: Outgoing, *, body: int = _DATA_BODY) -> dict[str, str]:
    payload = message.payload or {}
    title = str(payload.get("title") or message.text)
    return {"title": title[:_TITLE], "body": str(payload.get("body") or message.text)[:body]}


def _target(address: str) -> dict[str, str]:
    if _TOPIC.fullmatch(address):
        return {"topic": address}
    if _TOKEN.fullmatch(address):
        return {"token": address}
    raise DataError("FCM: expected a topic such as adm3-750207, or the token of an app")


async def _posted(
    client: httpx.AsyncClient, url: str, headers: dict[str, str], body: bytes
) -> tuple[httpx.Response, str]:
    found = b""
    async with client.stream("POST", url, content=body, headers=headers) as answer:
        async for part in answer.aiter_bytes():
            found += part
            if len(found) > _ANSWER_BYTES:
                break
        return answer, found[:_ANSWER_BYTES].decode("utf-8", errors="replace")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _error_code(found: dict[str, Any]) -> str:
    """`UNREGISTERED` stands in `details`; the outer status says only NOT_FOUND."""
    error = found.get("error")
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    for one in details if isinstance(details, list) else []:
        if isinstance(one, dict) and isinstance(one.get("errorCode"), str):
            return str(one["errorCode"])[:40]
    return str(error.get("status", ""))[:40]
