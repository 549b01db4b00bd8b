"""The level of every village of an event, with everything that made it: one row a village.

Hazard level → impact class (vulnerability) → matrix with the likelihood → cost-loss → what an
official warning demands → what our own estimates may not say alone. Size never enters: a hamlet
keeps its level.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.decision import EVIDENCE
from kentongan.decision_policy import DecisionPolicy, Likelihood
from kentongan.errors import DataError
from kentongan.impact import UNASSIGNED
from kentongan.types import HazardId, Level
from risk.decision.hysteresis import hold_levels, thresholds
from risk.decision.matrix import (
    acts,
    impact_class,
    likelihood_class,
    matrix_level,
    ratios_of,
)

if TYPE_CHECKING:
    from kentongan.hazard import HazardEvent
    from kentongan.policy import LevelPolicy

_WORDS = np.asarray([one.word for one in Likelihood], dtype=object)
_NOBODY: frozenset[str] = frozenset()
FIELD_OF_RATES = "kentongan-rain/"
"""Method of fields of rain from rates or brightness temperature, whatever their version."""


@dataclass(frozen=True)
class Size:
    """How large an event is, for the duty officer; no village's level depends on it."""

    exposed_people: int
    """At level 2 or above."""
    grave_people: int
    """At `size.large_counts_from_level` or above."""
    shift: int
    """-1, 0 or 1."""
    event_class: int
    """Highest level, shifted, 1..4; 0 where nobody is warned."""


def village_evidence(
    event: HazardEvent,
    impact: pd.DataFrame,
    *,
    policy: LevelPolicy,
    rules: DecisionPolicy,
    held: Collection[str] = _NOBODY,
    nowcast: Collection[str] = _NOBODY,
) -> pd.DataFrame:
    """Levels of this run alone, in code order; columns of `kentongan.decision.EVIDENCE`.

    Args:
        impact: columns `adm4_code` and `level` at least; `probability` (0..1) and `vulnerability`
            (national rank 0..1) where known. A village that stands twice counts with its highest
            level.
        held: villages at level 2 or above in an earlier run: nothing is a jump for them.
        nowcast: villages under a CAP warning of BMKG's.

    Raises:
        DataError: rows without a needed column, a level outside 0..4, a probability outside 0..1.
    """
    rows = _rows(event, impact)
    table = pd.DataFrame(index=rows.index, columns=list(EVIDENCE))
    hazard = rows["level"].to_numpy(np.int8)
    probability = _floats(rows, "probability")
    vulnerability = _floats(rows, "vulnerability")
    shift = _shift(vulnerability, rules) * (event.hazard_id is not HazardId.TSUNAMI)
    impacts = impact_class(hazard, shift.astype(np.int8))
    likelihood = likelihood_class(probability, rules.likelihood)
    by_matrix = matrix_level(impacts, likelihood, rules.matrix)
    codes = rows["adm4_code"].to_numpy(dtype=object)
    ratio = ratios_of(impacts, codes.astype("U5"), rules)
    judged = _Judged(by_matrix.copy(), np.full(len(rows), "matrix", dtype=object))
    judged.limit(~acts(probability, ratio), Level.WATCH, "cost-loss")
    floor = _floor(event, hazard, rules)
    judged.raise_to(floor, "official")
    _own_limits(event, judged, codes, probability, rules, held=held, nowcast=nowcast)
    columns: dict[str, Any] = {
        "adm4_code": codes,
        "hazard_level": hazard,
        "rule": rows["rule"].to_numpy() if "rule" in rows else "",
        "value": _floats(rows, "value"),
        "threshold": thresholds(event, policy)[hazard],
        "probability": probability,
        "likelihood": _WORDS[likelihood],
        "vulnerability": vulnerability,
        "vulnerability_shift": shift.astype(np.int8),
        "impact_class": impacts,
        "matrix_level": by_matrix,
        "cost_loss": ratio,
        "floor": floor,
        "level": judged.level,
        "hold_level": hold_levels(event, rows, judged.level, policy=policy, rules=rules),
        "decided_by": judged.by,
        "uncovered_people": rows["uncovered_people"].to_numpy(np.int64)
        if "uncovered_people" in rows
        else np.zeros(len(rows), np.int64),
    }
    table = pd.DataFrame({name: columns[name] for name in EVIDENCE})
    return table.reset_index(drop=True)


def warned_levels(evidence: pd.DataFrame) -> dict[str, int]:
    """adm4_code -> level of the villages at level 2 or above, in code order."""
    rows = evidence[evidence["level"].to_numpy() >= Level.WASPADA]
    return dict(zip(rows["adm4_code"].tolist(), rows["level"].tolist(), strict=True))


