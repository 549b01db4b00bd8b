"""What is known of the weather to come in each area, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ingest.forecast_plan.plan import Came, Knowledge
from ingest.forecast_plan.villages import Mask, Rows, Villages
from ingest.sources.bmkg_forecast import SPAN
from kentongan.codes import adm_level

NATION = ""
_LENGTH = {1: 2, 2: 5, 3: 8, 4: 13}


@dataclass(frozen=True)
class Coverage:
    """Of one area. A village is assessed while a forecast of at most three days' age is at hand;
    what is not assessed may be under any weather."""

    code: str
    """Of the area; empty: the nation."""
    villages: int
    assessed: int
    never_asked: int
    absent: int
    """BMKG has no such village (404), or gives another place under its code."""
    failed: int
    """Asked, and no forecast could be read, nor is an earlier one at hand."""
    outdated: int
    """Only a forecast that has run out."""
    analysis_time: datetime | None
    """Newest model run at hand."""
    newest_run: int
    """Villages that have it."""
    median_age: timedelta | None
    """Time since the model run, of the assessed villages."""
    oldest_age: timedelta | None

    @property
    def not_assessed(self) -> int:
        return self.villages - self.assessed

    def reasons(self) -> dict[str, int]:
        """Why villages are not assessed; the counts add up to all that are not."""
        return {
            "never asked": self.never_asked,
            "unknown to BMKG": self.absent,
            "no answer that can be read": self.failed,
            "forecast run out": self.outdated,
        }


def coverage(
    villages: Villages, known: Knowledge, at: datetime, *, area: str = NATION
) -> list[Coverage]:
    """One entry for each part of `area`: provinces of the nation, regencies of a province,
    districts of a regency, villages of a district; in order of code.

    Raises:
        DataError: `area` is no code.
    """
    level = adm_level(area) + 1 if area else 1
    own = villages.codes.astype(f"<U{_LENGTH[min(level, 4)]}")
    inside = np.flatnonzero(_starts_with(villages, area))
    parts, which = np.unique(own[inside], return_inverse=True)
    order = np.argsort(which, kind="stable")
    cuts = np.searchsorted(which[order], np.arange(1, len(parts)))
    groups = np.split(inside[order], cuts) if len(parts) else []
    return [
        _of(str(code), rows.astype(np.int64), known, at)
        for code, rows in zip(parts, groups, strict=True)
    ]


def whole(villages: Villages, known: Knowledge, at: datetime, *, area: str = NATION) -> Coverage:
    """All of `area` in one entry."""
    rows = np.flatnonzero(_starts_with(villages, area)).astype(np.int64)
    return _of(area, rows, known, at)


def districts_reached(villages: Villages, known: Knowledge, at: datetime) -> int:
    """Districts of which at least one village is assessed."""
    return len(np.unique(villages.district[_assessed(known, at)]))


def _starts_with(villages: Villages, area: str) -> Mask:
    if not area:
        return np.ones(len(villages), dtype=bool)
    inside: Mask = villages.codes.astype(f"<U{len(area)}") == area
    return inside


def _assessed(known: Knowledge, at: datetime) -> Mask:
    oldest = (at - SPAN).timestamp()
    at_hand: Mask = (known.analysis > oldest) & (known.came != Came.ELSEWHERE)
    return at_hand


def _of(code: str, rows: Rows, known: Knowledge, at: datetime) -> Coverage:
    assessed = _assessed(known, at)[rows]
    came, runs = known.came[rows], known.analysis[rows][assessed]
    left = _counts(came[~assessed], np.isfinite(known.analysis[rows][~assessed]))
    ages = at.timestamp() - runs
    newest = float(runs.max()) if len(runs) else None
    return Coverage(
        code=code,
        villages=len(rows),
        assessed=int(assessed.sum()),
        **left,
        analysis_time=datetime.fromtimestamp(newest, UTC) if newest is not None else None,
        newest_run=int((runs == newest).sum()) if newest is not None else 0,
        median_age=timedelta(seconds=float(np.median(ages))) if len(ages) else None,
        oldest_age=timedelta(seconds=float(ages.max())) if len(ages) else None,
    )


def _counts(came: NDArray[np.int8], had_one: NDArray[np.bool_]) -> dict[str, int]:
    """Why villages are not assessed; the four add up to all of them."""
    absent = (came == Came.ABSENT) | (came == Came.ELSEWHERE)
    never = came == Came.NOTHING_YET
    outdated = had_one & ~absent
    failed = ~(absent | never | outdated)
    masks = {"never_asked": never, "absent": absent, "failed": failed, "outdated": outdated}
    return {name: int(mask.sum()) for name, mask in masks.items()}
