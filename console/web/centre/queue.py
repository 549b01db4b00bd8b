"""What waits for people, as one reader sees it: may they act, and if not, why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from console.web.centre import saying
from kentongan.accounts.roles import Act
from notify import versions
from notify.release.waiting import Waiting, waiting
from orchestration.by_hand import areas_of

if TYPE_CHECKING:
    from console.web.access.who import Who
    from notify.release.desk import Desk

REVIEW = "review"


@dataclass(frozen=True)
class Entry:
    """One thing that waits."""

    line: Waiting
    act: Act
    why_not: str
    """Why this reader cannot do what is waited for; empty: they can."""
    overdue: bool

    @property
    def mine(self) -> bool:
        return not self.why_not


@dataclass(frozen=True)
class Waits:
    """One thing that waits, as every reader sees it."""

    line: Waiting
    codes: tuple[str, ...]
    """Every village that it concerns."""


def waits(connection: Connection, desk: Desk, at: datetime) -> list[Waits]:
    """Everything that waits, the most urgent first."""
    found = waiting(connection, desk, at)
    return [Waits(line, _codes(connection, line)) for line in found]


def _codes(connection: Connection, line: Waiting) -> tuple[str, ...]:
    return tuple(areas_of(versions.get(connection, line.warning_id, line.version)))


def entries(found: Sequence[Waits], who: Who, at: datetime) -> list[Entry]:
    """The same as one reader sees it."""
    return [_entry(one, who, at) for one in found]


def _entry(one: Waits, who: Who, at: datetime) -> Entry:
    act = Act.REVIEW if one.line.what == REVIEW else Act.APPROVE
    return Entry(one.line, act, why_not(one, who, act), one.line.until <= at)


def why_not(one: Waits, who: Who, act: Act) -> str:
    """In one line; the door (`kentongan.accounts.admit`) decides when they act."""
    if not who.signed_in:
        return "masuk dahulu"
    if not who.may(act):
        return f"peran {saying.role(who.role)} tidak boleh; yang boleh: {saying.who_may(act)}"
    if who.account_id in one.line.people:
        return "Anda sudah; harus orang lain"
    outside = who.outside(one.codes)
    if outside:
        own = saying.areas(who.areas)
        return f"{len(outside)} dari {len(one.codes)} desa di luar wilayah Anda ({own})"
    return ""
