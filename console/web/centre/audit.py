"""`/centre/audit`: who did what, the newest first, and whether the chain holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Select, select

from console.web.centre.posting import Fields, post
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import page
from kentongan.audit.verify import Proof, verify
from kentongan.db import audit
from kentongan.errors import KentonganError
from kentongan.times import iso, parse_instant

PATH = "/centre/audit"
SHOWN = 100


@dataclass(frozen=True)
class Wanted:
    actor: str = ""
    action: str = ""
    warning: str = ""
    since: str = ""
    before: int | None = None
    """Only rows below this number: the next page."""

    @classmethod
    def of(cls, request: Request) -> Wanted:
        query = request.query_params
        before = query.get("sebelum", "")
        return cls(
            actor=query.get("siapa", "")[:80].strip(),
            action=query.get("apa", "")[:40].strip(),
            warning=query.get("peringatan", "")[:120].strip(),
            since=query.get("sejak", "")[:30].strip(),
            before=int(before) if before.isdecimal() and len(before) < 16 else None,
        )

    def select(self) -> Select[Any]:
        found = select(audit).order_by(audit.c.seq.desc()).limit(SHOWN + 1)
        if self.actor:
            found = found.where(audit.c.actor == self.actor)
        if self.action:
            found = found.where(audit.c.action.startswith(self.action, autoescape=True))
        if self.warning:
            found = found.where(audit.c.body.contains(f'"{self.warning}"', autoescape=True))
        if self.before is not None:
            found = found.where(audit.c.seq < self.before)
        since = self._instant()
        return found.where(audit.c.at >= iso(since)) if since else found

    def _instant(self) -> datetime | None:
        try:
            return parse_instant(self.since) if self.since else None
        except (KentonganError, ValueError):
            return None


class Audit:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def show(self, request: Request) -> Response:
        return self._page(request)

    def _page(
        self, request: Request, *, proof: Proof | None = None, trouble: str = "", status: int = 200
    ) -> Response:
        wanted = Wanted.of(request)
        with self.reading.engine.connect() as connection:
            rows = connection.execute(wanted.select()).mappings().all()
        return page(
            self.reading, request, "centre_audit.html", here=PATH, status=status, wanted=wanted,
            rows=rows[:SHOWN], more=rows[SHOWN - 1]["seq"] if len(rows) > SHOWN else None,
            proof=proof, trouble=trouble, when=parse_instant,
        )  # fmt: skip

    def verify(self, request: Request) -> Response:
        from kentongan.audit.heads import audit_key, read_log

        settings = self.reading.settings
        log = settings.home.resolve() / "audit" / "heads.log"
        kept = read_log(log) if log.is_file() else []
        with self.reading.engine.connect() as connection:
            proof = verify(connection, keys=[audit_key(settings).public_key()], kept=kept)
        return self._page(request, proof=proof)


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), Audit(reading)

    async def proved(request: Request) -> Response:
        shown: list[Response] = []

        def do(request: Request, _: Fields) -> str:
            shown.append(pages.verify(request))
            return PATH

        def again(request: Request, _: Fields, trouble: str) -> Response:
            return pages._page(request, trouble=trouble, status=422)

        led = await post(reading, request, do, again)
        return shown[0] if shown else led

    found.add_api_route(PATH, pages.show, methods=READ)
    found.add_api_route(f"{PATH}/verify", proved, methods=["POST"])
    return found
