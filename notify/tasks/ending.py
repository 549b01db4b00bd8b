"""Tasks of warnings that are over are recalled: nobody is sent for a danger that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select

from kentongan.db import alerts, tasks, warning_states, warnings
from kentongan.task_life import HELD, OVER, TaskTrigger
from kentongan.transactions import writing
from kentongan.types import WarningState
from notify.tasks.steps import SYSTEM, Word, take

NOTE = {
    "cancel": "peringatan dibatalkan",
    "all-clear": "peringatan berakhir",
    "expired": "peringatan habis masa berlakunya",
}


def end_tasks(engine: Engine, at: datetime) -> list[str]:
    """Recall what is open of warnings that are over; numbers of the tasks. Again it does nothing.

    A cancel recalls every task. After an all-clear, or when a warning has run out, whoever has said
    yes finishes and reports; what nobody has taken is recalled.
    """
    recalled = []
    with writing(engine) as connection:
        for warning_id, version, how in _over(connection):
            query = select(tasks.c.task_id).where(
                tasks.c.warning_id == warning_id, tasks.c.state.not_in(OVER)
            )
            if how != "cancel":
                query = query.where(tasks.c.state.not_in(HELD))
            for task_id in connection.execute(query.order_by(tasks.c.task_id)).scalars().all():
                cause = f"end/{version}/{how}"
                take(connection, task_id, Word(
                    TaskTrigger.END, at, SYSTEM, "system", cause, note=NOTE[how],
                ))  # fmt: skip
                recalled.append(task_id)
    return recalled


def _over(connection: Connection) -> Iterator[tuple[str, int, str]]:
    """Warnings with open tasks whose newest alert is an end, or has run out: id, version, how."""
    newest = (
        select(alerts.c.warning_id, func.max(alerts.c.version).label("version"))
        .where(alerts.c.warning_id.in_(_with_open_tasks()))
        .group_by(alerts.c.warning_id)
        .subquery()
    )
    state = (
        select(warning_states.c.state)
        .where(
            warning_states.c.warning_id == newest.c.warning_id,
            warning_states.c.version == newest.c.version,
        )
        .order_by(warning_states.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(
            newest.c.warning_id, newest.c.version, warnings.c.msg_type, warnings.c.all_clear, state
        )
        .join(
            warnings,
            (warnings.c.warning_id == newest.c.warning_id)
            & (warnings.c.version == newest.c.version),
        )
        .order_by(newest.c.warning_id)
    )
    for warning_id, version, msg_type, all_clear, now in connection.execute(query).all():
        if msg_type == "Cancel":
            yield warning_id, version, "cancel"
        elif all_clear or now == WarningState.ENDED:
            yield warning_id, version, "all-clear"
        elif now == WarningState.EXPIRED:
            yield warning_id, version, "expired"


def _with_open_tasks() -> Select[Any]:
    return select(tasks.c.warning_id).where(tasks.c.state.not_in(OVER)).distinct()
