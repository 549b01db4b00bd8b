"""`/akun`: one's own account: what one may do, where one is signed in, another password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from console.web.access import cookies
from console.web.access.guard import ACCOUNT, SIGN_IN
from console.web.access.names import ACTS, ROLES, browser_name
from console.web.access.sign_in import HEADERS, within_bounds
from console.web.access.who import Who, who
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import page
from kentongan.accounts import leaving, sessions
from kentongan.accounts.leaving import Change, Trouble
from kentongan.accounts.office import Office
from kentongan.accounts.passwords import LEAST, MOST
from kentongan.accounts.roles import PERMISSIONS
from kentongan.db import accounts
from kentongan.sealing import secrets_key
from kentongan.times import parse_instant

PASSWORD, SESSION = f"{ACCOUNT}/sandi", f"{ACCOUNT}/sesi"
TROUBLES = {
    Trouble.WRONG: "Kata sandi lama tidak cocok.",
    Trouble.WEAK: f"Kata sandi baru terlalu lemah: {LEAST} sampai {MOST} huruf, tanpa nama akun.",
    Trouble.SAME: "Kata sandi baru sama dengan yang lama.",
    Trouble.TOO_OFTEN: "Terlalu banyak percobaan. Coba lagi pada jam berikutnya.",
    Trouble.BUSY: "Sedang sibuk. Coba lagi sebentar.",
}
DIFFERENT = "Kedua kata sandi baru tidak sama."
DONE = {
    "sandi": "Kata sandi diganti. Sesi di perangkat lain sudah diakhiri.",
    "sesi": "Sesi diakhiri.",
}


class AccountPages:
    """The pages of one installation."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.limits = sessions.Limits.of(reading.settings)

    @property
    def office(self) -> Office:
        return Office(self.reading.engine, secrets_key(self.reading.settings))

    def show(self, request: Request) -> Response:
        return self._page(request, done=DONE.get(request.query_params.get("beres", ""), ""))

    def password(self, request: Request, fields: dict[str, str]) -> Response:
        person = who(request)
        if fields.get("baru", "") != fields.get("ulang", ""):
            return self._page(request, 422, trouble=DIFFERENT)
        change = Change(fields.get("lama", ""), fields.get("baru", ""))
        trouble = leaving.change_own(
            self.office, person.account_id, change, session_hash=person.session_hash,
            at=self.reading.clock(),
        )  # fmt: skip
        if trouble is not None:
            status = {Trouble.TOO_OFTEN: 429, Trouble.BUSY: 503}.get(trouble, 422)
            return self._page(request, status, trouble=TROUBLES[trouble])
        return RedirectResponse(f"{ACCOUNT}?beres=sandi", 303, HEADERS)

    def end(self, request: Request, fields: dict[str, str]) -> Response:
        person, start = who(request), fields.get("sesi", "")[:12]
        at = self.reading.clock()
        leaving.revoke_own(self.office, person.account_id, start, at=at)
        if start == person.session_hash[:12]:
            answer = RedirectResponse(SIGN_IN, 303, HEADERS)
            cookies.drop(answer, request, self.reading.settings, cookies.SESSION)
            return answer
        return RedirectResponse(f"{ACCOUNT}?beres=sesi", 303, HEADERS)

    def _page(
        self, request: Request, status: int = 200, *, trouble: str = "", done: str = ""
    ) -> Response:
        person, at = who(request), self.reading.clock()
        with self.reading.engine.connect() as connection:
            found = sessions.of_account(connection, person.account_id)
            query = select(accounts.c.password_hash).where(
                accounts.c.account_id == person.account_id
            )
            has_password = connection.execute(query).scalar() is not None
        return page(
            self.reading, request, "account.html", here=ACCOUNT, status=status, trouble=trouble,
            done=done, has_password=has_password, role=_role(person), may=_may(person),
            sessions=[
                one
                for one in reversed(found)
                if sessions.in_force(one, limits=self.limits, at=at)
            ],
            instant=parse_instant, browser=browser_name, least=LEAST, most=MOST,
            idle_hours=self.limits.idle.total_seconds() / 3600,
            whole_hours=self.limits.whole.total_seconds() / 3600,
        )  # fmt: skip


def _role(person: Who) -> str:
    return ROLES[person.role] if person.role else ""


def _may(person: Who) -> list[str]:
    return [name for act, name in ACTS.items() if person.role and act in PERMISSIONS[person.role]]


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), AccountPages(reading)
    found.add_api_route(ACCOUNT, pages.show, methods=READ)
    for path, act in ((PASSWORD, pages.password), (SESSION, pages.end)):
        found.add_api_route(path, _bound(act), methods=["POST"])
    return found


def _bound(
    act: Callable[[Request, dict[str, str]], Response],
) -> Callable[..., Awaitable[Response]]:
    """The guard has seen whose page posts it."""

    async def answer(request: Request) -> Response:
        return await within_bounds(request, act)

    return answer
