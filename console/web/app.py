"""The application's frame: routes, allowed hosts, headers that close the pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from console.templating import ASSETS
from console.web import (
    chat_hooks,
    files,
    hooks,
    machine,
    map_hazards,
    map_state,
    map_tiles,
    my_tasks,
    pages,
    reports,
    resident,
    signup,
    vendor,
)
from console.web.access import account, oidc, sign_in
from console.web.access.guard import Guard, check
from console.web.access.local import host_of
from console.web.centre import (
    approvals,
    audit,
    dispatch,
    drills,
    events,
    feeds,
    inbox,
    live_map,
    overview,
    places,
    sop,
    tasks,
)
from console.web.faults import answer_faults
from console.web.live import stream
from console.web.middle import Before, Closer
from console.web.public import api
from console.web.public import pages as public_pages
from console.web.reading import Reading
from kentongan.settings import Settings
from orchestration.heartbeat import WEB, Pulse

BEAT_S = 5.0
PARTS = (
    map_state, stream,  # asked by every viewer with every change: found first
    machine, my_tasks, public_pages, pages, files, hooks, chat_hooks, signup, reports, resident,
    sign_in, account, oidc,
    overview, events, approvals, dispatch, drills,
    tasks, inbox, sop, feeds, audit, places, live_map,
    map_tiles, vendor, map_hazards,
)  # fmt: skip
"""Modules with `router(reading)`; each route has its line in `console/web/access/rules.py`."""

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 recognised, not bound


def create_app(
    settings: Settings, *, clock: Callable[[], datetime], beating: bool = False
) -> FastAPI:
    """The application; `clock` gives the instant that every page is for.

    With `beating` it writes a heartbeat, from the loop that answers requests.

    Interactive API pages are off: they load scripts from elsewhere.
    """
    reading = Reading(settings, clock, beating=beating)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        heart = asyncio.create_task(_beat(settings, clock)) if beating else None
        if beating:
            reading.started()
        yield
        if heart is not None:
            heart.cancel()
            await asyncio.to_thread(Pulse(settings.resolved_database_url).end, WEB)
        reading.close()

    app = FastAPI(
        title="Kentongan", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    answer_faults(app)
    app.add_middleware(Before, ask=Guard(app, reading))
    app.state.closing = reading.closing
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(settings))
    app.add_middleware(Closer, settings=settings)
    app.mount("/static", StaticFiles(directory=ASSETS), name="static")
    for part in PARTS:
        app.include_router(part.router(reading))
    app.mount(api.PATH, api.application(reading))
    check(app)
    return app


async def _beat(settings: Settings, clock: Callable[[], datetime]) -> None:
    heart = Pulse(settings.resolved_database_url)
    while True:
        await asyncio.to_thread(heart.beat, WEB, clock())
        await asyncio.sleep(BEAT_S)


def allowed_hosts(settings: Settings) -> list[str]:
    """Names under which we answer: a page elsewhere must not read us by its own name."""
    if settings.web_host in _EVERYWHERE:
        return ["*"]
    own = {"127.0.0.1", "localhost", "[::1]", settings.web_host, host_of(settings.public_url)}
    return sorted(own - {""})
