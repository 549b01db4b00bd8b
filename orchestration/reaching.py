"""What a warning may say of help: asked before each draft, of what is in force now."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from kentongan.decision import Action
from kentongan.types import HazardId, TaskKind

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent
    from kentongan.reach import Reach
    from orchestration.context import CycleContext


log = logging.getLogger(__name__)


def reach_if_known(
    context: CycleContext,
    event: HazardEvent,
    impact: pd.DataFrame,
    decision: Decision,
    at: datetime,
) -> tuple[Reach | None, str]:
    """What may be said of help, and why nothing is known of it. No fault here stops a warning:
    it goes out with the words for those who are alone."""
    if decision.action in (Action.ALL_CLEAR, Action.EXPIRE):
        return None, ""
    try:
        return reach_of(context, event, impact, decision, at), ""
    except Exception as error:
        log.exception("help for %s is not known; the warning goes on", event.event_id)
        return None, f"{type(error).__name__}: {error}"


def reach_of(
    context: CycleContext,
    event: HazardEvent,
    impact: pd.DataFrame,
    decision: Decision,
    at: datetime,
) -> Reach:
    """Help and assembly points for the villages of a decision."""
    from notify.life import active_warnings
    from notify.warning import warning_id_of
    from orchestration.planning import ways_of
    from orchestration.releasing import busy, standing_tasks, zones
    from risk.reach import Bounds, village_reach

    held = active_warnings(context.engine, at)
    others = [version for version in held if version.body.event_id != event.event_id]
    tsunamis = [v for v in others if v.body.hazard_id is HazardId.TSUNAMI]
    shaking = [v for v in others if v.body.hazard_id is HazardId.SHAKING]
    rest = [v for v in others if v.body.hazard_id is not HazardId.SHAKING]
    return village_reach(
        event,
        impact,
        decision,
        context.layers,
        at=at,
        policy=context.levels,
        busy=busy(context, held),
        standing=standing_tasks(context, warning_id_of(event.event_id)),
        bounds=Bounds(avoid=zones(rest), no_entry=zones(tsunamis), shaken=zones(shaking)),
        cleared=cleared_of(context, event, at),
        ways=ways_of(context, event, at),
    )


def cleared_of(context: CycleContext, event: HazardEvent, at: datetime) -> frozenset[str]:
    """Villages of an event that whoever evacuated them reports as empty."""
    from notify.tasks.progress import cleared, progress_of
    from notify.warning import warning_id_of

    warning_id = warning_id_of(event.event_id)
    found = progress_of(context.engine, warning_id, at, kind=TaskKind.EVACUATE)
    return cleared(found)
