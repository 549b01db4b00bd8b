"""What became of a night, counted from the tables, not from the simulation's memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select

from kentongan.db import (
    cases,
    escalations,
    events,
    inbound,
    messages,
    outbox,
    records,
    reports,
    task_steps,
    tasks,
    warning_states,
)
from kentongan.hazard import HazardEvent
from kentongan.task_life import TaskState
from kentongan.times import iso, parse_instant

if TYPE_CHECKING:
    from orchestration.simulation.night import Night

_QUAKES = ("quake", "bulletin")
_UNREAD = {"done": "unread"}


@dataclass(frozen=True)
class Milestone:
    at: datetime
    what: str


@dataclass(frozen=True)
class Hour:
    """Of one hour's end."""

    at: datetime
    states: dict[str, int]
    """Tasks by state."""
    brought: int
    """People brought to safety or helped, as reported so far."""
    came_in: int
    """Messages in this hour."""
    answered: int
    climbed: int
    """Rungs in this hour."""


@dataclass(frozen=True)
class Outcome:
    story: str
    title: str
    seed: int
    start: datetime
    end: datetime
    unmet_people: int
    unmet_villages: int
    task_people: int
    tasks: dict[str, int]
    """kind/state -> tasks at the end."""
    brought: int
    milestones: tuple[Milestone, ...]
    hours: tuple[Hour, ...]
    rungs: dict[str, tuple[int, int]]
    """Rung -> times that it reached somebody, and that nobody was there."""
    came_in: dict[str, int]
    """What became of what came in; `unread`: no handler took it."""
    answers: int
    not_answered: int
    reports: dict[str, int]
    """category/state -> reports."""
    cases: dict[str, int]
    """unit/state -> cases."""

    def as_json(self) -> dict[str, Any]:
        return {
            "story": self.story, "title": self.title, "seed": self.seed,
            "start": iso(self.start), "end": iso(self.end),
            "unmet": {"people": self.unmet_people, "villages": self.unmet_villages},
            "task_people": self.task_people, "tasks": self.tasks, "brought": self.brought,
            "milestones": [{"at": iso(m.at), "what": m.what} for m in self.milestones],
            "hours": [
                {"at": iso(h.at), "tasks": h.states, "brought": h.brought, "came_in": h.came_in,
                 "answered": h.answered, "rungs": h.climbed}
                for h in self.hours
            ],
            "rungs": {rung: {"reached": a, "nobody": b} for rung, (a, b) in self.rungs.items()},
            "came_in": self.came_in, "answers": self.answers, "not_answered": self.not_answered,
            "reports": self.reports, "cases": self.cases,
        }  # fmt: skip


def outcome(night: Night) -> Outcome:
    """Of a night that has been played, as far as it was."""
    engine = night.context.engine
    rows = _all(engine, select(tasks))
    steps = _all(engine, select(task_steps).order_by(task_steps.c.at, task_steps.c.id))
    climbed = _all(engine, select(escalations))
    came = _all(engine, select(inbound).order_by(inbound.c.id))
    answered = _answered(engine)
    unmet = [row for row in rows if row.unmet_people > 0]
    return Outcome(
        story=night.story.name,
        title=night.story.title,
        seed=night.people.seed,
        start=night.story.start,
        end=night.end,
        unmet_people=sum(row.unmet_people for row in unmet),
        unmet_villages=len({row.adm4_code for row in unmet}),
        task_people=sum(row.people for row in rows),
        tasks=_counted(f"{row.kind}/{row.state}" for row in rows),
        brought=sum(row.people_done or 0 for row in rows),
        milestones=tuple(
            sorted(
                (one for one in _milestones(engine, night, steps) if one.at <= night.end),
                key=lambda one: one.at,
            )
        ),
        hours=tuple(_hours(night.story.start, night.end, steps, climbed, came, answered)),
        rungs=_rungs(climbed),
        came_in=_counted(row.kind or _UNREAD.get(row.state, row.state) for row in came),
        answers=len(answered),
        not_answered=len(came) - len(answered),
        reports=_counted(f"{r.category}/{r.state}" for r in _all(engine, select(reports))),
        cases=_counted(f"{c.unit}/{c.state}" for c in _all(engine, select(cases))),
    )


def _all(engine: Engine, query: Any) -> Sequence[Any]:
    with engine.connect() as connection:
        return connection.execute(query).all()


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _answered(engine: Engine) -> list[datetime]:
    query = (
        select(outbox.c.created_at)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.purpose == "answer")
    )
    return [parse_instant(row.created_at) for row in _all(engine, query)]


def _rungs(climbed: Sequence[Any]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in sorted(climbed, key=lambda row: row.step):
        reached, nobody = found.get(row.what, (0, 0))
        found[row.what] = (reached + bool(row.to_id), nobody + (not row.to_id))
    return found


def _milestones(engine: Engine, night: Night, steps: Sequence[Any]) -> Iterable[Milestone]:
    yield from (Milestone(at, note) for at, note in night.notes)
    for row in _all(engine, select(events.c.hazard_id, events.c.body)):
        event = HazardEvent.model_validate_json(row.body)
        yield Milestone(event.onset, f"{row.hazard_id} is there: {event.title}")
    for what, query in (
        ("BMKG's document is read", select(func.min(records.c.known_at)).where(
            records.c.kind.in_(_QUAKES), records.c.history.is_(False))),
        ("the first warning is out", select(func.min(warning_states.c.at)).where(
            warning_states.c.state == "released")),
        ("the first SMS to residents is sent", _first("alert", "resident")),
        ("the first task is sent", _first("task", "coordinator")),
    ):  # fmt: skip
        found = _all(engine, query)[0][0]
        if found:
            yield Milestone(parse_instant(found), what)
    yield from _of_steps(steps)


def _first(purpose: str, role: str) -> Any:
    from kentongan.db import recipients

    return (
        select(func.min(outbox.c.created_at))
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(messages.c.purpose == purpose, recipients.c.role == role)
    )


def _of_steps(steps: Sequence[Any]) -> Iterable[Milestone]:
    for state, what in (
        (TaskState.ACCEPTED, "the first yes"),
        (TaskState.DECLINED, "the first no"),
        (TaskState.ON_SITE, "the first team is there"),
    ):
        first = next((s for s in steps if s.state == state and s.via != "system"), None)
        if first is not None:
            yield Milestone(parse_instant(first.at), f"{what}: {first.task_id}")
    done = next((s for s in steps if s.state == TaskState.DONE and s.people), None)
    if done is not None:
        said = f"{done.people} people received or helped: {done.task_id}"
        yield Milestone(parse_instant(done.at), said)


def _hours(
    start: datetime,
    end: datetime,
    steps: Sequence[Any],
    climbed: Sequence[Any],
    came: Sequence[Any],
    answered: Sequence[datetime],
) -> Iterable[Hour]:
    hour = timedelta(hours=1)
    from_ = start
    while from_ < end:
        upto = min(from_ + hour, end)
        newest = {s.task_id: s.state for s in steps if parse_instant(s.at) <= upto}
        brought = {
            s.task_id: s.people
            for s in steps
            if s.people is not None and parse_instant(s.at) <= upto
        }
        yield Hour(
            at=upto,
            states=_counted(newest.values()),
            brought=sum(brought.values()),
            came_in=_within([parse_instant(c.received_at) for c in came], from_, upto),
            answered=_within(answered, from_, upto),
            climbed=_within([parse_instant(c.at) for c in climbed], from_, upto),
        )
        from_ = upto


def _within(times: Sequence[datetime], after: datetime, upto: datetime) -> int:
    return sum(after < one <= upto for one in times)
