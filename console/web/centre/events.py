"""`/centre/events`: what happened, what we know of it and since when, whom it concerns, and why."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from sqlalchemy import select

from console.web.access.who import who
from console.web.centre import event_list, texts, villages
from console.web.centre.agreement import agreements
from console.web.centre.context import Kept, looking, show, store
from console.web.centre.loaded import Loaded, load
from console.web.centre.story import story
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.db import alerts, tasks
from kentongan.errors import DataError, KentonganError
from kentongan.task_life import TaskState
from kentongan.types import HazardId
from orchestration.by_hand import areas_of
from orchestration.warning_line import clock_of

if TYPE_CHECKING:
    from notify.sending.reach import Reach

PATH = "/centre/events"
CELLS_SHOWN = 60
VILLAGES_SHOWN = 10
"""On the first page of an event; a page of their own has all."""


class Events:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._shared = Kept(self._look)

    # --- the list

    def index(self, request: Request) -> Response:
        return self._list(request, "centre_events.html")

    def index_table(self, request: Request) -> Response:
        return self._list(request, "centre_events_table.html")

    def _list(self, request: Request, template: str) -> Response:
        wanted = event_list.Wanted.of(request.query_params)
        with self.reading.engine.connect() as connection:
            found = event_list.listed(connection, wanted, self.reading.layers.names)
        return show(
            self.reading, request, template, here=PATH, wanted=wanted, found=found,
            hazards=list(HazardId), query=request.url.query,
        )  # fmt: skip

    # --- one event

    def one(self, request: Request, event_id: str) -> Response:
        return self._one(request, event_id, "centre_event.html")

    def one_now(self, request: Request, event_id: str) -> Response:
        return self._one(request, event_id, "centre_event_now.html")

    def _one(self, request: Request, event_id: str, template: str) -> Response:
        shared = self._shared.get(self.reading.engine, self.reading.clock(), event_id)
        found: Loaded = shared["found"]
        values = shared | _page_of(shared["all_lines"], _sort(request), request)
        values["lines"] = values["lines"][:VILLAGES_SHOWN]
        return show(
            self.reading, request, template, here=PATH, event=found.stored.event,
            outside=_outside(request, found), losses=has_losses(found), short=True,
            zone=clock_of(found.newest.body.groups) if found.newest else 7, **values,
        )  # fmt: skip

    def _look(self, _: datetime, event_id: str) -> dict[str, Any]:
        """What every reader of an event sees alike."""
        found = load(self.reading, event_id)
        lines = villages.village_lines(looking(self.reading), found.stored, found.newest)
        return {
            **self._of_tables(found), "found": found, "all_lines": lines,
            "sums": villages.regency_sums(lines), "reach": self.reach(found),
        }  # fmt: skip

    def _of_tables(self, found: Loaded) -> dict[str, Any]:
        from dataclasses import asdict

        from notify.reports.evidence import evidence

        at, event = self.reading.clock(), found.stored.event
        with self.reading.engine.connect() as connection:
            moments, count = story(connection, found.event_id)
            levels = dict(found.newest.body.levels) if found.newest else {}
            return {
                "moments": moments, "moment_count": count,
                "agreements": agreements(connection, event, levels),
                "documents": _documents(connection, found.warning_id),
                "tasks": _tasks(connection, found.warning_id),
                "reports": asdict(evidence(connection, found.warning_id, at)),
                "text_count": len(self._texts(connection, found, "")),
            }  # fmt: skip

    def reach(self, found: Loaded) -> Reach | None:
        """Measured; None: nothing of it was released."""
        from notify.sending.reach import measured_reach

        if found.released is None:
            return None
        table = self.reading.layers.villages
        known = dict(zip(table["adm4_code"].tolist(), table["people"].tolist(), strict=True))
        with self.reading.engine.connect() as connection:
            return measured_reach(connection, found.warning_id, people=known)

    def village_page(self, request: Request, event_id: str) -> Response:
        found = load(self.reading, event_id)
        lines = villages.village_lines(looking(self.reading), found.stored, found.newest)
        values: dict[str, Any] = {"found": found, "event": found.stored.event, "short": False}
        values |= _page_of(lines, _sort(request), request)
        return show(self.reading, request, "centre_event_villages.html", here=PATH, **values)

    def village_csv(self, event_id: str) -> Response:
        found = load(self.reading, event_id)
        lines = villages.village_lines(looking(self.reading), found.stored, found.newest)
        name = "".join(c for c in found.event_id if c.isalnum() or c in "-_")
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        text = villages.as_csv(villages.ordered(lines, "orang"))
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    # --- what it says

    def text_page(self, request: Request, event_id: str) -> Response:
        found = load(self.reading, event_id)
        version = request.query_params.get("versi", "")
        with self.reading.engine.connect() as connection:
            lines = self._texts(connection, found, version)
        number = event_list.page_number(request.query_params.get("halaman", ""))
        start = (number - 1) * texts.PAGE
        return show(
            self.reading, request, "centre_event_texts.html", here=PATH, found=found,
            event=found.stored.event, lines=lines[start : start + texts.PAGE], count=len(lines),
            number=number, pages=max(1, -(-len(lines) // texts.PAGE)), version=version,
            versions=self._versions(found),
        )  # fmt: skip

    def _versions(self, found: Loaded) -> list[int]:
        return list(range(found.newest.version, 0, -1)) if found.newest else []

    def _texts(self, connection: Any, found: Loaded, version: str) -> list[texts.TextLine]:
        """Of a version; without one of the newest that was released."""
        number = found.released.version if found.released else 0
        if version.isdecimal() and len(version) < 7:
            number = int(version)
        if not number or not found.warning_id:
            return []
        names = self.reading.layers.names
        return texts.of_version(connection, found.warning_id, number, names)

    def cap_page(self, request: Request, event_id: str) -> Response:
        """The thread of its CAP documents, judged alone and together."""
        from console.cap_thread import thread

        found, trouble, links = load(self.reading, event_id), "", []
        try:
            links = thread(self.reading.engine, store(self.reading), found.warning_id)
        except (KentonganError, OSError) as error:
            trouble = str(error)
        return show(
            self.reading, request, "centre_event_cap.html", here=PATH, found=found,
            event=found.stored.event, links=links, trouble=trouble,
        )  # fmt: skip

    # --- why

    def why_page(self, request: Request, event_id: str) -> Response:
        """One village in full: cells, people, thresholds, sources and their ages, rounding."""
        from console.explanation import as_json, village_map
        from orchestration.explaining import explain

        found = load(self.reading, event_id)
        village = request.query_params.get("desa", "")[:13] or None
        context, at = looking(self.reading), self.reading.clock()
        try:
            explained = explain(context, found.warning_id, village)
        except DataError as error:
            return show(
                self.reading, request, "centre_event_explain.html", here=PATH, status=404,
                found=found, event=found.stored.event, trouble=str(error),
            )  # fmt: skip
        return show(
            self.reading, request, "centre_event_explain.html", here=PATH, found=found,
            event=found.stored.event, trouble="", why=as_json(explained, at),
            explained=explained, picture=_picture(village_map(explained, context.layers)),
            cells=explained.village.cells[:CELLS_SHOWN],
        )  # fmt: skip

    def loss_page(self, request: Request, event_id: str) -> Response:
        """For the centre alone."""
        from console.losses_text import coast_text, shaking_text
        from orchestration.losses import ShakingLosses
        from orchestration.losses import losses as reckon

        found, text, trouble = load(self.reading, event_id), "", ""
        try:
            reckoned = reckon(looking(self.reading), found.event_id, self.reading.clock())
            shaken = isinstance(reckoned, ShakingLosses)
            text = shaking_text(reckoned) if shaken else coast_text(reckoned)  # type: ignore[arg-type]
        except KentonganError as error:
            trouble = str(error)
        return show(
            self.reading, request, "centre_event_losses.html", here=PATH, found=found,
            event=found.stored.event, text=text, trouble=trouble,
        )  # fmt: skip


def _picture(svg: str) -> Markup:
    """What `village_map` drew; it escapes every name that it writes."""
    return Markup(svg.replace("<svg ", '<svg class="petak" ', 1))  # noqa: S704


def has_losses(found: Loaded) -> bool:
    return found.stored.event.hazard_id in (HazardId.SHAKING, HazardId.TSUNAMI)


def _sort(request: Request) -> str:
    sort = request.query_params.get("urut", "")
    return sort if sort in villages.SORTS else "orang"


def _page_of(lines: list[villages.VillageLine], sort: str, request: Request) -> dict[str, Any]:
    pages = max(1, -(-len(lines) // villages.PAGE))
    number = min(pages, event_list.page_number(request.query_params.get("halaman", "")))
    start = (number - 1) * villages.PAGE
    return {
        "lines": villages.ordered(lines, sort)[start : start + villages.PAGE],
        "count": len(lines), "warned": sum(line.level > 0 for line in lines), "sort": sort,
        "sorts": villages.SORTS, "number": number, "pages": pages,
        "unknown_people": sum(line.unknown for line in lines),
    }  # fmt: skip


def _outside(request: Request, found: Loaded) -> int:
    """Villages of the warning outside the reader's areas."""
    return len(who(request).outside(areas_of(found.newest))) if found.newest else 0


