"""Answers for programs: health, feeds and warnings as JSON, and metrics for Prometheus."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from console import words
from console.warning_lines import jsonable
from console.web.access.local import is_local
from console.web.metrics import CONTENT_TYPE, PollCounts, exposition
from console.web.reading import Reading
from kentongan.times import iso, parse_instant
from kentongan.types import WarningState
from kentongan.view import FeedLine, WarningLine

READ = ["GET", "HEAD"]
INTERNAL = frozenset({"notes", "uncovered"})
"""Of a warning: what people of the centre wrote down, and how many nobody reaches."""


def router(reading: Reading) -> APIRouter:
    found = APIRouter()

    def health(request: Request) -> JSONResponse:
        document = health_document(reading, reading.clock())
        if document["database"] != "ok" and not is_local(request, reading.settings):
            document["database"] = "does not answer"  # why may name hosts and users
        return JSONResponse(document, status_code=200 if document["database"] == "ok" else 503)

    def feeds_json() -> JSONResponse:
        at = reading.clock()
        return JSONResponse({"at": iso(at), "feeds": [jsonable(f) for f in reading.feeds(at)]})

    def warnings_json() -> JSONResponse:
        return JSONResponse(warnings_document(reading, reading.clock()))

    polls = PollCounts()

    def metrics() -> Response:
        return Response(exposition(reading, reading.clock(), polls), media_type=CONTENT_TYPE)

    found.add_api_route("/health", health, methods=READ)
    found.add_api_route("/metrics", metrics, methods=READ)
    found.add_api_route("/feeds.json", feeds_json, methods=READ)
    found.add_api_route("/warnings.json", warnings_json, methods=READ)
    return found


def health_document(reading: Reading, at: datetime) -> dict[str, Any]:
    """`status` is `failed` without a database, `degraded` while any feed is blind."""
    head = {"at": iso(at), "mode": str(reading.settings.mode)}
    error = reading.database_error()
    if error:
        return {"status": "failed", **head, "database": error}
    feeds = reading.feeds(at)
    seeing = bool(feeds) and not any(words.in_trouble(f) for f in feeds)
    return {
        "status": "ok" if seeing else "degraded",
        **head,
        "database": "ok",
        "newest_cycle": _aged(reading.newest_cycle(), at),
        "newest_poll": reading.newest_poll(),
        "heartbeats": {b.name: int((at - b.at).total_seconds()) for b in reading.pulse()},
        "quarantine": reading.quarantine(),
        "feeds": [_health(f, at) for f in feeds],
    }


def _aged(cycle: dict[str, Any] | None, at: datetime) -> dict[str, Any] | None:
    if cycle is None:
        return None
    return {**cycle, "age_s": int((at - parse_instant(cycle["at"])).total_seconds())}


def _health(feed: FeedLine, at: datetime) -> dict[str, Any]:
    age = int((at - feed.newest).total_seconds()) if feed.newest else None
    kept = ("source_id", "state", "newest", "blind_since")
    return {name: _plain(getattr(feed, name)) for name in kept} | {"age_s": age}


def warnings_document(reading: Reading, at: datetime) -> dict[str, Any]:
    """What is in force, with what may be missing from it beside."""
    blind = [f.source_id for f in reading.feeds(at) if words.in_trouble(f)]
    doubts = reading.not_known(at)
    return {
        "at": iso(at),
        "mode": str(reading.settings.mode),
        "blind_feeds": blind,
        "newest_run": _plain(doubts.newest_run),
        "warnings": [_told(w) for w in reading.warnings() if w.state == WarningState.RELEASED],
        "unknown_areas": [jsonable(u) for u in doubts.areas],
    }


def _told(line: WarningLine) -> dict[str, Any]:
    """A warning without what is for those who work on it."""
    return {name: value for name, value in jsonable(line).items() if name not in INTERNAL}


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value
