"""From drafts to alerts and outbox rows, and from warnings in force to tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from kentongan.db import tasks
from kentongan.decision import Action, Decision
from kentongan.plan import Plan, PlannedTask
from kentongan.types import HazardId, Level, Mode
from orchestration import event_store
from orchestration.routes import routes_of

if TYPE_CHECKING:
    from notify.release.run import Published
    from notify.versions import Version
    from orchestration.context import CycleContext
    from orchestration.event_store import StoredEvent

FIRST_BULLETIN = "PD-1"
COAST_HOLD = timedelta(minutes=60)
"""How long after the origin a coast is not entered on BMKG's word "berpotensi tsunami" alone.

Unconfirmed. InaTEWS sends its first bulletin within minutes; waves from a near source arrive
within the hour. Without any bulletin by then the word is not borne out, and help must go.
"""


def release_pending(context: CycleContext, at: datetime) -> list[dict[str, Any]]:
    """Release what policy or people allow, and fill the outbox of what was released.

    A tsunami zone that is released calls back whom it finds, before anything is sent.
    What waits for people is not in the answer; what a rule forbids says which.
    """
    from notify.cap.publisher import Publisher
    from notify.life import active_warnings
    from notify.release.run import resume

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
    _recall(context, active_warnings(context.engine, at), at)
    return [_told(p) for p in published]


def _told(done: Published) -> dict[str, Any]:
    return {
        "warning_id": done.ref.warning_id if done.ref else None,
        "version": done.ref.version if done.ref else None,
        "identifier": done.alert.identifier if done.alert else None,
        "messages": done.messages,
        "refused": done.refused,
    }


def release_end(context: CycleContext, warning_id: str, at: datetime) -> list[dict[str, Any]]:
    """Release and fill the newest version of one warning, if it is an end that may go out.

    What still waits of the warning is suppressed by `clear_ended`, after the first messages have
    left. Takes no lock of the home: each step is a transaction, and a cycle that is busy sending
    what is wrong must not hold up the correction.

    Raises:
        RuleViolation: see `notify.release.approval.release`.
    """
    from notify import versions
    from notify.cap.publisher import Publisher
    from notify.release.run import release_and_fill

    with context.engine.connect() as connection:
        newest = versions.newest(connection, warning_id)
    if newest is None or not newest.body.is_end:
        return []
    done = release_and_fill(
        context.engine,
        context.runs,
        newest.ref,
        at=at,
        mode=context.settings.mode,
        live=context.live,
        policy=context.release,
        coordinators=context.layers.coordinators,
        synthetic_residents=False,
        publisher=Publisher.from_settings(context.settings),
        urgent=True,
    )
    return [_told(done)] if done.alert else []


def clear_ended(context: CycleContext, warning_id: str) -> int:
    """Suppress what still waits of a warning that was just ended; returns how many rows."""
    from notify import versions
    from notify.sending.outbox import clear_waiting

    with context.engine.connect() as connection:
        newest = versions.newest(connection, warning_id)
    return 0 if newest is None else clear_waiting(context.engine, newest.ref)


def plan_in_force(context: CycleContext, at: datetime) -> int:
    """Tasks for every released warning at level 3 or above; returns how many are new.

    First those are taken back that lead into a tsunami zone drawn since. Villages whose task
    has a team stay as they are; an unmet need is tried again each cycle.

    Raises:
        ExceptionGroup: some plan failed; every other one is stored.
    """
    from notify.life import active_warnings
    from notify.tasks.ending import end_tasks

    end_tasks(context.engine, at)
    held = active_warnings(context.engine, at)
    _recall(context, held, at)
    urgent = sorted(
        (v for v in held if v.body.level >= Level.SIAGA and not _waits_for_zones(context, v, held)),
        key=lambda v: (-v.body.level, v.warning_id),
    )
    new, failed = 0, []
    for version in urgent:
        try:
            new += _plan(context, version, held, at)
        except Exception as error:  # noqa: BLE001 - raised below, after the others had their turn
            error.add_note(f"tasks of {version.warning_id}")
            failed.append(error)
    if failed:
        names = ", ".join(note for error in failed for note in error.__notes__[-1:])
        raise ExceptionGroup(f"{names}: {failed[0]}", failed)
    return new


def _recall(context: CycleContext, held: Sequence[Version], at: datetime) -> list[str]:
    """Take back what leads into a tsunami zone in force; numbers of the tasks."""
    from notify.tasks.recall import recall

    layers = context.layers
    return recall(
        context.engine,
        held,
        areas=layers.villages,
        shelters=layers.shelters,
        at=at,
        routes=routes_of(context),
    )


def _waits_for_zones(context: CycleContext, version: Version, held: Sequence[Version]) -> bool:
    """Whether the zones of a tsunami of the same quake are not drawn yet (only PD-1 is out).

    PD-1 names first estimates; a team sent then may stand in a zone that PD-2 draws. What is
    known of the events counts, not what stands in the warnings: a bulletin that changes
    nothing for the public makes no new version.
    """
    tsunami = _linked_tsunami(context, version)
    return (
        tsunami is not None
        and any(v.body.event_id == tsunami.event.event_id for v in held)
        and tsunami.event.evidence.get("bulletin") == FIRST_BULLETIN
    )


def _linked_tsunami(context: CycleContext, version: Version) -> StoredEvent | None:
    """The newest knowledge of the tsunami of the same quake."""
    if version.body.hazard_id is HazardId.TSUNAMI:
        return None
    own = event_store.stored(context.engine, version.body.event_id)
    linked = (own.event.linked_event_id if own else None) or version.body.linked_event_id
    return event_store.stored(context.engine, linked) if linked else None


def coast_on_hold(
    context: CycleContext, version: Version, held: Sequence[Version], at: datetime
) -> frozenset[str]:
    """Coastal villages that nobody enters while a tsunami is possible and has no zones yet."""
    from risk.coast_hold import coastal_villages, tsunami_possible

    if version.body.hazard_id is not HazardId.SHAKING or at >= version.body.onset + COAST_HOLD:
        return frozenset()
    own = event_store.stored(context.engine, version.body.event_id)
    evidence = own.event.evidence if own else version.body.evidence
    if not tsunami_possible(evidence) or _zones_are_known(context, version, held):
        return frozenset()
    return coastal_villages(context.layers.villages, context.layers.tsunami)


def _zones_are_known(context: CycleContext, version: Version, held: Sequence[Version]) -> bool:
    """Whether a tsunami warning of the same quake is in force, or has been ended by BMKG."""
    tsunami = _linked_tsunami(context, version)
    if tsunami is None:
        return False
    in_force = any(v.body.event_id == tsunami.event.event_id for v in held)
    return in_force or tsunami.event.official_end


def _plan(context: CycleContext, version: Version, held: Sequence[Version], at: datetime) -> int:
    from notify.tasks.store import store_plan
    from orchestration.planning import planned

    plan = planned(context, version, held, at)
    if plan is None:
        return 0
    plan = _without_known_gaps(context, version.warning_id, plan)
    if not plan.tasks:
        return 0
    layers = context.layers
    stored = store_plan(
        context.engine,
        version.ref,
        plan,
        areas=layers.villages,
        teams=layers.teams,
        shelters=layers.shelters,
        at=at,
        routes=routes_of(context),
    )
    _invite(context, version, at)
    return len(stored)


def _invite(context: CycleContext, version: Version, at: datetime) -> None:
    from kentongan.sealing import secrets_key
    from notify.tasks.invitations import invite, link_to

    link = link_to(secrets_key(context.settings), context.settings.public_url)
    areas, routes = context.layers.villages, routes_of(context)
    invite(context.engine, version, areas=areas, at=at, link=link, routes=routes)


def decision_of(version: Version) -> Decision:
    body = version.body
    return Decision(
        event_id=body.event_id,
        action=Action(body.action),
        levels=body.levels,
        told=body.told,
        expires=body.expires,
        reason=body.reason,
    )


def busy(context: CycleContext, held: Sequence[Version]) -> dict[str, int]:
    """team_id -> tasks of warnings in force that it holds; an end sets its teams free."""
    from kentongan.task_life import FREE

    query = (
        select(tasks.c.team_id, tasks.c.body)
        .where(tasks.c.team_id.is_not(None), tasks.c.state.not_in(FREE))
        .where(tasks.c.warning_id.in_(sorted({v.warning_id for v in held})))
    )
    counts: dict[str, int] = {}
    with context.engine.connect() as connection:
        for team_id, body in connection.execute(query):
            legs = [leg.get("team_id") for leg in body.get("legs", ())]
            for one in {team_id, *legs} - {None}:
                counts[one] = counts.get(one, 0) + 1
    return counts


def standing_tasks(context: CycleContext, warning_id: str) -> list[PlannedTask]:
    """Tasks of this warning that a team holds."""
    from kentongan.task_life import FREE

    query = (
        select(tasks)
        .where(tasks.c.warning_id == warning_id, tasks.c.team_id.is_not(None))
        .where(tasks.c.state.not_in(FREE))
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
                "legs": row["body"].get("legs") or (),
                "deadline": row["body"].get("deadline"),
            }
        )
        for row in rows
    ]


def _without_known_gaps(context: CycleContext, warning_id: str, plan: Plan) -> Plan:
    """The plan without tasks that still have no team, for the reason that the table tells."""
    note = tasks.c.body["note"].as_string()
    query = select(tasks.c.kind, tasks.c.adm4_code, note).where(
        tasks.c.warning_id == warning_id, tasks.c.team_id.is_(None)
    )
    with context.engine.connect() as connection:
        gaps = {(row[0], row[1], row[2]) for row in connection.execute(query)}
    kept = [t for t in plan.tasks if t.team_id or (str(t.kind), t.adm4_code, t.note) not in gaps]
    return plan.model_copy(update={"tasks": tuple(kept)})


def others(
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


def zones(versions: Sequence[Version]) -> set[str]:
    """Villages at level 2 or above."""
    return {
        code
        for version in versions
        for code, level in version.body.levels.items()
        if level >= Level.WASPADA
    }
