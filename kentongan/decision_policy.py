"""Reviewed figures that turn an impact into a level and hold it: `data/policy/decision.toml`.

Impossible values are refused with the key, what was expected and what was found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import IntEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kentongan.types import HazardId, Level

Row = tuple[int, int, int, int]
Rows = tuple[Row, Row, Row, Row]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Likelihood(IntEnum):
    """Column of the matrix."""

    VERY_LOW = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")


class MatrixRules(_Strict):
    """Level by impact class (row 1 to 4) and likelihood (very low, low, medium, high)."""

    impact_1_level: Row
    impact_2_level: Row
    impact_3_level: Row
    impact_4_level: Row

    @property
    def rows(self) -> Rows:
        return self.impact_1_level, self.impact_2_level, self.impact_3_level, self.impact_4_level

    @model_validator(mode="after")
    def _rises(self) -> MatrixRules:
        for number, row in enumerate(self.rows, start=1):
            if not all(Level.NONE <= level <= Level.AWAS for level in row):
                raise ValueError(f"impact_{number}_level: expected levels 0 to 4, found {row}")
            if list(row) != sorted(row):
                raise ValueError(
                    f"impact_{number}_level: a likelier impact never gives a lower level, found "
                    f"{row}"
                )
        for number, (less, more) in enumerate(zip(self.rows, self.rows[1:], strict=False), start=1):
            if any(a > b for a, b in zip(less, more, strict=True)):
                raise ValueError(
                    f"impact_{number + 1}_level: a graver impact never gives a lower level, "
                    f"found {more} below {less}"
                )
        return self


class LikelihoodRules(_Strict):
    """A class begins at its probability and holds it."""

    low_from_probability: float = Field(ge=0, le=1)
    medium_from_probability: float = Field(ge=0, le=1)
    high_from_probability: float = Field(ge=0, le=1)
    when_not_known: str = "high"
    """Class of a hazard without a probability. What is not known is never counted as unlikely."""

    @property
    def edges(self) -> tuple[float, float, float]:
        return self.low_from_probability, self.medium_from_probability, self.high_from_probability

    @property
    def unknown(self) -> Likelihood:
        return next(one for one in Likelihood if one.word == self.when_not_known)

    @model_validator(mode="after")
    def _ascending(self) -> LikelihoodRules:
        if not 0 < self.edges[0] < self.edges[1] < self.edges[2]:
            raise ValueError(f"likelihood: expected ascending probabilities, found {self.edges}")
        words = [one.word for one in Likelihood]
        if self.when_not_known not in words:
            raise ValueError(
                f"when_not_known: expected one of {', '.join(words)}, found {self.when_not_known!r}"
            )
        return self


class CostLoss(_Strict):
    """Cost of acting over the loss that acting saves, for impacts of class 2, 3 and 4."""

    impact_2_ratio: float
    impact_3_ratio: float
    impact_4_ratio: float

    @property
    def ratios(self) -> tuple[float, float, float]:
        return self.impact_2_ratio, self.impact_3_ratio, self.impact_4_ratio

    @model_validator(mode="after")
    def _possible(self) -> CostLoss:
        if not all(0 < ratio < 1 for ratio in self.ratios):
            raise ValueError(
                f"cost_loss: expected ratios between 0 and 1, both excluded, found {self.ratios}"
            )
        if list(self.ratios) != sorted(self.ratios, reverse=True):
            raise ValueError(
                "cost_loss: a graver impact is never acted on later than a lesser one, expected "
                f"ratios that fall or stay, found {self.ratios}"
            )
        return self


class SizeRules(_Strict):
    """The size of an event; no village's level depends on it."""

    small_below_people: int = Field(ge=0)
    large_from_people: int = Field(ge=1)
    large_counts_from_level: int = Field(ge=2, le=4)

    @model_validator(mode="after")
    def _apart(self) -> SizeRules:
        if self.small_below_people > self.large_from_people:
            raise ValueError("size: small_below_people lies above large_from_people")
        return self


class VulnerabilityRules(_Strict):
    top_share_pct: float = Field(ge=0, le=50)
    """Villages among so many percent of the most vulnerable; 0 switches the rule off."""
    raise_classes: int = Field(ge=0, le=1)


