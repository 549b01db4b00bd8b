"""What one poll did, as values and as the entry of `kentongan run --json`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kentongan.times import iso
from kentongan.types import FeedState, Outcome

GOOD = (Outcome.NEW, Outcome.UNCHANGED, Outcome.EMPTY)
"""Outcomes of an address that gave us what it should."""
_RANK = (*GOOD, Outcome.QUARANTINED, Outcome.BLOCKED, Outcome.MALFORMED, Outcome.DOWN)


@dataclass(frozen=True)
class Entry:
    """One thing that went wrong or looked odd, as one clear line."""

    url: str
    outcome: Outcome
    detail: str
    province_code: str = ""
    """adm1 code that BMKG warns and that we know no area for; else empty."""


@dataclass(frozen=True)
class PollReport:
    source_id: str
    outcome: Outcome
    state: FeedState
    received: int
    """Items seen in the documents at the source's own addresses."""
    quarantined: int
    """Items refused, there and behind its links."""
    newest: datetime | None
    """Newest document time that is known of this source."""
    detail: str = ""
    entries: tuple[Entry, ...] = ()
    new_records: int = 0
    trouble: str = ""
    """What is wrong with this machine's disk or database; the feed is not to blame."""

    def to_json(self) -> dict[str, Any]:
        return {
            "source_id": self.source_id,
            "outcome": str(self.outcome),
            "state": str(self.state),
            "received": self.received,
            "quarantined": self.quarantined,
            "newest": iso(self.newest) if self.newest else None,
            "detail": self.detail,
            "trouble": self.trouble,
            "problems": [
                {
                    "url": entry.url,
                    "outcome": str(entry.outcome),
                    "detail": entry.detail,
                    "province_code": entry.province_code,
                }
                for entry in self.entries
            ],
        }


def overall(outcomes: list[Outcome]) -> Outcome:
    """The most meaningful of several addresses' outcomes: anything new first, all down last."""
    return min(outcomes, key=_RANK.index, default=Outcome.EMPTY)
