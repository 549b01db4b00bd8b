"""All tasks that matter now, as a board: what needs a person comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, RowMapping, func, select

from kentongan.db import task_steps, tasks
from kentongan.escalation_policy import Rung
from kentongan.task_life import OVER, WAITING, TaskState
from kentongan.times import parse_instant
from notify.tasks.listing import TaskLine, task_lines
from notify.tasks.progress import Progress, stage_of

if TYPE_CHECKING:
    import pandas as pd


class Column(StrEnum):
    """Where a card lies, the most urgent first."""

    EYES = "eyes"
    """Nobody is asked, nobody answers, or who said yes is silent: somebody here has to act."""
    ASKED = "asked"
    UNDER_WAY = "under-way"
    DONE = "done"


_COLUMN = {
    Progress.OPEN: Column.EYES,
    Progress.STUCK: Column.EYES,
    Progress.ASKED: Column.ASKED,
    Progress.ACCEPTED: Column.UNDER_WAY,
    Progress.CLEARED: Column.DONE,
}


@dataclass(frozen=True)
class Card:
    line: TaskLine
    column: Column
    progress: Progress
    rungs: tuple[Rung, ...]
    """Of the ladder of escalation, those that were taken since the task was last asked."""
    due_at: datetime | None
    """When silence takes the next rung; None: nobody waits."""
    asked: str
    """Who holds it, or was asked last; empty: nobody."""

    @property
    def order(self) -> tuple[int, int, int, str]:
        columns = list(Column)
        line = self.line
        return (columns.index(self.column), -line.level, -line.people, line.task_id)


def cards(
    engine: Engine, warning_ids: Sequence[str], areas: pd.DataFrame, at: datetime
) -> list[Card]:
    """Cards of these warnings' tasks; those that were recalled are gone."""
    found: list[Card] = []
    for warning_id in warning_ids:
        rows = _rows(engine, warning_id)
        for line in task_lines(engine, warning_id, areas):
            row = rows.get(line.task_id)
            if row is not None:
                found.append(_card(line, row, at))
    return sorted(found, key=lambda card: card.order)


@dataclass(frozen=True)
class Need:
    """A task that somebody here has to act on."""

    task_id: str
    adm4_code: str
    level: int
    people: int
    created_at: datetime
    climbed: bool
    """It rose to the top of the ladder, and nobody answered."""


def needs(engine: Engine, warning_ids: Sequence[str], at: datetime) -> list[Need]:
    """What lies in the column `EYES`, without names: first those that climbed to the top, then by
    level and people."""
    found = [
        Need(
            task_id=row["task_id"],
            adm4_code=row["adm4_code"],
            level=row["level"],
            people=row["people"],
            created_at=parse_instant(row["created_at"]),
            climbed=row["escalation"] >= len(Rung),
        )
        for warning_id in warning_ids
        for row in _rows(engine, warning_id).values()
        if _COLUMN[stage_of(row, at)] is Column.EYES
    ]
    return sorted(found, key=lambda one: (not one.climbed, -one.level, -one.people, one.task_id))


def _rows(engine: Engine, warning_id: str) -> dict[str, RowMapping]:
    last = (
        select(task_steps.c.task_id, func.max(task_steps.c.at).label("last"))
        .group_by(task_steps.c.task_id)
        .subquery()
    )
    query = (
        select(tasks, last.c.last)
        .join(last, last.c.task_id == tasks.c.task_id, isouter=True)
        .where(tasks.c.warning_id == warning_id, tasks.c.state != str(TaskState.RECALLED))
    )
    with engine.connect() as connection:
        return {row["task_id"]: row for row in connection.execute(query).mappings()}


def _card(line: TaskLine, row: RowMapping, at: datetime) -> Card:
    stage = stage_of(row, at)
    state = TaskState(row["state"])
    due = row["due_at"] if state in WAITING else None
    return Card(
        line=line,
        column=_COLUMN[stage],
        progress=stage,
        rungs=() if state in OVER else tuple(Rung)[: row["escalation"]],
        due_at=parse_instant(due) if due else None,
        asked=row["assigned_to"] or row["coordinator_id"] or "",
    )


@dataclass(frozen=True)
class Sums:
    """Of one column."""

    tasks: int
    people: int
    unmet: int
    done: int
    """People brought to safety or helped, as reported."""


def sums(found: Iterable[Card]) -> dict[Column, Sums]:
    """Column -> its sums; every column, in order."""
    split: dict[Column, list[TaskLine]] = {column: [] for column in Column}
    for card in found:
        split[card.column].append(card.line)
    return {
        column: Sums(
            len(lines),
            sum(line.people for line in lines),
            sum(line.unmet_people for line in lines),
            sum(line.people_done or 0 for line in lines),
        )
        for column, lines in split.items()
    }


def watermark(connection: Connection) -> tuple[int, int]:
    """Changes when any task does: number of tasks, newest step."""
    count = connection.execute(select(func.count()).select_from(tasks)).scalar_one()
    step = connection.execute(select(func.max(task_steps.c.id))).scalar()
    return count, step or 0
