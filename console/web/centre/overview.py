"""`/centre`: what a duty officer needs in five seconds, and what waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection, select

from console import words
from console.web.access.who import who
from console.web.centre.context import Kept, show
from console.web.centre.queue import Waits, entries, waits
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.db import cases
from kentongan.settings import data_dir
from kentongan.sop import ROLE_NAMES, load_sop
from kentongan.times import parse_instant
from kentongan.types import WarningState
from kentongan.view import FeedLine, WarningLine
from notify.dispatcher.figures import ClassLine, Figures, of_home
from notify.dispatcher.progress import queue_of
from notify.reports.cases import OPEN
from notify.sop import Asked, checklist, living
from orchestration.live_map.not_known import NotKnown

PATH = "/centre"
LIFE = 3
"""Urgency of a case of danger to life."""
STEPS_SHOWN = 4


@dataclass(frozen=True)
class BeatLine:
    """A part of the running set."""

    name: str
    at: datetime | None
    silent: bool
    detail: str = ""


@dataclass(frozen=True)
class Urgent:
    """A case or a task that waits for somebody here."""

    key: str
    code: str
    """adm4; empty: not known."""
    since: datetime
    late: bool
    people: int = 0


@dataclass(frozen=True)
class Shared:
    """What every reader sees alike."""

    at: datetime
    in_force: tuple[WarningLine, ...]
    doubts: NotKnown
    waits: tuple[Waits, ...]
    feeds: tuple[FeedLine, ...]
    blind: tuple[FeedLine, ...]
    figures: Figures
    beats: tuple[BeatLine, ...]
    steps: tuple[Asked, ...]
    """Asked for, neither done nor lapsed; the next one to be late first."""
    cases: tuple[Urgent, ...]
    tasks: tuple[Urgent, ...]

    @property
    def asleep(self) -> bool:
        """Nothing was worked out lately: what stands here is old."""
        return self.doubts.is_old(self.at)

    @property
    def never(self) -> bool:
        """Nothing was ever polled."""
        return all(feed.state in ("unknown", words.UNUSED) for feed in self.feeds)

    @property
    def polled(self) -> int:
        return sum(feed.state != words.UNUSED for feed in self.feeds)

    @property
    def late(self) -> tuple[ClassLine, ...]:
        """What will not leave before its warning ends."""
        return tuple(line for line in self.figures.waiting if line.late or line.last_at is None)

    @property
    def silent(self) -> tuple[BeatLine, ...]:
        return tuple(beat for beat in self.beats if beat.silent)

    @property
    def overdue_steps(self) -> int:
        return sum(step.is_overdue(self.at) for step in self.steps)


class Overview:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._shared = Kept(self.look)

    def look(self, at: datetime, _: str) -> Shared:
        from orchestration.by_hand import reading_desk

        reading = self.reading
        feeds = reading.feeds(at)
        with reading.engine.connect() as connection:
            life, steps = life_cases(connection, at), self._steps(at)
            held = waits(connection, reading_desk(reading.settings), at)
        return Shared(
            at=at,
            in_force=tuple(w for w in reading.warnings() if w.state == WarningState.RELEASED),
            doubts=reading.not_known(at),
            waits=tuple(held),
            feeds=feeds,
            blind=tuple(feed for feed in feeds if words.in_trouble(feed)),
            figures=self._figures(at),
            beats=tuple(beat_lines(reading, at)),
            steps=steps,
            cases=life,
            tasks=waiting_tasks(reading, at),
        )

    def _figures(self, at: datetime) -> Figures:
        from console.dispatch_plan import routes_of

        engine = self.reading.engine
        return of_home(
            engine, queue_of(engine, at), routes_of(self.reading.settings.routes).all, at
        )

    def _steps(self, at: datetime) -> tuple[Asked, ...]:
        engine = self.reading.engine
        sop = load_sop(self.reading.settings.sop or data_dir() / "sop")
        asked = (one for held in living(engine, at) for one in checklist(engine, sop, held, at))
        waits = [one for one in asked if one.tick is None and not one.lapsed]
        return tuple(sorted(waits, key=lambda one: (one.due, one.warning_id, one.key)))

    def _values(self, request: Request) -> dict[str, Any]:
        at, reader = self.reading.clock(), who(request)
        shared = self._shared.get(self.reading.engine, at)
        queue = entries(shared.waits, reader, at)
        return {
            "now": shared, "queue": queue, "mine": [one for one in queue if one.mine],
            "others": [one for one in queue if not one.mine],
            "cases": [one for one in shared.cases if not one.code or reader.covers(one.code)],
            "tasks": [one for one in shared.tasks if reader.covers(one.code)],
            "roles": ROLE_NAMES, "steps_shown": STEPS_SHOWN,
        }  # fmt: skip

    def show(self, request: Request) -> Response:
        values = self._values(request)
        return show(self.reading, request, "centre_overview.html", here=PATH, **values)

    def part(self, request: Request) -> Response:
        """The same for a page that is open."""
        return show(
            self.reading, request, "centre_overview_now.html", here=PATH, **self._values(request)
        )


def beat_lines(reading: Reading, at: datetime) -> list[BeatLine]:
    """Parts that must beat or once did, by name."""
    from orchestration.deadman.policy import deadman_policy

    policy = deadman_policy(reading.settings)
    known = {beat.name: beat for beat in reading.pulse()}
    found = []
    for name in sorted({*known, *policy.required_heartbeats}):
        beat, oldest = known.get(name), policy.heartbeat_age(name)
        silent = beat is None or (oldest is not None and at - beat.at > oldest)
        found.append(BeatLine(name, beat.at if beat else None, silent, beat.detail if beat else ""))
    return found


def life_cases(connection: Connection, at: datetime) -> tuple[Urgent, ...]:
    """Cases of danger to life that nobody has taken, the oldest first."""
    query = (
        select(cases.c.case_id, cases.c.adm4_code, cases.c.opened_at, cases.c.due_at)
        .where(cases.c.state == OPEN, cases.c.urgency >= LIFE)
        .order_by(cases.c.opened_at, cases.c.case_id)
    )
    return tuple(
        Urgent(
            row.case_id, row.adm4_code or "", parse_instant(row.opened_at),
            parse_instant(row.due_at) < at,
        )
        for row in connection.execute(query)
    )  # fmt: skip


def waiting_tasks(reading: Reading, at: datetime) -> tuple[Urgent, ...]:
    """Tasks to act on here: nobody is asked, nobody answers, or who said yes went silent."""
    from notify.life import active_warnings
    from notify.tasks.board import needs

    held = [version.warning_id for version in active_warnings(reading.engine, at)]
    return tuple(
        Urgent(one.task_id, one.adm4_code, one.created_at, one.climbed, one.people)
        for one in needs(reading.engine, held, at)
    )


def router(reading: Reading) -> APIRouter:
    found, overview = APIRouter(), Overview(reading)
    found.add_api_route(PATH, overview.show, methods=READ)
    found.add_api_route(f"{PATH}/now", overview.part, methods=READ)
    return found
