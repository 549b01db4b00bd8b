"""`data/policy/dispatch.toml`: what sending may cost, how often one number is told, when a route is
given up. Nothing here can stop a correction unless the file says so."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from kentongan.policy import load_policy
from kentongan.settings import data_dir
from kentongan.types import Level


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ceiling(_Strict):
    """Of one clock hour, all real routes together. What exceeds waits for the next hour, or for its
    end; it is never thrown away."""

    messages_per_hour: int | None = Field(default=None, ge=1)
    """Parts of SMS count each."""
    rupiah_per_hour: float | None = Field(default=None, gt=0)
    passes_from_level: int = Field(default=Level.SIAGA, ge=Level.WASPADA, le=Level.AWAS + 1)
    """Messages of this level and above go out all the same; 5: none does. Above 3, people in danger
    may not be told in time because of money: whoever writes that decides it."""
    corrections_pass: bool = True
    """Corrections and calls back out of a zone go out all the same."""


class NumberQuota(_Strict):
    """Warnings to one resident in 24 hours; tasks, corrections and ends are not counted out."""

    messages_per_day: int | None = Field(default=None, ge=1)
    passes_from_level: int = Field(default=Level.SIAGA, ge=Level.WASPADA, le=Level.SIAGA)
    """Never above 3: nobody in danger stays untold for the sake of a count."""


class DispatchPolicy(_Strict):
    """`data/policy/dispatch.toml`."""

    author: str = ""
    date: date
    recalls_pass_a_stop: bool
    """Corrections and calls back go out although the switch is off."""
    ceiling: Ceiling = Ceiling()
    quota: NumberQuota = NumberQuota()
    same_text_minutes: float = Field(default=30.0, ge=0)
    """The same words to the same person on the same channel are not sent twice within this time,
    whatever version they come from; 0: no such look. Below level 3 alone: above, two warnings may
    say the same, and words that were lowered or taken back since must be said again."""
    recovery_wait_s: float = Field(default=45.0, ge=0)
    """After a crash a message that was on the wire waits so long for its receipt before it is sent
    again (level 3 and above) or stays unknown."""
    route_failures: int = Field(default=2, ge=1)
    """Failures of a route, not of messages, in a row; then the next route by order takes over."""
    route_connect_s: float = Field(default=4.0, gt=0)
    """What a line gets to come up before its silence counts as a fault."""
    route_pause_s: float = Field(default=5.0, gt=0)
    """A failing route is tried again after this, then after twice that, up to the longest."""
    route_pause_max_s: float = Field(default=60.0, gt=0)


def load_dispatch_policy(path: Path | None = None) -> DispatchPolicy:
    """The policy of this file; None: the bundled one.

    Raises:
        SettingsError: it cannot be read, or holds an unknown key.
    """
    return load_policy(path or data_dir() / "policy" / "dispatch.toml", DispatchPolicy)
