"""What came in: to the registry, to the tasks, to the reports; and answers that go back."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select

from kentongan.db import inbound
from orchestration.routes import routes_of

if TYPE_CHECKING:
    from notify.firewall.gate import Routes
    from notify.inbox.answers import Ways
    from notify.inbox.handling import Handler
    from notify.registry.places import Places
    from notify.reports.desk import Desk
    from notify.reports.place import Gazette
    from orchestration.context import CycleContext
    from risk.layers.layerset import LayerSet

NEW = "new"
"""State of a message that nobody has handled (`notify.inbox.store`)."""


def hear(context: CycleContext, at: datetime, *, limit: int = 2_000) -> dict[str, int]:
    """Handle what waits in the inbox; how many messages became what.

    Costs one query when nothing came.
    """
    from kentongan.sealing import secrets_key
    from notify.inbox.handling import work

    keys = secrets_key(context.settings)
    routes = routes_of(context)
    done = work(
        context.engine, keys, handlers(context, routes), at=at, ways=_ways(context, routes),
        limit=limit,
    )  # fmt: skip
    return dict(sorted(done.items()))


def something_came(engine: Engine) -> bool:
    """One small query by an index."""
    query = select(inbound.c.id).where(inbound.c.state == NEW).limit(1)
    with engine.connect() as connection:
        return connection.execute(query).first() is not None


def handlers(context: CycleContext, routes: Routes) -> list[Handler]:
    """Who wants to stop is heard first, then who answers a task, then who reports."""
    from kentongan.sealing import secrets_key
    from notify.inbox.registry import RegistryCommands
    from notify.replies.handler import Replies
    from notify.replies.help import PassOn
    from notify.reports.handler import Reports

    keys = secrets_key(context.settings)
    return [
        RegistryCommands(keys, partial(places_of, context)),
        Replies(helped=PassOn(context.layers.villages, routes)),
        Reports(keys, report_desk(context)),
    ]


def report_desk(context: CycleContext) -> Desk:
    """Where reports are read and filed; villages are loaded with the first one."""
    from notify.reports.desk import Desk

    return Desk.of(lambda: _gazette(context.layers))


@lru_cache(maxsize=2)
def _gazette(layers: LayerSet) -> Gazette:
    from notify.reports.place import Gazette

    return Gazette.of(layers.villages, _places(layers))


def places_of(context: CycleContext) -> Places:
    return _places(context.layers)


@lru_cache(maxsize=2)
def _places(layers: LayerSet) -> Places:
    """The index takes a second to build: once a process, when the first message comes."""
    from notify.registry.places import Places

    return Places.of(layers.villages)


def ways_of(context: CycleContext) -> Ways:
    """Where answers may go."""
    return _ways(context, routes_of(context))


def _ways(context: CycleContext, routes: Routes) -> Ways:
    from notify.dispatcher.config import load_routes
    from notify.inbox.answers import Ways

    configured = load_routes(context.settings.routes).all
    return Ways(routes, frozenset(one.route for one in configured if one.two_way))
