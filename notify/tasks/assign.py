"""A person gives a task to somebody else: that one is asked, at once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, RowMapping, select

from kentongan import audit
from kentongan.db import recipients
from kentongan.errors import RuleViolation
from kentongan.escalation_policy import Rung
from kentongan.task_life import OVER, TaskTrigger
from kentongan.transactions import writing
from notify import versions
from notify.firewall.gate import RECORDER_ONLY, Routes
from notify.sending.outbox import write
from notify.tasks import rung_messages
from notify.tasks.rung_messages import Case, Told
from notify.tasks.steps import Taken, Word, take, task
from notify.versions import Version

if TYPE_CHECKING:
    import pandas as pd


def assign(
    engine: Engine,
    task_id: str,
    person: str,
    *,
    at: datetime,
    actor: str,
    areas: pd.DataFrame,
    routes: Routes = RECORDER_ONLY,
) -> Taken:
    """Ask `person` for a task, whoever was asked or has accepted before.

    Raises:
        RuleViolation: the task is over, its warning is not in force, or nobody who serves has
            that id.
    """
    with writing(engine) as connection:
        row = task(connection, task_id)
        version = _in_force(connection, row, at)
        role = _role(connection, task_id, person)
        taken = _ask(connection, row, person, actor, at)
        place = rung_messages.places(connection, areas, [task_id])[row["adm4_code"]]
        told = Told(Case(task(connection, task_id), version, place, at), Rung.DEPUTY, person)
        write(
            connection, version.ref, rung_messages.message([told], "sms", role=role, at=at),
            at=at, not_after=version.body.expires, routes=routes.open_to(version.body.status),
        )  # fmt: skip
        body = {"task_id": task_id, "to": person, "before": row["state"]}
        audit.append(connection, at=at, actor=actor, action="task.assign", body=body)
    return taken


def _in_force(connection: Connection, row: RowMapping, at: datetime) -> Version:
    version = versions.newest_released(connection, row["warning_id"])
    over = version is None or version.body.is_end or version.body.expires <= at
    if version is None or over or row["state"] in OVER:
        raise RuleViolation(
            f"task {row['task_id']} is {row['state']}, or its warning is over: nobody is asked"
        )
    return version


def _role(connection: Connection, task_id: str, person: str) -> str:
    query = select(recipients.c.role).where(
        recipients.c.recipient_id == person, recipients.c.active
    )
    role: str | None = connection.execute(query).scalar()
    if role not in ("coordinator", "official"):
        raise RuleViolation(
            f"task {task_id}: expected a coordinator or an official of the registry, found "
            f"{f'a {role}' if role else 'nobody'} of id {person!r}"
        )
    return role


def _ask(connection: Connection, row: RowMapping, person: str, actor: str, at: datetime) -> Taken:
    """Whoever holds it is relieved first: a task that is held is asked of nobody."""
    cause = f"assign/{row['fence']}/{actor}"[:110]
    note = f"reassigned to {person}"
    relieved = Word(TaskTrigger.DECLINE, at, actor, "operator", f"{cause}/free", note=note)
    take(connection, row["task_id"], relieved)
    asked = Word(TaskTrigger.ASK, at, actor, "operator", cause, note=person, assigned_to=person)
    return take(connection, row["task_id"], asked)
