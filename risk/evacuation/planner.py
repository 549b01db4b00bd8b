"""One plan: people to shelters, teams to people, and both put together as tasks with legs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.plan import Plan, PlannedTask, Proof
from kentongan.times import require_aware
from kentongan.types import TaskKind
from risk.evacuation.asking import Asked, Asking, Want, ask
from risk.evacuation.coordinating import with_coordinators
from risk.evacuation.keep import Keep
from risk.evacuation.legs import Helpers, legs_of, task_of
from risk.evacuation.places import Placed, Shelters, place, shelters_of
from risk.evacuation.policy import PlanPolicy, plan_policy
from risk.evacuation.register import Teams, busy_teams, teams_of
from risk.evacuation.rules import KINDS, Bounds, LayerTables
from risk.evacuation.ways import Ways
from risk.needs import Need, minutes_to_give, needs

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent
    from kentongan.policy import CoverageRules, LevelPolicy
    from kentongan.types import HazardId


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
    ways: Ways | None = None,
    figures: PlanPolicy | None = None,
) -> Plan:
    """Tasks for the villages of a decision at level 3 or above, by an exact optimum.

    Args:
        busy: team_id -> open tasks; such teams are not asked again.
        standing: tasks of this event that teams already hold. They stay as they are, keep
            their teams and places, and are not part of the answer.
        avoid: villages under level 2 or above of other events; no shelter there is used.
        no_entry: villages under a tsunami warning of another event that PD-4 has not ended:
            no team goes in and none stationed there is asked; the need is shown as unmet.
        on_hold: villages where a tsunami is possible and no zone is drawn yet: the same.
        shaken: villages under a shaking warning: the ground outside a hall there is an
            assembly point only where no other has a place, and the task says so.
        ways: roads of the layer set under the hazard; None: straight lines, marked.
        figures: of `data/policy/plan.toml`.

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
    planner = Planner(
        kind=kind,
        hazard=event.hazard_id,
        layers=layers,
        at=require_aware(at),
        rules=policy.coverage,
        plan=figures or plan_policy(),
        bounds=Bounds.of(decision, avoid=avoid, no_entry=no_entry, shaken=shaken, on_hold=on_hold),
        ways=ways,
    )
    return planner.planned(wanted, impact, busy_teams(busy, standing), standing)


