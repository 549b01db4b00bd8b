"""From drafts to alerts, tasks and outbox rows, each exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from kentongan.db import messages, tasks
from kentongan.decision import Action, Decision
from kentongan.errors import RuleViolation
from kentongan.plan import PlannedTask
from kentongan.types import Level, Mode, WarningState
from orchestration import event_store

if TYPE_CHECKING:
    from notify.versions import Version
    from orchestration.context import CycleContext

_OPEN_TASKS = ("planned", "sent", "received", "accepted", "en route", "on site")


def release_pending(context: CycleContext, at: datetime) -> list[dict[str, Any]]:
    """Try to release every draft; what waits for people or breaks a rule says so."""
    from notify import versions

    with context.engine.connect() as connection:
        waiting = [
            v
            for state in (WarningState.DRAFT, WarningState.APPROVED)
            for v in versions.in_state(connection, state)
        ]
    return [_release_one(context, v, at) for v in waiting]


def _release_one(context: CycleContext, version: Version, at: datetime) -> dict[str, Any]:
    from notify.life import release

    answer: dict[str, Any] = {"warning_id": version.warning_id, "version": version.version}
    try:
        alert = release(
            context.engine,
            context.runs,
            version.ref,
            at=at,
            policy=context.release,
            mode=context.settings.mode,
            live=context.live,
        )
    except RuleViolation as error:
        return {**answer, "refused": str(error)}
    return {**answer, "identifier": alert.identifier if alert else None}


def fill_released(context: CycleContext, at: datetime) -> list[dict[str, Any]]:
    """Tasks and outbox rows of every released version that has none yet.

    Tasks first: rows of the outbox mark a version as filled, so a crash between the two
    repeats the tasks, whose keys are unique.
    """
    return [
        {"warning_id": v.warning_id, "version": v.version, "tasks": t, "messages": m}
        for v in _unfilled(context, at)
        for t, m in [_fill(context, v, at)]
    ]


def _unfilled(context: CycleContext, at: datetime) -> list[Version]:
    from notify.listing import recent_warnings

    with context.engine.connect() as connection:
        filled = set(connection.execute(select(messages.c.warning_id, messages.c.version)).tuples())
    return [
        found.version
        for found in recent_warnings(context.engine, at)
        if found.alert is not None
        and (found.version.warning_id, found.version.version) not in filled
        and found.version.body.expires > at
    ]


def _fill(context: CycleContext, version: Version, at: datetime) -> tuple[int, int]:
    from notify.firewall import routes_for
    from notify.outbox import fill_outbox
    from notify.recipients import ensure_coordinators, ensure_synthetic

    if context.settings.mode is not Mode.ACTUAL:
        ensure_synthetic(context.engine, version.body.told)
        ensure_coordinators(context.engine, context.layers.coordinators)
    planned = _plan(context, version, at) if not version.body.is_end else 0
    routes = routes_for(
        context.settings.mode,
        live=context.live,
        status=version.body.status,
        test_numbers=context.settings.test_numbers,
    )
    table = context.layers.coordinators
    coordinators = dict(zip(table["coordinator_id"], table["adm2_code"], strict=True))
    rows = fill_outbox(context.engine, version.ref, at=at, routes=routes, coordinators=coordinators)
    return planned, rows


def _plan(context: CycleContext, version: Version, at: datetime) -> int:
    from notify.tasks import store_plan
    from risk.evacuation import plan_tasks

    stored = event_store.stored(context.engine, version.body.event_id)
    if stored is None or version.body.level < Level.SIAGA:
        return 0
    plan = plan_tasks(
        stored.event,
        event_store.read_impact(context.runs, stored.impact_path),
        _decision(version),
        context.layers,
        at=at,
        policy=context.levels,
        busy=_busy(context),
        standing=_held(context, version.warning_id),
        avoid=_other_zones(context, version, at),
    )
    return len(store_plan(context.engine, version.ref, plan, areas=context.layers.villages, at=at))


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
    query = select(tasks.c.team_id).where(
        tasks.c.team_id.is_not(None), tasks.c.state.in_(_OPEN_TASKS)
    )
    counts: dict[str, int] = {}
    with context.engine.connect() as connection:
        for team_id in connection.execute(query).scalars():
            counts[team_id] = counts.get(team_id, 0) + 1
    return counts


def _held(context: CycleContext, warning_id: str) -> Sequence[PlannedTask]:
    """Tasks of this warning that teams already hold."""
    query = select(tasks).where(tasks.c.warning_id == warning_id).order_by(tasks.c.task_id)
    with context.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return [PlannedTask.model_validate(row["body"]["planned"]) for row in rows]


def _other_zones(context: CycleContext, version: Version, at: datetime) -> set[str]:
    from notify.life import active_warnings

    return {
        code
        for other in active_warnings(context.engine, at)
        if other.warning_id != version.warning_id
        for code, level in other.body.levels.items()
        if level >= Level.WASPADA
    }
