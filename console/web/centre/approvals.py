"""`/centre/approvals`: what waits for people, exactly what would go out, and their word for it.

Every act goes through the same door as the command (`orchestration.by_hand`): role, area, a code
that works once, the digest of what was read. Who presses twice is told what the first press did.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from console.web.access.who import Who, who
from console.web.centre import differences, saying
from console.web.centre.context import Kept, OneAtATime, acting, asks_for_code, show
from console.web.centre.deeds import DEEDS, DIGEST_CHARS, REASON_CHARS, Deed
from console.web.centre.draft import Draft, draft_of
from console.web.centre.posting import Fields, post
from console.web.centre.queue import Waits, entries, waits
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.accounts.roles import Act
from kentongan.errors import KentonganError
from kentongan.settings import data_dir
from kentongan.sop import load_sop
from kentongan.types import WarningState
from kentongan.view import WarningLine
from notify import versions
from notify.life import PENDING
from notify.release.words import AUTHOR
from notify.reports.evidence import evidence
from orchestration.by_hand import areas_of, reading_desk
from orchestration.warning_line import clock_of

PATH = "/centre/approvals"
CODE_CHARS = 12
LONGEST_ID = 100
MADE = {
    "setuju": "Persetujuan Anda tercatat.",
    "darurat": "Pelepasan seorang diri tercatat. Orang lain harus segera meninjaunya.",
    "batal": "Pembatalan tercatat.",
    "selesai": "Pernyataan selesai tercatat.",
    "tinjau": "Tinjauan kedua tercatat.",
    "sibuk": "Tercatat; siklus yang sedang berjalan menyelesaikan sisanya.",
}
"""What a page says after an act, by the word in its address."""


class Approvals:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._shared = Kept(self._look)
        self._presses = OneAtATime()

    # --- looking

    def index(self, request: Request) -> Response:
        return self._index(request, "centre_approvals.html")

    def queue(self, request: Request) -> Response:
        return self._index(request, "centre_approvals_queue.html")

    def _index(self, request: Request, template: str) -> Response:
        at = self.reading.clock()
        found, held = self._shared.get(self.reading.engine, at)
        queue = entries(found, who(request), at)
        return show(self.reading, request, template, here=PATH, queue=queue, in_force=held)

    def _look(self, at: datetime, _: str) -> tuple[list[Waits], list[WarningLine]]:
        with self.reading.engine.connect() as connection:
            found = waits(connection, reading_desk(self.reading.settings), at)
        return found, [w for w in self.reading.warnings() if w.state == WarningState.RELEASED]

    def one(self, request: Request, warning_id: str) -> Response:
        return self._one(request, warning_id)

    def _one(
        self,
        request: Request,
        warning_id: str,
        *,
        trouble: str = "",
        fields: Fields | None = None,
        status: int = 200,
    ) -> Response:
        at, reading = self.reading.clock(), self.reading
        desk = reading_desk(reading.settings)
        with reading.engine.connect() as connection:
            found = draft_of(
                connection, desk, saying.one_line(warning_id, LONGEST_ID), at,
                routes=reading.settings.routes, names=reading.layers.names,
            )  # fmt: skip
            if found is None:
                raise HTTPException(404, "no such warning")
            reports = evidence(connection, found.version.warning_id, at)
            steps = self._steps(connection, found, at)
        read = differences.read_seen((fields or {}).get("dibaca", ""))
        now = found.seen
        return show(
            reading, request, "centre_approval.html", here=PATH, status=status, draft=found,
            body=found.version.body, reports=reports, steps=steps, desk=desk, trouble=trouble,
            moved=differences.moved(read, now) if read and now and status != 200 else [],
            gone=bool(status != 200 and fields and fields.get("isi") and now is None),
            made=MADE.get(request.query_params.get("tercatat", ""), ""),
            code=asks_for_code(reading), may=_powers(who(request), found),
            reason=(fields or {}).get("alasan", "")[:REASON_CHARS],
            zone=clock_of(found.version.body.groups),
        )  # fmt: skip

    def still(self, request: Request, warning_id: str) -> Response:
        """For an open page: whether what it shows is still what would go out."""
        at, read = self.reading.clock(), request.query_params.get("isi", "")[:DIGEST_CHARS]
        name = saying.one_line(warning_id, LONGEST_ID)
        with self.reading.engine.connect() as connection:
            version = versions.newest(connection, name)
            if version is None:
                raise HTTPException(404, "no such warning")
            desk = reading_desk(self.reading.settings)
            waits = version.state in PENDING and desk.runs_out(version) > at
            same = waits and desk.bind(connection, version, at).binding.digest == read
        return show(
            self.reading, request, "centre_approval_still.html", here=PATH, same=same, waits=waits,
            version=version,
        )  # fmt: skip

    def _steps(self, connection: Any, found: Draft, at: Any) -> list[str]:
        from console.dossier import sop_lines

        sop = load_sop(self.reading.settings.sop or data_dir() / "sop")
        return sop_lines(connection, sop, found.version, at)

    # --- acting

    def act(self, deed: Deed) -> Callable[[Request, Fields], str]:
        def do(request: Request, fields: Fields) -> str:
            with self._presses.of(who(request).account_id):
                return self._act(deed, request, fields)

        return do

    def _act(self, deed: Deed, request: Request, fields: Fields) -> str:
        warning_id = saying.one_line(request.path_params["warning_id"], LONGEST_ID)
        reader, at = who(request), self.reading.clock()
        where = f"{PATH}/{quote(warning_id, safe='')}?tercatat="
        if self._done(deed, warning_id, reader, fields):
            return where + deed.word
        actor = reader.actor(fields.get("kode", "").replace(" ", "")[:CODE_CHARS])
        try:
            with acting(self.reading, at) as context:
                deed.do(context, warning_id, actor, fields, at)
        except KentonganError:
            # The rest of the way is held up by a cycle that runs: the word itself stands.
            if self._done(deed, warning_id, reader, fields):
                return where + "sibuk"
            raise
        return where + deed.word

    def _done(self, deed: Deed, warning_id: str, reader: Who, fields: Fields) -> bool:
        with self.reading.engine.connect() as connection:
            at = self.reading.clock()
            return deed.done(connection, warning_id, reader.account_id, fields, at)

    def again(self, request: Request, fields: Fields, trouble: str) -> Response:
        warning_id = request.path_params["warning_id"]
        return self._one(request, warning_id, trouble=trouble, fields=fields, status=409)


def _powers(reader: Who, found: Draft) -> dict[str, str]:
    """Act -> why this reader cannot do it here; empty: they can."""
    outside = reader.outside(areas_of(found.version))
    authors = {word.actor for word in found.said if word.kind == AUTHOR}

    def why(act: Act) -> str:
        if not reader.signed_in:
            return "Masuk dahulu untuk memutuskan."
        if not reader.may(act):
            return (
                f"Peran Anda ({saying.role(reader.role)}) tidak boleh {saying.ACTS[act]}; "
                f"yang boleh: {saying.who_may(act)}."
            )
        if outside:
            return (
                f"{len(outside)} desa di luar wilayah Anda ({saying.areas(reader.areas)}): "
                "minta orang yang wilayahnya mencakup semua."
            )
        if act is Act.APPROVE and reader.account_id in found.standing:
            return "Anda sudah; sekarang harus orang lain."
        if act is Act.APPROVE and reader.account_id in authors:
            return "Anda yang memintanya: orang lain harus menyetujui."
        if act is Act.REVIEW and any(one.by == reader.account_id for one in found.review):
            return "Anda yang melepasnya: orang lain harus meninjau."
        return ""

    acts = (Act.APPROVE, Act.BREAK_GLASS, Act.CANCEL, Act.ALL_CLEAR, Act.REVIEW)
    return {act.value: why(act) for act in acts}


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), Approvals(reading)
    found.add_api_route(PATH, pages.index, methods=READ)
    found.add_api_route(f"{PATH}/queue", pages.queue, methods=READ)
    found.add_api_route(f"{PATH}/{{warning_id}}", pages.one, methods=READ)
    found.add_api_route(f"{PATH}/{{warning_id}}/still", pages.still, methods=READ)
    for name, deed in DEEDS.items():
        found.add_api_route(
            f"{PATH}/{{warning_id}}/{name}", _posting(reading, pages, deed), methods=["POST"]
        )
    return found


def _posting(reading: Reading, pages: Approvals, deed: Deed) -> Any:
    async def posted(request: Request) -> Response:
        return await post(reading, request, pages.act(deed), pages.again)

    return posted