class FloorRules(_Strict):
    nowcast_level: int = Field(ge=2, le=4)
    """A warning of BMKG's is never below; its CAP severity ranks nothing."""


class RainJumpRules(_Strict):
    """Rain, flood and landslide of our own: no village goes from nothing to Awas at once, but on
    a probability or on a CAP warning of BMKG's that holds there."""

    hazards: tuple[HazardId, ...]
    min_probability: float = Field(gt=0, le=1)
    else_at_most_level: int = Field(ge=2, le=3)


class HoldRules(_Strict):
    """When a level may fall."""

    waspada_minutes: float = Field(ge=0)
    siaga_minutes: float = Field(ge=0)
    awas_minutes: float = Field(ge=0)
    lower_below_factor: float = Field(gt=0, le=1)
    """Of the threshold: only a value below it counts against the level."""
    taken_back_minutes: float = Field(ge=0)
    """So long an estimate that a person ended stays silent, unless its level rises."""
    cleared_minutes: float = Field(ge=0)
    """Between a version and the next one that only says which villages are evacuated by now."""
    seen_cycles: int = Field(ge=1)
    never_lowered: tuple[HazardId, ...]

    def minutes(self, level: int) -> timedelta:
        held = {2: self.waspada_minutes, 3: self.siaga_minutes, 4: self.awas_minutes}
        return timedelta(minutes=held.get(int(level), 0.0))

    @model_validator(mode="after")
    def _graver_holds_longer(self) -> HoldRules:
        if not self.waspada_minutes <= self.siaga_minutes <= self.awas_minutes:
            raise ValueError("hold: a graver level is never held for a shorter time")
        if HazardId.TSUNAMI not in self.never_lowered:
            raise ValueError("never_lowered: tsunami must be among them; only PD-4 ends it")
        return self


class SuccessionRules(_Strict):
    """Warnings that follow or join each other."""

    hazards: tuple[HazardId, ...]
    """Of these, a village that is told of one is not told again of another that says the same."""
    nowcast_overlap_pct: float = Field(gt=0, le=100)
    """A newer nowcast of the province takes over one with so many of its villages in it."""
    merge_overlap_pct: float = Field(gt=0, le=100)
    """Estimates with so many villages of the smaller in common are one event."""
    told_again_when_end_later_minutes: float = Field(ge=0)

    @property
    def told_again(self) -> timedelta:
        return timedelta(minutes=self.told_again_when_end_later_minutes)

    @model_validator(mode="after")
    def _no_quake(self) -> SuccessionRules:
        if {HazardId.SHAKING, HazardId.TSUNAMI} & set(self.hazards):
            raise ValueError(
                "succession.hazards: each quake and each tsunami is told by itself; expected "
                "neither among them"
            )
        return self


_REGENCY = re.compile(r"\d\d\.\d\d")


class DecisionPolicy(_Strict):
    author: str = Field(min_length=1)
    date: date
    matrix: MatrixRules
    likelihood: LikelihoodRules
    cost_loss: CostLoss
    cost_loss_of_regency: dict[str, CostLoss] = {}
    size: SizeRules
    vulnerability: VulnerabilityRules
    floor: FloorRules
    rain_jump: RainJumpRules
    hold: HoldRules
    succession: SuccessionRules

    @field_validator("cost_loss_of_regency")
    @classmethod
    def _codes(cls, value: Mapping[str, CostLoss]) -> Mapping[str, CostLoss]:
        strange = [code for code in value if not _REGENCY.fullmatch(code)]
        if strange:
            raise ValueError(
                f"cost_loss_of_regency: expected codes of a regency such as 75.02, found {strange}"
            )
        return value

    @model_validator(mode="after")
    def _certain_is_identity(self) -> DecisionPolicy:
        """What is certain, or not known to be less, keeps the level of its hazard."""
        column = tuple(row[self.likelihood.unknown] for row in self.matrix.rows)
        if column != (1, 2, 3, 4):
            raise ValueError(
                f"matrix: in the column '{self.likelihood.when_not_known}', where hazards without "
                f"a probability stand, each impact keeps its level: expected 1, 2, 3, 4, found "
                f"{', '.join(map(str, column))}"
            )
        return self


def held_until(rules: HoldRules, level: int, raised_at: datetime) -> datetime:
    """The end of a level's minimum hold."""
    return raised_at + rules.minutes(level)
