"""Paths of the app. GET shows, POST acts; nobody signs in, nothing names a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from console.web.forms import is_own
from console.web.machine import READ
from console.web.reading import Reading
from console.web.resident.answers import posted_json, told
from console.web.resident.app import SOON, App, to_app
from console.web.resident.shell import FAVICON, MANIFEST, WORKER

PUSH_BYTES = 8_192
"""A subscription of at most 2,048 characters, the one before it, and a village."""
REPORT_BYTES = 16_384


def router(reading: Reading) -> APIRouter:
    app, routes = App(reading), APIRouter()
    plain: dict[str, Callable[[Request], Response]] = {
        "/app/": app.start,
        "/app/bantuan": app.help,
        "/app/desa": app.choose,
        "/app/places": app.places,
        "/app/areas": app.areas,
        "/app/config.json": app.config,
        "/app/points.bin": app.points,
        "/app/names.txt": app.names,
        f"/app/{WORKER}": app.worker,
    }
    for path, answer in plain.items():
        routes.add_api_route(path, _of_request(answer), methods=READ)
    _add_named(routes, app)
    _add_posts(routes, reading, app)
    return routes


def _of_request(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def found(request: Request) -> Response:
        return answer(request)

    return found


def _add_named(routes: APIRouter, app: App) -> None:
    @routes.api_route("/app", methods=READ)
    def bare() -> Response:
        return to_app()

    @routes.api_route("/app/desa/{code}", methods=READ)
    def village(request: Request, code: str) -> Response:
        return app.village(request, code)

    @routes.api_route("/app/status/{code}.json", methods=READ)
    def status(request: Request, code: str) -> Response:
        return app.status(request, code)

    @routes.api_route("/app/static/{name}", methods=READ)
    def file(request: Request, name: str) -> Response:
        return app.file(request, name)

    @routes.api_route(f"/app/{MANIFEST}", methods=READ)
    def manifest(request: Request) -> Response:
        return app.file(request, MANIFEST)

    @routes.api_route("/favicon.ico", methods=READ)
    def favicon(request: Request) -> Response:
        return app.file(request, FAVICON)


def _add_posts(routes: APIRouter, reading: Reading, app: App) -> None:
    def add(path: str, largest: int, act: Callable[[Request, dict[str, Any]], Response]) -> None:
        async def post(request: Request) -> Response:
            if not is_own(request, reading.settings.public_url):
                return told(request, {"error": "not-own"}, 403)
            if not app.takes(request, "post"):
                return told(request, {"error": "too-often"}, 429, SOON)
            posted = await posted_json(request, largest=largest)
            if posted is None:
                return told(request, {"error": "unreadable"}, 400)
            return await run_in_threadpool(act, request, posted)

        routes.add_api_route(path, post, methods=["POST"])

    add("/app/push", PUSH_BYTES, app.begin)
    add("/app/push/leave", PUSH_BYTES, app.end)
    add("/app/lapor", REPORT_BYTES, app.report)
