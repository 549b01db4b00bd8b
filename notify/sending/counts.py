"""How many rows stand in the outbox, by route and state."""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from kentongan.db import outbox
from kentongan.types import OutboxState


def counts(engine: Engine) -> dict[str, dict[str, int]]:
    """Route -> name of the state -> rows, in order of the route's name and of the states."""
    query = (
        select(outbox.c.route, outbox.c.state, func.count())
        .group_by(outbox.c.route, outbox.c.state)
        .order_by(outbox.c.route, outbox.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for route, state, number in connection.execute(query):
            found.setdefault(route, {})[OutboxState(state).name.lower()] = number
    return found
