"""Silence escalates by itself: reminded, then others are asked, then the posts above are told.

Driven by the database, not by a task that sleeps: each call looks at what is due, so it does not
matter who calls, how often, or what died in between. A rung is a row of `escalations`, unique by
task, fence and rung: of two schedulers one climbs it. Somebody's word on the task (a new fence that
leaves it answered) ends the climb; whoever declines sends it on at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, RowMapping, select

from kentongan import audit
from kentongan.db import contacts, escalations, insert_ignore, recipients, tasks
from kentongan.escalation_policy import ASKS, EscalationPolicy, Rung, load_escalation_policy
from kentongan.task_life import FREE, OVER, WAITING, TaskState, TaskTrigger
from kentongan.times import iso, parse_instant
from kentongan.transactions import writing
from notify.channels.chat.addresses import CHATS
from notify.firewall.gate import RECORDER_ONLY, Routes
from notify.sending.outbox import write
from notify.tasks import rung_messages
from notify.tasks.duty import holder
from notify.tasks.rung_messages import Case, Told
from notify.tasks.steps import SYSTEM, Word, take
from notify.tasks.texts import TaskPlace
from notify.versions import Version

if TYPE_CHECKING:
    import pandas as pd

LADDER = tuple(Rung)
LEAST_GAP = timedelta(minutes=1)
"""Between two rungs that reach somebody, however late the first one was: time to answer."""
_CHUNK = 1_000
"""Tasks in one transaction: a night of a large quake has as many."""
_REFUSED = FREE - OVER
"""Declined, or failed: the next person is asked at once."""


@dataclass(frozen=True)
class Climbed:
    """One rung."""

    task_id: str
    rung: Rung
    to_id: str
    """Empty: nobody holds that post, or has that channel."""
    channel: str = "sms"


@dataclass(frozen=True)
class _Terms:
    rules: EscalationPolicy
    chats: tuple[str, ...]


def escalate(
    engine: Engine,
    held: Sequence[Version],
    *,
    at: datetime,
    areas: pd.DataFrame,
    routes: Routes = RECORDER_ONLY,
    policy: EscalationPolicy | None = None,
    chats: Sequence[str] = CHATS,
) -> list[Climbed]:
    """Climb every rung that is due; a second call at once does nothing.

    Args:
        held: the warnings in force; tasks of all others wait for nobody.
        areas: villages with their names.
        chats: those over which this deployment sends; a message to another would wait for nobody.
    """
    by_id = {version.warning_id: version for version in held}
    terms = _Terms(policy or load_escalation_policy(), tuple(chats))
    climbed: list[Climbed] = []
    for chunk in _chunks(_due(engine, sorted(by_id), at)):
        with writing(engine) as connection:
            places = rung_messages.places(connection, areas, chunk)
            done: list[Told] = []
            for task_id in chunk:
                climbed += _climb(connection, task_id, by_id, places, at, terms, done)
            _tell(connection, done, at, routes)
    return climbed


def _chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]


def _due(engine: Engine, warning_ids: Sequence[str], at: datetime) -> list[str]:
    """Tasks on which time acts, the most urgent first."""
    late = tasks.c.due_at.is_(None) | (tasks.c.due_at <= iso(at))
    query = (
        select(tasks.c.task_id)
        .where(tasks.c.warning_id.in_(warning_ids), late, _may_climb())
        .order_by(tasks.c.level.desc(), tasks.c.due_at, tasks.c.task_id)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def _may_climb() -> Any:
    waits = tasks.c.state.in_([*WAITING, *_REFUSED])
    return waits & (tasks.c.escalation < len(LADDER)) & tasks.c.team_id.is_not(None)


def _climb(
    connection: Connection,
    task_id: str,
    held: Mapping[str, Version],
    places: Mapping[str, TaskPlace],
    at: datetime,
    terms: _Terms,
    told: list[Told],
) -> list[Climbed]:
    """The rungs of one task that are due: up to the first that reaches somebody."""
    climbed: list[Climbed] = []
    while True:
        row = _waiting(connection, task_id)
        if row is None:
            return climbed
        number = _next_rung(row)
        due = _when(row, number, terms.rules)
        if due is None or due > at:
            _set_due(connection, row, number, due)
            return climbed
        case = Case(row, held[row["warning_id"]], places[row["adm4_code"]], at)
        one = _take_rung(connection, case, LADDER[number], number, terms.chats)
        if one is None:
            return climbed
        climbed.append(one)
        told += [Told(case, one.rung, one.to_id, one.channel)] if one.to_id else []
        if one.to_id:
            later = _when(row, number + 1, terms.rules)
            _set_due(connection, row, number + 1, later and max(later, at + LEAST_GAP))
            return climbed
        _set_due(connection, row, number + 1, at)


def _waiting(connection: Connection, task_id: str) -> RowMapping | None:
    query = select(tasks).where(tasks.c.task_id == task_id, _may_climb())
    if connection.dialect.name == "postgresql":
        query = query.with_for_update()
    return connection.execute(query).mappings().first()


def _next_rung(row: RowMapping) -> int:
    """Whoever said no is not reminded."""
    if row["state"] in _REFUSED:
        return max(int(row["escalation"]), LADDER.index(Rung.DEPUTY))
    return int(row["escalation"])


def _when(row: RowMapping, number: int, rules: EscalationPolicy) -> datetime | None:
    """When a rung is due; at once where somebody said no. None: there is none."""
    after = rules.after(row["level"], number)
    if after is None:
        return None
    asked = parse_instant(row["body"].get("asked_at") or row["created_at"])
    if row["state"] in _REFUSED:
        return asked if row["due_at"] is None else parse_instant(row["due_at"])
    planned = asked + after
    if row["due_at"] is None or number != row["escalation"]:
        return planned
    return max(planned, parse_instant(row["due_at"]))


def _set_due(connection: Connection, row: RowMapping, number: int, due: datetime | None) -> None:
    change = tasks.update().where(tasks.c.task_id == row["task_id"])
    connection.execute(change.values(escalation=number, due_at=iso(due) if due else None))


def _take_rung(
    connection: Connection, case: Case, rung: Rung, number: int, chats: Sequence[str]
) -> Climbed | None:
    """Climb one rung; None where another program has."""
    row, at = case.row, case.at
    to_id, channel = _whom(connection, row, rung, chats)
    one = {
        "task_id": row["task_id"], "step": number, "what": str(rung), "to_id": to_id or "",
        "at": iso(at), "fence": row["fence"],
    }  # fmt: skip
    if connection.execute(insert_ignore(connection, escalations).values(**one)).rowcount != 1:
        return None
    if rung in ASKS and to_id:
        word = Word(
            TaskTrigger.ASK, at, SYSTEM, "system", f"escalation/{row['fence']}/{rung}",
            note=f"{rung}: {to_id}", assigned_to=to_id,
        )  # fmt: skip
        take(connection, row["task_id"], word)
    if rung is Rung.COMMAND_CENTRE:
        told = {"task_id": row["task_id"], "village": row["adm4_code"], "people": row["people"]}
        audit.append(connection, at=at, actor=SYSTEM, action="task.unanswered", body=told)
    return Climbed(row["task_id"], rung, to_id or "", channel)


def _tell(connection: Connection, told: Sequence[Told], at: datetime, routes: Routes) -> None:
    """One message a person, warning and way: who has many tasks gets one that counts them."""
    groups: dict[tuple[str, str, str], list[Told]] = {}
    for one in told:
        groups.setdefault((one.case.version.warning_id, one.to_id, one.channel), []).append(one)
    for (_, to_id, channel), group in sorted(groups.items(), key=lambda item: item[0]):
        version = group[0].case.version
        made = rung_messages.message(group, channel, role=_role(connection, to_id), at=at)
        write(
            connection, version.ref, made, at=at, not_after=version.body.expires,
            routes=routes.open_to(version.body.status),
        )  # fmt: skip


def _whom(
    connection: Connection, row: RowMapping, rung: Rung, chats: Sequence[str]
) -> tuple[str | None, str]:
    """Who is reached by a rung (None: nobody), and by which channel."""
    if rung is not Rung.NEXT_CHANNEL:
        return _post(connection, row, rung), "sms"
    asked = row["assigned_to"] or row["coordinator_id"]
    channel = next_channel(connection, asked, chats) if row["state"] in WAITING else None
    return (asked, channel) if channel else (None, "sms")


def _post(connection: Connection, row: RowMapping, rung: Rung) -> str | None:
    asked = row["assigned_to"] or row["coordinator_id"]
    if rung is Rung.REPEAT:
        return asked if row["state"] in WAITING else None
    told = asked_so_far(connection, row)
    if rung is Rung.COORDINATOR:
        other = row["coordinator_id"]
        return other if other and other not in told else None
    return holder(connection, str(rung), row["adm4_code"], but=told)


def asked_so_far(connection: Connection, row: RowMapping) -> set[str]:
    """Everybody who was asked for a task, or told of it."""
    query = select(escalations.c.to_id).where(escalations.c.task_id == row["task_id"])
    told = set(connection.execute(query).scalars())
    return {person for person in (*told, row["assigned_to"], row["coordinator_id"]) if person}


def next_channel(
    connection: Connection, person: str | None, chats: Sequence[str] = CHATS
) -> str | None:
    """Beside SMS, the way on which somebody is reached: a chat that is registered, else push."""
    of_theirs = select(contacts.c.channel).where(contacts.c.recipient_id == person)
    known = set(connection.execute(of_theirs).scalars())
    if chat := next((chat for chat in chats if chat in known), None):
        return chat
    query = select(recipients.c.by_push).where(recipients.c.recipient_id == person)
    return "push" if connection.execute(query).scalar() else None


def _role(connection: Connection, person: str) -> str:
    query = select(recipients.c.role).where(recipients.c.recipient_id == person)
    return str(connection.execute(query).scalar())


def unanswered(engine: Engine, held: Sequence[Version]) -> list[RowMapping]:
    """Tasks that climbed to the top, and that nobody has taken."""
    query = (
        select(tasks)
        .where(tasks.c.warning_id.in_([version.warning_id for version in held]))
        .where(tasks.c.state.in_([*WAITING, *_REFUSED, TaskState.PLANNED]))
        .where(tasks.c.escalation >= len(LADDER))
        .order_by(tasks.c.level.desc(), tasks.c.task_id)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())
