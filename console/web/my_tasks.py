"""`/t/<link>`: a coordinator's tasks on a cheap phone, without login. GET shows, POST acts.

No script is needed. Where there is one, a copy of the page stays in the phone for when there is no
network (`/t/sw.js`). Nothing here is indexed, cached on the way or told to other sites.
"""

from __future__ import annotations

import threading
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.task_map import task_map
from console.task_sheet import sheet_of
from console.templating import ASSETS, render
from console.web.forms import is_own, posted
from console.web.machine import READ
from console.web.reading import Reading
from console.web.signup import Paces
from kentongan.errors import DataError, RuleViolation
from kentongan.sealing import secrets_key
from kentongan.task_life import OVER, WAITING, TaskState
from kentongan.types import Mode
from notify.tasks.export import FORMATS, fitting
from notify.tasks.links import Fault, open_token, whose
from notify.tasks.listing import lines_of
from notify.tasks.mine import MOST_PEOPLE, MyTask, Press, people_with_tasks, press, tasks_of

BODY_BYTES = 4_096
FIELDS = 12
LOOKS_PER_S = 15.0
"""Of one link and address: a person who presses, is led back and looks again takes three."""
SHOWN = 12
"""Tasks of one page: below 40 kB with the longest names."""
MAKERS = 2
"""Files that are made at once; the others wait, and `MAKING_S` later are asked to come again."""
MAKING_S = 5.0
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
        "worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "private, no-store",
}
STATES = {
    TaskState.PLANNED: "ditarik kembali",
    TaskState.SENT: "menunggu jawaban",
    TaskState.RECEIVED: "menunggu jawaban",
    TaskState.ACCEPTED: "diterima",
    TaskState.DECLINED: "ditolak",
    TaskState.EN_ROUTE: "dalam perjalanan",
    TaskState.ON_SITE: "di lokasi",
    TaskState.DONE: "selesai",
    TaskState.FAILED: "gagal",
    TaskState.RECALLED: "dibatalkan",
}
KINDS = {"evacuate": "Bantu evakuasi", "receive": "Terima pengungsi", "assess": "Periksa dan bantu"}
BUTTONS = {
    Press.ACCEPT: "Terima", Press.DECLINE: "Tidak bisa", Press.DEPART: "Berangkat",
    Press.ARRIVE: "Sudah tiba", Press.FINISH: "Selesai", Press.FAIL: "Gagal",
    Press.HELP: "Minta bantuan",
}  # fmt: skip


