"""What an escalation says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, select

from kentongan.db import tasks
from kentongan.escalation_policy import ASKS, Rung
from kentongan.plan import PlannedTask
from kentongan.times import compact, parse_instant
from kentongan.types import HazardId
from notify.firewall.gate import Marked, mark
from notify.sending.messages import Message
from notify.sending.urgency import Class, prio
from notify.tasks.store import places_of
from notify.tasks.texts import TaskPlace, repeat_sms, summary_sms, task_sms, unanswered_sms
from notify.versions import Version

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Case:
    """One task at one moment."""

    row: RowMapping
    version: Version
    """Of its warning, in force."""
    place: TaskPlace
    at: datetime

    @property
    def minutes(self) -> int:
        """Since somebody was first asked."""
        asked = parse_instant(self.row["body"].get("asked_at") or self.row["created_at"])
        return max(1, round((self.at - asked).total_seconds() / 60))


@dataclass(frozen=True)
class Told:
    """Somebody who is reached by a rung."""

    case: Case
    rung: Rung
    to_id: str
    channel: str = "sms"


MANY = 4
"""Tasks from which on one person gets one message that counts them: a telephone that rings fifty
times is put away."""


def message(told: Sequence[Told], channel: str, *, role: str, at: datetime) -> list[Message]:
    """What one person gets of one warning: a message for each task, or one for many."""
    if len(told) < MANY:
        return [_one(one, channel, role) for one in told]
    first = told[0].case
    text = summary_sms(
        [one.case.row["task_id"] for one in told],
        sum(one.case.row["people"] for one in told),
        first.place,
        asked=told[0].rung in ASKS,
        minutes=max(one.case.minutes for one in told),
        status=first.version.body.status,
    )
    key = f"{first.version.ref.identifier}/escalation/{told[0].to_id}/{channel}/{compact(at)}"
    return [_made(key, text, first, channel, role, told[0].to_id)]


def _one(told: Told, channel: str, role: str) -> Message:
    case = told.case
    row = case.row
    key = f"{case.version.ref.identifier}/{row['task_id']}/e{row['fence']}-{told.rung}"
    return _made(key, text_of(case, told.rung), case, channel, role, told.to_id)


def _made(key: str, text: Marked, case: Case, channel: str, role: str, to_id: str) -> Message:
    return Message(
        message_id=key,
        alert_version=key,
        purpose="task",
        channel=channel,
        area_code=case.row["adm4_code"],
        level=case.row["level"],
        prio=prio(Class.SIAGA, channel),
        text=text,
        payload=payload_of(case, text) if channel == "push" else None,
        recipient_ids=(to_id,),
        role="official" if role == "official" else "coordinator",
    )


def text_of(case: Case, rung: Rung) -> Marked:
    row, status = case.row, case.version.body.status
    if rung in ASKS:
        shelter = row["body"].get("shelter", "")
        return task_sms(
            row["task_id"], planned_of(row), case.place,
            hazard=HazardId(case.version.body.hazard_id), shelter=shelter, status=status,
        )  # fmt: skip
    say = repeat_sms if rung in (Rung.REPEAT, Rung.NEXT_CHANNEL) else unanswered_sms
    return say(row["task_id"], row["people"], case.place, minutes=case.minutes, status=status)


def payload_of(case: Case, text: str) -> dict[str, Any]:
    """Of a push to somebody who was asked."""
    status = case.version.body.status
    title = mark(f"TUGAS {case.row['task_id']} belum dijawab", status)
    return {"title": title, "body": text, "task": case.row["task_id"], "tag": case.row["task_id"]}


def planned_of(row: RowMapping) -> PlannedTask:
    """The plan behind a row, as far as a text needs it."""
    names = ("kind", "adm4_code", "level", "people", "unmet_people", "team_id", "coordinator_id",
             "shelter_id", "eta_min")  # fmt: skip
    body = {name: row["body"][name] for name in ("mobilisation_min", "after", "note")}
    return PlannedTask.model_validate({**{name: row[name] for name in names}, **body})


def places(
    connection: Connection, areas: pd.DataFrame, task_ids: Sequence[str]
) -> dict[str, TaskPlace]:
    """Names of the villages of these tasks; one that the layer set no longer holds goes by its
    code."""
    query = select(tasks.c.adm4_code).where(tasks.c.task_id.in_(task_ids)).distinct()
    codes = set(connection.execute(query).scalars())
    known = sorted(codes & set(areas["adm4_code"].tolist()))
    strange = {code: TaskPlace(code, "Desa", code[:8], code[:5]) for code in codes}
    return {**strange, **places_of(areas, known)}
