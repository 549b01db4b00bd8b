"""What stands around every answer, without touching what the answer sends.

Starlette's own way to write such functions passes each piece of each answer through two queues: of
200 readers who ask at once that was most of the work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.web.access.headers import closing
from kentongan.settings import Settings

Call = Callable[[Request], Awaitable[Response]]
Ask = Callable[[Request, Call], Awaitable[Response]]
"""Answers by itself, or with what it is given to call: as the last thing that it does."""


class Before:
    """Asks before every answer whether it may be given."""

    def __init__(self, app: ASGIApp, ask: Ask) -> None:
        self._app, self._ask = app, ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        go_on = Response()

        async def call(_: Request) -> Response:
            return go_on

        answer = await self._ask(Request(scope, receive), call)
        await (self._app if answer is go_on else answer)(scope, receive, send)


class Closer:
    """Puts on every answer the headers that it does not set itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def closed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in closing(self._settings, scope["path"]).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, closed)
