"""The second look at what one person released alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from kentongan.db import approvals, releases
from kentongan.errors import RuleViolation
from kentongan.times import iso, parse_instant
from kentongan.transactions import writing
from notify import versions
from notify.release.words import BREAK_GLASS, REVIEW, words_of
from notify.versions import note


@dataclass(frozen=True)
class OpenReview:
    """A release that one person stands behind, and nobody has looked at yet."""

    warning_id: str
    version: int
    by: str
    reason: str
    released_at: datetime
    due: datetime


def open_reviews(connection: Connection) -> list[OpenReview]:
    """The oldest first."""
    reviewed = select(approvals.c.id).where(
        approvals.c.warning_id == releases.c.warning_id,
        approvals.c.version == releases.c.version,
        approvals.c.kind == REVIEW,
    )
    word = (
        select(approvals.c.actor, approvals.c.reason)
        .where(approvals.c.kind == BREAK_GLASS)
        .order_by(approvals.c.id.desc())
    )
    query = select(releases).where(releases.c.review_by.is_not(None), ~reviewed.exists())
    found = []
    for row in connection.execute(query.order_by(releases.c.at, releases.c.warning_id)):
        of_version = (
            approvals.c.warning_id == row.warning_id,
            approvals.c.version == row.version,
        )
        said = connection.execute(word.where(*of_version)).first()
        found.append(
            OpenReview(
                warning_id=row.warning_id,
                version=row.version,
                by=said.actor if said else "",
                reason=said.reason if said else "",
                released_at=parse_instant(row.at),
                due=parse_instant(row.review_by),
            )
        )
    return found


def overdue_reviews(engine: Engine, at: datetime) -> list[OpenReview]:
    """Those whose time is over: an alarm each."""
    with engine.connect() as connection:
        return [one for one in open_reviews(connection) if one.due <= at]


def review(
    engine: Engine, warning_id: str, *, actor: str, at: datetime, note_text: str = ""
) -> list[int]:
    """A second person looked at every release of the warning that waits for it; which versions.

    Raises:
        RuleViolation: none waits, or this person released it.
    """
    with writing(engine) as connection:
        versions.lock(connection, warning_id)
        waiting = [one for one in open_reviews(connection) if one.warning_id == warning_id]
        if not waiting:
            raise RuleViolation(f"{warning_id}: no release waits for a review")
        for one in waiting:
            version = versions.get(connection, warning_id, one.version)
            if actor in words_of(connection, version).people:
                raise RuleViolation(
                    f"{actor} stands behind {warning_id} v{one.version}: another person must "
                    "review it"
                )
            versions.add_approval(
                connection, version, actor=actor, at=at, kind=REVIEW, reason=note_text
            )
            reason = f"due {iso(one.due)}: {note_text}"
            note(connection, "warning.review", version.ref, at=at, actor=actor, reason=reason)
        return [one.version for one in waiting]
