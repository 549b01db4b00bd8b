"""The server: it ends open streams before it waits for answers to end."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

CLOSING_S = 3
"""What is still open so long after the end was told is cut off."""


class Server(uvicorn.Server):
    """uvicorn's, for an application of `console.web.create_app`."""

    def __init__(self, app: FastAPI, **options: object) -> None:
        """`options` are those of `uvicorn.Config`."""
        said: dict[str, object] = {
            "log_config": None, "access_log": False, "server_header": False,
            "timeout_graceful_shutdown": CLOSING_S, **options,
        }  # fmt: skip
        super().__init__(uvicorn.Config(app, **said))  # type: ignore[arg-type]
        self._closing = app.state.closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn tells an open answer nothing, and would wait for a stream of hours.
        self._closing()
        await super().shutdown(sockets)
