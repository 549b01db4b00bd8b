"""Who may release what, as data: `data/policy/<mode>.toml`.

Nothing is allowed that is not named: a warning that no rule lets go by itself waits for people.
Above this page stands what no file can change: see `requirement`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kentongan.types import HazardId, Level, Mode

Source = Literal["bmkg-nowcast", "inatews", "bmkg", "estimate"]
"""Whose word it is. `bmkg`: any other official warning; `estimate`: our own."""

TWO = 2
"""People behind one of our own estimates in actual mode, whatever a file says."""
_OFFICIAL: dict[HazardId, Source] = {
    HazardId.THUNDERSTORM: "bmkg-nowcast",
    HazardId.TSUNAMI: "inatews",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def source_of(hazard: HazardId, *, official: bool) -> Source:
    return _OFFICIAL.get(hazard, "bmkg") if official else "estimate"


class ReleaseRule(_Strict):
    """What may go out by itself, or with fewer people. The first that fits decides."""

    source: Source
    hazard: HazardId | Literal["any"]
    max_level: int = Field(ge=Level.WASPADA, le=Level.AWAS)
    """Above, this rule does not fit."""
    itself: bool = False
    approvers: int | None = Field(default=None, ge=1, le=5)

    @model_validator(mode="after")
    def _says_one_thing(self) -> ReleaseRule:
        if self.itself == (self.approvers is not None):
            raise ValueError(
                f"release of {self.source} {self.hazard}: expected itself = true, or approvers"
            )
        return self


class ApprovalRules(_Strict):
    approvers: int = Field(ge=1, le=5)
    """Different people behind what no rule names; the author of a by-hand end is one of them."""
    strict_from_level: int | None = Field(default=None, ge=Level.WASPADA, le=Level.AWAS)
    """From here (3 is CAP's Severe) at least two people, whatever a rule says."""
    strict_above_recipients: int | None = Field(default=None, ge=0)
    """The same, by the number of people who would be told."""
    code: bool
    """Every act needs an account and its one-time code. Actual mode always asks for them."""
    valid_minutes: float = Field(gt=0, le=60)
    """An approval that is older asks again."""
    draft_minutes: float = Field(gt=0, le=24 * 60)
    """A draft that waited longer runs out, and is made anew while its event lasts."""


class BreakGlassRules(_Strict):
    """One person, at once, when danger is near; a second one looks at it afterwards."""

    allowed: bool
    min_level: int = Field(ge=Level.WASPADA, le=Level.AWAS)
    within_minutes: float = Field(gt=0, le=180)
    """Until the hazard arrives; an end may always break the glass."""
    review_minutes: float = Field(gt=0, le=60)


class Quotas(_Strict):
    """What exceeds waits for people, with its reason. Ends never count and never wait."""

    alerts_per_hour: int | None = Field(default=None, ge=1)
    """Of one hazard in one province."""
    messages_per_hour: int | None = Field(default=None, ge=1)
    """Spend ceiling, all warnings together."""


class ReleasePolicy(_Strict):
    author: str = Field(min_length=1)
    date: date
    release: tuple[ReleaseRule, ...] = ()
    approval: ApprovalRules
    break_glass: BreakGlassRules
    quota: Quotas = Quotas()
    price_per_sms_rupiah: float | None = Field(default=None, gt=0)
    """What `warning show` reckons with; none: no cost is shown."""

    @model_validator(mode="after")
    def _no_rule_is_dead(self) -> ReleasePolicy:
        seen: dict[tuple[str, str], int] = {}
        for rule in self.release:
            key = (rule.source, str(rule.hazard))
            if rule.max_level <= max(seen.get(key, 0), seen.get((rule.source, "any"), 0)):
                raise ValueError(
                    f"release of {rule.source} {rule.hazard} up to {rule.max_level}: an earlier "
                    "rule already decides these levels; put the lower level first"
                )
            seen[key] = rule.max_level
        return self

    def rule(self, source: Source, hazard: HazardId, level: int) -> ReleaseRule | None:
        fitting = (r for r in self.release if r.source == source and r.hazard in ("any", hazard))
        return next((r for r in fitting if level <= r.max_level), None)


@dataclass(frozen=True)
class Requirement:
    """What a version needs before it may go out."""

    itself: bool
    people: int
    """Different ones, the author of a by-hand end among them; 0 where it goes by itself."""
    strict: bool
    """Severe, Extreme or very many recipients: never fewer than two people."""


def requirement(
    policy: ReleasePolicy,
    mode: Mode,
    *,
    hazard: HazardId,
    official: bool,
    level: int,
    by_people: bool = False,
    recipients: int = 0,
) -> Requirement:
    """The policy's word, below what no policy can change.

    In actual mode an estimate never goes by itself and never with fewer than two people; an
    end that a person asked for never goes by itself in any mode.

    Args:
        level: the highest; of an end: what it ends.
        by_people: a person wrote it, or a quota holds it back: no rule releases it.
    """
    source = source_of(hazard, official=official)
    rule = policy.rule(source, hazard, level)
    own_in_actual = source == "estimate" and mode is Mode.ACTUAL
    if rule is not None and rule.itself and not own_in_actual and not by_people:
        return Requirement(itself=True, people=0, strict=False)
    asked = policy.approval
    strict = _reaches(level, asked.strict_from_level) or (
        asked.strict_above_recipients is not None and recipients > asked.strict_above_recipients
    )
    people = asked.approvers
    if rule is not None and rule.approvers is not None and not by_people:
        people = rule.approvers
    if own_in_actual or strict:
        people = max(people, TWO)
    return Requirement(itself=False, people=people, strict=strict)


def _reaches(level: int, edge: int | None) -> bool:
    return edge is not None and level >= edge


def needs_code(policy: ReleasePolicy, mode: Mode) -> bool:
    """Whether an act needs an account and a one-time code."""
    return policy.approval.code or mode is Mode.ACTUAL
