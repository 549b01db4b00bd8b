"""What silence does to the tasks of the warnings in force."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kentongan.types import Mode
from orchestration.routes import routes_of

if TYPE_CHECKING:
    from notify.tasks.escalation import Climbed
    from notify.versions import Version
    from orchestration.context import CycleContext


def escalate_due(context: CycleContext, at: datetime) -> list[Climbed]:
    """Climb what is due; in an exercise every post is held by somebody made up."""
    from notify.life import active_warnings
    from notify.tasks.escalation import escalate
    from notify.tasks.received import note_received

    held = active_warnings(context.engine, at)
    if not held:
        return []
    note_received(context.engine, held, at=at)
    settings = context.settings
    if settings.mode is not Mode.ACTUAL:
        _ensure_posts(context, held)
    areas, routes = context.layers.villages, routes_of(context)
    return escalate(context.engine, held, at=at, areas=areas, routes=routes)


def _ensure_posts(context: CycleContext, held: list[Version]) -> None:
    from sqlalchemy import func, select

    from kentongan.db import tasks
    from notify.tasks.duty import ensure_synthetic_posts

    regency = func.substr(tasks.c.adm4_code, 1, 5)
    query = select(regency).where(tasks.c.warning_id.in_([v.warning_id for v in held])).distinct()
    with context.engine.connect() as connection:
        regencies = list(connection.execute(query).scalars())
    ensure_synthetic_posts(context.engine, regencies)
