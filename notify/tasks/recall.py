"""Tasks taken back: nobody whom we asked stays in a tsunami zone that was drawn later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, RowMapping, select, update

from kentongan import audit
from kentongan.db import messages, outbox, tasks
from kentongan.task_life import FREE, TaskTrigger
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import HazardId, Level, OutboxState, TaskKind
from notify import versions
from notify.firewall.gate import RECORDER_ONLY, Routes
from notify.sending.messages import Message
from notify.sending.outbox import write
from notify.sending.rows import lock, precise
from notify.tasks.steps import SYSTEM, Word, take
from notify.tasks.store import TaskNames, places_of
from notify.tasks.texts import TaskPlace, recall_sms
from notify.versions import Version

if TYPE_CHECKING:
    import pandas as pd

NO_ENTRY = "Zona peringatan tsunami: jangan masuk sebelum PD-4"
PRIO_RECALL = -2
"""Before every Awas SMS (0) and every correction (-1): a few dozen messages, to people who are on
their way into the water."""
_UNSENT = (OutboxState.READY, OutboxState.LEASED, OutboxState.ON_WIRE)


@dataclass(frozen=True)
class _Recall:
    """One task, and the zone that it leads into."""

    task: RowMapping
    village: str
    """Inside the zone: the village that is helped, or that of the shelter."""
    zone: Version


def recall(
    engine: Engine,
    held: Sequence[Version],
    *,
    areas: pd.DataFrame,
    shelters: pd.DataFrame,
    at: datetime,
    routes: Routes = RECORDER_ONLY,
) -> list[str]:
    """Take back every task in force that has a team and leads into a tsunami zone.

    The task is open again without team; its request is not sent any more where it still
    waits; its coordinator gets one SMS, at once. Whole or not at all; again it does nothing.

    Args:
        held: the warnings in force (`notify.life.active_warnings`); tasks of any other
            warning are left alone, and so are Actual tasks by a zone that is not Actual.
        shelters: columns of `kentongan.areas.SHELTERS`.

    Returns:
        Numbers of the tasks taken back, ascending.
    """
    zones = _zones(held)
    if not zones:
        return []
    homes = dict(zip(shelters["shelter_id"].tolist(), shelters["adm4_code"].tolist(), strict=True))
    with writing(engine) as connection:
        for warning_id in sorted({v.warning_id for v in held}):
            versions.lock(connection, warning_id)
        found = list(_concerned(connection, held, zones, homes))
        if not found:
            return []
        places = _places(areas, {one.village for one in found})
        names = TaskNames.of(None, shelters)
        for one in found:
            _take_back(connection, one, at)
        _tell(connection, [(one, _message(one, places, names)) for one in found], at, routes)
        _note(connection, found, at)
    return [one.task["task_id"] for one in found]


def _places(areas: pd.DataFrame, codes: set[str]) -> dict[str, TaskPlace]:
    """Names of villages; one that the layer set no longer holds goes by its code."""
    known = sorted(codes & set(areas["adm4_code"].tolist()))
    strange = {code: TaskPlace(code, "Desa", code[:8], code[:5]) for code in codes}
    return {**strange, **places_of(areas, known)}


def _zones(held: Sequence[Version]) -> dict[str, list[Version]]:
    """Village -> tsunami warnings whose zone it lies in, highest level first."""
    zones: dict[str, list[Version]] = {}
    for version in held:
        if version.body.hazard_id is not HazardId.TSUNAMI or version.body.is_end:
            continue
        for code, level in version.body.levels.items():
            if level >= Level.WASPADA:
                zones.setdefault(code, []).append(version)
    return {
        code: sorted(found, key=lambda v: (-v.body.levels[code], v.warning_id))
        for code, found in zones.items()
    }


def _concerned(
    connection: Connection,
    held: Sequence[Version],
    zones: Mapping[str, list[Version]],
    homes: Mapping[str, str],
) -> Iterable[_Recall]:
    query = (
        select(tasks)
        .where(tasks.c.warning_id.in_(sorted({v.warning_id for v in held})))
        .where(tasks.c.team_id.is_not(None), tasks.c.state.not_in(FREE))
        .order_by(tasks.c.task_id)
    )
    for task in connection.execute(query).mappings().all():
        receives = task["kind"] == TaskKind.RECEIVE
        village = homes.get(task["shelter_id"], "") if receives else task["adm4_code"]
        zone = next((v for v in zones.get(village, ()) if _may(v, task)), None)
        if zone is not None:
            yield _Recall(task, village, zone)


def _may(zone: Version, task: RowMapping) -> bool:
    """An exercise never calls back a real team."""
    return zone.body.status == "Actual" or task["body"].get("status") != "Actual"


def _take_back(connection: Connection, one: _Recall, at: datetime) -> None:
    task = one.task
    body = {
        **task["body"],
        "recalled_at": iso(at),
        "recalled_team": task["team_id"],
        "recalls": task["body"].get("recalls", 0) + 1,
        "note": NO_ENTRY,
        "after": "PD-4",
        "team": "",
        "legs": [],
        "asked_at": None,
    }
    cause = f"zone/{body['recalls']}/{one.zone.ref.identifier}"[:120]
    note = f"{NO_ENTRY} ({one.village})"
    word = Word(TaskTrigger.TAKE_BACK, at, SYSTEM, "system", cause, note=note)
    take(connection, task["task_id"], word)
    change = tasks.update().where(tasks.c.task_id == task["task_id"])
    unmet = task["people"]
    connection.execute(
        change.values(team_id=None, eta_min=None, unmet_people=unmet, body=body, assigned_to=None)
    )
    asked = select(messages.c.message_id).where(
        messages.c.warning_id == task["warning_id"],
        messages.c.purpose == "task",
        messages.c.area_code == task["adm4_code"],
        messages.c.message_id.contains(f"/{task['task_id']}", autoescape=True),
    )
    waiting = outbox.c.message_id.in_(asked) & outbox.c.state.in_(_UNSENT)
    lock(connection, waiting)
    values: dict[str, Any] = {
        "state": OutboxState.SUPPRESSED, "lease_until": None, "lease_owner": None,
        "last_error": "task taken back", "final_at": precise(at),
    }  # fmt: skip
    connection.execute(update(outbox).where(waiting).values(values))


def _tell(
    connection: Connection,
    made: Sequence[tuple[_Recall, Message]],
    at: datetime,
    routes: Routes,
) -> None:
    by_zone: dict[str, list[tuple[_Recall, Message]]] = {}
    for one, message in made:
        by_zone.setdefault(one.zone.warning_id, []).append((one, message))
    for _, group in sorted(by_zone.items()):
        zone = group[0][0].zone
        write(
            connection,
            zone.ref,
            [message for _, message in group if message.recipient_ids],
            at=at,
            not_after=zone.body.expires,
            routes=routes.open_to(zone.body.status),
        )


def _message(one: _Recall, places: Mapping[str, TaskPlace], names: TaskNames) -> Message:
    task, zone = one.task, one.zone
    key = f"{zone.ref.identifier}/recall/{task['task_id']}"
    shelter = names.shelters.get(task["shelter_id"] or "", "")
    coordinator = task["coordinator_id"]
    return Message(
        message_id=key,
        alert_version=key,
        purpose="task",
        channel="sms",
        area_code=one.village,
        level=max(task["level"], zone.body.levels[one.village]),
        prio=PRIO_RECALL,
        text=recall_sms(
            task["task_id"],
            places[one.village],
            shelter=shelter if task["kind"] == TaskKind.RECEIVE else "",
            status=zone.body.status,
        ),
        payload=None,
        recipient_ids=(coordinator,) if coordinator else (),
        role="coordinator",
    )


def _note(connection: Connection, found: Sequence[_Recall], at: datetime) -> None:
    """One row of the audit for each zone that called somebody back."""
    by_zone: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        line = {name: one.task[name] for name in ("task_id", "team_id", "coordinator_id")}
        by_zone.setdefault(one.zone.ref.identifier, []).append({**line, "village": one.village})
    for identifier, lines in sorted(by_zone.items()):
        body = {"zone": identifier, "tasks": lines}
        audit.append(connection, at=at, actor="kentongan", action="task.recall", body=body)
