"""A plan → rows of `tasks` and one SMS to the coordinator of each task that has a team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, RowMapping, select

from kentongan.db import tasks
from kentongan.errors import DataError, RuleViolation
from kentongan.plan import Plan, PlannedTask
from kentongan.task_life import ANSWERED, WAITING, TaskState, TaskTrigger
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import HazardId
from notify import versions
from notify.area.villages import rows_of, short_regency
from notify.firewall.gate import RECORDER_ONLY, Routes
from notify.sending.messages import Message
from notify.sending.outbox import write
from notify.sending.urgency import prio, task_class
from notify.tasks.ids import candidate
from notify.tasks.steps import SYSTEM, Word, begin, take
from notify.tasks.texts import TaskPlace, task_sms
from notify.versions import Version
from notify.warning import WarningRef

if TYPE_CHECKING:
    import pandas as pd

_RECALLED = ("recalled_at", "recalled_team", "recalls")
"""What `notify.tasks.recall` writes into a task and a later plan leaves there."""
_ATTEMPTS = 24
_CHUNK = 5_000
"""Values in one statement; SQLite binds up to 32,766."""


@dataclass(frozen=True)
class TaskNames:
    """Names for ids, as the texts need them."""

    teams: Mapping[str, str]
    shelters: Mapping[str, str]

    @classmethod
    def of(cls, teams: pd.DataFrame | None, shelters: pd.DataFrame | None) -> TaskNames:
        return cls(_names(teams, "team_id"), _names(shelters, "shelter_id"))


def _names(frame: pd.DataFrame | None, key: str) -> dict[str, str]:
    if frame is None:
        return {}
    return dict(zip(frame[key].tolist(), frame["name"].tolist(), strict=True))


def store_plan(
    engine: Engine,
    ref: WarningRef,
    plan: Plan,
    *,
    areas: pd.DataFrame,
    at: datetime,
    teams: pd.DataFrame | None = None,
    shelters: pd.DataFrame | None = None,
    routes: Routes = RECORDER_ONLY,
) -> list[str]:
    """Rows and SMS for a released version's plan; task numbers in the order of the plan.

    One task for each warning, kind and village. Called again, or by a later version, a
    task keeps its number; its figures follow the newest plan until somebody has answered,
    and a team that was missing before is asked now. Whole or not at all.

    Raises:
        RuleViolation: the version is not released.
        DataError: a village of the plan is not in `areas`.
    """
    with writing(engine) as connection:
        versions.lock(connection, ref.warning_id)
        version = versions.get(connection, ref.warning_id, ref.version)
        if versions.alert_of(connection, version.ref) is None:
            raise RuleViolation(
                f"{ref.warning_id} v{ref.version} is {version.state}: tasks come from released "
                "warnings only"
            )
        names = TaskNames.of(teams, shelters)
        places = places_of(areas, sorted({task.adm4_code for task in plan.tasks}))
        known = _known(connection, ref.warning_id)
        numbers = _numbers(connection, ref.warning_id, plan.tasks, known)
        new, ids, sms = [], [], []
        for task, task_id in zip(plan.tasks, numbers, strict=True):
            row, before = _row(version, task, names, at), known.get(_identity(task))
            if before is None:
                new.append({"task_id": task_id, **row})
                asked = row["state"] == TaskState.SENT
            else:
                asked = _refresh(connection, version, row, before, at)
            ids.append(task_id)
            if asked:
                again = before["body"].get("recalls", 0) if before else 0
                place = places[task.adm4_code]
                sms.append(_message(version, task_id, task, place, names, again=again))
        if new:
            connection.execute(tasks.insert(), new)
            begin(connection, new, at)
        write(
            connection, version.ref, sms, at=at, not_after=version.body.expires,
            routes=routes.open_to(version.body.status),
        )  # fmt: skip
    return ids


def places_of(areas: pd.DataFrame, codes: Sequence[str]) -> dict[str, TaskPlace]:
    """Names of villages, by code.

    Raises:
        DataError: a code is not in `areas`.
    """
    rows = rows_of(areas, codes)
    columns = (rows[c].tolist() for c in ("name", "kind", "adm3_name", "adm2_name"))
    return {
        code: TaskPlace(name, kind, district, short_regency(regency))
        for code, name, kind, district, regency in zip(codes, *columns, strict=True)
    }


def _identity(task: PlannedTask) -> tuple[str, str]:
    return str(task.kind), task.adm4_code


def _known(connection: Connection, warning_id: str) -> dict[tuple[str, str], RowMapping]:
    rows = connection.execute(select(tasks).where(tasks.c.warning_id == warning_id)).mappings()
    return {(row["kind"], row["adm4_code"]): row for row in rows}


def _refresh(
    connection: Connection,
    version: Version,
    row: dict[str, Any],
    known: RowMapping,
    at: datetime,
) -> bool:
    """Bring a known task up to the newest plan; whether its coordinator is to be asked."""
    if known["state"] in ANSWERED - {TaskState.RECALLED}:
        return False
    row = {name: value for name, value in row.items() if name != "created_at"}
    recalled = {name: known["body"][name] for name in _RECALLED if name in known["body"]}
    row["body"] = {**row["body"], **recalled}
    if known["state"] in WAITING:
        same_team = ("team_id", "coordinator_id", "eta_min", "state", "shelter_id")
        row.update({name: known[name] for name in same_team})
        kept = {name: known["body"].get(name) for name in ("team", "asked_at", "legs")}
        row["body"] = {**row["body"], **kept}
    idle = (TaskState.PLANNED, TaskState.RECALLED)
    newly = known["state"] in idle and row["state"] == TaskState.SENT
    change = tasks.update().where(tasks.c.task_id == known["task_id"])
    held = {name: known[name] for name in ("state", "assigned_to")}
    connection.execute(change.values(**{**row, **held}))
    if newly:
        word = Word(
            TaskTrigger.ASK, at, SYSTEM, "system", f"plan/{version.version}/{known['fence']}",
            assigned_to=row["coordinator_id"],
        )  # fmt: skip
        take(connection, known["task_id"], word)
    return newly or (known["state"] in WAITING and known["version"] == version.version)


def _row(version: Version, task: PlannedTask, names: TaskNames, at: datetime) -> dict[str, Any]:
    asked = task.team_id is not None and task.coordinator_id is not None
    return {
        "warning_id": version.warning_id,
        "version": version.version,
        "kind": str(task.kind),
        "adm4_code": task.adm4_code,
        "level": task.level,
        "people": task.people,
        "team_id": task.team_id,
        "shelter_id": task.shelter_id,
        "coordinator_id": task.coordinator_id,
        "eta_min": task.eta_min,
        "unmet_people": task.unmet_people,
        "state": str(TaskState.SENT if asked else TaskState.PLANNED),
        "assigned_to": task.coordinator_id if asked else None,
        "created_at": iso(at),
        "body": {
            "mobilisation_min": task.mobilisation_min,
            "after": task.after,
            "note": task.note,
            "legs": [leg.model_dump(mode="json", exclude_defaults=True) for leg in task.legs],
            "deadline": iso(task.deadline) if task.deadline else None,
            "team": names.teams.get(task.team_id or "", ""),
            "shelter": names.shelters.get(task.shelter_id or "", ""),
            "status": version.body.status,
            "hazard_id": str(version.body.hazard_id),
            "asked_at": iso(at) if asked else None,
        },
    }


def _numbers(
    connection: Connection,
    warning_id: str,
    planned: Sequence[PlannedTask],
    known: Mapping[tuple[str, str], RowMapping],
) -> list[str]:
    """The number of each task: its own, or the first free one of its candidates.

    Raises:
        DataError: every candidate of a task is taken.
    """
    first = [_candidate(warning_id, t, 0) for t in planned if _identity(t) not in known]
    taken = _taken(connection, first)
    found = []
    for task in planned:
        own = known.get(_identity(task))
        number = own["task_id"] if own else _free(connection, warning_id, task, taken)
        taken.add(number)
        found.append(number)
    return found


def _candidate(warning_id: str, task: PlannedTask, attempt: int) -> str:
    return candidate(warning_id, str(task.kind), task.adm4_code, attempt=attempt)


def _taken(connection: Connection, numbers: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(numbers), _CHUNK):
        query = select(tasks.c.task_id).where(tasks.c.task_id.in_(numbers[start : start + _CHUNK]))
        found.update(connection.execute(query).scalars())
    return found


def _free(connection: Connection, warning_id: str, task: PlannedTask, taken: set[str]) -> str:
    for attempt in range(_ATTEMPTS):
        number = _candidate(warning_id, task, attempt)
        if number not in taken and (attempt == 0 or not _taken(connection, [number])):
            return number
    raise DataError(
        f"no free task number for {task.kind} in {task.adm4_code} after {_ATTEMPTS} tries; "
        "archive old tasks"
    )


def _message(
    version: Version,
    task_id: str,
    task: PlannedTask,
    place: TaskPlace,
    names: TaskNames,
    *,
    again: int,
) -> Message:
    """`again`: how often the task was taken back; each time it is asked for anew."""
    key = f"{version.ref.identifier}/{task_id}" + (f"/{again}" if again else "")
    text = task_sms(
        task_id,
        task,
        place,
        hazard=HazardId(version.body.hazard_id),
        shelter=names.shelters.get(task.shelter_id or "", ""),
        status=version.body.status,
    )
    return Message(
        message_id=key,
        alert_version=key,
        purpose="task",
        channel="sms",
        area_code=task.adm4_code,
        level=task.level,
        prio=prio(task_class(task.level), "sms"),
        text=text,
        payload=None,
        recipient_ids=(task.coordinator_id or "",),
        role="coordinator",
    )
