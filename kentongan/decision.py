"""What was decided about an event, and what is in force: between `risk` and `notify`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kentongan.types import Level


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Action(StrEnum):
    NONE = "none"
    ALERT = "alert"
    """First warning of an event."""
    UPDATE = "update"
    """More villages, another level or new content: everybody concerned is told. A village that
    is no longer covered is told so."""
    RENEW = "renew"
    """Nothing changed but the end: a CAP Update, no new SMS."""
    ALL_CLEAR = "all-clear"
    """The authority ended it: exactly those warned are told."""
    EXPIRE = "expire"
    """Its own end has passed. No message."""
    HAND_OVER = "hand-over"
    """Another warning has taken its place: only villages that that one does not hold are told."""


class Standing(_Frozen):
    """What is in force for one event: its newest warning version."""

    warning_id: str
    version: int
    state: str
    levels: dict[str, int]
    """adm4_code -> level (>= 2)."""
    ever_warned: tuple[str, ...]
    """Every village that any version reached, sorted."""
    expires: AwareDatetime
    observations: tuple[str, ...]
    valid_from: AwareDatetime | None = None
    """The event's `valid_from` when this version was made: what a newer document must beat."""
    released_levels: dict[str, int] | None = None
    """Levels of the newest version that went out; None: none did, or `levels` if this one did."""
    told_elsewhere: tuple[str, ...] = ()
    """Of `ever_warned`: those whom another warning told instead."""
    cleared: frozenset[str] = frozenset()
    """Villages that were told that everybody is out."""
    made_at: AwareDatetime | None = None
    taken_back_at: AwareDatetime | None = None
    """When a person ended it; None: nobody did."""
    taken_back_level: int = 0
    """Its highest level before that."""


class InForce(_Frozen):
    """What of an event's warning went out before an instant and held then.

    It is asked for the instant of a cycle: what that cycle itself does is not in it, so that a
    cycle that is done again after it died decides the same.
    """

    levels: dict[str, int] = Field(default_factory=dict)
    """adm4_code -> level (>= 2); empty: nothing."""
    expires: AwareDatetime
    told: frozenset[str] = frozenset()
    """Villages that this warning itself told."""


class RunOutcome(StrEnum):
    SEEN = "seen"
    """New knowledge of the event."""
    MISSING = "missing"
    """Nothing new, from feeds that work."""
    BLIND = "blind"
    """Nothing new, and its feed is not to be trusted or knows nothing here."""


class SeenRun(_Frozen):
    """One run with new knowledge of an event."""

    valid_from: AwareDatetime
    """How new that knowledge is."""
    levels: dict[str, int]
    """adm4_code -> level (>= 2) that this run alone would hold, by the lower thresholds; -1 where
    it does not know. A village that is not in it is below level 2."""


class History(_Frozen):
    """What the decision has to know of earlier runs and versions."""

    runs: tuple[SeenRun, ...] = ()
    """The last of them, oldest first, the current one included; no two of one `valid_from`."""
    raised_at: dict[str, AwareDatetime] = Field(default_factory=dict)
    """adm4_code -> when its level came to be; of villages that might fall."""


class Relation(StrEnum):
    SUPERSEDES = "supersedes"
    """A newer nowcast of the same province and area."""
    MERGED_INTO = "merged-into"
    """Two estimates have grown together."""
    SPLIT_FROM = "split-from"
    """A part of an estimate has become one of its own."""


class Surroundings(_Frozen):
    """What other events mean for this one."""

    successor: str | None = None
    """Event that has taken its place, whose warning is in force."""
    covered: dict[str, int] = Field(default_factory=dict)
    """adm4_code -> level that the successor's released warning holds."""
    taken: frozenset[str] = frozenset()
    """Villages that a part, split off and in force, has taken along."""
    told: dict[str, int] = Field(default_factory=dict)
    """adm4_code -> level that a warning in force, of the same hazard, told until hardly earlier."""
    taken_back: frozenset[str] = frozenset()
    """Villages that another warning of the same hazard has told, and has told since that it is
    over: whom this one left to the other, it must tell itself now."""
    nowcast: frozenset[str] = frozenset()
    """Villages under a CAP warning of BMKG's."""
    cleared: frozenset[str] = frozenset()
    """Villages whose team says that everybody is out: their text changes, their level does not."""


class Decision(_Frozen):
    event_id: str
    action: Action
    levels: dict[str, int]
    """adm4_code -> level (>= 2) that hold from now on; empty for an end."""
    told: tuple[str, ...]
    """Villages that get a message now, sorted."""
    expires: AwareDatetime
    reason: str
    """One line for the duty officer and the audit."""
    told_elsewhere: tuple[str, ...] = ()
    """Villages of `levels` that get no message because another warning in force told them."""

    @property
    def level(self) -> Level:
        return Level(max(self.levels.values(), default=0))


EVIDENCE: dict[str, str] = {
    "adm4_code": "text",
    "hazard_level": "int8 0..4: of the impact table",
    "rule": "text: rule of the impact table that gave it",
    "value": "float64, the physical value that decided; NaN if none",
    "threshold": "float64, lower edge of `hazard_level` in the unit of `value`; NaN if none",
    "probability": "float64 0..1; NaN: not known",
    "likelihood": "text: very-low, low, medium, high",
    "vulnerability": "float64 0..1, national rank, 1 the most vulnerable; NaN: not known",
    "vulnerability_shift": "int8: classes by which the impact was raised",
    "impact_class": "int8 0..4",
    "matrix_level": "int8 0..4",
    "cost_loss": "float64: the ratio that the probability had to exceed; NaN: no public level",
    "floor": "int8: what an official warning does not fall below; 0: none",
    "level": "int8 0..4: what this run gives",
    "hold_level": "int8 -1..4: what it would hold, by the lower thresholds; -1: not known",
    "decided_by": "text: what had the last word, e.g. matrix, cost-loss, official, rain-image",
    "uncovered_people": "int64: people whom no team reaches within 60 minutes",
}
"""Columns of the evidence of a decision: one row a village."""
