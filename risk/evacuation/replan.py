"""A plan made anew after a change, that moves as little as can be of what is accepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kentongan.plan import Plan, PlannedTask
from kentongan.times import require_aware
from risk.evacuation.keep import Keep
from risk.evacuation.planner import Planner
from risk.evacuation.policy import PlanPolicy, plan_policy
from risk.evacuation.register import busy_teams
from risk.evacuation.rules import KINDS, Bounds, LayerTables
from risk.evacuation.ways import Ways
from risk.needs import needs

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent
    from kentongan.policy import LevelPolicy


@dataclass(frozen=True)
class Replan:
    """Attributes:
    plan: every task of the event, also those that stay as they are.
    kept, moved, ended: villages whose accepted task is as it was, has another team or another
        place for somebody, or is not needed any more.
    moved_teams: accepted teams that are asked elsewhere, or not at all.
    moved_people: accepted people who get another place, or none.
    """

    plan: Plan
    kept: tuple[str, ...]
    moved: tuple[str, ...]
    ended: tuple[str, ...]
    moved_teams: tuple[str, ...]
    moved_people: int


def replan(
    event: HazardEvent,
    impact: pd.DataFrame,
    decision: Decision,
    layers: LayerTables,
    *,
    at: datetime,
    policy: LevelPolicy,
    busy: Mapping[str, int],
    accepted: Sequence[PlannedTask],
    avoid: Collection[str] = (),
    no_entry: Collection[str] = (),
    shaken: Collection[str] = (),
    on_hold: Collection[str] = (),
    ways: Ways | None = None,
    figures: PlanPolicy | None = None,
) -> Replan:
    """The best plan of now, and among the best one that moves least of what is accepted.

    What comes first stays first: nobody is left without place or team so that a task may stay.
    After that, fewest teams and fewest people are moved; only then fairness and time count. Parts
    of the problem where nothing changed are not touched.

    Args:
        accepted: tasks of this event that somebody holds.
        busy: team_id -> open tasks, those of `accepted` included or not.
        The others as in `plan_tasks`.
    """
    kind = KINDS.get(event.hazard_id)
    wanted = [] if kind is None else needs(event, impact, decision, layers.villages)
    before = {task.adm4_code: task for task in accepted if task.kind is kind}
    ended = tuple(sorted(before.keys() - {need.adm4_code for need in wanted}))
    if kind is None or not wanted:
        return _compared(Plan(tasks=(), unmet_people=0), before, ended)
    planner = Planner(
        kind=kind,
        hazard=event.hazard_id,
        layers=layers,
        at=require_aware(at),
        rules=policy.coverage,
        plan=figures or plan_policy(),
        bounds=Bounds.of(decision, avoid=avoid, no_entry=no_entry, shaken=shaken, on_hold=on_hold),
        ways=ways,
        keep=Keep(before),
    )
    own = busy_teams({}, accepted)
    taken = busy_teams(busy, ()) - own
    return _compared(planner.planned(wanted, impact, taken, ()), before, ended)


def _compared(plan: Plan, before: Mapping[str, PlannedTask], ended: tuple[str, ...]) -> Replan:
    now = {task.adm4_code: task for task in plan.tasks}
    kept: list[str] = []
    moved: list[str] = []
    teams: list[str] = []
    people = 0
    for code, old in sorted(before.items()):
        new = now.get(code)
        if new is None:
            teams += old.teams
            continue
        gone = set(_at(old)) - set(_at(new))
        lost = _moved(_places(old), _places(new), new.people)
        (moved if gone or lost else kept).append(code)
        teams += sorted({team for team, _ in gone})
        people += lost
    return Replan(plan, tuple(kept), tuple(moved), ended, tuple(teams), people)


def _at(task: PlannedTask) -> list[tuple[str, str | None]]:
    """Teams, and where they wait; those who go to the village itself wait nowhere else."""
    receives = task.kind == "receive"
    return [(leg.team_id, leg.shelter_id if receives else None) for leg in task.legs if leg.team_id]


def _places(task: PlannedTask) -> dict[str, int]:
    places: dict[str, int] = {}
    for leg in task.legs:
        if leg.shelter_id:
            places[leg.shelter_id] = places.get(leg.shelter_id, 0) + leg.people
    return places


def _moved(old: Mapping[str, int], new: Mapping[str, int], people: int) -> int:
    """Of the old places those not used any more; people who are not there any more do not move."""
    stay = sum(min(count, new.get(name, 0)) for name, count in old.items())
    return max(0, min(sum(old.values()), people) - stay)
