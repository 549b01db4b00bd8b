"""What is answered while the tables cannot be read: not known, which is never safe."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from console.templating import render

log = logging.getLogger(__name__)

AFTER = {"Retry-After": "5"}
GONE: tuple[type[SQLAlchemyError], ...] = (OperationalError, InterfaceError, PoolTimeout)
"""The database does not answer, or has no connection left; other errors are ours."""
FOR_PROGRAMS = ("/api/", "/app/", "/cap", "/hooks/", "/chat/")


def answer_faults(app: FastAPI) -> None:
    """From now on a database that is gone is 503 at every route of this application."""
    for kind in GONE:
        app.add_exception_handler(kind, _gone)


async def _gone(request: Request, error: Exception) -> Response:
    log.error("the database does not answer: %s", type(error).__name__)  # a path may be a secret
    return unreadable(request)


def unreadable(request: Request) -> Response:
    """The answer, for people or for programs."""
    path = request.url.path
    page = "text/html" in request.headers.get("accept", "")
    if not page and (path.startswith(FOR_PROGRAMS) or path.endswith("json")):
        return JSONResponse({"detail": "the database does not answer"}, 503, AFTER)
    return HTMLResponse(render("no_database.html", here=path), 503, AFTER)
