"""`/centre/tasks`: the board of all tasks; one task with its steps, and what was said by phone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy import Connection, RowMapping, select

from console.web.access.who import who
from console.web.centre.posting import Fields, name_of, post, within
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import page
from kentongan import audit
from kentongan.db import escalations
from kentongan.errors import DataError, RuleViolation
from kentongan.task_life import TaskTrigger
from kentongan.transactions import writing
from notify.tasks.board import Card, Column, cards, sums
from notify.tasks.ids import read_task_id
from notify.tasks.steps import Word, steps_of, take
from notify.tasks.steps import task as task_row

PATH = "/centre/tasks"
SHOWN = 100
"""Cards of one page of a column; the rest is a click away."""
WORDS = {
    "accept": "Menerima", "decline": "Tidak bisa", "depart": "Berangkat", "arrive": "Sudah tiba",
    "finish": "Selesai", "fail": "Gagal",
}  # fmt: skip
COLUMNS = {
    Column.EYES: ("Perlu tindakan", "needs a person here"),
    Column.ASKED: ("Menunggu jawaban", "asked"),
    Column.UNDER_WAY: ("Dikerjakan", "under way"),
    Column.DONE: ("Selesai", "done"),
}
RUNGS = {
    "repeat": "diulang", "next-channel": "saluran lain", "deputy": "wakil",
    "coordinator": "koordinator", "regency": "kabupaten/kota", "province": "provinsi",
    "command-centre": "pusat kendali",
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What of the board is asked for, by the address."""

    column: Column = Column.EYES
    area: str = ""
    warning: str = ""
    start: int = 0

    @classmethod
    def of(cls, request: Request) -> Wanted:
        query = request.query_params
        column = query.get("kolom", "")
        start = query.get("dari", "0")
        return cls(
            column=Column(column) if column in set(Column) else Column.EYES,
            area=query.get("wilayah", "")[:13].strip(),
            warning=query.get("peringatan", "")[:100],
            start=int(start) if start.isdecimal() and len(start) < 7 else 0,
        )


