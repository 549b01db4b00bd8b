"""What the live map shows, as JSON: the state of an instant, and the instants there are."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from console.live_state.shelf import StateShelf
from console.web.access.who import who
from console.web.compressed import answer
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.errors import NaiveTime
from kentongan.times import iso, parse_instant
from orchestration.live_map.moment import AHEAD, BACK, STEP, times

PATH = "/centre/map"
ASK = "private, no-cache"
"""Kept by the reader, and asked for each time: 304 where nothing changed."""
SLACK = timedelta(minutes=10) + STEP
"""A slider that was drawn a while ago may still ask for its first instant."""


def router(reading: Reading) -> APIRouter:
    routes = APIRouter()
    shelf = StateShelf(reading)
    reading.when_changed(shelf.changed)
    reading.when_started(shelf.warm)

    async def state(request: Request) -> Response:
        at = asked_instant(request, reading.clock())
        made = await (shelf.present() if at is None else shelf.at(at))
        asker = who(request)
        known = request.query_params.get("have", "")[:40]
        have = await shelf.packed(made, tuple(asker.areas), asker.covers, known)
        return answer(
            request, have.data, have.gzipped, media_type="application/json", tag=have.tag, cache=ASK
        )

    def instants() -> JSONResponse:
        now = reading.clock()
        found = [
            {"at": iso(at), "kind": "forecast" if at > now else "observed"} for at in times(now)
        ]
        return JSONResponse({"now": iso(now), "times": found}, headers={"Cache-Control": ASK})

    routes.add_api_route(f"{PATH}/state.json", state, methods=READ)
    routes.add_api_route(f"{PATH}/times.json", instants, methods=READ)
    return routes


def asked_instant(request: Request, now: datetime) -> datetime | None:
    """`?at=`; None: the present.

    Raises:
        HTTPException: 422, no instant or one that is not shown.
    """
    text = request.query_params.get("at", "")
    if not text:
        return None
    try:
        at = parse_instant(text[:40]).replace(microsecond=0)
    except (ValueError, NaiveTime, OverflowError) as error:
        raise HTTPException(422, "at: expected an instant such as 2026-08-14T23:50:00Z") from error
    if not now - BACK - SLACK <= at <= now + AHEAD + SLACK:
        hours = f"{BACK // timedelta(hours=1)} hours back, {AHEAD // timedelta(hours=1)} ahead"
        raise HTTPException(422, f"at: expected an instant within {hours} of {iso(now)}")
    return at
