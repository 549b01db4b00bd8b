"""Where WhatsApp and Telegram call us: `/chat/<route>`.

    GET   WhatsApp asks whether the address is ours (hub.challenge)
    POST  signed over the raw body (WhatsApp), or with our secret in a header (Telegram)

Answered after the commit, and only then with success: both services call again otherwise, and the
same message twice is one. Neither a number nor a text is written into a log.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from console.web.hooks import BODY_BYTES, REFUSED_PER_SECOND, Bucket, WebSink, bounded
from console.web.reading import Reading
from kentongan.errors import DataError, SettingsError
from kentongan.sealing import secrets_key
from notify.channels.channel import DeliveryReport, InboundMessage
from notify.channels.chat import telegram, whatsapp
from notify.channels.chat.route import (
    ChatRoute,
    TelegramRoute,
    WhatsAppRoute,
    secret_in,
    telegram_hook_secret,
)
from notify.inbox.together import Together

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Door:
    """One route's calls."""

    route: ChatRoute
    secret: str
    verify: str
    pace: Bucket

    @classmethod
    def of(cls, route: ChatRoute) -> Door:
        """
        Raises:
            SettingsError: a file of the route cannot be used.
        """
        pace = Bucket(route.hooks_per_s)
        if isinstance(route, WhatsAppRoute):
            secret, verify = secret_in(route.app_secret_file), secret_in(route.verify_file)
            return cls(route, secret, verify, pace)
        if isinstance(route, TelegramRoute):
            return cls(route, telegram_hook_secret(route), "", pace)
        raise SettingsError(f"route {route.route}: no chat service that calls us")

    def knows(self, headers: Mapping[str, str], body: bytes) -> bool:
        if isinstance(self.route, WhatsAppRoute):
            return whatsapp.is_signed(self.secret, headers, body)
        return telegram.knows_secret(self.secret, headers)

    def told(
        self, document: Any, at: datetime
    ) -> tuple[list[DeliveryReport], list[InboundMessage]]:
        """
        Raises:
            DataError: no call of this service.
        """
        if isinstance(self.route, WhatsAppRoute):
            return whatsapp.told(self.route, document, at)
        if isinstance(self.route, TelegramRoute):
            return [], telegram.told(self.route, document, at)
        return [], []


class ChatHooks:
    """The doors of this installation, read from the routes file when somebody first knocks."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.strangers = Bucket(REFUSED_PER_SECOND)

    @cached_property
    def doors(self) -> dict[str, Door]:
        from notify.dispatcher.config import load_routes

        routes = load_routes(self.reading.settings.routes).all
        return {one.route: Door.of(one) for one in routes if isinstance(one, ChatRoute)}

    @cached_property
    def sink(self) -> WebSink:
        keys = secrets_key(self.reading.settings)
        return WebSink(self.reading.engine, Together(self.reading.engine, keys))

    def door(self, name: str) -> Door | None:
        """
        Raises:
            SettingsError: the routes file, or a file that it names, cannot be used.
        """
        return self.doors.get(name)

    def verify(self, name: str, query: Mapping[str, str]) -> Response:
        try:
            door = self.door(name)
        except SettingsError as error:
            return _unready(error)
        asked = whatsapp.challenge(door.verify, query) if door and door.verify else None
        return self._refuse() if asked is None else _said(200, asked)

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Judge a call, store what it holds, and answer."""
        try:
            door = self.door(name)
        except SettingsError as error:
            return _unready(error)
        if door is None or not door.knows(headers, body):
            return self._refuse()
        if not door.pace.takes():
            return _said(429, "later", {"Retry-After": "1"})
        try:
            reports, messages = door.told(json.loads(body), self.reading.clock())
            for message in messages:
                self.sink.inbound(message)
            if reports:
                self.sink.receipts(reports)
        except (DataError, ValueError, RecursionError) as error:
            log.warning("chat %s: %s", name, type(error).__name__)
            return _said(400, "not understood")
        except SQLAlchemyError as error:
            log.error("chat %s: not stored: %s", name, type(error).__name__)  # noqa: TRY400
            return _said(503, "not stored", {"Retry-After": "5"})
        return _said(200, "")

    def _refuse(self) -> Response:
        """The same for an unknown route and a wrong signature: who knocks learns nothing."""
        if not self.strangers.takes():
            return _said(429, "later", {"Retry-After": "1"})
        return _said(404, "unknown")


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    hooks = ChatHooks(reading)

    @found.get("/chat/{name}")
    def verify(request: Request, name: str) -> Response:
        return hooks.verify(name, request.query_params)

    @found.post("/chat/{name}")
    async def take(request: Request, name: str) -> Response:
        body = await bounded(request)
        if body is None:
            return _said(413, f"expected at most {BODY_BYTES} bytes", {"Connection": "close"})
        return await asyncio.to_thread(hooks.take, name, request.headers, body)

    return found


def _unready(error: SettingsError) -> Response:
    log.error("chat: %s", error)
    return _said(503, "not ready", {"Retry-After": "60"})


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status_code=status, media_type="text/plain", headers=headers)
