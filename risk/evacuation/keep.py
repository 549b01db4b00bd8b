"""What somebody holds already, as a new plan should leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kentongan.plan import PlannedTask
from risk.evacuation.places import Shelters
from risk.evacuation.register import Teams
from risk.needs import Need


@dataclass(frozen=True)
class Keep:
    """`tasks`: adm4_code -> the task that is held. None: a plan from nothing."""

    tasks: Mapping[str, PlannedTask] | None = field(default=None)

    def places(self, wanted: Sequence[Need], shelters: Shelters) -> list[tuple[int, int, int]]:
        """(village, shelter, people) that should stay, as far as both are still there."""
        rows = {name: row for row, name in enumerate(shelters.ids)}
        held: dict[tuple[int, int], int] = {}
        for k, need in enumerate(wanted):
            free = need.people
            for shelter, people in self._people(need):
                if shelter in rows and free:
                    some = min(people, free)
                    free -= some
                    held[k, rows[shelter]] = held.get((k, rows[shelter]), 0) + some
        return [(k, row, people) for (k, row), people in sorted(held.items()) if people]

    def teams(
        self,
        wanted: Sequence[Need],
        owners: Sequence[tuple[int, int]],
        shelters: Shelters,
        teams: Teams,
    ) -> tuple[tuple[int, int], ...]:
        """(want, team) that should stay.

        Args:
            owners: village and shelter (row; -1: none) of each want.
        """
        rows = {name: row for row, name in enumerate(teams.ids)}
        held: list[tuple[int, int]] = []
        for number, (k, shelter) in enumerate(owners):
            task = self._task(wanted[k])
            for leg in task.legs if task else ():
                place = shelters.ids[shelter] if shelter >= 0 else leg.shelter_id
                if leg.team_id in rows and leg.shelter_id == place:
                    held.append((number, rows[leg.team_id]))
        return tuple(dict.fromkeys(held))

    def changed(
        self, wanted: Sequence[Need], shelters: Shelters, teams: Teams
    ) -> NDArray[np.bool_] | None:
        """Villages with a need or a task that is not as it was: no task, other people or level,
        somebody unmet, a team or a shelter gone. None: a plan from nothing."""
        if self.tasks is None:
            return None
        there = {*shelters.ids, *teams.ids, None}
        return np.array([not self._same(need, there) for need in wanted], dtype=np.bool_)

    def _same(self, need: Need, there: set[str | None]) -> bool:
        task = self._task(need)
        if task is None or task.unmet_people:
            return False
        if (task.people, task.level) != (need.people, need.level):
            return False
        return all(leg.team_id in there and leg.shelter_id in there for leg in task.legs)

    def _task(self, need: Need) -> PlannedTask | None:
        return None if self.tasks is None else self.tasks.get(need.adm4_code)

    def _people(self, need: Need) -> list[tuple[str | None, int]]:
        task = self._task(need)
        return [(leg.shelter_id, leg.people) for leg in task.legs] if task else []
