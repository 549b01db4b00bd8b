"""The checklist of a warning: which steps are asked for, since when, and who did them.

Steps of the phase `alert` count from the first release at a level that asks for them, those of
`update` from the newest update (and are asked anew for each), those of `end` from the end. When a
warning has ended, what was still open of it has lapsed: it stays on the page, and is not overdue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from kentongan import audit
from kentongan.db import alerts, insert_ignore, sop_ticks, warning_states, warnings
from kentongan.errors import RuleViolation
from kentongan.sop import Phase, Sop, Step
from kentongan.times import iso, parse_instant
from kentongan.transactions import writing
from kentongan.types import HazardId, WarningState

REMEMBERED = timedelta(hours=24)
"""Steps of a warning that ended longer ago are nobody's any more."""
_ENDS = (WarningState.ENDED, WarningState.CANCELLED, WarningState.EXPIRED)
_NOTE_LENGTH = 500
_NAME_LENGTH = 80


@dataclass(frozen=True)
class Tick:
    at: datetime
    actor: str
    note: str


@dataclass(frozen=True)
class Asked:
    """One step that a warning asks for."""

    warning_id: str
    key: str
    """What a tick names: the step's id, of an update with its version (`baca-pembaruan@v3`)."""
    step: Step
    due: datetime
    tick: Tick | None
    lapsed: bool
    """The warning ended before it was done."""

    def is_overdue(self, at: datetime) -> bool:
        return self.tick is None and not self.lapsed and self.due < at


@dataclass(frozen=True)
class _Release:
    version: int
    level: int
    at: datetime


@dataclass(frozen=True)
class _Story:
    """What happened to a warning, as far as checklists need it."""

    hazard: HazardId
    releases: tuple[_Release, ...]
    """Without its end."""
    ended: datetime | None

    @property
    def highest(self) -> int:
        return max(release.level for release in self.releases)


def checklist(engine: Engine, sop: Sop, warning_id: str, at: datetime) -> tuple[Asked, ...]:
    """Every step that was asked for by `at`, in order of time.

    Raises:
        RuleViolation: the warning was not released by then.
    """
    with engine.connect() as connection:
        return _asked(connection, sop, warning_id, at)


def overdue(engine: Engine, sop: Sop, at: datetime) -> tuple[Asked, ...]:
    """Steps of all warnings whose time has passed, the longest first."""
    with engine.connect() as connection:
        found = [
            one
            for warning_id in _lively(connection, at)
            for one in _asked(connection, sop, warning_id, at)
            if one.is_overdue(at)
        ]
    return tuple(sorted(found, key=lambda one: (one.due, one.warning_id, one.key)))


def living(engine: Engine, at: datetime) -> list[str]:
    """Warnings whose checklist is somebody's: released, and not ended long ago."""
    with engine.connect() as connection:
        return _lively(connection, at)


def tick(
    engine: Engine, sop: Sop, warning_id: str, key: str, *, at: datetime, actor: str, note: str = ""
) -> Asked:
    """Say that a step is done. It stands once, with the first name; the audit knows it.

    Raises:
        RuleViolation: no such step, done already, no name, a text that is too long, or a time
            before the step was asked for.
    """
    name, said = actor.strip(), " ".join(note.split())
    if not name or len(name) > _NAME_LENGTH or len(said) > _NOTE_LENGTH:
        raise RuleViolation(
            f"step {key}: expected a name of 1 to {_NAME_LENGTH} characters and a note of at most "
            f"{_NOTE_LENGTH}"
        )
    with writing(engine) as connection:
        step = _find(_asked(connection, sop, warning_id, at), warning_id, key)
        row = {
            "warning_id": warning_id, "step_id": key, "at": iso(at), "actor": name, "note": said,
        }  # fmt: skip
        connection.execute(insert_ignore(connection, sop_ticks).values(**row))
        audit.append(connection, at=at, actor=name, action="sop.tick", body=row)
        return _find(_asked(connection, sop, warning_id, at), warning_id, step.key, done=True)


