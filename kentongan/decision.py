"""What was decided about an event, and what is in force: between `risk` and `notify`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from kentongan.types import Level


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Action(StrEnum):
    NONE = "none"
    ALERT = "alert"
    """First warning of an event."""
    UPDATE = "update"
    """More villages, a higher level or new content: everybody concerned is told."""
    RENEW = "renew"
    """Nothing changed but the end: a CAP Update, no new SMS."""
    ALL_CLEAR = "all-clear"
    """The authority ended it: exactly those warned are told."""
    EXPIRE = "expire"
    """Its own end has passed. No message."""


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

    @property
    def level(self) -> Level:
        return Level(max(self.levels.values(), default=0))