class Planner:
    """What one plan works with."""

    def __init__(
        self,
        *,
        kind: TaskKind,
        hazard: HazardId,
        layers: LayerTables,
        at: datetime,
        rules: CoverageRules,
        plan: PlanPolicy,
        bounds: Bounds,
        ways: Ways | None = None,
        keep: Keep | None = None,
    ) -> None:
        self.kind, self.hazard, self.layers, self.at = kind, hazard, layers, at
        self.rules, self.figures, self.bounds, self.ways = rules, plan, bounds, ways
        self.keep = keep or Keep()

    def planned(
        self,
        wanted: Sequence[Need],
        impact: pd.DataFrame,
        taken: set[str],
        standing: Sequence[PlannedTask],
    ) -> Plan:
        shelters = shelters_of(self.layers, self.bounds, self.kind, self.figures, standing=standing)
        few = vulnerable_people(wanted, impact, self.layers, self.figures)
        teams = teams_of(self.layers, self.rules, self.figures, taken=taken)
        changed = self.keep.changed(wanted, shelters, teams)
        placed, proof = self._places(wanted, shelters, few, changed)
        asked, other = self._teams(wanted, placed, shelters, teams, few, changed)
        helpers = Helpers(teams, shelters, self.kind, self.rules, self.at, self.bounds)
        tasks = [
            task_of(need, legs_of(need, here, with_, helpers, self.ways), helpers)
            for need, here, with_ in zip(wanted, placed, asked, strict=True)
        ]
        return Plan(
            tasks=with_coordinators(tasks, self.layers),
            unmet_people=sum(task.unmet_people for task in tasks),
            proof=Proof(
                optimal=proof.optimal and other.optimal,
                gap_people=proof.gap_people + other.gap_people * self.rules.people_per_team,
                components=max(proof.components, other.components),
                pairs=proof.pairs + other.pairs,
                pairs_left_out=proof.pairs_left_out + other.pairs_left_out,
            ),
        )

    def _places(
        self,
        wanted: Sequence[Need],
        shelters: Shelters,
        few: Sequence[int],
        changed: NDArray[np.bool_] | None,
    ) -> tuple[list[list[Placed]], Proof]:
        if self.kind is TaskKind.ASSESS:
            return [[] for _ in wanted], Proof(components=0)
        open_needs = [n if self._forbidden(n) is None else _nobody(n) for n in wanted]
        return place(
            open_needs, shelters, self.rules, self.figures,
            seconds=self.figures.time_limit_s, vulnerable=few, ways=self.ways,
            held=self.keep.places(wanted, shelters), changed=changed,
        )  # fmt: skip

    def _forbidden(self, need: Need) -> tuple[str, str] | None:
        return self.bounds.entry_forbidden(need.adm4_code, self.kind)

    def _teams(
        self,
        wanted: Sequence[Need],
        placed: Sequence[Sequence[Placed]],
        shelters: Shelters,
        teams: Teams,
        few: Sequence[int],
        changed: NDArray[np.bool_] | None,
    ) -> tuple[list[dict[int, list[Asked]]], Proof]:
        """For each village its teams by shelter (row); -1 where they go to the village itself."""
        if self.kind is TaskKind.RECEIVE:
            wants, owners = self._at_shelters(wanted, placed, shelters)
        else:
            wants = [self._at_village(n, v) for n, v in zip(wanted, few, strict=True)]
            owners = [(k, -1) for k in range(len(wanted))]
        asking = replace(
            self.asking(teams),
            held=self.keep.teams(wanted, owners, shelters, teams),
            changed=None if changed is None else changed[[k for k, _ in owners]],
        )
        found, proof = ask(wants, asking, seconds=self.figures.time_limit_s)
        asked: list[dict[int, list[Asked]]] = [{} for _ in wanted]
        for (village, shelter), some in zip(owners, found, strict=True):
            asked[village][shelter] = some
        return asked, proof

    def asking(self, teams: Teams) -> Asking:
        rules, plan = self.rules, self.figures
        anyone = ~teams.stationed_in(self.bounds.closed(self.kind))
        return Asking(
            teams=teams,
            anyone=anyone,
            # A receiver waits outside the zone: where its post is makes no difference.
            outside=anyone
            if self.kind is TaskKind.RECEIVE
            else anyone & ~teams.stationed_in(self.bounds.severe),
            kind=self.kind,
            hazard=self.hazard,
            rate=60 * rules.detour_factor / rules.speed_kmh,
            most_minutes=rules.max_travel_minutes,
            plan=plan,
            per_team=rules.people_per_team,
            ways=self.ways,
        )

    def _at_village(self, need: Need, vulnerable: int) -> Want:
        limit = self.rules.max_travel_minutes
        if self.kind is TaskKind.EVACUATE:
            left = minutes_to_give(need, self.at, self.rules)
            limit = left / 2 if left >= 0 else -1.0
        if self._forbidden(need) is not None:
            limit = -1.0
        return Want(need.point, need.people, min(vulnerable, need.people), need.level, limit)

    def _at_shelters(
        self, wanted: Sequence[Need], placed: Sequence[Sequence[Placed]], shelters: Shelters
    ) -> tuple[list[Want], list[tuple[int, int]]]:
        limit = self.rules.max_travel_minutes
        rows = [(k, need, one) for k, need in enumerate(wanted) for one in placed[k]]
        wants = [Want(shelters.where(p.shelter), p.people, 0, n.level, limit) for _, n, p in rows]
        return wants, [(k, one.shelter) for k, _, one in rows]


def teams_for(
    wanted: Sequence[Need], impact: pd.DataFrame, taken: set[str], planner: Planner
) -> list[list[Asked]]:
    """The teams that a plan would send to each village itself."""
    few = vulnerable_people(wanted, impact, planner.layers, planner.figures)
    teams = teams_of(planner.layers, planner.rules, planner.figures, taken=taken)
    wants = [planner._at_village(n, v) for n, v in zip(wanted, few, strict=True)]
    return ask(wants, planner.asking(teams), seconds=planner.figures.time_limit_s)[0]


def vulnerable_people(
    wanted: Sequence[Need], impact: pd.DataFrame, layers: LayerTables, plan: PlanPolicy
) -> list[int]:
    """People of each village who go before others of its level.

    Counted where the impact table counts them (`vulnerable_people`); else all people of villages
    whose vulnerability ranks high; none where neither is known.
    """
    codes = [need.adm4_code for need in wanted]
    if "vulnerable_people" in impact:
        rows = impact.drop_duplicates("adm4_code").set_index("adm4_code")["vulnerable_people"]
        counted = rows.reindex(codes).fillna(0).to_numpy(dtype=np.int64)
        return [min(max(int(c), 0), n.people) for c, n in zip(counted, wanted, strict=True)]
    if "vulnerability" not in layers.villages:
        return [0] * len(codes)
    rank = layers.villages.set_index("adm4_code")["vulnerability"].reindex(codes)
    high = (rank >= plan.vulnerable_rank_from).to_numpy(dtype=bool)
    return [need.people if h else 0 for need, h in zip(wanted, high, strict=True)]


def _nobody(need: Need) -> Need:
    return replace(need, people=0)