class MyTasks:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.paces = Paces(LOOKS_PER_S)
        self.files = Paces()
        self.making = threading.BoundedSemaphore(MAKERS)

    def show(self, request: Request, token: str) -> Response:
        person = self._person(request, token)
        if isinstance(person, Response):
            return person
        engine, at = self.reading.engine, self.reading.clock()
        mine = tasks_of(engine, person, self.reading.layers.villages)
        done = request.query_params.get("t", "")[:12]
        mine.sort(key=lambda one: one.task_id != done)  # what was just pressed stands first
        page = _number(request.query_params.get("hal", "1"), most=1_000) or 1
        first = (page - 1) * SHOWN
        shown = mine[first : first + SHOWN]
        html = render(
            "my_tasks.html", at=at, token=token, tasks=shown, page=page,
            pages=-(-len(mine) // SHOWN), waiting=sum(t.state in WAITING for t in mine),
            open=sum(t.state not in OVER for t in mine), total=len(mine),
            people=sum(t.people for t in mine if t.state not in OVER), states=STATES, kinds=KINDS,
            buttons=BUTTONS, done=done, map=task_map(shown),
            exercise=self.reading.settings.mode is not Mode.ACTUAL, press=Press,
            ways=_ways, sms=self.reading.settings.sms_number, files=FORMATS,
        )  # fmt: skip
        return HTMLResponse(html, headers=HEADERS)

    def act(self, request: Request, token: str, task_id: str, fields: dict[str, str]) -> Response:
        person = self._person(request, token)
        if isinstance(person, Response):
            return person
        if not is_own(request, self.reading.settings.public_url):
            return _said("Buka halaman ini dari tautan di SMS, lalu tekan tombolnya.", 403)
        try:
            button = Press(fields.get("tekan", ""))
            fence = _number(fields.get("urut", ""), most=10**9)
            if fence is None:
                raise ValueError("no fence")
        except ValueError:
            return _said("Tombol tidak dikenal. Muat ulang halaman.", 422)
        mine = {t.task_id for t in tasks_of(
            self.reading.engine, person, self.reading.layers.villages,
        )}  # fmt: skip
        if task_id not in mine:
            return _said("Tugas itu tidak diberikan kepada Anda.", 404)
        try:
            press(
                self.reading.engine, person, task_id, button, fence=fence,
                at=self.reading.clock(), people=_number(fields.get("jiwa", ""), most=MOST_PEOPLE),
                note=" ".join(fields.get("catatan", "").split())[:200],
            )  # fmt: skip
        except DataError:
            return _said("Tugas itu tidak ada lagi.", 404)
        return RedirectResponse(f"/t/{token}?t={task_id}#{task_id}", 303, headers=HEADERS)

    def file(self, request: Request, token: str, kind: str) -> Response:
        """One's own tasks as a file; loading it changes nothing."""
        if kind not in FORMATS:
            return _said("Berkas itu tidak ada.", 404)
        person = self._person(request, token, self.files)
        if isinstance(person, Response):
            return person
        areas = self.reading.layers.villages
        ids = [t.task_id for t in tasks_of(self.reading.engine, person, areas)]
        if not ids:
            return _said("Tidak ada tugas untuk Anda.", 404)
        if not self.making.acquire(timeout=MAKING_S):
            return _said("Sedang sibuk. Coba lagi sebentar.", 503, {"Retry-After": "5"})
        try:
            lines = lines_of(self.reading.engine, ids, areas)
            made = fitting(kind, sheet_of("Tugas Tagana", lines, self.reading.clock()))
        finally:
            self.making.release()
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{made.name}"'}
        return Response(made.data, media_type=made.media_type, headers=headers)

    def _person(self, request: Request, token: str, paces: Paces | None = None) -> str | Response:
        address = request.client.host if request.client else ""
        if not (paces or self.paces).takes(f"{address}/{token[:26]}"):
            return _said("Terlalu sering. Tunggu sebentar.", 429)
        keys = secrets_key(self.reading.settings)
        opened = open_token(keys, token, at=self.reading.clock())
        if opened is Fault.ENDED:
            return _said("Tautan ini sudah habis masa berlakunya. Mintalah SMS baru.", 410)
        if opened is Fault.FORGED:
            return _said("Tautan ini tidak benar. Salin lengkap dari SMS.", 404)
        with self.reading.engine.connect() as connection:
            people = people_with_tasks(connection)
        try:
            return whose(keys, opened, people)
        except RuleViolation:
            return _said("Tidak ada tugas untuk Anda.", 404)


def router(reading: Reading) -> APIRouter:
    pages, routes = MyTasks(reading), APIRouter()

    @routes.get("/t/sw.js")
    def worker() -> Response:
        """Keeps the last copy of one's own page."""
        body = (ASSETS / "my_tasks_sw.js").read_text(encoding="utf-8")
        policy = HEADERS["Content-Security-Policy"]  # its own fetches are held to it
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
        return Response(body, media_type="text/javascript", headers=headers)

    @routes.api_route("/t/{token}", methods=READ, response_class=HTMLResponse)
    def show(request: Request, token: str) -> Response:
        return pages.show(request, token)

    @routes.api_route("/t/{token}/tugas.{kind}", methods=READ)
    def file(request: Request, token: str, kind: str) -> Response:
        return pages.file(request, token, kind)

    @routes.post("/t/{token}/{task_id}")
    async def act(request: Request, token: str, task_id: str) -> Response:
        fields = await posted(request, largest=BODY_BYTES, most=FIELDS)
        if fields is None:
            return _said("Isian terlalu panjang.", 413)
        return await run_in_threadpool(pages.act, request, token, task_id, fields)

    return routes


def _number(text: str, *, most: int) -> int | None:
    bare = text.strip().replace(".", "")
    return int(bare) if bare.isascii() and bare.isdigit() and int(bare[:12]) <= most else None


def _said(text: str, status: int, more: dict[str, str] | None = None) -> Response:
    html = render("my_tasks_said.html", text=text)
    return HTMLResponse(html, status, headers={**HEADERS, **(more or {})})


def _ways(task: MyTask) -> list[dict[str, Any]]:
    """The legs that lead somewhere."""
    return [leg for leg in task.legs if leg.get("shelter")]
