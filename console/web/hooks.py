"""Where gateways call us: what became of messages, and messages that people sent.

    POST or GET /hooks/<route>/receipt           signed by the gateway
    POST or GET /hooks/<route>/<secret>/receipt  else, with its user and password or its address
    …/inbound                                    the same for messages

It is answered after the commit, and only then with success. Neither a number nor a secret part of
an address is written into a log.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import Literal

from fastapi import APIRouter, Request, Response
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import SQLAlchemyError

from console.web.forms import body_of
from console.web.reading import Reading
from kentongan.db import insert_ignore, nonces
from kentongan.errors import DataError, SettingsError
from kentongan.sealing import secrets_key
from kentongan.times import iso
from kentongan.transactions import writing
from notify.channels.channel import DeliveryReport, InboundMessage, Outgoing
from notify.channels.http.callbacks import Call, messages_in, receipts_in
from notify.channels.http.callers import NEAR, NOBODY, Verdict, judge
from notify.channels.http.route import HttpRoute
from notify.channels.http.secrets import Secrets, secrets_of
from notify.inbox.together import Together
from notify.sending.receipts import record

log = logging.getLogger(__name__)

BODY_BYTES = 65_536
REFUSED_PER_SECOND = 20.0
"""Calls of strangers that are looked at; above it they are asked to come later."""
_FORGET = 2 * NEAR
"""After it a repeated call is refused by its time already."""

What = Literal["receipt", "inbound"]


@dataclass(frozen=True)
class WebSink:
    """Puts what a gateway tells us into the books; returns after the commit."""

    engine: Engine
    inbox: Together

    def receipts(self, reports: Sequence[DeliveryReport]) -> None:
        record(self.engine, reports, at=max(report.at for report in reports))

    def inbound(self, message: InboundMessage) -> None:
        self.inbox.keep(message)

    def gone(self, message: Outgoing) -> None:
        """No gateway for SMS says so."""


@dataclass
class Bucket:
    """So many calls a second, and as many at once."""

    per_second: float
    steady: Callable[[], float] = time.monotonic
    _left: float = field(init=False)
    _at: float = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._left, self._at = self.per_second, self.steady()

    def takes(self) -> bool:
        with self._lock:
            now = self.steady()
            self._left = min(self.per_second, self._left + (now - self._at) * self.per_second)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


@dataclass
class Door:
    """One route's calls."""

    route: HttpRoute
    secrets: Secrets
    pace: Bucket

    @classmethod
    def of(cls, route: HttpRoute) -> Door:
        return cls(route, secrets_of(route), Bucket(route.hooks.per_second))


