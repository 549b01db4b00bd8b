"""`/masuk` and `/keluar`: sign in with name, password and one-time code; sign out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from console import words
from console.templating import render
from console.web.access import cookies
from console.web.access.guard import ACCOUNT, SIGN_IN, from_own_page, network
from console.web.forms import form_of
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import PAGE_POLICY
from kentongan.accounts import leaving, sessions
from kentongan.accounts.office import Office
from kentongan.accounts.sign_in import Asked, Refusal, Signed, new_device, sign_in
from kentongan.sealing import secrets_key

log = logging.getLogger(__name__)

SIGN_OUT = "/keluar"
ELSEWHERE = "/masuk/luar"
HOME = "/centre"
BODY_BYTES = 4_096
FIELDS = 8
DEVICE_S = 180 * 24 * 3600
"""How long a browser is known again, after the last time that somebody signed in with it."""
LONGEST_PATH = 300
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cache-Control": "private, no-store",
    # With no-referrer older browsers post `Origin: null`, which looks like a foreign page.
    "Referrer-Policy": "same-origin",
}
UNREAD = {413: "Isian terlalu panjang.", 408: "Isian tidak lengkap."}
CLOSE = {"Connection": "close"}
NOT_OWN = "Formulir ini hanya dapat dikirim dari halamannya sendiri."
TROUBLES = {
    Refusal.WRONG: (401, "Nama, kata sandi, atau kode tidak cocok. Kode hanya berlaku sekali: "
                    "kalau baru saja dipakai, tunggu kode berikutnya."),
    Refusal.TOO_OFTEN: (429, "Terlalu banyak percobaan. Coba lagi pada jam berikutnya."),
    Refusal.BUSY: (503, "Sedang banyak yang masuk. Coba lagi sebentar."),
}  # fmt: skip
AFTER = {429: {"Retry-After": "600"}, 503: {"Retry-After": "5"}}
NO_TLS = (
    "Di sini tidak bisa masuk: alamat ini tidak terlindungi (tanpa HTTPS). Buka lewat alamat "
    "https milik pusat kendali, atau langsung di komputernya."
)


def own_path(text: str) -> str:
    """Where to go after signing in: a path of ours, else the front of the command centre."""
    if not text.startswith("/") or len(text) > LONGEST_PATH or not text.isprintable():
        return HOME
    parts = urlsplit(text) if not text.startswith("//") and "\\" not in text else None
    if parts is None or parts.scheme or parts.netloc or parts.path.startswith("//"):
        return HOME
    signing = parts.path == SIGN_OUT or f"{parts.path}/".startswith(f"{SIGN_IN}/")
    return HOME if signing else text


class SignIn:
    """The pages of one installation."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.settings = reading.settings
        self.limits = sessions.Limits.of(reading.settings)

    @property
    def office(self) -> Office:
        return Office(self.reading.engine, secrets_key(self.settings))

    def show(self, request: Request) -> Response:
        return self.form(request, to=request.query_params.get("ke", ""))

    def form(
        self,
        request: Request,
        *,
        to: str = "",
        name: str = "",
        trouble: str = "",
        status: int = 200,
    ) -> Response:
        """The form; it needs no database."""
        missing = cookies.tls_is_missing(request, self.settings)
        return self._html(
            "sign_in.html", SIGN_IN, status, to=own_path(to) if to else "", typed=name[:80],
            trouble=NO_TLS if missing else trouble, closed=missing, elsewhere=ELSEWHERE,
            title=self.settings.oidc_title if self.settings.oidc_issuer else "",
        )  # fmt: skip

    def act(self, request: Request, fields: dict[str, str]) -> Response:
        to, name = fields.get("ke", ""), fields.get("nama", "")
        if cookies.tls_is_missing(request, self.settings):
            return self.form(request, to=to, status=403)
        found = sign_in(
            self.office, self.asked(request, fields), limits=self.limits, at=self.reading.clock()
        )
        if isinstance(found, Refusal):
            status, text = TROUBLES[found]
            return self.form(request, to=to, name=name, trouble=text, status=status)
        return self.welcome(request, found, to)

    def asked(self, request: Request, fields: dict[str, str]) -> Asked:
        settings = self.settings
        return Asked(
            name=fields.get("nama", ""), password=fields.get("sandi", ""),
            code=fields.get("kode", ""), network=network(request),
            agent=request.headers.get("user-agent", ""),
            device=cookies.read(request, settings, cookies.DEVICE),
            old_token=cookies.read(request, settings, cookies.SESSION),
        )  # fmt: skip

    def welcome(self, request: Request, found: Signed, to: str) -> Response:
        answer = RedirectResponse(ACCOUNT if found.must_change else own_path(to), 303, HEADERS)
        cookies.put(answer, request, self.settings, cookies.SESSION, found.token)
        device = new_device(self.office, found.account.account_id)
        cookies.put(answer, request, self.settings, cookies.DEVICE, device, seconds=DEVICE_S)
        return answer

    def ask_out(self, request: Request) -> Response:  # noqa: ARG002 the frame hands it over
        return self._html("sign_out.html", SIGN_OUT)

    def out(self, request: Request) -> Response:
        token = cookies.read(request, self.settings, cookies.SESSION)
        at = self.reading.clock()
        found = sessions.find(self.reading.engine, token, limits=self.limits, at=at)
        if found is not None:
            leaving.sign_out(
                self.office, found.account.account_id, found.session.session_hash, at=at
            )
        answer = RedirectResponse(SIGN_IN, 303, HEADERS)
        cookies.drop(answer, request, self.settings, cookies.SESSION)
        return answer

    def _html(self, template: str, here: str, status: int = 200, **values: Any) -> Response:
        mode = self.settings.mode
        banners = [words.BANNERS[mode]] if mode in words.BANNERS else []
        text = render(template, at=self.reading.clock(), here=here, banners=banners, **values)
        return HTMLResponse(text, status, {**HEADERS, **AFTER.get(status, {})})


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), SignIn(reading)

    async def post(request: Request) -> Response:
        if not from_own_page(request, reading.settings.public_url):
            return HTMLResponse(NOT_OWN, 403)
        return await within_bounds(request, pages.act)

    async def post_out(request: Request) -> Response:
        if not from_own_page(request, reading.settings.public_url):
            return HTMLResponse(NOT_OWN, 403)
        return await _answered(pages.out, request)

    found.add_api_route(SIGN_IN, pages.show, methods=READ)
    found.add_api_route(SIGN_IN, post, methods=["POST"])
    found.add_api_route(SIGN_OUT, pages.ask_out, methods=READ)
    found.add_api_route(SIGN_OUT, post_out, methods=["POST"])
    return found


async def within_bounds(
    request: Request, act: Callable[[Request, dict[str, str]], Response]
) -> Response:
    """Read a form of ours and hand it on; what is none, too long or too slow is refused."""
    fields = await form_of(request, largest=BODY_BYTES, most=FIELDS)
    if isinstance(fields, int):
        return HTMLResponse(UNREAD.get(fields, "Formulir tidak terbaca."), fields, CLOSE)
    return await _answered(act, request, fields)


async def _answered(act: Callable[..., Response], *values: object) -> Response:
    try:
        return await run_in_threadpool(act, *values)
    except SQLAlchemyError as error:
        log.error("sign-in: %s", type(error).__name__)  # noqa: TRY400 its text may hold a name
        return HTMLResponse("Basis data tidak menjawab. Coba lagi.", 503, {"Retry-After": "5"})
