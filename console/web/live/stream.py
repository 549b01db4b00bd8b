"""`GET /centre/stream`: the events of the hub, to one reader after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from console.web.access.who import Who, who
from console.web.live.hub import Full, Hub, Viewer
from console.web.live.watcher import Eye, Watcher
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.accounts.registry import account
from kentongan.accounts.sessions import Limits, in_force, of_account
from kentongan.db import accounts

PATH = "/centre/stream"
PING = b": ping\nevent: alive\ndata: {}\n\n"
PING_S = 15.0
"""Proxies close what is silent for a minute. A page does not see comments, so it is an event as
well: a connection that died without a word is told by two of them missing."""
STALL_S = 30.0
"""A reader that does not take what is sent for so long is let go."""
_TURN_S = 5.0
SESSION_S = 10.0
"""Between two looks whether the reader's session still holds."""
SIGNED_OUT = b"event: signed-out\ndata: {}\n\n"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "Content-Type": "text/event-stream; charset=utf-8",
}


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    hub = Hub(reading.changed)
    reading.when_closing(hub.close)
    watcher = Watcher(
        hub,
        lambda: Eye(reading.engine, reading.settings.home.resolve(), reading.feeds),
        reading.clock,
    )

    limits = Limits.of(reading.settings)

    async def stream(request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("last", "")
        try:
            viewer = hub.join(last, age_s=_age(request))
        except Full as error:
            return Response(str(error), 503, headers={"Retry-After": "10"})
        watcher.wake()
        asker = who(request)
        return Stream(hub, viewer, lambda: _holds(reading, asker, limits))

    found.add_api_route(PATH, stream, methods=READ)
    return found


def _age(request: Request) -> float:
    """Seconds since the page was made that listens, as it says; at most an hour."""
    try:
        return min(3600.0, max(0.0, float(request.query_params.get("age", "0"))))
    except ValueError:
        return 0.0


def _holds(reading: Reading, asker: Who, limits: Limits) -> bool:
    """Whether this reader may still look; an open stream does not keep a session alive."""
    with reading.engine.connect() as connection:
        if not asker.signed_in:
            # At a machine without accounts; the first account ends that.
            return connection.execute(select(accounts.c.account_id).limit(1)).first() is None
        mine = of_account(connection, asker.account_id)
        found = [one for one in mine if one.session_hash == asker.session_hash]
        holder = account(connection, asker.account_id)
    if not found or holder is None or holder.disabled_at is not None:
        return False
    return in_force(found[0], limits=limits, at=reading.clock()) and holder.role == asker.role


class Stream(Response):
    """Sends until the reader has gone, stalls, or may no longer look."""

    def __init__(self, hub: Hub, viewer: Viewer, holds: Callable[[], bool]) -> None:
        super().__init__(headers=_HEADERS)
        self._hub, self._viewer, self._holds = hub, viewer, holds
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            self._hub.leave(self._viewer)
            await send(self._start())
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._viewer)
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    def _start(self) -> dict[str, object]:
        return {"type": "http.response.start", "status": 200, "headers": self.raw_headers}

    async def _send(self, send: Send) -> None:
        await send(self._start())
        looked = pinged = asyncio.get_running_loop().time()
        piece: bytes | None = b"retry: 2000\n\n" + PING
        while piece != SIGNED_OUT and not self._viewer.closed:
            if piece:
                message = {"type": "http.response.body", "body": piece, "more_body": True}
                try:
                    await asyncio.wait_for(send(message), STALL_S)
                except TimeoutError:
                    return
                pinged = asyncio.get_running_loop().time()
            piece = await self._viewer.take(_TURN_S)
            now = asyncio.get_running_loop().time()
            if now - looked >= SESSION_S:
                looked = now
                if not await self._may():
                    piece = SIGNED_OUT
            if piece is None and now - pinged >= PING_S:
                piece = PING
        last = SIGNED_OUT if piece == SIGNED_OUT else b""
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _may(self) -> bool:
        """While the tables cannot be read, whoever looked goes on: nothing new is told then."""
        try:
            return await asyncio.to_thread(self._holds)
        except (SQLAlchemyError, OSError):
            return True


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
