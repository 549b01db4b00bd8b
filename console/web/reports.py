"""`/lapor`: residents report on the web. `/operator/lapor`: an operator writes a call down.

The public form needs no script and no account. The operator's page shows what is known of a
caller, so it wants somebody who may hear (`console/web/access/rules.py`).
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from console import words
from console.templating import render
from console.web.access.who import who
from console.web.forms import is_own, posted
from console.web.machine import READ
from console.web.reading import Reading
from console.web.signup import HEADERS, Paces
from kentongan.db import cases, reports
from kentongan.sealing import secrets_key
from notify.registry.numbers import Refused, mobile_number
from notify.registry.web import network_of
from notify.reports import listing
from notify.reports.intake import Form, Received, Refusal, from_voice, from_web
from notify.reports.kinds import Category
from notify.reports.said import NAMES

PATH, OPERATOR = "/lapor", "/operator/lapor"
BODY_BYTES = 16_384
FIELDS = 12
TROUBLES = {
    Refusal.EMPTY: "Tulis apa yang terjadi.",
    Refusal.TOO_OFTEN: "Terlalu banyak laporan dari sini. Bahaya jiwa: telepon 112.",
    Refusal.NUMBER: "Itu bukan nomor HP. Kosongkan, atau tulis seperti 0812 3456 7890.",
}
STATES = {
    "open": "diteruskan, belum diambil", "taken": "sedang ditangani", "closed": "selesai",
}  # fmt: skip


class ReportPages:
    """The forms of one installation; villages are loaded with the first report."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.paces = Paces()

    def show(self, request: Request) -> Response:  # noqa: ARG002 the frame hands it to every page
        return self._page("report.html")

    def act(self, request: Request, fields: dict[str, str]) -> Response:
        form = _form(fields)
        reading = self.reading
        found = from_web(
            reading.engine, secrets_key(reading.settings), reading.desk, form,
            address=_address(request), at=reading.clock(),
        )  # fmt: skip
        if isinstance(found, Refusal):
            status = 429 if found is Refusal.TOO_OFTEN else 422
            return self._page("report.html", status, trouble=TROUBLES[found], form=form)
        return RedirectResponse(f"{PATH}/{found.report_id}", 303, headers=HEADERS)

    def state(self, request: Request, report_id: str) -> Response:
        """What became of one report, for whoever has its long number; no text, no names."""
        if not self.paces.takes(_address(request)):
            return self._page("report.html", 429, trouble=TROUBLES[Refusal.TOO_OFTEN])
        with self.reading.engine.connect() as connection:
            query = select(reports).where(reports.c.report_id == report_id[:40])
            row = connection.execute(query).mappings().first()
            case = None
            if row is not None and row["case_id"]:
                of_case = select(cases).where(cases.c.case_id == row["case_id"])
                case = connection.execute(of_case).mappings().first()
        place = self.reading.gazette().place(row["adm4_code"]) if row and row["adm4_code"] else None
        unit = self.reading.desk.rules.by_code(case["unit"]) if case else None
        return self._page(
            "report_state.html", report_id=report_id[:40], known=row is not None, case=case,
            place=place, unit=unit, state=STATES.get(case["state"], "") if case else "",
            kind=NAMES.get(Category(row["category"]), "") if row else "",
            life=bool(row and row["urgency"] == 3),
        )  # fmt: skip

    def desk_page(self, request: Request) -> Response:
        number = request.query_params.get("nomor", "")[:40].strip()
        return self._operator(request, number, operator=who(request).account_id)

    def desk_act(self, request: Request, fields: dict[str, str]) -> Response:
        if not {"sec-fetch-site", "origin"}.intersection(request.headers.keys()):
            return HTMLResponse("Peramban ini terlalu tua untuk halaman petugas.", 403)
        operator = who(request).account_id or " ".join(fields.get("petugas", "").split())[:80]
        form, reading = _form(fields), self.reading
        if not operator:
            trouble = "Isi nama petugas."
            return self._operator(request, form.number, 422, trouble=trouble, form=form)
        found = from_voice(
            reading.engine, secrets_key(reading.settings), reading.desk, form,
            operator=operator, at=reading.clock(),
        )  # fmt: skip
        if isinstance(found, Refusal):
            return self._operator(
                request, form.number, 422, trouble=TROUBLES[found], form=form, operator=operator
            )
        return self._operator(request, "", done=found, operator=operator)

    def _operator(
        self, request: Request, number: str, status: int = 200, *, trouble: str = "",
        form: Form | None = None, done: Received | None = None, operator: str = "",
    ) -> Response:  # fmt: skip
        at, keys = self.reading.clock(), secrets_key(self.reading.settings)
        said = _e164(number)
        with self.reading.engine.connect() as connection:
            open_cases = listing.case_lines(
                connection,
                self.reading.gazette(),
                self.reading.desk.rules,
                at,
                limit=20,
                within=who(request).areas,
            )
            caller = None
            if said:
                caller = listing.of_caller(
                    connection, keys, self.reading.gazette(), self.reading.desk.rules, said, at
                )
        return self._page(
            "report_operator.html", status, here=OPERATOR, trouble=trouble, form=form or Form(""),
            number=number, caller=caller, open_cases=open_cases, done=done, operator=operator,
        )  # fmt: skip

    def _page(
        self, name: str, status: int = 200, *, here: str = PATH, trouble: str = "",
        form: Form | None = None, **values: Any,
    ) -> Response:  # fmt: skip
        settings = self.reading.settings
        banners = [words.BANNERS[settings.mode]] if settings.mode in words.BANNERS else []
        html = render(
            name, at=self.reading.clock(), here=here, banners=banners, trouble=trouble,
            form=form or Form(""), names={str(c): n for c, n in NAMES.items()},
            sms_number=settings.sms_number, emergency=self.reading.desk.rules.emergency_number,
            **values,
        )  # fmt: skip
        return HTMLResponse(html, status_code=status, headers=HEADERS)


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    pages = ReportPages(reading)

    async def post(request: Request) -> Response:
        return await _posted(request, reading, pages.act)

    async def post_desk(request: Request) -> Response:
        return await _posted(request, reading, pages.desk_act)

    found.add_api_route(PATH, pages.show, methods=READ)
    found.add_api_route(PATH, post, methods=["POST"])
    found.add_api_route(PATH + "/{report_id}", pages.state, methods=READ)
    found.add_api_route(OPERATOR, pages.desk_page, methods=READ)
    found.add_api_route(OPERATOR, post_desk, methods=["POST"])
    return found


async def _posted(request: Request, reading: Reading, act: Any) -> Response:
    if not is_own(request, reading.settings.public_url):
        return HTMLResponse("Formulir ini hanya dapat dikirim dari halamannya sendiri.", 403)
    fields = await posted(request, largest=BODY_BYTES, most=FIELDS)
    if fields is None:
        return HTMLResponse("Formulir tidak terbaca.", 400)
    response: Response = await run_in_threadpool(act, request, fields)
    return response


def _form(fields: dict[str, str]) -> Form:
    return Form(
        text=fields.get("isi", ""), place=fields.get("tempat", ""),
        number=fields.get("nomor", "")[:80], category=fields.get("jenis", "")[:40],
        trap=fields.get("situs", ""),
    )  # fmt: skip


def _e164(number: str) -> str:
    if number.startswith("+999") and number[1:].isdigit():
        return number
    found = mobile_number(number) if number else None
    return found if isinstance(found, str) and not isinstance(found, Refused) else ""


def _address(request: Request) -> str:
    return network_of(request.client.host if request.client else "")
