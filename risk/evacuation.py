"""The evacuation plan: which team is asked for which village. Pure and deterministic.

Nearest free team by straight line x detour at the policy's speed, highest level first, then
most people. Every warned village at level 3 or above has its task, also where nobody can be
asked: then the need stands there, unmet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kentongan.plan import Plan, PlannedTask
from kentongan.times import require_aware
from kentongan.types import HazardId, Level, TaskKind
from risk.coordinators import nearest_coordinators
from risk.needs import Need, minutes_to_give, mobilisation_minutes, needs, teams_needed
from risk.pools import ShelterPool, TeamPool, busy_teams

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent
    from kentongan.policy import CoverageRules, LevelPolicy

KINDS = {
    HazardId.FLOOD: TaskKind.EVACUATE,
    HazardId.LANDSLIDE: TaskKind.EVACUATE,
    HazardId.TSUNAMI: TaskKind.RECEIVE,
    HazardId.SHAKING: TaskKind.ASSESS,
}
"""Hazards without a line here never make a task."""

PREFERRED_MINUTES = 60.0  # a team from outside goes first if it is there within the hour
"""The same hour as `reachable_60min`."""

AFTER_TSUNAMI = "PD-4"
"""InaTEWS' bulletin that ends a warning: the only leave to enter a tsunami zone."""
NO_ENTRY = "Zona peringatan tsunami: jangan masuk sebelum PD-4"
ON_HOLD = "Pesisir: BMKG menyebut potensi tsunami; jangan masuk sebelum ada buletinnya"
AFTER_BULLETIN = "buletin BMKG"
OUTDOORS = "Daerah guncangan: berkumpul di luar bangunan"


class LayerTables(Protocol):
    """The tables of a layer set that a plan reads; columns in `kentongan.areas`."""

    @property
    def villages(self) -> pd.DataFrame: ...
    @property
    def teams(self) -> pd.DataFrame: ...
    @property
    def shelters(self) -> pd.DataFrame: ...
    @property
    def coordinators(self) -> pd.DataFrame: ...


def plan_tasks(
    event: HazardEvent,
    impact: pd.DataFrame,
    decision: Decision,
    layers: LayerTables,
    *,
    at: datetime,
    policy: LevelPolicy,
    busy: Mapping[str, int],
    standing: Sequence[PlannedTask] = (),
    avoid: Collection[str] = (),
    no_entry: Collection[str] = (),
    shaken: Collection[str] = (),
    on_hold: Collection[str] = (),
) -> Plan:
    """Tasks for the villages of a decision at level 3 or above.

    Args:
        busy: team_id -> open tasks; such teams are not asked again.
        standing: tasks of this event that teams already hold. They stay as they are, keep
            their team and places, and are not part of the answer.
        avoid: villages under level 2 or above of other events; no shelter there is used.
        no_entry: villages under a tsunami warning of another event that PD-4 has not ended:
            no team goes in and none stationed there is asked; the need is shown as unmet.
        on_hold: villages where a tsunami is possible and no zone is drawn yet: the same.
        shaken: villages under a shaking warning: the ground outside a hall there is an
            assembly point only where no other has a place, and the task says so.

    Returns:
        At most one task for each kind and village. `unmet_people` counts those for whom no
        team or no shelter place is left.
    """
    kind = KINDS.get(event.hazard_id)
    wanted = [] if kind is None else needs(event, impact, decision, layers.villages)
    served = {task.adm4_code for task in standing if task.kind is kind and task.team_id}
    wanted = [need for need in wanted if need.adm4_code not in served]
    if kind is None or not wanted:
        return Plan(tasks=(), unmet_people=0)
    planner = _Planner(kind, decision, layers, require_aware(at), policy.coverage)
    planner.bounds(avoid=avoid, no_entry=no_entry, shaken=shaken, on_hold=on_hold)
    tasks = planner.plan(wanted, busy_teams(busy, standing), standing)
    return Plan(tasks=tasks, unmet_people=sum(task.unmet_people for task in tasks))


def coordinators_concerned(decision: Decision, layers: LayerTables) -> dict[str, tuple[str, ...]]:
    """coordinator_id -> the warned villages of their regency that lie nearest to them.

    A regency without a coordinator falls to the nearest of its province. A village of a
    province without any is in no entry; compare with `decision.levels` to show it.
    """
    codes = sorted(decision.levels)
    own = _coordinators(codes, layers, level=2)
    spare = _coordinators([code for code in codes if code not in own], layers, level=1)
    found: dict[str, list[str]] = {}
    for code in codes:
        coordinator = own.get(code) or spare.get(code)
        if coordinator is not None:
            found.setdefault(coordinator, []).append(code)
    return {coordinator: tuple(found[coordinator]) for coordinator in sorted(found)}


def _coordinators(codes: list[str], layers: LayerTables, *, level: int) -> dict[str, str]:
    """Village -> coordinator, without the villages that have none at this level."""
    found = nearest_coordinators(codes, layers.villages, layers.coordinators, level=level)
    return {code: name for code, name in zip(codes, found, strict=True) if name is not None}


