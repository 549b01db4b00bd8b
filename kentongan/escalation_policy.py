"""`data/policy/escalation.toml`: who is asked, and when, while a task stays unanswered."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from functools import cache

from pydantic import BaseModel, ConfigDict, field_validator

from kentongan.policy import load_policy
from kentongan.settings import data_dir


class Rung(StrEnum):
    REPEAT = "repeat"
    NEXT_CHANNEL = "next-channel"
    DEPUTY = "deputy"
    COORDINATOR = "coordinator"
    REGENCY = "regency"
    PROVINCE = "province"
    COMMAND_CENTRE = "command-centre"


ASKS = frozenset({Rung.DEPUTY, Rung.COORDINATOR})
"""Somebody else is asked; the other rungs remind, or tell a post that nobody answers."""


class EscalationPolicy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str
    date: date
    minutes: dict[int, dict[Rung, float]]
    """Level -> rung -> minutes since somebody was first asked."""

    @field_validator("minutes")
    @classmethod
    def _ordered(cls, minutes: dict[int, dict[Rung, float]]) -> dict[int, dict[Rung, float]]:
        for level, ladder in minutes.items():
            times = [ladder[rung] for rung in Rung if rung in ladder]
            if len(ladder) != len(Rung) or times != sorted(times) or times[0] <= 0:
                raise ValueError(
                    f"level {level}: expected every rung, its minutes above 0 and rising in the "
                    f"order {', '.join(Rung)}"
                )
        if not {3, 4} <= minutes.keys():
            raise ValueError("expected [minutes.3] and [minutes.4]")
        return minutes

    def after(self, level: int, rung: int) -> timedelta | None:
        """How long after the first request a rung is due; None above the last."""
        ladder = list(Rung)
        if rung >= len(ladder):
            return None
        return timedelta(minutes=self.minutes[level if level in self.minutes else 3][ladder[rung]])


@cache
def load_escalation_policy() -> EscalationPolicy:
    """The bundled policy.

    Raises:
        SettingsError: it cannot be read.
    """
    return load_policy(data_dir() / "policy" / "escalation.toml", EscalationPolicy)
