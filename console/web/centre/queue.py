"""What waits for people, as one reader sees it: may they act, and if not, why not."""

from __future__ import annotations

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


def entries(connection: Connection, desk: Desk, who: Who, at: datetime) -> list[Entry]:
    """Everything that waits, the most urgent first."""
    return [_entry(connection, line, who, at) for line in waiting(connection, desk, at)]


def _entry(connection: Connection, line: Waiting, who: Who, at: datetime) -> Entry:
    act = Act.REVIEW if line.what == REVIEW else Act.APPROVE
    return Entry(line, act, why_not(connection, line, who, act), line.until <= at)


def why_not(connection: Connection, line: Waiting, who: Who, act: Act) -> str:
    """In one line; the door (`kentongan.accounts.admit`) decides when they act."""
    if not who.signed_in:
        return "masuk dahulu"
    if not who.may(act):
        return f"peran {saying.role(who.role)} tidak boleh; yang boleh: {saying.who_may(act)}"
    if who.account_id in line.people:
        return "Anda sudah; harus orang lain"
    codes = areas_of(versions.get(connection, line.warning_id, line.version))
    outside = who.outside(codes)
    if outside:
        own = saying.areas(who.areas)
        return f"{len(outside)} dari {len(codes)} desa di luar wilayah Anda ({own})"
    return ""