def event_size(impact: pd.DataFrame, levels: dict[str, int], rules: DecisionPolicy) -> Size:
    """The class of the event by the people whom it warns."""
    if not levels or "exposed_people" not in impact:
        return Size(0, 0, 0, max(levels.values(), default=0))
    level = impact["adm4_code"].map(levels).fillna(0).to_numpy()
    people = impact["exposed_people"].to_numpy(np.int64)
    exposed = int(people[level >= Level.WASPADA].sum())
    grave = int(people[level >= rules.size.large_counts_from_level].sum())
    shift = -1 if exposed < rules.size.small_below_people else 0
    shift = 1 if grave >= rules.size.large_from_people else shift
    return Size(exposed, grave, shift, int(np.clip(max(levels.values()) + shift, 1, 4)))


class _Judged:
    """Levels, and what had the last word on each."""

    def __init__(self, level: NDArray[np.int8], by: NDArray[np.object_]) -> None:
        self.level, self.by = level, by

    def limit(self, where: NDArray[np.bool_], most: int, by: str) -> None:
        self._set(where & (self.level > most), np.int8(most), by)

    def raise_to(self, least: NDArray[np.int8], by: str) -> None:
        self._set(self.level < least, least, by)

    def exactly(self, level: NDArray[np.int8], by: str) -> None:
        self.level, self.by = level.copy(), np.full(level.size, by, dtype=object)

    def _set(self, where: NDArray[np.bool_], level: Any, by: str) -> None:
        self.level = np.where(where, level, self.level).astype(np.int8)
        self.by[where] = by


def _rows(event: HazardEvent, impact: pd.DataFrame) -> pd.DataFrame:
    """Villages in code order, each once."""
    if len(impact) == 0:
        return pd.DataFrame({"adm4_code": [], "level": []}).astype({"adm4_code": "str"})
    missing = {"adm4_code", "level"} - set(impact.columns)
    if missing:
        raise DataError(
            f"impact table of {event.event_id}: no column {', '.join(sorted(missing))}; "
            "expected the columns of kentongan.impact"
        )
    rows = impact[(impact["adm4_code"] != UNASSIGNED).to_numpy()]
    if not rows["level"].between(0, 4).all():
        raise DataError(
            f"impact table of {event.event_id}: levels must be 0 to 4, found "
            f"{rows['level'].min()} to {rows['level'].max()}; not known is 0 with people_unknown"
        )
    codes = rows["adm4_code"]
    if codes.is_monotonic_increasing and codes.is_unique:
        return rows.reset_index(drop=True)
    order = rows.sort_values(["adm4_code", "level"], kind="stable")
    return order.drop_duplicates("adm4_code", keep="last").reset_index(drop=True)


def _floats(rows: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in rows:
        return np.full(len(rows), np.nan)
    return rows[name].to_numpy(np.float64, na_value=np.nan)


def _shift(vulnerability: NDArray[np.float64], rules: DecisionPolicy) -> NDArray[np.int8]:
    """Not known shifts nothing."""
    share = rules.vulnerability.top_share_pct / 100
    top = vulnerability >= 1 - share if share else np.zeros(vulnerability.size, bool)
    return np.where(top, rules.vulnerability.raise_classes, 0).astype(np.int8)


def _floor(event: HazardEvent, hazard: NDArray[np.int8], rules: DecisionPolicy) -> NDArray[np.int8]:
    """What an official warning demands of the villages in it."""
    if not event.official:
        return np.zeros(hazard.size, np.int8)
    if event.hazard_id is HazardId.THUNDERSTORM:
        least = np.maximum(hazard, rules.floor.nowcast_level)
        return np.where(hazard >= Level.WASPADA, least, 0).astype(np.int8)
    return hazard


def _own_limits(
    event: HazardEvent,
    judged: _Judged,
    codes: NDArray[np.object_],
    probability: NDArray[np.float64],
    rules: DecisionPolicy,
    *,
    held: Collection[str],
    nowcast: Collection[str],
) -> None:
    if event.hazard_id is HazardId.TSUNAMI:
        return
    if is_hourly_rain(event):
        if is_rain_image(event):
            judged.limit(np.ones(codes.size, bool), Level.WASPADA, "rain-image-alone")
        judged.limit(_outside(codes, nowcast), Level.SIAGA, "rain-estimate-alone")
    jump = rules.rain_jump
    if event.official or event.hazard_id not in jump.hazards:
        return
    new = _outside(codes, {*held, *nowcast})
    sure = np.nan_to_num(probability, nan=0.0) >= jump.min_probability
    judged.limit(new & ~sure, jump.else_at_most_level, "rain-jump")


def _outside(codes: NDArray[np.object_], known: Collection[str]) -> NDArray[np.bool_]:
    return np.fromiter((code not in known for code in codes), bool, codes.size)


def is_hourly_rain(event: HazardEvent) -> bool:
    """An estimate of rain, whatever it was made from: one draft for a province and hour."""
    return event.hazard_id is HazardId.RAIN and not event.official


def is_rain_image(event: HazardEvent) -> bool:
    """An estimate of rain from classes without amounts, as BMKG's picture has; not from rates.

    A method that is not known counts as one: it may say less, not more.
    """
    return is_hourly_rain(event) and not event.method.startswith(FIELD_OF_RATES)