def _find(asked: Sequence[Asked], warning_id: str, key: str, *, done: bool = False) -> Asked:
    found = next((one for one in asked if one.key == key), None)
    if found is None:
        keys = ", ".join(one.key for one in asked if one.tick is None) or "none is open"
        raise RuleViolation(f"{warning_id} asks for no step {key!r}; open steps: {keys}")
    if found.tick is not None and not done:
        raise RuleViolation(
            f"{warning_id} step {key}: done already by {found.tick.actor} at {iso(found.tick.at)}"
        )
    return found


def _asked(connection: Connection, sop: Sop, warning_id: str, at: datetime) -> tuple[Asked, ...]:
    story = _story(connection, warning_id, at)
    ticks = {
        row.step_id: Tick(parse_instant(row.at), row.actor, row.note)
        for row in connection.execute(select(sop_ticks).where(sop_ticks.c.warning_id == warning_id))
    }
    made = [
        Asked(
            warning_id=warning_id,
            key=key,
            step=step,
            due=since + timedelta(minutes=step.within_minutes),
            tick=ticks.get(key),
            lapsed=story.ended is not None and step.phase is not Phase.END and key not in ticks,
        )
        for key, step, since in _steps(sop, story)
    ]
    return tuple(sorted(made, key=lambda one: (one.due, one.key)))


def _steps(sop: Sop, story: _Story) -> Iterator[tuple[str, Step, datetime]]:
    seen: set[str] = set()
    for release in story.releases:
        for step in sop.steps(story.hazard, release.level, Phase.ALERT):
            if step.id not in seen:
                seen.add(step.id)
                yield step.id, step, release.at
    for release in story.releases[1:][-1:]:
        for step in sop.steps(story.hazard, release.level, Phase.UPDATE):
            yield f"{step.id}@v{release.version}", step, release.at
    if story.ended is not None:
        for step in sop.steps(story.hazard, story.highest, Phase.END):
            yield step.id, step, story.ended


def _story(connection: Connection, warning_id: str, at: datetime) -> _Story:
    columns = (
        warnings.c.version, warnings.c.hazard_id, warnings.c.level, warnings.c.msg_type,
        warnings.c.all_clear, warning_states.c.state, warning_states.c.at,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(
            alerts,
            (alerts.c.warning_id == warnings.c.warning_id)
            & (alerts.c.version == warnings.c.version),
        )
        .join(
            warning_states,
            (warning_states.c.warning_id == warnings.c.warning_id)
            & (warning_states.c.version == warnings.c.version),
        )
        .where(warnings.c.warning_id == warning_id, warning_states.c.at <= iso(at))
        .order_by(warnings.c.version, warning_states.c.id)
    )
    rows = connection.execute(query).all()
    releases = tuple(
        _Release(row.version, row.level, parse_instant(row.at))
        for row in rows
        if row.state == WarningState.RELEASED and not _is_end(row)
    )
    if not releases:
        raise RuleViolation(
            f"warning {warning_id}: not released by {iso(at)}, so nothing is asked for; "
            "see 'warning list'"
        )
    return _Story(HazardId(rows[0].hazard_id), releases, _ended_at(rows))


def _ended_at(rows: Sequence[Any]) -> datetime | None:
    newest = max(row.version for row in rows)
    ends = [parse_instant(row.at) for row in rows if row.version == newest and row.state in _ENDS]
    return min(ends, default=None)


def _is_end(row: Any) -> bool:
    return bool(row.msg_type == "Cancel" or row.all_clear)


def _lively(connection: Connection, at: datetime) -> list[str]:
    """Released warnings that have not ended, or not long ago."""
    ended = (
        select(warning_states.c.warning_id)
        .join(
            alerts,
            (alerts.c.warning_id == warning_states.c.warning_id)
            & (alerts.c.version == warning_states.c.version),
        )
        .where(warning_states.c.state.in_(_ENDS), warning_states.c.at < iso(at - REMEMBERED))
    )
    query = (
        select(warning_states.c.warning_id)
        .where(warning_states.c.state == WarningState.RELEASED)
        .where(warning_states.c.at <= iso(at), warning_states.c.warning_id.not_in(ended))
        .distinct()
        .order_by(warning_states.c.warning_id)
    )
    return list(connection.execute(query).scalars())
