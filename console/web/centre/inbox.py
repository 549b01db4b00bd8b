"""`/centre/inbox`: what residents report, who looks after it and until when; all messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from console.web.access.who import who
from console.web.centre.posting import Fields, name_of, post, within
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import page
from kentongan.errors import RuleViolation
from kentongan.sealing import secrets_key
from kentongan.times import parse_instant
from kentongan.transactions import writing
from notify.inbox import listing as messages
from notify.reports import acts, listing
from notify.reports.cases import case_of
from notify.reports.said import NAMES

PATH = "/centre/inbox"
MOST = 200
STATES = {
    "": "hidup", "overdue": "lewat waktu", "open": "terbuka", "taken": "ditangani",
    "closed": "selesai",
}  # fmt: skip
VERDICTS = {"useful": "Benar, berguna", "prank": "Iseng", "other": "Lainnya"}
STANCES = {"supports": "mendukung", "questions": "meragukan"}
CASE_ACTS = {
    "opened": "dibuka", "joined": "laporan ditambahkan", "routed": "diteruskan",
    "taken": "diambil", "answered": "dijawab", "closed": "ditutup", "placed": "tempat dicatat",
}  # fmt: skip


class Inbox:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def cases(self, request: Request) -> Response:
        return self._cases(request, "centre_inbox.html")

    def part(self, request: Request) -> Response:
        """The list alone, for a page that is open."""
        return self._cases(request, "centre_inbox_cases.html")

    def _cases(self, request: Request, template: str) -> Response:
        state = request.query_params.get("keadaan", "")
        state = state if state in STATES else ""
        unit = request.query_params.get("unit", "")[:40]
        at, desk = self.reading.clock(), self.reading.desk
        codes = {one.code for one in desk.rules.unit}
        with self.reading.engine.connect() as connection:
            found = listing.case_lines(
                connection, self.reading.gazette(), desk.rules, at, state=state or None,
                unit=unit if unit in codes else None, limit=MOST, within=who(request).areas,
            )  # fmt: skip
            waiting = listing.counts(connection, at)
        return page(
            self.reading, request, template, here=PATH, at=at, cases=found, counts=waiting,
            state=state, states=STATES, unit=unit, units=desk.rules.unit, query=request.url.query,
            **self._words(),
        )  # fmt: skip

    def messages(self, request: Request) -> Response:
        """All that came in, for whoever acts for the nation: a message has no place of its own."""
        if who(request).areas:
            raise HTTPException(403, "all messages are shown to those who act for the nation")
        return self._messages(request)

    def _messages(self, request: Request, *, trouble: str = "", status: int = 200) -> Response:
        keys = secrets_key(self.reading.settings)
        state = request.query_params.get("keadaan", "")
        with self.reading.engine.connect() as connection:
            found = messages.listed(
                connection, keys, state=state if state in messages.STATES else None, limit=MOST
            )
            waiting = messages.counts(connection)
        return page(
            self.reading, request, "centre_messages.html", here=PATH, status=status, lines=found,
            counts=waiting, state=state, trouble=trouble, when=parse_instant,
        )  # fmt: skip

    def one(self, request: Request, case_id: str) -> Response:
        return self._case(request, case_id[:12].upper())

    def _case(
        self, request: Request, case_id: str, *, trouble: str = "", status: int = 200
    ) -> Response:
        at, desk = self.reading.clock(), self.reading.desk
        with self.reading.engine.connect() as connection:
            code = self._code(connection, case_id)
            if code and not who(request).covers(code):
                raise HTTPException(404, "no such case")
            found = listing.document(
                connection, secrets_key(self.reading.settings), self.reading.gazette(), desk.rules,
                case_id, at,
            )  # fmt: skip
        today = at.date()
        return page(
            self.reading, request, "centre_case.html", here=PATH, at=at, status=status, case=found,
            trouble=trouble, units=[u for u in desk.rules.unit if u.valid(today)],
            verdicts=VERDICTS, states=STATES, acts=CASE_ACTS, **self._words(),
        )  # fmt: skip

    def _words(self) -> dict[str, Any]:
        return {
            "names": {str(c): n for c, n in NAMES.items()},
            "emergency": self.reading.desk.rules.emergency_number,
            "stances": STANCES,
            "when": parse_instant,
        }

    def _code(self, connection: Any, case_id: str) -> str | None:
        try:
            code: str | None = case_of(connection, case_id)["adm4_code"]
        except RuleViolation as error:
            raise HTTPException(404, "no such case") from error
        return code

    def take(self, request: Request, fields: Fields) -> str:
        case_id, by, at = self._mine(request, fields)
        with writing(self.reading.engine) as connection:
            acts.take(connection, case_id, by=by, at=at)
        return f"{PATH}/{case_id}"

    def route(self, request: Request, fields: Fields) -> str:
        case_id, by, at = self._mine(request, fields)
        rules = self.reading.desk.rules
        with writing(self.reading.engine) as connection:
            acts.route(connection, case_id, fields.get("unit", "")[:40], rules=rules, by=by, at=at)
        return f"{PATH}/{case_id}"

    def close(self, request: Request, fields: Fields) -> str:
        from orchestration.context import is_live, open_context
        from orchestration.hearing import ways_of

        case_id, by, at = self._mine(request, fields)
        verdict, note = fields.get("hasil", ""), fields.get("catatan", "")[:500]
        if verdict not in set(acts.Verdict):
            raise RuleViolation("Pilih hasilnya. (Choose what it turned out to be.)")
        reading = self.reading
        with open_context(reading.settings, live=is_live(at, datetime.now(UTC))) as context:
            ways = ways_of(context)
            with writing(reading.engine) as connection:
                acts.close(
                    connection, secrets_key(reading.settings), case_id, acts.Verdict(verdict), note,
                    by=by, at=at, ways=ways,
                )  # fmt: skip
        return f"{PATH}/{case_id}"

    def _mine(self, request: Request, fields: Fields) -> tuple[str, str, datetime]:
        case_id = str(request.path_params["case_id"])[:12].upper()
        with self.reading.engine.connect() as connection:
            within(request, self._code(connection, case_id))
        return case_id, name_of(request, fields), self.reading.clock()

    def again(self, request: Request, _: Fields, trouble: str) -> Response:
        case_id = str(request.path_params["case_id"])[:12].upper()
        return self._case(request, case_id, trouble=trouble, status=422)

    def retry(self, request: Request, fields: Fields) -> str:
        number = str(request.path_params["number"])
        if not number.isdecimal() or len(number) > 15:
            raise HTTPException(404, "no such message")
        actor = name_of(request, fields)
        messages.retry(self.reading.engine, int(number), at=self.reading.clock(), actor=actor)
        return f"{PATH}/messages"

    def messages_again(self, request: Request, _: Fields, trouble: str) -> Response:
        return self._messages(request, trouble=trouble, status=422)


def router(reading: Reading) -> APIRouter:
    found, inbox = APIRouter(), Inbox(reading)

    def posting(do: Any, again: Any) -> Any:
        async def posted(request: Request) -> Response:
            return await post(reading, request, do, again)

        return posted

    found.add_api_route(PATH, inbox.cases, methods=READ)
    found.add_api_route(f"{PATH}/cases", inbox.part, methods=READ)
    found.add_api_route(f"{PATH}/messages", inbox.messages, methods=READ)
    retry = posting(inbox.retry, inbox.messages_again)
    found.add_api_route(f"{PATH}/messages/{{number}}/retry", retry, methods=["POST"])
    found.add_api_route(f"{PATH}/{{case_id}}", inbox.one, methods=READ)
    for name, do in (("take", inbox.take), ("route", inbox.route), ("close", inbox.close)):
        answer = posting(do, inbox.again)
        found.add_api_route(f"{PATH}/{{case_id}}/{name}", answer, methods=["POST"])
    return found
