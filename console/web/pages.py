"""Pages for people. Every text from outside is escaped by the templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from console import words
from console.templating import render
from console.warning_lines import jsonable
from console.web.access.who import who
from console.web.machine import READ
from console.web.reading import Reading, coordinator_sums
from kentongan.times import iso
from kentongan.view import FeedLine
from notify.tasks.listing import TaskLine, summary, task_list_csv


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    for path, page in (
        ("/feeds", _feeds),
        ("/tasks", _tasks),
    ):
        found.add_api_route(path, _bound(page, reading), methods=READ)
    _add_coordinator(found, reading)
    return found


def _bound(page: Any, reading: Reading) -> Any:
    def answer(request: Request) -> Response:
        response: Response = page(reading, request)
        return response

    return answer


def _html(reading: Reading, name: str, at: datetime, here: str, **values: Any) -> HTMLResponse:
    mode = reading.settings.mode
    banners = [words.BANNERS[mode]] if mode in words.BANNERS else []
    return HTMLResponse(render(name, at=at, here=here, banners=banners, **values))


def feed_values(reading: Reading, at: datetime) -> dict[str, Any]:
    feeds = reading.feeds(at)
    return {
        "feeds": feeds,
        "blind": blind(feeds),
        "never": all(f.state in ("unknown", words.UNUSED) for f in feeds),
    }


def blind(feeds: Sequence[FeedLine]) -> list[FeedLine]:
    return [f for f in feeds if words.in_trouble(f)]


def _feeds(reading: Reading, request: Request) -> Response:
    at = reading.clock()
    values = feed_values(reading, at) | {"pulse": reading.pulse()}
    if wants_json(request.headers.get("accept", "")):
        return JSONResponse({"at": iso(at), "feeds": [jsonable(f) for f in values["feeds"]]})
    return _html(reading, "feeds.html", at, "/feeds", **values)


def wants_json(accept: str) -> bool:
    """Whether a client names JSON and not HTML."""
    return "application/json" in accept and "text/html" not in accept


def _tasks(reading: Reading, request: Request) -> Response:
    coordinators = coordinator_sums(_of_reader(reading, request))
    return _html(reading, "tasks.html", reading.clock(), "/tasks", coordinators=coordinators)


def _add_coordinator(found: APIRouter, reading: Reading) -> None:
    def tasks_csv(request: Request, coordinator_id: str) -> Response:
        text = task_list_csv(_tasks_of(reading, request, coordinator_id))
        return Response(text, media_type="text/csv; charset=utf-8")

    def tasks_page(request: Request, coordinator_id: str) -> Response:
        tasks = _tasks_of(reading, request, coordinator_id)
        values = {"coordinator_id": coordinator_id, "tasks": tasks, "summary": summary(tasks)}
        return _html(reading, "coordinator.html", reading.clock(), "/tasks", **values)

    found.add_api_route("/tasks/{coordinator_id}.csv", tasks_csv, methods=READ)
    found.add_api_route("/tasks/{coordinator_id}", tasks_page, methods=READ)


def _of_reader(reading: Reading, request: Request) -> dict[str, list[TaskLine]]:
    """Coordinator → tasks in the areas of who asks."""
    asker = who(request)
    mine = {
        name: [task for task in tasks if asker.covers(task.adm4_code)]
        for name, tasks in reading.tasks().items()
    }
    return {name: tasks for name, tasks in mine.items() if tasks}


def _tasks_of(reading: Reading, request: Request, coordinator_id: str) -> list[TaskLine]:
    tasks = _of_reader(reading, request).get(coordinator_id)
    if not tasks:
        raise HTTPException(404, "no open task list of that coordinator")
    return tasks