def _documents(connection: Any, warning_id: str) -> list[dict[str, Any]]:
    query = select(alerts).where(alerts.c.warning_id == warning_id).order_by(alerts.c.version)
    return [dict(row) for row in connection.execute(query).mappings()]


def _tasks(connection: Any, warning_id: str) -> dict[str, Any]:
    """Counts by kind and state, and people; those that were recalled apart."""
    query = select(
        tasks.c.kind, tasks.c.state, tasks.c.people, tasks.c.unmet_people, tasks.c.people_done
    ).where(tasks.c.warning_id == warning_id)
    rows = [row for row in connection.execute(query) if row.state != TaskState.RECALLED]
    return {
        "count": len(rows),
        "kinds": dict(sorted(Counter(row.kind for row in rows).items())),
        "states": dict(sorted(Counter(row.state for row in rows).items())),
        "people": sum(row.people for row in rows),
        "unmet": sum(row.unmet_people for row in rows),
        "done": sum(row.people_done or 0 for row in rows),
    }


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), Events(reading)
    for path, page in (
        ("", pages.index),
        ("/table", pages.index_table),
        ("/{event_id}", pages.one),
        ("/{event_id}/now", pages.one_now),
        ("/{event_id}/villages", pages.village_page),
        ("/{event_id}/villages.csv", pages.village_csv),
        ("/{event_id}/texts", pages.text_page),
        ("/{event_id}/cap", pages.cap_page),
        ("/{event_id}/explain", pages.why_page),
        ("/{event_id}/losses", pages.loss_page),
    ):
        found.add_api_route(f"{PATH}{path}", page, methods=READ)
    return found
