"""A reply → the task that it is about → a step of that task, and one answer.

The task is found by its number; without a number, by being the only one that fits; else we ask
back. Only people who were asked for a task, or told of it, have a say on it; who stands there is
known by the number that wrote, which can be forged: no word here ends or sends a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, exists, or_, select

from kentongan import audit
from kentongan.db import escalations, tasks
from kentongan.task_life import FREE, HELD, OVER, WAITING, TaskState, TaskTrigger
from kentongan.times import iso
from notify.inbox.duty import people_on_duty
from notify.inbox.handling import Handled
from notify.inbox.store import Incoming
from notify.replies import words
from notify.replies.grammar import Meaning, Reply, read_reply
from notify.tasks.steps import Taken, Word, take

KIND = "reply"
_RECENT = timedelta(days=2)
"""A task that is over is still recognised for so long: people answer late."""
_SHORT = 3
"""Words of a text that is an answer rather than a report."""
_T = TaskTrigger
_TRIGGERS = {
    Meaning.ACCEPT: _T.ACCEPT,
    Meaning.DECLINE: _T.DECLINE,
    Meaning.DEPART: _T.DEPART,
    Meaning.ARRIVE: _T.ARRIVE,
    Meaning.FINISH: _T.FINISH,
    Meaning.FAIL: _T.FAIL,
    Meaning.NUMBER: _T.RECEIVE,
}
_OF_HELD = (Meaning.DEPART, Meaning.ARRIVE, Meaning.FINISH, Meaning.FAIL, Meaning.HELP)
_WORD_FOR = {
    Meaning.ACCEPT: "YA", Meaning.DECLINE: "TIDAK", Meaning.DEPART: "JALAN",
    Meaning.ARRIVE: "TIBA", Meaning.FINISH: "SELESAI", Meaning.FAIL: "GAGAL",
}  # fmt: skip
Helped = Callable[[Connection, RowMapping, str, datetime], None]
"""Passes a call for help on: (connection, task, words, at)."""


@dataclass(frozen=True)
class Replies:
    """The handler of the inbox that knows tasks."""

    helped: Helped | None = None

    def __call__(
        self, connection: Connection, message: Incoming, *, at: datetime
    ) -> Handled | None:
        people = people_on_duty(connection, message.sender, message.sender_blind)
        reply = read_reply(message.text)
        if not people:
            return _stranger(connection, reply)
        mine = tasks_of(connection, people, at)
        if not reply.task_ids and reply.meaning is Meaning.UNCLEAR and not _is_short(message):
            return None  # a report, perhaps
        if not mine and not reply.task_ids:
            return _no_task(message, reply)
        chosen = choose(mine, reply)
        if isinstance(chosen, str):
            return Handled(KIND, answer=chosen, detail=str(reply.meaning))
        return self._act(connection, message, chosen, reply, people, at)

    def _act(
        self,
        connection: Connection,
        message: Incoming,
        task: RowMapping,
        reply: Reply,
        people: Sequence[str],
        at: datetime,
    ) -> Handled:
        task_id = task["task_id"]
        if reply.meaning is Meaning.HELP:
            self._help(connection, message, task, people[0], at)
            said = words.HELP.format(task=task_id)
            return Handled(KIND, ref=task_id, answer=said, urgent=True, detail="help")
        if (late := _somebody_else(task, reply, people)) is not None:
            return Handled(KIND, ref=task_id, answer=late, detail="late")
        word = _word(message, reply, people, task, at)
        taken = take(connection, task_id, word)
        return Handled(
            KIND, ref=task_id, answer=_answer(taken, reply), urgent=True, detail=str(taken.now)
        )

    def _help(
        self,
        connection: Connection,
        message: Incoming,
        task: RowMapping,
        person: str,
        at: datetime,
    ) -> None:
        told = {"task_id": task["task_id"], "by": person, "inbound_id": message.inbound_id}
        audit.append(connection, at=at, actor=person, action="task.help", body=told)
        note = f"BANTUAN: {message.text[:200]}"
        cause = f"inbound/{message.inbound_id}"
        take(connection, task["task_id"], Word(_T.RECEIVE, at, person, "sms", cause, note=note))
        if self.helped is not None:
            self.helped(connection, task, message.text, at)


_PEOPLE: BindParameter[Any] = bindparam("people", expanding=True)
_MINE = or_(
    tasks.c.assigned_to.in_(_PEOPLE),
    tasks.c.coordinator_id.in_(_PEOPLE),
    exists().where(escalations.c.task_id == tasks.c.task_id, escalations.c.to_id.in_(_PEOPLE)),
)
_TASKS_OF = (
    select(tasks)
    .where(_MINE, or_(tasks.c.state.not_in(OVER), tasks.c.created_at >= bindparam("since")))
    .order_by(tasks.c.level.desc(), tasks.c.task_id)
)
"""Made once: each reply asks it."""


def tasks_of(connection: Connection, people: Sequence[str], at: datetime) -> list[RowMapping]:
    """Tasks on which these people have a say, the most urgent first."""
    given = {"people": list(people), "since": iso(at - _RECENT)}
    return list(connection.execute(_TASKS_OF, given).mappings())


def choose(mine: Sequence[RowMapping], reply: Reply) -> RowMapping | str:
    """The task that a reply is about, or what to ask back."""
    by_id = {task["task_id"]: task for task in mine}
    if len(reply.task_ids) == 1:
        task_id = reply.task_ids[0]
        found = by_id.get(task_id)
        if found is None:
            return words.NOT_YOURS.format(task=task_id)
        if reply.meaning is Meaning.UNCLEAR:
            return words.UNCLEAR.format(task=task_id)
        return found
    fitting = [task for task in mine if _fits(task, reply.meaning)]
    if reply.meaning in _OF_HELD:  # what somebody works on, before what they have not answered
        fitting = [task for task in fitting if task["state"] in HELD] or fitting
    ids = [task["task_id"] for task in fitting]
    word = _WORD_FOR.get(reply.meaning, "YA atau TIDAK")
    if len(reply.task_ids) > 1:
        return words.which(word, reply.task_ids)
    if reply.wrong_ids:
        return words.unknown(reply.wrong_ids[0], ids)
    if reply.meaning in (Meaning.UNCLEAR, Meaning.NUMBER):
        return words.UNCLEAR.format(task=ids[0]) if len(ids) == 1 else words.which(word, ids)
    if len(fitting) == 1:
        return fitting[0]
    return words.which(word, ids) if fitting else words.NO_TASK


def _fits(task: RowMapping, meaning: Meaning) -> bool:
    """Whether a word without a number may be about this task."""
    state = task["state"]
    if meaning is Meaning.ACCEPT:
        return state in WAITING or state in FREE - OVER
    if meaning is Meaning.FINISH:
        return (
            state in HELD
            or state in WAITING
            or (state == TaskState.DONE and task["people_done"] is None)
        )
    if meaning in _OF_HELD:
        return state in HELD or state in WAITING
    return state not in OVER and state not in FREE


def _somebody_else(task: RowMapping, reply: Reply, people: Sequence[str]) -> str | None:
    """What to say to one who answers for a task that another person has taken since."""
    owner = task["assigned_to"] or task["coordinator_id"]
    if owner in people or (task["coordinator_id"] in people and reply.meaning is Meaning.FINISH):
        return None
    if task["state"] in HELD:
        return words.THANKS_LATE.format(task=task["task_id"])
    if reply.meaning is Meaning.DECLINE:  # a no of somebody who is not asked any more
        return words.SAID[TaskState.DECLINED].format(task=task["task_id"])
    return None


def _word(
    message: Incoming, reply: Reply, people: Sequence[str], task: RowMapping, at: datetime
) -> Word:
    owner = task["assigned_to"] or task["coordinator_id"]
    person = owner if owner in people else people[0]
    takes_over = person != owner and reply.meaning not in (Meaning.DECLINE, Meaning.NUMBER)
    return Word(
        _TRIGGERS[reply.meaning], at, person, "sms", f"inbound/{message.inbound_id}",
        people=reply.people, note=message.text[:200],
        assigned_to=person if takes_over else None,
    )  # fmt: skip


def _answer(taken: Taken, reply: Reply) -> str:
    task = taken.task_id
    if taken.now is TaskState.DONE and reply.meaning is Meaning.FINISH:
        if reply.people is None:
            return words.DONE_HOW_MANY.format(task=task)
        return words.DONE_WITH.format(task=task, people=reply.people)
    if taken.now in words.OVER:
        return words.OVER[taken.now].format(task=task)
    if taken.now in WAITING:
        return words.YES_OR_NO.format(task=task)
    return words.SAID[taken.now].format(task=task)


def _stranger(connection: Connection, reply: Reply) -> Handled | None:
    """A number of nobody on duty: a reply only where it names a task that exists."""
    if len(reply.task_ids) != 1:
        return None
    query = select(tasks.c.task_id).where(tasks.c.task_id == reply.task_ids[0])
    if connection.execute(query).first() is None:
        return None
    said = words.NOT_YOURS.format(task=reply.task_ids[0])
    return Handled(KIND, ref=reply.task_ids[0], answer=said, detail="stranger")


def _no_task(message: Incoming, reply: Reply) -> Handled | None:
    """A bare word of somebody on duty who has no task; longer texts may be reports."""
    if not _is_short(message) or reply.meaning is Meaning.HELP:
        return None
    return Handled(KIND, answer=words.NO_TASK, detail="no task")


def _is_short(message: Incoming) -> bool:
    return len(message.text.split()) <= _SHORT
