"""`/centre/dispatch`: how far sending has come, whether it makes it in time, and its switches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from console.dispatch_plan import plan_document, routes_of
from console.web.access.who import who
from console.web.centre import saying, sending
from console.web.centre.context import Kept, OneAtATime, asks_for_code, release_policy, show
from console.web.centre.posting import Fields, post
from console.web.centre.queue import REVIEW
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.accounts import Actor
from kentongan.accounts.roles import Act
from kentongan.db import warnings
from kentongan.errors import RuleViolation
from kentongan.times import iso, parse_instant
from notify import versions
from notify.dispatcher.figures import of_home
from notify.dispatcher.ownership import running
from notify.dispatcher.policy import load_dispatch_policy
from notify.dispatcher.progress import Watch
from notify.release.waiting import waiting
from notify.sending.switches import Stop, name_of, stops, throw
from orchestration.by_hand import identify, reading_desk

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from notify.dispatcher.config import Routes

PATH = "/centre/dispatch"
REASON_CHARS = 200
ALL = "semua"
WHOLE = "centre_dispatch.html"
DRY_RUNS = 5
"""Drafts that are reckoned on one page: each is made as it would go out."""
TWICE = timedelta(seconds=60)
MADE = {"henti": "Sakelar ditutup: tidak ada lagi yang keluar.", "buka": "Sakelar dibuka."}


class Dispatching:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._progress: sending.Progress | None = None
        self._watch: Watch | None = None
        self._shared = Kept(self._look)
        self._presses = OneAtATime()

    @property
    def progress(self) -> sending.Progress:
        if self._progress is None:
            self._progress = sending.Progress(self.reading.engine)
        return self._progress

    @property
    def watch(self) -> Watch:
        if self._watch is None:
            self._watch = Watch(self.reading.engine)
        return self._watch

    def routes(self) -> Routes:
        return routes_of(self.reading.settings.routes)

    def index(self, request: Request) -> Response:
        return self._index(request, WHOLE)

    def now(self, request: Request) -> Response:
        return self._index(request, "centre_dispatch_now.html")

    def _index(
        self,
        request: Request,
        template: str,
        *,
        trouble: str = "",
        fields: Fields | None = None,
        status: int = 200,
    ) -> Response:
        at, reading = self.reading.clock(), self.reading
        whole = template == WHOLE
        return show(
            reading, request, template, here=PATH, status=status, trouble=trouble,
            **self._shared.get(reading.engine, at), dry=self._dry(at) if whole else [],
            switches=sending.names_of(self.routes().names), code=asks_for_code(reading),
            may={act.value: _why_not(request, act) for act in (Act.STOP, Act.RESUME)},
            made=MADE.get(request.query_params.get("tercatat", ""), ""),
            reason=(fields or {}).get("alasan", "")[:REASON_CHARS],
        )  # fmt: skip

    def _look(self, at: datetime, _: str) -> dict[str, Any]:
        """What every reader sees alike."""
        reading, engine = self.reading, self.reading.engine
        figures = of_home(engine, self.watch.look(at), self.routes().all, at)
        policy = load_dispatch_policy(reading.settings.dispatch_policy)
        sqlite = reading.settings.resolved_database_url.startswith("sqlite")
        return {
            "figures": figures, "sent": self.progress.look(at, figures), "sqlite": sqlite,
            "ceiling": policy.ceiling, "recalls_pass": policy.recalls_pass_a_stop,
            "dispatcher": running(engine) if sqlite else "", "faults": self._faults(),
            "titles": self._titles(),
        }  # fmt: skip

    def _titles(self) -> dict[str, str]:
        query = select(warnings.c.warning_id, warnings.c.body["title"].as_string()).where(
            warnings.c.expires >= iso(self.reading.clock() - sending.REMEMBERED)
        )
        with self.reading.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def _faults(self) -> list[str]:
        from notify.dispatcher.config import read_routes

        path = self.reading.settings.routes
        return [] if path is None else read_routes(path)[1]

    def _dry(self, at: datetime) -> list[dict[str, Any]]:
        """What the drafts that wait would send; nothing is sent."""
        routes = self.routes()
        desk = reading_desk(self.reading.settings)
        with self.reading.engine.connect() as connection:
            drafts = [one for one in waiting(connection, desk, at) if one.what != REVIEW]
            return [_dry_run(connection, desk, one, at, routes) for one in drafts[:DRY_RUNS]]

    # --- the switch

    def stop(self, request: Request, fields: Fields) -> str:
        return self._throw(request, fields, is_open=False)

    def resume(self, request: Request, fields: Fields) -> str:
        return self._throw(request, fields, is_open=True)

    def _throw(self, request: Request, fields: Fields, *, is_open: bool) -> str:
        at, reader = self.reading.clock(), who(request)
        word = "buka" if is_open else "henti"
        route = None if fields.get("rute", ALL) == ALL else fields["rute"][:40]
        reason = saying.one_line(fields.get("alasan", ""), REASON_CHARS)
        if not reason:
            raise RuleViolation("Tulis alasannya dalam satu baris. (Say why, in one line.)")
        with self._presses.of(reader.account_id):
            stands = self._stop_of(route)
            if not _is_second_press(stands, reader.account_id, at, is_open=is_open):
                actor = reader.actor(fields.get("kode", "").replace(" ", "")[:12])
                self._throw_as(actor, route, reason, at, is_open=is_open)
        return f"{PATH}?tercatat={word}"

    def _throw_as(
        self, actor: Actor, route: str | None, reason: str, at: datetime, *, is_open: bool
    ) -> None:
        reading, act = self.reading, Act.RESUME if is_open else Act.STOP
        name = identify(
            reading.engine, reading.settings, release_policy(reading), actor, act, at=at
        )
        throw(
            reading.engine, is_open=is_open, at=at, actor=name, reason=reason, route=route,
            configured=self.routes().names,
        )  # fmt: skip

    def _stop_of(self, route: str | None) -> Stop | None:
        return next((s for s in stops(self.reading.engine) if s.name == name_of(route)), None)

    def again(self, request: Request, fields: Fields, trouble: str) -> Response:
        return self._index(request, WHOLE, trouble=trouble, fields=fields, status=409)


def _is_second_press(stands: Stop | None, name: str, at: datetime, *, is_open: bool) -> bool:
    """A switch that is open needs no opening; one that this person closed just now is closed."""
    if is_open:
        return stands is None
    if stands is None or not name:
        return False
    return stands.actor == name and abs(at - parse_instant(stands.at)) <= TWICE


def _why_not(request: Request, act: Act) -> str:
    reader = who(request)
    if not reader.signed_in:
        return "Masuk dahulu."
    if not reader.may(act):
        return (
            f"Peran Anda ({saying.role(reader.role)}) tidak boleh {saying.ACTS[act]}; yang boleh: "
            f"{saying.who_may(act)}."
        )
    return ""


def _dry_run(
    connection: Connection, desk: Any, line: Any, at: datetime, routes: Routes
) -> dict[str, Any]:
    version = versions.get(connection, line.warning_id, line.version)
    bound = desk.bind(connection, version, at)
    ends = version.body.is_end
    return {
        "line": line, "binding": bound.binding, "is_end": ends,
        "minutes_left": (version.body.expires - at).total_seconds() / 60,
        "channels": [] if ends else plan_document(connection, bound, routes),
    }  # fmt: skip


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), Dispatching(reading)

    def posting(do: Callable[[Request, Fields], str]) -> Any:
        async def posted(request: Request) -> Response:
            return await post(reading, request, do, pages.again)

        return posted

    found.add_api_route(PATH, pages.index, methods=READ)
    found.add_api_route(f"{PATH}/now", pages.now, methods=READ)
    found.add_api_route(f"{PATH}/stop", posting(pages.stop), methods=["POST"])
    found.add_api_route(f"{PATH}/resume", posting(pages.resume), methods=["POST"])
    return found
