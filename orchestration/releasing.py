"""From drafts to alerts and outbox rows, and from warnings in force to tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from kentongan.db import tasks
from kentongan.decision import Action, Decision
from kentongan.plan import Plan, PlannedTask
from kentongan.types import HazardId, Level, Mode
from orchestration import event_store

if TYPE_CHECKING:
    from notify.versions import Version
    from orchestration.context import CycleContext

FIRST_BULLETIN = "PD-1"
_FREE = ("declined", "done", "failed")
"""States of a task whose team can be asked again."""


def release_pending(context: CycleContext, at: datetime) -> list[dict[str, Any]]:
    """Release what policy or people allow, and fill the outbox of what was released.

    What waits for people is not in the answer; what a rule forbids says which.
    """
    from notify.publisher import Publisher
    from notify.run import resume

    published = resume(
        context.engine,
        context.runs,
        at=at,
        mode=context.settings.mode,
        live=context.live,
        policy=context.release,
        coordinators=context.layers.coordinators,
        synthetic_residents=context.settings.mode is not Mode.ACTUAL,
        publisher=Publisher.from_settings(context.settings),
    )
    return [
        {
            "warning_id": p.ref.warning_id if p.ref else None,
            "version": p.ref.version if p.ref else None,
            "identifier": p.alert.identifier if p.alert else None,
            "messages": p.messages,
            "refused": p.refused,
        }
        for p in published
    ]


def plan_in_force(context: CycleContext, at: datetime) -> int:
    """Tasks for every released warning at level 3 or above; returns how many are new.

    Villages whose task has a team stay as they are; an unmet need is tried again each cycle.
    """
    from notify.life import active_warnings

    held = active_warnings(context.engine, at)
    urgent = sorted(
        (v for v in held if v.body.level >= Level.SIAGA and not _waits_for_zones(v, held)),
        key=lambda v: (-v.body.level, v.warning_id),
    )
    return sum(_plan(context, version, held, at) for version in urgent)


def _waits_for_zones(version: Version, held: Sequence[Version]) -> bool:
    """Whether the zones of a tsunami of the same quake are not drawn yet (only PD-1 is out).

    PD-1 names first estimates; a team sent then may stand in a zone that PD-2 draws.
    """
    if version.body.hazard_id is HazardId.TSUNAMI:
        return False
    linked = version.body.linked_event_id
    return any(
        v.body.event_id == linked and v.body.evidence.get("bulletin") == FIRST_BULLETIN
        for v in held
    )


def _plan(context: CycleContext, version: Version, held: Sequence[Version], at: datetime) -> int:
    from notify.tasks import store_plan
    from risk.evacuation import plan_tasks

    stored = event_store.stored(context.engine, version.body.event_id)
    if stored is None:
        return 0
    plan = plan_tasks(
        stored.event,
        event_store.read_impact(context.runs, stored.impact_path),
        _decision(version),
        context.layers,
        at=at,
        policy=context.levels,
        busy=_busy(context),
        standing=_standing_tasks(context, version.warning_id),
        avoid=_zones(_others(version, held, but=HazardId.SHAKING)),
        shaken=_zones(_others(version, held, only=HazardId.SHAKING)),
        no_entry=_zones(_others(version, held, only=HazardId.TSUNAMI)),
    )
    plan = _without_known_gaps(context, version.warning_id, plan)
    if not plan.tasks:
        return 0
    layers = context.layers
    return len(
        store_plan(
            context.engine,
            version.ref,
            plan,
            areas=layers.villages,
            teams=layers.teams,
            shelters=layers.shelters,
            at=at,
        )
    )


def _decision(version: Version) -> Decision:
    body = version.body
    return Decision(
        event_id=body.event_id,
        action=Action(body.action),
        levels=body.levels,
        told=body.told,
        expires=body.expires,
        reason=body.reason,
    )


def _busy(context: CycleContext) -> dict[str, int]:
    """team_id -> open tasks."""
    query = select(tasks.c.team_id).where(tasks.c.team_id.is_not(None), tasks.c.state.not_in(_FREE))
    counts: dict[str, int] = {}
    with context.engine.connect() as connection:
        for team_id in connection.execute(query).scalars():
            counts[team_id] = counts.get(team_id, 0) + 1
    return counts


def _standing_tasks(context: CycleContext, warning_id: str) -> list[PlannedTask]:
    """Tasks of this warning that a team holds."""
    query = (
        select(tasks)
        .where(tasks.c.warning_id == warning_id, tasks.c.team_id.is_not(None))
        .where(tasks.c.state.not_in(_FREE))
        .order_by(tasks.c.task_id)
    )
    columns = (
        "kind", "adm4_code", "level", "people", "unmet_people", "team_id", "coordinator_id",
        "shelter_id", "eta_min",
    )  # fmt: skip
    with context.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        PlannedTask.model_validate(
            {
                **{name: row[name] for name in columns},
                **{name: row["body"][name] for name in ("mobilisation_min", "after", "note")},
            }
        )
        for row in rows
    ]


def _without_known_gaps(context: CycleContext, warning_id: str, plan: Plan) -> Plan:
    """The plan without tasks that still have no team and are in the table already."""
    query = select(tasks.c.kind, tasks.c.adm4_code).where(
        tasks.c.warning_id == warning_id, tasks.c.team_id.is_(None)
    )
    with context.engine.connect() as connection:
        gaps = {(row[0], row[1]) for row in connection.execute(query)}
    kept = [t for t in plan.tasks if t.team_id or (str(t.kind), t.adm4_code) not in gaps]
    return plan.model_copy(update={"tasks": tuple(kept)})


def _others(
    version: Version,
    held: Sequence[Version],
    *,
    only: HazardId | None = None,
    but: HazardId | None = None,
) -> list[Version]:
    return [
        v
        for v in held
        if v.warning_id != version.warning_id
        and (only is None or v.body.hazard_id is only)
        and (but is None or v.body.hazard_id is not but)
    ]


def _zones(versions: Sequence[Version]) -> set[str]:
    """Villages at level 2 or above."""
    return {
        code
        for version in versions
        for code, level in version.body.levels.items()
        if level >= Level.WASPADA
    }
