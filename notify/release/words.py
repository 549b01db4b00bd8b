"""Who stands behind a version now: authors, approvals that still hold, a broken glass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from kentongan.db import approvals
from kentongan.times import parse_instant
from notify.versions import Version

APPROVE, AUTHOR, BREAK_GLASS, REVIEW = "approve", "author", "break-glass", "review"


@dataclass(frozen=True)
class Word:
    """One row of `approvals` about a version's content."""

    actor: str
    kind: str
    at: datetime
    binding: str | None
    reason: str


@dataclass(frozen=True)
class Words:
    said: tuple[Word, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who ever stood up for this content."""
        return tuple(sorted({w.actor for w in self.said if w.kind != REVIEW}))

    @property
    def authors(self) -> frozenset[str]:
        return frozenset(w.actor for w in self.said if w.kind == AUTHOR)

    def standing(self, binding: str, *, at: datetime, valid: timedelta) -> tuple[str, ...]:
        """Those whose word counts: authors, and approvals of exactly this, not old, not from a
        time that has not come."""
        held = {w.actor for w in self.said if w.kind == APPROVE and _holds(w, binding, at, valid)}
        return tuple(sorted(held | self.authors))

    def broken_glass(self, binding: str, *, at: datetime, valid: timedelta) -> Word | None:
        return next(
            (w for w in self.said if w.kind == BREAK_GLASS and _holds(w, binding, at, valid)), None
        )


def _holds(word: Word, binding: str, at: datetime, valid: timedelta) -> bool:
    return word.binding == binding and at - valid <= word.at <= at


def words_of(connection: Connection, version: Version) -> Words:
    query = (
        select(approvals)
        .where(
            approvals.c.warning_id == version.warning_id,
            approvals.c.version == version.version,
            approvals.c.content_hash == version.content_hash,
        )
        .order_by(approvals.c.id)
    )
    return Words(
        tuple(
            Word(row.actor, row.kind, parse_instant(row.at), row.binding, row.reason)
            for row in connection.execute(query)
        )
    )