class Board:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def show(self, request: Request) -> Response:
        return self._page(request, "centre_tasks.html")

    def part(self, request: Request) -> Response:
        """The board alone, for a page that is open."""
        return self._page(request, "centre_tasks_board.html")

    def _page(self, request: Request, template: str) -> Response:
        wanted = Wanted.of(request)
        mine = [card for card in self._cards() if self._fits(request, wanted, card)]
        shown = [card for card in mine if card.column is wanted.column]
        end = wanted.start + SHOWN
        return page(
            self.reading, request, template, here=PATH, wanted=wanted, columns=COLUMNS,
            sums=sums(mine), cards=shown[wanted.start : end], count=len(shown), shown=SHOWN,
            more=end if end < len(shown) else None, rungs=RUNGS, query=request.url.query,
            regencies=sorted({(c.line.adm4_code[:5], c.line.regency) for c in mine}),
        )  # fmt: skip

    def _cards(self) -> list[Card]:
        reading = self.reading
        held = sorted({w.warning_id for w in reading.warnings()})
        if not held:
            return []
        return cards(reading.engine, held, reading.layers.villages, reading.clock())

    def _fits(self, request: Request, wanted: Wanted, card: Card) -> bool:
        code = card.line.adm4_code
        return (
            who(request).covers(code)
            and f"{code}.".startswith(f"{wanted.area}." if wanted.area else "")
            and wanted.warning in ("", card.line.warning_id)
        )

    def one(self, request: Request, task_id: str) -> Response:
        return self._task(request, _number(task_id))

    def _task(
        self, request: Request, task_id: str, *, trouble: str = "", status: int = 200
    ) -> Response:
        areas = self.reading.layers.villages
        with self.reading.engine.connect() as connection:
            row = _known(connection, task_id)
            steps = steps_of(connection, task_id)
            climbed = _climbed(connection, task_id)
        if not who(request).covers(row["adm4_code"]):
            raise HTTPException(404, "no such task")
        card = next(
            (c for c in cards(self.reading.engine, [row["warning_id"]], areas, self.reading.clock())
             if c.line.task_id == task_id), None,
        )  # fmt: skip
        return page(
            self.reading, request, "centre_task.html", here=PATH, status=status, row=row,
            steps=steps, climbed=climbed, card=card, trouble=trouble, words_of=WORDS, rungs=RUNGS,
            columns=COLUMNS,
        )  # fmt: skip

    def say(self, request: Request, fields: Fields) -> str:
        """Write down what somebody of Tagana said by telephone."""
        task_id = _number(request.path_params["task_id"])
        word, person = fields.get("kata", ""), fields.get("orang", "").strip()[:40]
        if word not in WORDS or not person:
            raise RuleViolation(
                "Pilih kata, dan tulis siapa yang menjawab. (Choose a word, say who.)"
            )
        actor, at = name_of(request, fields), self.reading.clock()
        trigger = TaskTrigger(word)
        with writing(self.reading.engine) as connection:
            within(request, _known(connection, task_id)["adm4_code"])
            taken = take(connection, task_id, Word(
                trigger, at, actor, "operator", f"operator/{actor}/{at.timestamp():.3f}"[:120],
                people=_people(fields), note=f"{person}: {fields.get('catatan', '')}".strip()[:300],
                assigned_to=person if trigger is TaskTrigger.ACCEPT else None,
            ))  # fmt: skip
            body = {"task_id": task_id, "word": word, "for": person, "now": str(taken.now)}
            audit.append(connection, at=at, actor=actor, action="task.said", body=body)
        return f"{PATH}/{task_id}"

    def assign(self, request: Request, fields: Fields) -> str:
        """Ask somebody else, at once."""
        from notify.tasks.assign import assign as give
        from orchestration.context import is_live, open_context
        from orchestration.routes import routes_of

        task_id = _number(request.path_params["task_id"])
        actor, at = name_of(request, fields), self.reading.clock()
        person = fields.get("orang", "").strip()[:40]
        with self.reading.engine.connect() as connection:
            within(request, _known(connection, task_id)["adm4_code"])
        live = is_live(at, datetime.now(UTC))
        with open_context(self.reading.settings, live=live) as context:
            give(
                self.reading.engine, task_id, person, at=at, actor=actor,
                areas=self.reading.layers.villages, routes=routes_of(context),
            )  # fmt: skip
        return f"{PATH}/{task_id}"

    def again(self, request: Request, _: Fields, trouble: str) -> Response:
        task_id = _number(request.path_params["task_id"])
        return self._task(request, task_id, trouble=trouble, status=422)


def _people(fields: Fields) -> int | None:
    text = fields.get("jiwa", "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 6:
        raise RuleViolation(
            f"Jumlah jiwa: harus angka, bukan {text[:20]!r}. (A number is expected.)"
        )
    return int(text)


def _number(text: str) -> str:
    found = read_task_id(text[:20])
    if found is None:
        raise HTTPException(404, "no such task")
    return found


def _known(connection: Connection, task_id: str) -> RowMapping:
    try:
        return task_row(connection, task_id)
    except (DataError, RuleViolation) as error:
        raise HTTPException(404, "no such task") from error


def _climbed(connection: Connection, task_id: str) -> list[RowMapping]:
    query = select(escalations).where(escalations.c.task_id == task_id)
    return list(connection.execute(query.order_by(escalations.c.id)).mappings())


def router(reading: Reading) -> APIRouter:
    found, board = APIRouter(), Board(reading)

    async def posted(do: Any, request: Request) -> Response:
        return await post(reading, request, do, board.again)

    async def said(request: Request) -> Response:
        return await posted(board.say, request)

    async def given(request: Request) -> Response:
        return await posted(board.assign, request)

    found.add_api_route(PATH, board.show, methods=READ)
    found.add_api_route(f"{PATH}/board", board.part, methods=READ)
    found.add_api_route(f"{PATH}/{{task_id}}", board.one, methods=READ)
    found.add_api_route(f"{PATH}/{{task_id}}/said", said, methods=["POST"])
    found.add_api_route(f"{PATH}/{{task_id}}/assign", given, methods=["POST"])
    return found
