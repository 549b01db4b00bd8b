"""What silence does to the tasks of the warnings in force."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kentongan.types import Mode
from orchestration.routes import routes_of

if TYPE_CHECKING:
    from notify.firewall.gate import Routes
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
    chats = _chats(context, routes)
    return escalate(context.engine, held, at=at, areas=areas, routes=routes, chats=chats)


def _chats(context: CycleContext, routes: Routes) -> tuple[str, ...]:
    """Those for which there is a route; the recorder takes all. A routes file with faults stops no
    escalation: `kentongan dispatch` says what is wrong."""
    from notify.channels.chat.addresses import CHATS
    from notify.dispatcher.config import read_routes

    path = context.settings.routes
    if not routes.real:
        return CHATS
    configured = () if path is None else read_routes(path)[0].channels
    return tuple(chat for chat in CHATS if chat in configured)


def _ensure_posts(context: CycleContext, held: list[Version]) -> None:
    from sqlalchemy import func, select

    from kentongan.db import tasks
    from notify.tasks.duty import ensure_synthetic_posts

    regency = func.substr(tasks.c.adm4_code, 1, 5)
    query = select(regency).where(tasks.c.warning_id.in_([v.warning_id for v in held])).distinct()
    with context.engine.connect() as connection:
        regencies = list(connection.execute(query).scalars())
    ensure_synthetic_posts(context.engine, regencies)
