"""When a level may fall: after its minimum hold, and below the lower threshold for several runs.

Only runs with new knowledge count. A run that is missing or blind is not in the history at all, so
it neither counts nor starts the count again; a village that a run does not know stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.decision import History, SeenRun
from kentongan.decision_policy import DecisionPolicy, HoldRules, held_until
from kentongan.hazard import LEVEL_UNKNOWN
from kentongan.types import HazardId, Level

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.hazard import HazardEvent
    from kentongan.policy import LevelPolicy


def thresholds(event: HazardEvent, policy: LevelPolicy) -> NDArray[np.float64]:
    """Lower edges of the levels 0 to 4 in the unit of the impact's `value`; NaN where levels alone
    are known."""
    edges = np.full(5, np.nan)
    if event.hazard_id is HazardId.SHAKING:
        edges[1:] = policy.shaking.mmi
    return edges


def hold_levels(
    event: HazardEvent,
    rows: pd.DataFrame,
    level: NDArray[np.int8],
    *,
    policy: LevelPolicy,
    rules: DecisionPolicy,
) -> NDArray[np.int8]:
    """The level that this run would hold in each village: by thresholds times the lower factor
    where the value is known, else its own level; -1 where people enough for any level are not
    known."""
    held = level.copy()
    edges = thresholds(event, policy)[1:] * rules.hold.lower_below_factor
    if "value" in rows and not np.isnan(edges).any():
        value = rows["value"].to_numpy(np.float64, na_value=np.nan)
        by_value = np.searchsorted(edges, np.nan_to_num(value, nan=-np.inf), side="right")
        held = np.maximum(held, by_value).astype(np.int8)
    unknown = np.zeros(len(rows), bool)
    if "known_fraction" in rows:
        least = 1 - policy.raster.people_pct / 100
        unknown = rows["known_fraction"].to_numpy(np.float64) <= least
    return np.where(unknown & (held < Level.AWAS), LEVEL_UNKNOWN, held).astype(np.int8)


def run_levels(evidence: pd.DataFrame) -> dict[str, int]:
    """What a run is remembered by: `kentongan.decision.SeenRun.levels`."""
    held = evidence["hold_level"].to_numpy(np.int8)
    rows = evidence[(held >= Level.WASPADA) | (held == LEVEL_UNKNOWN)]
    return dict(zip(rows["adm4_code"].tolist(), rows["hold_level"].tolist(), strict=True))


def knows_anything(evidence: pd.DataFrame) -> bool:
    """Whether a run saw at least one village; a table of nothing but not-known is blind."""
    return bool((evidence["hold_level"].to_numpy(np.int8) != LEVEL_UNKNOWN).any())


def may_fall(levels: Mapping[str, int], runs: tuple[SeenRun, ...], rules: HoldRules) -> set[str]:
    """Villages that the last `seen_cycles` runs all held below their level."""
    return {code for code, level in _highest(levels, runs, rules).items() if level < levels[code]}


def falls(
    event: HazardEvent,
    levels: Mapping[str, int],
    history: History,
    *,
    at: datetime,
    rules: HoldRules,
) -> dict[str, int]:
    """adm4_code -> its lower level (0: no longer covered) for each village that may fall at `at`.

    A level whose beginning is not known does not fall. A clock that jumps back makes every hold
    longer, never shorter.
    """
    if event.hazard_id in rules.never_lowered:
        return {}
    lower = {}
    for code, level in _highest(levels, history.runs, rules).items():
        raised = history.raised_at.get(code)
        if level >= levels[code] or raised is None:
            continue
        if at >= held_until(rules, levels[code], raised):
            lower[code] = level if level >= Level.WASPADA else Level.NONE
    return {code: int(level) for code, level in sorted(lower.items())}


def _highest(
    levels: Mapping[str, int], runs: tuple[SeenRun, ...], rules: HoldRules
) -> dict[str, int]:
    """The highest level that any of the last runs held; nothing where there are too few."""
    last = runs[-rules.seen_cycles :]
    if len(last) < rules.seen_cycles:
        return {}
    found = {}
    for code in levels:
        seen = [run.levels.get(code, 0) for run in last]
        if LEVEL_UNKNOWN not in seen:
            found[code] = max(seen)
    return found
