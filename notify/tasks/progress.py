"""How far help has come in each village of a warning. Evidence for people; it changes no hazard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine, RowMapping, func, select

from kentongan.db import task_steps, tasks
from kentongan.escalation_policy import Rung
from kentongan.task_life import HELD, WAITING, TaskState
from kentongan.times import parse_instant

LEAST_QUIET = timedelta(minutes=60)
SLOW = 2.0
"""Somebody who said yes is stuck after twice the time that the way takes, and at least an hour,
without a word. Unconfirmed: no standard was found."""


class Progress(StrEnum):
    """Of a village, the one that needs eyes first."""

    OPEN = "open"
    """Nobody has been found."""
    STUCK = "stuck"
    """Nobody answers, or who said yes is silent for long."""
    ASKED = "asked"
    ACCEPTED = "accepted"
    CLEARED = "cleared"
    """Whoever was there says that it is done."""


@dataclass(frozen=True)
class VillageProgress:
    adm4_code: str
    progress: Progress
    tasks: int
    people: int
    people_done: int
    """As reported; 0 where nobody gave a number."""


def progress_of(
    engine: Engine, warning_id: str, at: datetime, *, kind: str | None = None
) -> dict[str, VillageProgress]:
    """By village, of all tasks or of one kind."""
    last = (
        select(task_steps.c.task_id, func.max(task_steps.c.at).label("last"))
        .group_by(task_steps.c.task_id)
        .subquery()
    )
    query = (
        select(tasks, last.c.last)
        .join(last, last.c.task_id == tasks.c.task_id, isouter=True)
        .where(tasks.c.warning_id == warning_id, tasks.c.state != str(TaskState.RECALLED))
        .order_by(tasks.c.adm4_code, tasks.c.task_id)
    )
    if kind is not None:
        query = query.where(tasks.c.kind == str(kind))
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    villages: dict[str, list[RowMapping]] = {}
    for row in rows:
        villages.setdefault(row["adm4_code"], []).append(row)
    return {code: _village(code, found, at) for code, found in villages.items()}


def cleared(progress: Mapping[str, VillageProgress]) -> frozenset[str]:
    """Villages that whoever was there reports as clear."""
    return frozenset(c for c, one in progress.items() if one.progress is Progress.CLEARED)


def _village(code: str, rows: Sequence[RowMapping], at: datetime) -> VillageProgress:
    return VillageProgress(
        adm4_code=code,
        progress=_worst(stage_of(row, at) for row in rows),
        tasks=len(rows),
        people=max(row["people"] for row in rows),
        people_done=sum(row["people_done"] or 0 for row in rows),
    )


def _worst(found: Iterable[Progress]) -> Progress:
    order = list(Progress)
    return min(found, key=order.index)


def stage_of(row: RowMapping, at: datetime) -> Progress:
    """Of one task: its row, with `last`, the time of its newest step."""
    state = TaskState(row["state"])
    if state is TaskState.DONE:
        return Progress.CLEARED
    if state in HELD:
        return Progress.STUCK if _is_silent(row, at) else Progress.ACCEPTED
    if row["escalation"] >= len(Rung):
        return Progress.STUCK
    if state in WAITING or state in (TaskState.DECLINED, TaskState.FAILED):
        return Progress.ASKED
    return Progress.OPEN


def _is_silent(row: RowMapping, at: datetime) -> bool:
    """A way over an hour is given twice its time."""
    minutes = (row["eta_min"] or 0) + row["body"].get("mobilisation_min", 0)
    quiet = max(LEAST_QUIET, timedelta(minutes=SLOW * minutes))
    return row["last"] is not None and at - parse_instant(row["last"]) > quiet


def counts(progress: Mapping[str, VillageProgress]) -> dict[str, int]:
    """Villages by progress, all words."""
    found = [one.progress for one in progress.values()]
    return {str(word): found.count(word) for word in Progress}
