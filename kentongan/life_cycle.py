"""The life of a warning version: one table of (state, trigger) -> (state, effect).

    (none) ── DRAFT ──► draft ── APPROVE ──► approved ── RELEASE ──► released
    draft, approved:  REPLACE → superseded, END or CANCEL → cancelled, EXPIRE → expired
    released:         REPLACE → superseded, END → ended, CANCEL → cancelled, EXPIRE → expired

Whoever changes a state asks this table first, so nothing that is closed opens again and nothing
is released that was not approved. A warning begins again only as a new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kentongan.errors import RuleViolation
from kentongan.types import WarningState

_S = WarningState


class Trigger(StrEnum):
    DRAFT = "draft"
    """A decision asks for a version."""
    APPROVE = "approve"
    """Policy or enough people say yes to exactly this content."""
    RELEASE = "release"
    """Its CAP document is written."""
    REPLACE = "replace"
    """A newer version of the same warning takes its place."""
    END = "end"
    """Its authority ended it, its last village left it, or another warning took it over."""
    CANCEL = "cancel"
    """A person takes it back."""
    EXPIRE = "expire"
    """Its own end has passed."""


class Effect(StrEnum):
    """What the change owes to those who were told."""

    WAIT = "wait"
    """Nobody is told yet."""
    PUBLISH = "publish"
    """The alert exists: everybody whom it names is told."""
    NOTHING = "nothing"
    """Nobody: another message says it, the text said it before, or nobody had been told."""


@dataclass(frozen=True)
class Step:
    state: WarningState
    effect: Effect


State = WarningState | None
"""None: there is no such version yet."""

TABLE: dict[tuple[State, Trigger], Step] = {
    (None, Trigger.DRAFT): Step(_S.DRAFT, Effect.WAIT),
    (_S.DRAFT, Trigger.APPROVE): Step(_S.APPROVED, Effect.WAIT),
    (_S.DRAFT, Trigger.REPLACE): Step(_S.SUPERSEDED, Effect.NOTHING),
    (_S.DRAFT, Trigger.END): Step(_S.CANCELLED, Effect.NOTHING),
    (_S.DRAFT, Trigger.CANCEL): Step(_S.CANCELLED, Effect.NOTHING),
    (_S.DRAFT, Trigger.EXPIRE): Step(_S.EXPIRED, Effect.NOTHING),
    (_S.APPROVED, Trigger.RELEASE): Step(_S.RELEASED, Effect.PUBLISH),
    (_S.APPROVED, Trigger.REPLACE): Step(_S.SUPERSEDED, Effect.NOTHING),
    (_S.APPROVED, Trigger.END): Step(_S.CANCELLED, Effect.NOTHING),
    (_S.APPROVED, Trigger.CANCEL): Step(_S.CANCELLED, Effect.NOTHING),
    (_S.APPROVED, Trigger.EXPIRE): Step(_S.EXPIRED, Effect.NOTHING),
    (_S.RELEASED, Trigger.REPLACE): Step(_S.SUPERSEDED, Effect.NOTHING),
    (_S.RELEASED, Trigger.END): Step(_S.ENDED, Effect.NOTHING),
    (_S.RELEASED, Trigger.CANCEL): Step(_S.CANCELLED, Effect.NOTHING),
    (_S.RELEASED, Trigger.EXPIRE): Step(_S.EXPIRED, Effect.NOTHING),
}

PENDING = frozenset({_S.DRAFT, _S.APPROVED})
CLOSED = frozenset({_S.SUPERSEDED, _S.ENDED, _S.CANCELLED, _S.EXPIRED})
"""No trigger leads out of these."""


def step(state: State, trigger: Trigger, name: str) -> Step:
    """What `trigger` makes of a version.

    Args:
        name: of the version, for the error: `w-flood-1 v2`.

    Raises:
        RuleViolation: the table has no such change.
    """
    found = TABLE.get((state, trigger))
    if found is None:
        allowed = ", ".join(str(t) for s, t in TABLE if s == state) or "nothing"
        raise RuleViolation(
            f"{name} is {state or 'not there'}: '{trigger}' is no step from there; "
            f"expected {allowed}. A warning that is over begins again as a new version"
        )
    return found


def trigger_to(state: State, target: WarningState, name: str) -> Trigger:
    """The trigger that leads from one state to another.

    Raises:
        RuleViolation: there is none.
    """
    for (before, trigger), after in TABLE.items():
        if before == state and after.state is target:
            return trigger
    raise RuleViolation(
        f"{name} is {state or 'not there'} and cannot become {target}: no trigger leads there"
    )
