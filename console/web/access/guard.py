"""Before every answer: which rule holds, who asks, does our own page post it, and may they.

Refused requests get a page that says what to do: sign in, or whom to ask.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import Match, Mount, Route

from console.templating import render
from console.web.access import cookies
from console.web.access.local import is_local
from console.web.access.names import ROLES
from console.web.access.pace import NETWORK, SESSION, Paces
from console.web.access.rules import RULES, Need, Rule
from console.web.access.who import NOBODY, Who
from console.web.faults import unreadable
from console.web.forms import is_own
from console.web.reading import Reading
from kentongan.accounts import sessions
from kentongan.accounts.roles import Act, Role, may
from kentongan.db import accounts
from kentongan.errors import RuleViolation
from notify.registry.web import network_of

log = logging.getLogger(__name__)

SIGN_IN, ACCOUNT = "/masuk", "/akun"
_READS = frozenset({"GET", "HEAD"})
FIRST = frozenset({ACCOUNT, "/akun/sandi", "/akun/sesi", "/centre/stream"})
"""Open to somebody who has to choose a password first; the stream tells that something changed,
never what."""
LATER = {"Retry-After": "1"}


def check(app: FastAPI) -> None:
    """Each route has its rule, and is of a kind that the guard sees.

    Raises:
        RuleViolation: one has none, or is a web socket.
    """
    missing = sorted({path_of(route) for route in app.routes} - set(RULES))
    if missing:
        raise RuleViolation(f"routes without a line in console/web/access/rules.py: {missing}")
    unseen = [path_of(route) for route in app.routes if not isinstance(route, (Route, Mount))]
    if unseen:
        raise RuleViolation(f"routes that no guard sees (expected HTTP): {unseen}")


def path_of(route: object) -> str:
    return str(getattr(route, "path", ""))


def from_own_page(request: Request, public_url: str) -> bool:
    """Whether a page of ours posts this, told by the browser (Fetch Metadata, else `Origin`).

    Without either header it is not known, and not enough where a session could be abused.
    """
    told = {"sec-fetch-site", "origin"}.intersection(request.headers.keys())
    return bool(told) and is_own(request, public_url)


def network(request: Request) -> str:
    """Who shares one pace: an IPv4 address, or the /64 of an IPv6 one."""
    return network_of(request.client.host if request.client else "")


class Guard:
    """A middleware; one for each application."""

    def __init__(self, app: FastAPI, reading: Reading) -> None:
        self.app = app
        self.reading = reading
        self.settings = reading.settings
        self.limits = sessions.Limits.of(reading.settings)
        self.networks = Paces(NETWORK)
        self.sessions = Paces(SESSION)

    async def __call__(
        self, request: Request, call: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        rule = self._rule(request)
        if rule is None:
            return await call(request)
        reads = request.method in _READS
        need = rule.read if reads else rule.write
        early = self._early(request, need, reads=reads)
        if early is not None:
            return early
        if need in (Need.PUBLIC, Need.OWN) or self._is_open_here(request, need):
            return await call(request)
        try:
            found = await run_in_threadpool(self.asker, request)
        except (SQLAlchemyError, OSError) as error:
            log.error("accounts cannot be read: %s", type(error).__name__)  # noqa: TRY400
            return unreadable(request)
        request.state.who = found
        refused = self._refusal(request, found, need, reads=reads)
        return refused if refused is not None else await call(request)

    def _rule(self, request: Request) -> Rule | None:
        """None: no such page, or not by this method; the application answers that itself."""
        for route in self.app.router.routes:
            if route.matches(request.scope)[0] is Match.FULL:
                return RULES[path_of(route)]
        return None

    def _early(self, request: Request, need: Need | Act | None, *, reads: bool) -> Response | None:
        """What is refused before anybody is looked up."""
        if _has_nul(request, need):
            return HTMLResponse("Alamat ini tidak terbaca.", 400)
        if need is None:
            allow = {"Allow": "POST" if reads else "GET, HEAD"}
            return HTMLResponse("Tidak tersedia.", 405, allow)
        if need is not Need.OWN and not self._in_pace(request):
            return HTMLResponse("Terlalu cepat. Coba lagi sebentar.", 429, LATER)
        guarded = not reads and need not in (Need.PUBLIC, Need.OWN)
        if guarded and not from_own_page(request, self.settings.public_url):
            return HTMLResponse("Formulir ini hanya dapat dikirim dari halamannya sendiri.", 403)
        return None

    def _in_pace(self, request: Request) -> bool:
        return is_local(request, self.settings) or self.networks.takes(network(request))

    def _is_open_here(self, request: Request, need: Need | Act | None) -> bool:
        return need is Need.LOCAL and is_local(request, self.settings)

    def asker(self, request: Request) -> Who:
        """Who asks, by their session; else whoever sits here, while there is no account."""
        token = cookies.read(request, self.settings, cookies.SESSION)
        if token:
            found = sessions.find(
                self.reading.engine, token, limits=self.limits, at=self.reading.clock()
            )
            if found is not None:
                return _person(found)
        if is_local(request, self.settings) and not self._accounts_exist():
            return Who(name="mesin ini", machine=True)
        return NOBODY

    def _accounts_exist(self) -> bool:
        with self.reading.engine.connect() as connection:
            return connection.execute(select(accounts.c.account_id).limit(1)).first() is not None

    def _refusal(
        self, request: Request, found: Who, need: Need | Act | None, *, reads: bool
    ) -> Response | None:
        if found.signed_in and reads and not self.sessions.takes(found.session_hash):
            return HTMLResponse("Terlalu cepat. Coba lagi sebentar.", 429, LATER)
        if found.must_change and request.url.path not in FIRST:
            return RedirectResponse(ACCOUNT, 303) if reads else _turned_away(found, need)
        if need is Need.LOCAL:
            may_look = found.signed_in and found.may(Act.VIEW)
            return None if may_look else HTMLResponse("Halaman ini tidak ada.", 404)
        allowed = found.signed_in if need is Need.PERSON else _may(found, need)
        if allowed:
            return None
        if not found.signed_in and reads:
            if request.headers.get("sec-fetch-dest", "document") not in ("document", "iframe"):
                return HTMLResponse("Perlu masuk dulu.", 401)  # a script asks, and knows 401
            return RedirectResponse(f"{SIGN_IN}?ke={quote(_asked(request), safe='')}", 303)
        return _turned_away(found, need)


def _has_nul(request: Request, need: Need | Act | None) -> bool:
    """No text of ours holds a NUL, and no database takes it. What brings its own proof reads its
    query itself: a gateway's message may hold anything."""
    query = request.scope["query_string"]
    return "\x00" in request.scope["path"] or (need is not Need.OWN and b"%00" in query)


def _person(live: sessions.Live) -> Who:
    account = live.account
    return Who(
        account_id=account.account_id, name=account.name, role=account.role, areas=account.areas,
        session_hash=live.session.session_hash,
        must_change=live.password_initial and live.session.via == "password",
    )  # fmt: skip


def _may(found: Who, need: Need | Act | None) -> bool:
    return isinstance(need, Act) and found.may(need)


def _asked(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _turned_away(found: Who, need: Need | Act | None) -> Response:
    roles = [name for role, name in ROLES.items() if isinstance(need, Act) and may(role, need)]
    text = render(
        "turned_away.html", found=found, who_may=roles or list(ROLES.values()),
        own_role=ROLES.get(found.role or Role.VIEWER, ""), sign_in=SIGN_IN,
    )  # fmt: skip
    return HTMLResponse(text, 403)
