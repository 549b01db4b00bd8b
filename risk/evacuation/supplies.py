"""What a shelter needs for the people whom a plan puts there: minimum needs with their source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from kentongan.plan import Leg
from kentongan.policy import load_policy
from kentongan.settings import data_dir
from risk.losses.needs import (
    Amount,
    Need,
    NeedFigures,
    hall_floor_m2,
    load_needs,
    minimum_needs,
)


class _More(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str
    date: date
    needs: tuple[Need, ...]


@cache
def shelter_needs() -> NeedFigures:
    """The minimum needs of `data/needs.toml`, and those of `data/needs/shelter.toml`."""
    figures = load_needs()
    more = load_policy(data_dir() / "needs" / "shelter.toml", _More)
    return figures.model_copy(update={"needs": (*figures.needs, *more.needs)})


@dataclass(frozen=True)
class Supply:
    """Needs of one shelter. `hall_m2`: floor of the hall, of which only a part is slept on."""

    shelter_id: str
    shelter: str
    people: int
    hall_m2: int
    amounts: tuple[Amount, ...]


class HasLegs(Protocol):
    """A planned task, or a line of a list of tasks."""

    @property
    def legs(self) -> tuple[Leg, ...]: ...


def supplies(tasks: Sequence[HasLegs], figures: NeedFigures | None = None) -> tuple[Supply, ...]:
    """For each shelter of a plan, those with most people first.

    People count where they have a place, whether a team comes with them or not.
    """
    figures = figures or shelter_needs()
    people: dict[str, int] = {}
    names: dict[str, str] = {}
    for task in tasks:
        for leg in task.legs:
            if leg.shelter_id is not None and leg.people:
                people[leg.shelter_id] = people.get(leg.shelter_id, 0) + leg.people
                names[leg.shelter_id] = leg.shelter
    return tuple(
        Supply(
            shelter_id=name,
            shelter=names[name],
            people=count,
            hall_m2=hall_floor_m2(count, figures),
            amounts=minimum_needs(count, figures),
        )
        for name, count in sorted(people.items(), key=lambda one: (-one[1], one[0]))
    )
