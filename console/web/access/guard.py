"""Before every answer: which rule holds, who asks, and may they.

Refused requests get a page that says what to do: sign in, or whom to ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from starlette.routing import Match

from console.templating import render
from console.web.access.local import is_local
from console.web.access.rules import RULES, Need, Rule
from console.web.access.who import NOBODY, Who
from console.web.reading import Reading
from kentongan.accounts.roles import Act, who_may
from kentongan.db import accounts
from kentongan.errors import RuleViolation

SIGN_IN = "/masuk"
_READS = frozenset({"GET", "HEAD"})


def check(app: FastAPI) -> None:
    """Each route has its rule.

    Raises:
        RuleViolation: one has none.
    """
    missing = sorted({path_of(route) for route in app.routes} - set(RULES))
    if missing:
        raise RuleViolation(f"routes without a line in console/web/access/rules.py: {missing}")


def path_of(route: object) -> str:
    return str(getattr(route, "path", ""))


class Guard:
    """A middleware; one for each application."""

    def __init__(self, app: FastAPI, reading: Reading) -> None:
        self.app = app
        self.reading = reading

    async def __call__(
        self, request: Request, call: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        rule = self._rule(request)
        if rule is None:
            return await call(request)
        need = rule.read if request.method in _READS else rule.write
        if need in (Need.PUBLIC, Need.OWN):
            return await call(request)
        found = await run_in_threadpool(self.asker, request)
        request.state.who = found
        refused = self._refusal(request, found, need)
        return refused if refused is not None else await call(request)

    def _rule(self, request: Request) -> Rule | None:
        """None: no such page, or not by this method; the application answers that itself."""
        for route in self.app.router.routes:
            if route.matches(request.scope)[0] is Match.FULL:
                return RULES[path_of(route)]
        return None

    def asker(self, request: Request) -> Who:
        """Who asks, by their session; else whoever sits here, while there is no account."""
        if is_local(request, self.reading.settings) and not self._accounts_exist():
            return Who(name="mesin ini", machine=True)
        return NOBODY

    def _accounts_exist(self) -> bool:
        with self.reading.engine.connect() as connection:
            return connection.execute(select(accounts.c.account_id).limit(1)).first() is not None

    def _refusal(self, request: Request, found: Who, need: Need | Act | None) -> Response | None:
        if need is None:
            return HTMLResponse("Tidak tersedia.", 405)
        if isinstance(need, Act):
            return None if found.may(need) else self._turned_away(request, found, need)
        if need is Need.LOCAL and not found.may(Act.VIEW):
            local = is_local(request, self.reading.settings)
            return None if local else HTMLResponse("Halaman ini tidak ada.", 404)
        return None

    def _turned_away(self, request: Request, found: Who, need: Act) -> Response:
        if not found.signed_in and request.method in _READS:
            return RedirectResponse(f"{SIGN_IN}?ke={quote(request.url.path)}", 303)
        text = render("turned_away.html", found=found, who_may=who_may(need), sign_in=SIGN_IN)
        return HTMLResponse(text, 403)
