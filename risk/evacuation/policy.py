"""Figures of a plan: `data/policy/plan.toml`."""

from __future__ import annotations

from datetime import date
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from kentongan.policy import load_policy
from kentongan.settings import data_dir
from kentongan.types import HazardId, TaskKind


class PlanPolicy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    author: str
    date: date
    time_limit_s: float = Field(gt=0)
    nearest: int = Field(ge=1)
    most_pairs: int = Field(ge=1)
    fairness_steps: int = Field(ge=1, le=100)
    unknown_capacity_places: int = Field(ge=0)
    vulnerable_rank_from: float = Field(ge=0, le=1)
    skill_minutes: float = Field(ge=0, le=120)
    level_weight: dict[int, int]
    """Whole, 1 to 100, by level."""
    first_look: tuple[TaskKind, ...]
    most_ways: int = Field(ge=0)
    skills: dict[HazardId, tuple[str, ...]]
    skill_words: dict[str, tuple[str, ...]]

    def weight(self, level: int) -> int:
        return min(max(self.level_weight.get(level, 1), 1), 100)

    def skills_of(self, words: str) -> frozenset[str]:
        """Skills that a register's words name, e.g. `dapur umum;logistik`."""
        said = {word.strip().casefold() for word in words.split(";")}
        return frozenset(
            skill for skill, named in self.skill_words.items() if said & {skill, *named}
        )


@cache
def plan_policy() -> PlanPolicy:
    return load_policy(data_dir() / "policy" / "plan.toml", PlanPolicy)
