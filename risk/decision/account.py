"""Why a village stands where it stands: the row of evidence, the hold, the size of the event."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kentongan.decision import EVIDENCE, SeenRun
from kentongan.decision_policy import DecisionPolicy, held_until
from risk.decision.evidence import Size, event_size, warned_levels

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LevelAccount:
    """One village's level, taken apart."""

    adm4_code: str
    stands_at: int
    """Level of the warning's newest version; 0: not in it."""
    evidence: Mapping[str, Any]
    """Columns of `kentongan.decision.EVIDENCE`; None for not known. Empty: the newest knowledge
    does not touch the village."""
    source: str
    """Method that gave the hazard."""
    age_minutes: float
    """Of the knowledge when the version was made."""
    raised_at: datetime | None
    falls_not_before: datetime | None
    """End of the minimum hold; None where no level is held, or where it never falls by runs."""
    runs: tuple[tuple[datetime, int], ...]
    """The last runs with new knowledge: how new, and the level that each would hold (-1: not
    known; 0: below level 2)."""
    runs_needed: int
    size: Size
    author: str
    """Of the figures, with their date."""


def level_account(
    code: str,
    evidence: pd.DataFrame,
    impact: pd.DataFrame,
    *,
    levels: Mapping[str, int],
    raised_at: datetime | None,
    runs: tuple[SeenRun, ...],
    rules: DecisionPolicy,
    source: str,
    age_minutes: float,
    never_falls: bool,
) -> LevelAccount:
    """The account of one village.

    Args:
        evidence: of the newest knowledge, columns of `EVIDENCE`.
        impact: its impact table.
        levels: of the warning's newest version.
    """
    rows = evidence[evidence["adm4_code"] == code]
    found = {} if rows.empty else {name: _plain(rows.iloc[0][name]) for name in EVIDENCE}
    stands = levels.get(code, 0)
    until = None
    if stands and raised_at is not None and not never_falls:
        until = held_until(rules.hold, stands, raised_at)
    return LevelAccount(
        adm4_code=code,
        stands_at=stands,
        evidence=found,
        source=source,
        age_minutes=round(age_minutes, 1),
        raised_at=raised_at,
        falls_not_before=until,
        runs=tuple((run.valid_from, run.levels.get(code, 0)) for run in runs),
        runs_needed=rules.hold.seen_cycles,
        size=event_size(impact, warned_levels(evidence), rules),
        author=f"{rules.author}, {rules.date.isoformat()}",
    )


def _plain(value: Any) -> Any:
    """Python's own types; NaN → None."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain
