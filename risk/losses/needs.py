"""Who needs a roof, and what these people need: figures of `data/needs.toml`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kentongan.policy import load_policy
from kentongan.settings import data_dir
from kentongan.types import Level

Share = dict[int, float]


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Displaced(_Figures):
    share_pct: Share
    """By whole MMI."""
    level_share_pct: Share
    """By level, for hazards other than shaking."""
    usable_floor_pct: float = Field(gt=0, le=100)


class Need(_Figures):
    id: str
    name: str
    name_id: str
    per_person: float = Field(gt=0)
    unit: str
    every: Literal["once", "week", "month"]
    confirmed: bool
    """Whether its source was read; else it is quoted from another."""
    source: str


class NeedFigures(_Figures):
    author: str
    date: date
    displaced: Displaced
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class Amount:
    """Of one thing, rounded up to whole units."""

    need: Need
    amount: int


def load_needs() -> NeedFigures:
    return load_policy(data_dir() / "needs.toml", NeedFigures)


def displaced(people: Mapping[int, int], share_pct: Share) -> int:
    """People who need a roof, rounded up to two figures: an assumption, no count.

    Args:
        people: whole people by class (MMI or level).
        share_pct: by class; a class above all that are named has the share of the highest,
            one below them has none.
    """
    top = max(share_pct)
    exact = sum(n * share_pct.get(min(mmi, top), 0.0) / 100 for mmi, n in people.items())
    return two_figures(exact)


def displaced_by_shaking(people: Mapping[int, int], figures: NeedFigures) -> int:
    return displaced(people, figures.displaced.share_pct)


def displaced_by_level(people: Mapping[Level, int], figures: NeedFigures) -> int:
    """Where only levels are known (flood, tsunami)."""
    return displaced({int(k): n for k, n in people.items()}, figures.displaced.level_share_pct)


def two_figures(number: float) -> int:
    """Rounded up to two significant figures; 0 stays 0."""
    if number <= 0:
        return 0
    step: int = 10 ** max(0, math.floor(math.log10(number)) - 1)
    # The share may carry the rounding of a division: 1e-9 of a person is nobody.
    return math.ceil(number / step - 1e-9) * step


def minimum_needs(people: int, figures: NeedFigures) -> tuple[Amount, ...]:
    """What so many people need; floor before the share of a hall that cannot be slept on."""
    return tuple(Amount(n, math.ceil(people * n.per_person - 1e-9)) for n in figures.needs)


def hall_floor_m2(people: int, figures: NeedFigures) -> int:
    """Floor of the halls themselves, of which only a part can be slept on."""
    floor = next(n for n in figures.needs if n.id == "covered-floor")
    share = figures.displaced.usable_floor_pct / 100
    return math.ceil(people * floor.per_person / share - 1e-9)
