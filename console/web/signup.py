"""`/daftar`: people sign themselves up. The form is got, the act is posted; no script is needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from console import words
from console.templating import render
from console.web.forms import is_own, posted
from console.web.hooks import Bucket
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.sealing import secrets_key
from notify.registry.numbers import Fault, masked
from notify.registry.places import Found, Places
from notify.registry.policy import default_text, registry_policy
from notify.registry.web import Form, Kept, Trouble, network_of, sign_up

PATH = "/daftar"
BODY_BYTES = 4_096
FIELDS = 12
SHOWN = 30
"""Villages of one search; a district of Java has twenty."""
SEARCHES_PER_S = 5.0
"""Of one address, which a whole village may share: each costs up to 60 ms."""
REMEMBERED = 4_096
"""Addresses whose pace is remembered."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    # With no-referrer a browser posts `Origin: null`, which would look like a foreign page.
    "Referrer-Policy": "same-origin",
}
TROUBLES: dict[str, str] = {
    Trouble.PLACE: "Pilih desa Anda dari daftar.",
    Trouble.CONSENT: "Centang persetujuan; tanpa itu nomor Anda tidak kami simpan.",
    Trouble.TOO_OFTEN: "Terlalu banyak pendaftaran dari sini. Coba lagi nanti.",
    Fault.EMPTY: "Isi nomor HP Anda.",
    Fault.FIXED: "Itu nomor telepon rumah; SMS tidak sampai ke sana. Isi nomor HP.",
    Fault.FOREIGN: "Hanya nomor Indonesia (08… atau +62…).",
    Fault.SEVERAL: "Isi satu nomor saja.",
    Fault.SHORT: "Nomornya terlalu pendek.",
    Fault.PREMIUM: "Itu nomor layanan, bukan nomor HP pribadi.",
}
LANGUAGES = (("id", "Indonesia"), ("jv", "Jawa"), ("su", "Sunda"), ("en", "English"))
OTHER_FAULT = "Itu bukan nomor HP yang benar. Contoh: 0812 3456 7890."


class Paces:
    """How fast each address searches; the oldest are forgotten first."""

    def __init__(self, per_s: float = SEARCHES_PER_S) -> None:
        self._per_s = per_s
        self._known: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def takes(self, address: str) -> bool:
        with self._lock:
            bucket = self._known.pop(address, None) or Bucket(self._per_s)
            self._known[address] = bucket
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return bucket.takes()


class SignUp:
    """The form of one installation; villages are loaded when somebody first opens it."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.paces = Paces()

    @property
    def places(self) -> Places:
        return self.reading.places

    def show(self, request: Request) -> Response:
        """The form, with the villages that a search found."""
        asked = request.query_params.get("desa", "")[:120].strip()
        if asked and not self.paces.takes(_address(request)):
            return self._page(asked=asked, trouble=TROUBLES[Trouble.TOO_OFTEN], status=429)
        return self._page(asked=asked)

    def act(self, request: Request, fields: dict[str, str]) -> Response:
        """Keep what was posted, or show the form again with what is wrong."""
        form = Form(
            area=fields.get("kode", ""),
            number=fields.get("nomor", "")[:80],
            agreed=fields.get("setuju") == "ya",
            text_version=fields.get("teks", "")[:40],
            language=fields.get("bahasa", "id"),
            trap=fields.get("situs", ""),
        )
        reading = self.reading
        found = sign_up(
            reading.engine, secrets_key(reading.settings), form,
            address=_address(request), places=self.places, at=reading.clock(),
        )  # fmt: skip
        if isinstance(found, Kept):
            return self._kept(found)
        often = found is Trouble.TOO_OFTEN
        trouble = TROUBLES.get(found, OTHER_FAULT)
        asked = fields.get("desa", "")[:120].strip()
        return self._page(
            asked=asked, trouble=trouble, chosen=form.area, number=form.number,
            status=429 if often else 422,
        )  # fmt: skip

    def _page(
        self,
        *,
        asked: str,
        trouble: str = "",
        chosen: str = "",
        number: str = "",
        status: int = 200,
    ) -> Response:
        found = self.places.find(asked) if asked and status != 429 else Found((), sure=False)
        places = found.places[:SHOWN]
        only = places[0].code if len(places) == 1 else ""
        return self._html(
            "signup.html", status, asked=asked, trouble=trouble, places=places,
            more=len(found.places) - len(places), chosen=chosen or only, number=number,
            text=default_text(), languages=LANGUAGES,
            sms_number=self.reading.settings.sms_number,
        )  # fmt: skip

    def _kept(self, kept: Kept) -> Response:
        return self._html(
            "signup_kept.html", 200, number=masked(kept.number), code=kept.code,
            place=self.places.place(kept.adm4_code), days=registry_policy().web.pending_days,
            sms_number=self.reading.settings.sms_number,
        )  # fmt: skip

    def _html(self, name: str, status: int, **values: Any) -> Response:
        mode = self.reading.settings.mode
        banners = [words.BANNERS[mode]] if mode in words.BANNERS else []
        page = render(name, at=self.reading.clock(), here=PATH, banners=banners, **values)
        return HTMLResponse(page, status_code=status, headers=HEADERS)


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    desk = SignUp(reading)

    async def post(request: Request) -> Response:
        if not is_own(request, reading.settings.public_url):
            return HTMLResponse("Formulir ini hanya dapat dikirim dari halamannya sendiri.", 403)
        fields = await posted(request, largest=BODY_BYTES, most=FIELDS)
        if fields is None:
            return HTMLResponse("Formulir tidak terbaca.", 400)
        return await run_in_threadpool(desk.act, request, fields)

    found.add_api_route(PATH, desk.show, methods=READ)
    found.add_api_route(PATH, post, methods=["POST"])
    return found


def _address(request: Request) -> str:
    return network_of(request.client.host if request.client else "")