class _Planner:
    """One plan in the making: the pools shrink as tasks are given."""

    def __init__(
        self,
        kind: TaskKind,
        decision: Decision,
        layers: LayerTables,
        at: datetime,
        rules: CoverageRules,
    ) -> None:
        self.kind, self.at, self.rules, self.layers = kind, at, rules, layers
        self.zone = set(decision.levels)
        self.severe = {c for c, level in decision.levels.items() if level >= Level.SIAGA}
        self.bounds(avoid=(), no_entry=(), shaken=(), on_hold=())

    def bounds(
        self,
        *,
        avoid: Collection[str],
        no_entry: Collection[str],
        shaken: Collection[str],
        on_hold: Collection[str],
    ) -> None:
        """What other warnings in force forbid; see `plan_tasks`."""
        self.avoid = self.zone | set(avoid)
        self.no_entry, self.shaken, self.on_hold = set(no_entry), set(shaken), set(on_hold)

    def plan(
        self, wanted: list[Need], taken: set[str], standing: Sequence[PlannedTask]
    ) -> tuple[PlannedTask, ...]:
        self.teams = TeamPool(self.layers.teams, self.rules, taken=taken)
        self.shelters = ShelterPool(
            self._safe_shelters(), self.rules, standing=standing, last=self.shaken
        )
        barred = self.zone if self.kind is TaskKind.RECEIVE else set()
        self.anyone = ~self.teams.in_villages(barred | self.no_entry | self.on_hold)
        self.outside = self.anyone & ~self.teams.in_villages(self.severe)
        return self._with_coordinators([self._task(need) for need in wanted])

    def _with_coordinators(self, tasks: list[PlannedTask]) -> tuple[PlannedTask, ...]:
        """The regency's coordinator; where it has none the team's, then the province's."""
        teams = self.layers.teams
        of_team = dict(zip(teams["team_id"], teams["coordinator_id"], strict=True))
        own = _coordinators([task.adm4_code for task in tasks], self.layers, level=2)
        bare = [task.adm4_code for task in tasks if task.adm4_code not in own]
        spare = _coordinators(bare, self.layers, level=1)

        def asked(task: PlannedTask) -> str | None:
            code = task.adm4_code
            return own.get(code) or of_team.get(task.team_id) or spare.get(code)

        return tuple(task.model_copy(update={"coordinator_id": asked(task)}) for task in tasks)

    def _safe_shelters(self) -> pd.DataFrame:
        """Shelters outside every warned village; for a tsunami also off the coast strip.

        A shelter in a village that the layer set does not hold is not known to be safe.
        """
        shelters, villages = self.layers.shelters, self.layers.villages
        if self.kind is TaskKind.ASSESS:
            return shelters.iloc[:0]
        # A join, not a membership test: that costs 0.4 s over the nation's villages.
        coast = shelters["adm4_code"].map(villages.set_index("adm4_code")["coast_share"])
        safe = coast == 0 if self.kind is TaskKind.RECEIVE else coast.notna()
        return shelters[safe & ~shelters["adm4_code"].isin(self.avoid)]

    def _task(self, need: Need) -> PlannedTask:
        if need.adm4_code in self.no_entry and self.kind is not TaskKind.RECEIVE:
            return self._make(need, None, places=0, note=NO_ENTRY, after=AFTER_TSUNAMI)
        if need.adm4_code in self.on_hold and self.kind is not TaskKind.RECEIVE:
            return self._make(need, None, places=0, note=ON_HOLD, after=AFTER_BULLETIN)
        if self.kind is TaskKind.ASSESS:
            return self._assess(need)
        return self._to_shelter(need)

    def _assess(self, need: Need) -> PlannedTask:
        limit = self.rules.max_travel_minutes
        team = self.teams.take(
            need.point, [(PREFERRED_MINUTES, self.outside), (limit, self.anyone)]
        )
        return self._make(need, team, places=need.people, note="")

    def _to_shelter(self, need: Need) -> PlannedTask:
        found = self.shelters.take(need.point, need.people)
        if found is None:
            note = f"Tidak ada tempat berkumpul aman dalam {self.rules.shelter_max_km:g} km"
            if self.kind is TaskKind.RECEIVE:
                return self._make(need, None, places=0, note=note)
            return self._make(need, self._before_onset(need), places=0, note=note)
        shelter = self.shelters.describe(found[0])
        if self.kind is TaskKind.RECEIVE:
            team = self.teams.take(shelter.point, [(self.rules.max_travel_minutes, self.anyone)])
            note = f"Tunggu warga di {shelter.name}; jangan masuk zona sebelum PD-4"
        else:
            team, note = self._before_onset(need), f"Antar warga ke {shelter.name}"
        if shelter.last:
            note = f"{note}; {OUTDOORS}"
        return self._make(need, team, places=found[1], note=note, shelter_id=shelter.shelter_id)

    def _before_onset(self, need: Need) -> tuple[str, float] | None:
        """A team that reaches the village, works there and is out before the hazard comes."""
        left = minutes_to_give(need, self.at, self.rules)
        if left < 0:
            return None
        return self.teams.take(need.point, [(left / 2, self.outside), (left / 2, self.anyone)])

    def _make(
        self,
        need: Need,
        team: tuple[str, float] | None,
        *,
        places: int,
        note: str,
        shelter_id: str | None = None,
        after: str = "",
    ) -> PlannedTask:
        helped = min(need.people, places, self.rules.people_per_team) if team else 0
        return PlannedTask(
            kind=self.kind,
            adm4_code=need.adm4_code,
            level=need.level,
            people=need.people,
            unmet_people=need.people - helped,
            team_id=team[0] if team else None,
            coordinator_id=None,
            shelter_id=shelter_id,
            eta_min=round(team[1], 1) if team else None,
            mobilisation_min=mobilisation_minutes(need, self.at, self.rules),
            after=AFTER_TSUNAMI if self.kind is TaskKind.RECEIVE else after,
            note="; ".join(part for part in (note, self._shortage(need, team)) if part),
        )

    def _shortage(self, need: Need, team: tuple[str, float] | None) -> str:
        wanted = teams_needed(need.people, self.rules)
        if not np.isfinite(need.point).all():
            return "Desa tidak ada dalam data wilayah"
        if team is None:
            return "Tidak ada tim yang dapat diminta"
        return f"Perlu {wanted} tim, 1 diminta" if wanted > 1 else ""
