"""A carrier's receipt for a request is a step of its task: the telephone has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, select

from kentongan.db import messages, outbox, tasks
from kentongan.task_life import TaskState, TaskTrigger
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.tasks.steps import SYSTEM, Word, take
from notify.versions import Version

_TASK = re.compile(r"/(T\d{6,9})(?:/|$)")


def note_received(engine: Engine, held: Sequence[Version], *, at: datetime) -> list[str]:
    """Tasks whose request was delivered to whoever is asked now; again it does nothing.

    A receipt is no answer: silence goes on escalating. Its absence means nothing (receipts get
    lost), so no task waits for one.
    """
    waiting = _waiting(engine, [version.warning_id for version in held])
    if not waiting:
        return []
    delivered = _delivered(engine, [version.warning_id for version in held], waiting)
    noted = []
    with writing(engine) as connection:
        for task_id in delivered:
            word = Word(
                TaskTrigger.RECEIVE, at, waiting[task_id], "system", f"receipt/{waiting[task_id]}"
            )
            if take(connection, task_id, word).changed:
                noted.append(task_id)
    return noted


def _waiting(engine: Engine, warning_ids: Sequence[str]) -> dict[str, str]:
    """Task -> who is asked, of those without a word yet."""
    query = select(tasks.c.task_id, tasks.c.assigned_to, tasks.c.coordinator_id).where(
        tasks.c.warning_id.in_(warning_ids), tasks.c.state == str(TaskState.SENT)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return {row.task_id: row.assigned_to or row.coordinator_id or SYSTEM for row in rows}


def _delivered(engine: Engine, warning_ids: Sequence[str], waiting: dict[str, str]) -> list[str]:
    query = (
        select(outbox.c.message_id, outbox.c.recipient_id)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.purpose == "task", messages.c.warning_id.in_(warning_ids))
        .where(outbox.c.state == OutboxState.DELIVERED)
        .order_by(outbox.c.id)
    )
    found: dict[str, None] = {}
    with engine.connect() as connection:
        for message_id, person in connection.execute(query):
            match = _TASK.search(message_id)
            if match and waiting.get(match[1]) == person:
                found[match[1]] = None
    return list(found)
