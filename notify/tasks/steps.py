"""What happens to a task, step by step: the only place that changes its state.

A step is a row of `task_steps`, numbered by the task's fence. Two programs that act on one state
write the same number, so one of them starts again from what the other made of it; a cause (a
message, a click, an escalation) is one step however often it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from kentongan.db import insert_ignore, task_steps, tasks
from kentongan.errors import DataError
from kentongan.task_life import WAITING, TaskState, TaskTrigger, after
from notify.sending.told import precise

SYSTEM = "kentongan"
_TRIES = 8
"""Programs that act on one task in the same moment."""

_TASK = select(tasks).where(tasks.c.task_id == bindparam("task_id"))
_TOLD = select(task_steps.c.state).where(
    task_steps.c.task_id == bindparam("task_id"), task_steps.c.cause == bindparam("cause")
)
"""Made once: each word on a task asks both."""


@dataclass(frozen=True)
class Word:
    """What somebody, or the system, says about a task."""

    trigger: TaskTrigger
    at: datetime
    actor: str
    """Recipient or account; never a number."""
    via: str
    """`system`, `sms`, `link`, `operator`."""
    cause: str
    """What it comes from, at most 120 characters: `inbound/17`, `escalation/2`. The same cause
    about the same task is one step."""
    people: int | None = None
    """Brought to safety, where they say so."""
    note: str = ""
    assigned_to: str | None = None
    """Who is asked now (ASK), or who takes it over (ACCEPT)."""


@dataclass(frozen=True)
class Taken:
    """What became of a word."""

    task_id: str
    before: TaskState
    now: TaskState
    repeated: bool = False
    """The same cause had been told before: nothing was written."""

    @property
    def changed(self) -> bool:
        return self.before is not self.now and not self.repeated


def take(connection: Connection, task_id: str, word: Word) -> Taken:
    """Let a word act on a task, and write it down whether it changes the state or not.

    Raises:
        DataError: no task of that number.
    """
    for _ in range(_TRIES):
        row = task(connection, task_id)
        before = TaskState(row["state"])
        if (told := _told_before(connection, task_id, word.cause)) is not None:
            return Taken(task_id, told, before, repeated=True)
        now = after(before, word.trigger) or before
        if _write(connection, row, now, word):
            return Taken(task_id, before, now)
    raise DataError(f"task {task_id}: changed by others {_TRIES} times while one step was written")


def task(connection: Connection, task_id: str) -> RowMapping:
    """The row of a task.

    Raises:
        DataError: no task of that number.
    """
    row = connection.execute(_TASK, {"task_id": task_id}).mappings().first()
    if row is None:
        raise DataError(f"task {task_id}: expected the number of a task, found none of that number")
    return row


def begin(connection: Connection, rows: Sequence[dict[str, Any]], at: datetime) -> None:
    """The first step of new tasks: planned, or sent where somebody is asked at once."""
    first = [
        {
            "task_id": row["task_id"],
            "fence": 0,
            "state": row["state"],
            "at": precise(at),
            "actor": SYSTEM,
            "via": "system",
            "people": None,
            "note": "",
            "cause": f"plan/{row['version']}",
        }
        for row in rows
    ]
    if first:
        connection.execute(insert_ignore(connection, task_steps), first)


def steps_of(connection: Connection, task_id: str) -> list[RowMapping]:
    """Every step of a task, oldest first."""
    query = select(task_steps).where(task_steps.c.task_id == task_id).order_by(task_steps.c.fence)
    return list(connection.execute(query).mappings())


def _told_before(connection: Connection, task_id: str, cause: str) -> TaskState | None:
    found = connection.execute(_TOLD, {"task_id": task_id, "cause": cause}).scalar()
    return TaskState(found) if found else None


def _write(connection: Connection, row: RowMapping, now: TaskState, word: Word) -> bool:
    """The step and the new state; False where somebody else was first."""
    fence = row["fence"] + 1
    step = {
        "task_id": row["task_id"],
        "fence": fence,
        "state": str(now),
        "at": precise(word.at),
        "actor": word.actor,
        "via": word.via,
        "people": word.people,
        "note": word.note,
        "cause": word.cause,
    }
    if connection.execute(insert_ignore(connection, task_steps), step).rowcount != 1:
        return False
    change = tasks.update().where(tasks.c.task_id == row["task_id"], tasks.c.fence == row["fence"])
    connection.execute(change.values(fence=fence, **_figures(row, now, word)))
    return True


def _figures(row: RowMapping, now: TaskState, word: Word) -> dict[str, Any]:
    figures: dict[str, Any] = {"state": str(now)}
    if word.people is not None:
        figures["people_done"] = word.people
    if word.assigned_to is not None:
        figures["assigned_to"] = word.assigned_to
    if word.trigger is TaskTrigger.ASK or now not in WAITING:
        figures["due_at"] = None
    if now is not TaskState(row["state"]) and now not in WAITING:
        figures["escalation"] = 0
    return figures
