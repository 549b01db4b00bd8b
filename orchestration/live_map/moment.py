"""Which instant is asked for, and what was known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, true

from kentongan.times import iso

BACK = timedelta(hours=24)
AHEAD = timedelta(hours=3)
STEP = timedelta(minutes=10)
"""Of frames of the satellite, and of the nowcast."""


class Kind(StrEnum):
    OBSERVED = "observed"
    NOW = "now"
    FORECAST = "forecast"


@dataclass(frozen=True)
class Moment:
    """An instant to show. `now` is when it is asked; nothing later is known to anybody."""

    at: datetime
    now: datetime
    live: bool = False
    """The present as it is in the tables, whatever the clocks of other machines say."""

    @property
    def kind(self) -> Kind:
        if self.live:
            return Kind.NOW
        return Kind.FORECAST if self.at > self.now else Kind.OBSERVED

    @property
    def known(self) -> datetime:
        """Up to when knowledge counts."""
        return min(self.at, self.now)

    def knew(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Rows (by their time) that were there then; of the present and the future: all."""
        return column <= iso(self.known) if self.kind is Kind.OBSERVED else true()


def times(now: datetime) -> list[datetime]:
    """What the slider offers: whole steps, from a day back to three hours ahead."""
    first = now - BACK
    first += (-timedelta(minutes=first.minute % 10, seconds=first.second,
                         microseconds=first.microsecond)) % STEP  # fmt: skip
    count = int((now + AHEAD - first) / STEP) + 1
    return [first + k * STEP for k in range(count)]
