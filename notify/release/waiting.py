"""What waits for people: drafts, corrections, second looks; for whom, since when, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from kentongan.accounts.roles import Act, who_may
from kentongan.times import parse_instant
from kentongan.types import WarningState
from notify import versions
from notify.release.desk import Desk
from notify.release.quotas import held_for
from notify.release.review import open_reviews
from notify.release.words import words_of
from notify.versions import Version


@dataclass(frozen=True)
class Waiting:
    warning_id: str
    version: int
    what: str
    """alert, update, all-clear, cancel …, or review."""
    hazard_id: str
    level: int
    title: str
    since: datetime
    until: datetime
    """A draft runs out then; a review is overdue."""
    waits_for: str
    people: tuple[str, ...]
    """Whose word stands for it now."""
    official: bool
    held: str = ""
    """The quota that holds back what would go by itself."""
    missing: int = 0
    """How many people must still say yes, or look a second time."""


def waiting(connection: Connection, desk: Desk, at: datetime) -> list[Waiting]:
    """Everything that waits for people at `at`, the most urgent first."""
    drafts = [
        _draft(connection, desk, version, at)
        for state in (WarningState.DRAFT, WarningState.APPROVED)
        for version in versions.in_state(connection, state)
        if desk.runs_out(version) > at
    ]
    found = [one for one in drafts if one is not None]
    found += _reviews(connection, at)
    return sorted(found, key=lambda w: (w.what != "cancel", -w.level, w.until, w.warning_id))


def _draft(connection: Connection, desk: Desk, version: Version, at: datetime) -> Waiting | None:
    """None for what goes by itself with the next cycle."""
    held = held_for(connection, version)
    if not held and desk.requirement(version).itself:
        return None
    words = words_of(connection, version)
    people = words.authors
    need = desk.requirement(version, by_people=bool(held))
    if words.people:
        binding = desk.bind(connection, version, at).binding
        need = desk.requirement(version, recipients=binding.recipients, by_people=bool(held))
        people = frozenset(words.standing(binding.digest, at=at, valid=desk.oldest_approval))
    body = version.body
    return Waiting(
        warning_id=version.warning_id,
        version=version.version,
        what=body.action,
        hazard_id=str(body.hazard_id),
        level=max(body.level, body.previous_level),
        title=body.title,
        since=parse_instant(version.created_at),
        until=desk.runs_out(version),
        waits_for=_missing(need.people - len(people), people),
        people=tuple(sorted(people)),
        official=body.official,
        held=held,
        missing=max(0, need.people - len(people)),
    )


def _missing(count: int, people: frozenset[str]) -> str:
    if count <= 0:
        return "the next cycle"
    who = f"{count} {'person' if count == 1 else 'people'} ({who_may(Act.APPROVE)})"
    return f"{who} besides {', '.join(sorted(people))}" if people else who


def _reviews(connection: Connection, at: datetime) -> list[Waiting]:
    found = []
    for one in open_reviews(connection):
        version = versions.get(connection, one.warning_id, one.version)
        late = ", OVERDUE" if one.due <= at else ""
        found.append(
            Waiting(
                warning_id=one.warning_id,
                version=one.version,
                what="review",
                hazard_id=str(version.body.hazard_id),
                level=max(version.body.level, version.body.previous_level),
                title=version.body.title,
                since=one.released_at,
                until=one.due,
                waits_for=f"a second look ({who_may(Act.REVIEW)}, not {one.by}){late}",
                people=(one.by,),
                official=version.body.official,
                missing=1,
            )
        )
    return found


def held_back(connection: Connection, desk: Desk, at: datetime) -> list[Waiting]:
    """Official warnings that a quota keeps from going out: an alarm each."""
    return [one for one in waiting(connection, desk, at) if one.held and one.official]
