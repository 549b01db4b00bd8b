"""The plan of a warning in force: stored by `plan_in_force`, shown by `kentongan tasks plan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kentongan.errors import DataError
from kentongan.plan import Plan, PlannedTask
from kentongan.types import HazardId
from orchestration import event_store

if TYPE_CHECKING:
    from kentongan.hazard import HazardEvent
    from notify.versions import Version
    from orchestration.context import CycleContext
    from risk.evacuation.replan import Replan
    from risk.evacuation.ways import Ways


@dataclass(frozen=True)
class WholePlan:
    """Attributes:
    standing: tasks that a team holds; they stay.
    plan: what is planned on top of them now, and what is still unmet.
    """

    version: Version
    standing: tuple[PlannedTask, ...]
    plan: Plan

    @property
    def tasks(self) -> tuple[PlannedTask, ...]:
        both = (*self.standing, *self.plan.tasks)
        return tuple(sorted(both, key=lambda t: (-t.level, -t.people, t.adm4_code)))


def planned(
    context: CycleContext, version: Version, held: Sequence[Version], at: datetime
) -> Plan | None:
    """The plan beside the tasks that teams hold; None where the event is not stored."""
    from orchestration.releasing import standing_tasks
    from risk.evacuation import plan_tasks

    given = _given(context, version, held, at)
    if given is None:
        return None
    return plan_tasks(**given, standing=standing_tasks(context, version.warning_id))


def replanned(
    context: CycleContext, version: Version, held: Sequence[Version], at: datetime
) -> Replan | None:
    """The best plan of now that moves least of what teams hold; nothing is stored."""
    from orchestration.releasing import standing_tasks
    from risk.evacuation.replan import replan

    given = _given(context, version, held, at)
    if given is None:
        return None
    return replan(**given, accepted=standing_tasks(context, version.warning_id))


def whole_plan(context: CycleContext, warning_id: str, at: datetime) -> WholePlan:
    """Everything that is asked, or would be now, for one warning in force; nothing is stored.

    Raises:
        DataError: no such warning in force, or its event is not stored.
    """
    from orchestration.releasing import standing_tasks

    version, held = in_force(context, warning_id, at)
    plan = planned(context, version, held, at)
    if plan is None:
        raise DataError(f"{warning_id}: its event is not stored in this home; run a cycle first")
    return WholePlan(version, tuple(standing_tasks(context, warning_id)), plan)


def in_force(context: CycleContext, warning_id: str, at: datetime) -> tuple[Version, list[Version]]:
    """The warning, and all that are in force.

    Raises:
        DataError: it is not among them.
    """
    from notify.life import active_warnings

    held = active_warnings(context.engine, at)
    for version in held:
        if version.warning_id == warning_id:
            return version, held
    names = ", ".join(sorted(v.warning_id for v in held)) or "none"
    raise DataError(f"no warning {warning_id!r} is in force; in force: {names}")


def ways_of(context: CycleContext, event: HazardEvent, at: datetime) -> Ways | None:
    """Roads of the layer set, closed where the event's field closes them; None without roads."""
    from risk.access.reach import is_night
    from risk.access.travel import has_ways
    from risk.coverage import access_policy, closing
    from risk.evacuation.policy import plan_policy
    from risk.evacuation.ways import Ways

    if not has_ways(context.layers):
        return None
    from orchestration.explaining import load_field

    stored = event_store.stored(context.engine, event.event_id)
    field = load_field(context.runs, stored) if stored is not None else None
    hours = context.layers.villages["utc_offset"].mode()
    return Ways(
        layers=context.layers,
        access=access_policy(),
        most=plan_policy().most_ways,
        night=bool(len(hours)) and is_night(at, int(hours.iloc[0]), access_policy()),
        levels_on=closing(field) if field is not None else None,
    )


def _given(
    context: CycleContext, version: Version, held: Sequence[Version], at: datetime
) -> dict[str, Any] | None:
    """What a plan of this warning is made of."""
    from orchestration.releasing import busy, coast_on_hold, decision_of, others, zones

    stored = event_store.stored(context.engine, version.body.event_id)
    if stored is None:
        return None
    return {
        "event": stored.event,
        "impact": event_store.read_impact(context.runs, stored.impact_path),
        "decision": decision_of(version),
        "layers": context.layers,
        "at": at,
        "policy": context.levels,
        "busy": busy(context, held),
        "avoid": zones(others(version, held, but=HazardId.SHAKING)),
        "shaken": zones(others(version, held, only=HazardId.SHAKING)),
        "no_entry": zones(others(version, held, only=HazardId.TSUNAMI)),
        "on_hold": coast_on_hold(context, version, held, at),
        "ways": ways_of(context, stored.event, at),
    }
