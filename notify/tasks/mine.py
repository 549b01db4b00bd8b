"""One person's tasks, as their page shows them; and what they press there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, RowMapping, select

from kentongan.db import escalations, tasks
from kentongan.task_life import HELD, OVER, WAITING, TaskState, TaskTrigger
from kentongan.times import parse_instant
from kentongan.transactions import writing
from kentongan.types import TaskKind
from notify.area.villages import rows_of, short_regency
from notify.tasks.steps import Taken, Word, take, task

if TYPE_CHECKING:
    import pandas as pd

_ORDER = {**dict.fromkeys(WAITING, 0), **dict.fromkeys(HELD, 1)}
MOST_PEOPLE = 1_000_000
NOTE_CHARS = 300


class Press(StrEnum):
    """Buttons of the page."""

    ACCEPT = "terima"
    DECLINE = "tolak"
    DEPART = "berangkat"
    ARRIVE = "tiba"
    FINISH = "selesai"
    FAIL = "gagal"
    HELP = "bantuan"


TRIGGERS = {
    Press.ACCEPT: TaskTrigger.ACCEPT,
    Press.DECLINE: TaskTrigger.DECLINE,
    Press.DEPART: TaskTrigger.DEPART,
    Press.ARRIVE: TaskTrigger.ARRIVE,
    Press.FINISH: TaskTrigger.FINISH,
    Press.FAIL: TaskTrigger.FAIL,
    Press.HELP: TaskTrigger.RECEIVE,
}
_OFFERED: dict[TaskState, tuple[Press, ...]] = {
    TaskState.SENT: (Press.ACCEPT, Press.DECLINE),
    TaskState.RECEIVED: (Press.ACCEPT, Press.DECLINE),
    TaskState.DECLINED: (Press.ACCEPT,),
    TaskState.FAILED: (Press.ACCEPT, Press.FINISH),
    TaskState.ACCEPTED: (Press.DEPART, Press.ARRIVE, Press.FINISH, Press.HELP, Press.DECLINE),
    TaskState.EN_ROUTE: (Press.ARRIVE, Press.FINISH, Press.HELP, Press.FAIL),
    TaskState.ON_SITE: (Press.FINISH, Press.HELP, Press.FAIL),
}


@dataclass(frozen=True)
class MyTask:
    task_id: str
    kind: TaskKind
    level: int
    state: TaskState
    fence: int
    village: str
    district: str
    regency: str
    zone_hours: int
    people: int
    people_done: int | None
    team: str
    shelter: str
    eta_min: float | None
    deadline: datetime | None
    note: str
    cap_status: str
    warning_id: str
    latitude: float
    longitude: float
    legs: Sequence[dict[str, Any]] = field(default_factory=tuple)
    hazard_id: str = ""

    @property
    def offered(self) -> tuple[Press, ...]:
        return _OFFERED.get(self.state, ())


def people_with_tasks(connection: Connection) -> set[str]:
    """Everybody who has a say on some task."""
    found: set[str] = set()
    for column in (tasks.c.assigned_to, tasks.c.coordinator_id):
        query = select(column).where(column.is_not(None)).distinct()
        found.update(connection.execute(query).scalars())
    found.update(connection.execute(select(escalations.c.to_id).distinct()).scalars())
    return found - {""}


def tasks_of(engine: Engine, person: str, areas: pd.DataFrame) -> list[MyTask]:
    """What waits for an answer first, then what they work on; highest level, then most people."""
    told = select(escalations.c.task_id).where(escalations.c.to_id == person)
    mine = (
        (tasks.c.assigned_to == person)
        | (tasks.c.coordinator_id == person)
        | tasks.c.task_id.in_(told)
    )
    with engine.connect() as connection:
        rows = connection.execute(select(tasks).where(mine)).mappings().all()
    known = set(areas["adm4_code"].tolist()) & {row["adm4_code"] for row in rows}
    place = rows_of(areas, sorted(known))
    places = {record["adm4_code"]: record for record in place.to_dict("records")}
    found = [_task(row, places.get(row["adm4_code"], {})) for row in rows]
    return sorted(
        found,
        key=lambda t: (_ORDER.get(t.state, 2), t.state in OVER, -t.level, -t.people, t.task_id),
    )


def _task(row: RowMapping, place: Mapping[Any, Any]) -> MyTask:
    body = row["body"]
    code = row["adm4_code"]
    return MyTask(
        task_id=row["task_id"],
        kind=TaskKind(row["kind"]),
        level=row["level"],
        state=TaskState(row["state"]),
        fence=row["fence"],
        village=place.get("name", code),
        district=place.get("adm3_name", code[:8]),
        regency=short_regency(place["adm2_name"]) if place else code[:5],
        zone_hours=int(place.get("utc_offset", 7)),
        people=row["people"],
        people_done=row["people_done"],
        team=body.get("team", ""),
        shelter=body.get("shelter", ""),
        eta_min=row["eta_min"],
        deadline=parse_instant(body["deadline"]) if body.get("deadline") else None,
        note=body.get("note", "") or (f"Tunggu {body['after']}" if body.get("after") else ""),
        cap_status=body.get("status", ""),
        warning_id=row["warning_id"],
        latitude=float(place.get("latitude", float("nan"))),
        longitude=float(place.get("longitude", float("nan"))),
        legs=tuple(body.get("legs", ())),
        hazard_id=body.get("hazard_id", ""),
    )


def press(
    engine: Engine,
    person: str,
    task_id: str,
    button: Press,
    *,
    fence: int,
    at: datetime,
    people: int | None = None,
    note: str = "",
) -> Taken:
    """What a button does; pressed twice on one page it is done once.

    Args:
        fence: of the task as the page showed it.
        people: of FINISH.

    Raises:
        DataError: no task of that number.
    """
    with writing(engine) as connection:
        row = task(connection, task_id)
        owner = row["assigned_to"] or row["coordinator_id"]
        takes_over = person != owner and button in (Press.ACCEPT, Press.DEPART, Press.ARRIVE)
        if person != owner and row["state"] in HELD and button is not Press.FINISH:
            now = TaskState(row["state"])
            return Taken(task_id, now, now)
        said = f"BANTUAN: {note}" if button is Press.HELP else note
        word = Word(
            TRIGGERS[button], at, person, "link", f"link/{fence}/{button}/{person}"[:120],
            people=people if button is Press.FINISH else None, note=said[:NOTE_CHARS],
            assigned_to=person if takes_over else None,
        )  # fmt: skip
        return take(connection, task_id, word)