class Hooks:
    """The doors of this installation, read from the routes file when somebody first knocks."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.strangers = Bucket(REFUSED_PER_SECOND)
        self._lock = threading.Lock()

    @cached_property
    def doors(self) -> dict[str, Door]:
        from notify.dispatcher.config import load_routes

        routes = load_routes(self.reading.settings.routes).all
        http = [route for route in routes if isinstance(route, HttpRoute) and route.has_hooks]
        return {route.route: Door.of(route) for route in http}

    @cached_property
    def sink(self) -> WebSink:
        keys = secrets_key(self.reading.settings)
        return WebSink(self.reading.engine, Together(self.reading.engine, keys))

    def answer(self, name: str, secret: str, what: What, came: _Came) -> Response:
        """Judge a call, store what it holds, and answer.

        Every refusal says little: whoever knocks without a key learns nothing of the doors.
        """
        try:
            with self._lock:
                door = self.doors.get(name)
        except SettingsError as error:
            log.error("hooks: %s", error)  # noqa: TRY400 it says all
            return _said(503, "not ready", {"Retry-After": "60"})
        at = self.reading.clock()
        verdict = NOBODY if door is None else _verdict(door, secret, came, at)
        if verdict.status or door is None:
            return self._refuse(name, verdict)
        if not door.pace.takes():
            return _said(429, "later", {"Retry-After": "1"})
        return self._store(door, what, came, verdict.nonce, at)

    def _refuse(self, name: str, verdict: Verdict) -> Response:
        if not self.strangers.takes():
            return _said(429, "later", {"Retry-After": "1"})
        if verdict is not NOBODY:
            log.warning("hook %s: refused: %s", name, verdict.reason)
        headers = {"WWW-Authenticate": "Basic"} if verdict.status == 401 else {}
        return _said(verdict.status, "unknown" if verdict is NOBODY else "refused", headers)

    def _store(self, door: Door, what: What, came: _Came, nonce: str, at: datetime) -> Response:
        name = door.route.route
        if nonce and self._is_known(name, nonce):
            log.warning("hook %s: refused: a repeated call", name)
            return _said(409, "repeated")
        try:
            for store in self._acts(door.route, what, came.call(signed=bool(nonce)), at):
                store()
            if nonce:
                self._remember(name, nonce, at)
        except DataError as error:
            log.warning("hook %s: %s", name, error)
            return _said(400, str(error))
        except SQLAlchemyError as error:
            log.error("hook %s: not stored: %s", name, type(error).__name__)  # noqa: TRY400
            return _said(503, "not stored", {"Retry-After": "5"})
        return Response(status_code=door.route.hooks.ok_status)

    def _acts(
        self, route: HttpRoute, what: What, call: Call, at: datetime
    ) -> list[Callable[[], None]]:
        """What is to be written; all of the call is read before the first of it is."""
        if what == "receipt":
            reports = receipts_in(route, call, at)
            return [partial(self.sink.receipts, reports)] if reports else []
        return [partial(self.sink.inbound, one) for one in messages_in(route, call, at)]

    def _is_known(self, name: str, nonce: str) -> bool:
        mine = select(nonces.c.at).where(nonces.c.scope == f"hook:{name}", nonces.c.nonce == nonce)
        with self.reading.engine.connect() as connection:
            return connection.execute(mine).first() is not None

    def _remember(self, name: str, nonce: str, at: datetime) -> None:
        """After what it brought is stored: were it before, a fault between would lose it."""
        scope = f"hook:{name}"
        old = delete(nonces).where(nonces.c.scope == scope, nonces.c.at < iso(at - _FORGET))
        row = {"scope": scope, "nonce": nonce, "at": iso(at)}
        with writing(self.reading.engine) as connection:
            connection.execute(old)
            connection.execute(insert_ignore(connection, nonces).values(**row))


@dataclass(frozen=True)
class _Came:
    """A call as it came over the wire."""

    method: str
    query: bytes
    body: bytes
    headers: dict[str, str]
    client: str

    @property
    def signed(self) -> bytes:
        return self.query if self.method == "GET" else self.body

    def call(self, *, signed: bool) -> Call:
        """What may be read; of a signed call nothing that its signature does not cover."""
        query = b"" if signed and self.method != "GET" else self.query
        body = b"" if signed and self.method == "GET" else self.body
        return Call(query, body, self.headers.get("content-type", ""))


def _verdict(door: Door, secret: str, came: _Came, at: datetime) -> Verdict:
    return judge(
        door.route, door.secrets, secret_part=secret, headers=came.headers, client=came.client,
        signed=came.signed, at=at,
    )  # fmt: skip


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status_code=status, media_type="text/plain", headers=headers)


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    hooks = Hooks(reading)

    async def take(request: Request, name: str, what: What, secret: str = "") -> Response:
        body = await bounded(request)
        if body is None:
            return _said(413, f"expected at most {BODY_BYTES} bytes", {"Connection": "close"})
        came = _Came(
            request.method,
            request.scope["query_string"],
            body,
            {key.decode("latin-1"): value.decode("latin-1") for key, value in request.headers.raw},
            request.client.host if request.client else "",
        )
        return await asyncio.to_thread(hooks.answer, name, secret, what, came)

    for path in ("/hooks/{name}/{what}", "/hooks/{name}/{secret}/{what}"):
        found.add_api_route(path, take, methods=["GET", "POST"], response_model=None)
    return found


async def bounded(request: Request) -> bytes | None:
    """The body; None where it is longer than `BODY_BYTES` or too slow."""
    found = await body_of(request, largest=BODY_BYTES)
    return None if isinstance(found, int) else found
