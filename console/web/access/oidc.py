"""`/masuk/luar`: sign in by an OpenID provider, where the operator has set one.

It never makes an account and gives no role: an admin ties an identity to an account first
(`kentongan accounts identity`). Where no provider is set the pages are not there.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from console.web.access import cookies, provider
from console.web.access.guard import network
from console.web.access.local import host_of, is_local
from console.web.access.provider import Begun, Client, NoSignIn, Provider
from console.web.access.sign_in import ELSEWHERE, HEADERS, SignIn, own_path
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.accounts.identities import sign_in_elsewhere
from kentongan.accounts.sign_in import Refusal, network_may_try
from kentongan.errors import RuleViolation, SettingsError
from kentongan.keyfiles import key_file
from kentongan.sealing import seal, unseal
from kentongan.times import iso
from kentongan.transactions import writing

log = logging.getLogger(__name__)

BACK = f"{ELSEWHERE}/kembali"
UNDER_WAY = timedelta(minutes=10)
"""How long somebody may take at the provider."""
KEPT = timedelta(minutes=10)
"""How long what the provider says of itself is believed without asking again: keys change."""
AWAY = timedelta(seconds=30)
"""How long a provider that did not answer is not asked again: each try may take seconds."""
AT_ONCE = 4
"""Who may wait for the provider; the threads that answer pages must not all wait for it."""
ABSENT = "Halaman ini tidak ada."
REFUSED = "Penyedia akun tidak mengenali Anda, atau akun Anda belum dihubungkan. Hubungi admin."
DOWN = "Penyedia akun tidak menjawab. Masuk dengan kata sandi, atau coba lagi."
TOO_OFTEN = "Terlalu banyak percobaan. Coba lagi pada jam berikutnya."


class Elsewhere:
    """The provider of one installation; asked when somebody first wants to sign in by it."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.settings = reading.settings
        self.pages = SignIn(reading)
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._known: tuple[datetime, Provider, dict[str, Any]] | None = None
        self._away_from: datetime | None = None
        if self.settings.oidc_issuer and find_spec("joserfc") is None:
            raise SettingsError("KENTONGAN_OIDC_ISSUER: run: pip install 'kentongan[oidc]'")

    def start(self, request: Request) -> Response:
        """Send the browser to the provider."""
        return self._in_room(self._start, request)

    def back(self, request: Request) -> Response:
        """The provider sent the browser back: check, find the account, begin a session."""
        return self._in_room(self._come_back, request)

    def _in_room(self, act: Callable[[Request], Response], request: Request) -> Response:
        if not self.settings.oidc_issuer:
            return HTMLResponse(ABSENT, 404)
        if not self._room.acquire(blocking=False):
            return self.pages.form(request, trouble=DOWN, status=503)
        try:
            return act(request)
        finally:
            self._room.release()

    def _start(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return RedirectResponse("/masuk", 303, HEADERS)
        at = self.reading.clock()
        try:
            found, _ = self._provider(at)
            client = self._client(request)
        except NoSignIn as error:
            log.warning("sign-in elsewhere: %s", error)
            return self.pages.form(request, trouble=DOWN, status=503)
        to = own_path(request.query_params.get("ke", ""))
        begun = provider.begin(client.redirect_uri, to, iso(at + UNDER_WAY))
        answer = RedirectResponse(provider.authorize_url(found, client, begun), 303, HEADERS)
        cookies.put(
            answer, request, self.settings, cookies.ELSEWHERE, self._packed(begun),
            seconds=int(UNDER_WAY.total_seconds()),
        )  # fmt: skip
        return answer

    def _come_back(self, request: Request) -> Response:
        try:
            answer = self._back(request)
        except NoSignIn as error:
            log.warning("sign-in elsewhere: %s", error)
            answer = self.pages.form(request, trouble=REFUSED, status=403)
        except SQLAlchemyError as error:
            log.error("sign-in elsewhere: %s", type(error).__name__)  # noqa: TRY400
            answer = self.pages.form(request, trouble=DOWN, status=503)
        cookies.drop(answer, request, self.settings, cookies.ELSEWHERE)
        return answer

    def _back(self, request: Request) -> Response:
        at = self.reading.clock()
        begun = self._begun(cookies.read(request, self.settings, cookies.ELSEWHERE), at)
        found, keys = self._provider(at)
        code = provider.checked_code(found, begun, dict(request.query_params))
        with writing(self.reading.engine) as connection:
            if not network_may_try(connection, self.pages.office, network(request), at):
                return self.pages.form(request, trouble=TOO_OFTEN, status=429)
        who = provider.vouched(found, self._client(request), begun, code, keys, at)
        signed = sign_in_elsewhere(
            self.pages.office, self.pages.asked(request, {}), issuer=found.issuer,
            subject=who.subject, email=who.email, limits=self.pages.limits, at=at,
        )  # fmt: skip
        if isinstance(signed, Refusal):
            return self.pages.form(request, trouble=REFUSED, status=403)
        return self.pages.welcome(request, signed, begun.to)

    def _client(self, request: Request) -> Client:
        settings = self.settings
        secret = (
            key_file(settings.oidc_client_secret, make=None).decode("utf-8", "replace").strip()
            if settings.oidc_client_secret
            else ""
        )
        base = settings.public_url.rstrip("/")
        if host_of(base).endswith(".invalid") and is_local(request, settings):
            base = f"{request.url.scheme}://{urlsplit(str(request.base_url)).netloc}"
        return Client(settings.oidc_issuer, settings.oidc_client_id, secret, f"{base}{BACK}")

    def _provider(self, at: datetime) -> tuple[Provider, dict[str, Any]]:
        """The provider and its keys, asked again after `KEPT`."""
        with self._lock:
            if self._known is None or abs(at - self._known[0]) >= KEPT:
                self._known = (at, *self._asked_anew(at))
            return self._known[1], self._known[2]

    def _asked_anew(self, at: datetime) -> tuple[Provider, dict[str, Any]]:
        if self._away_from is not None and abs(at - self._away_from) < AWAY:
            raise NoSignIn("the provider did not answer a moment ago")
        self._away_from = at
        found = provider.discover(self.settings.oidc_issuer)
        keys = provider.fetch("GET", found.keys)
        self._away_from = None
        return found, keys

    def _packed(self, begun: Begun) -> str:
        sealed = seal(self.pages.office.key, json.dumps(asdict(begun)), owner="sign-in elsewhere")
        return base64.urlsafe_b64encode(sealed.encode()).decode().rstrip("=")

    def _begun(self, text: str, at: datetime) -> Begun:
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            opened = unseal(self.pages.office.key, sealed, owner="sign-in elsewhere")
            found = Begun(**json.loads(opened))
        except (ValueError, RuleViolation) as error:
            raise NoSignIn("nothing was begun in this browser") from error
        if iso(at) > found.until:
            raise NoSignIn("begun too long ago")
        return found


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), Elsewhere(reading)
    found.add_api_route(ELSEWHERE, pages.start, methods=READ)
    found.add_api_route(BACK, pages.back, methods=READ)
    return found
