"""How many rows stand in the outbox, by route and state, and how many people have none."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Engine, func, select

from kentongan.db import outbox
from kentongan.types import OutboxState
from notify.sending.segments import without_row

NO_ROW = "no row yet"


def counts(engine: Engine) -> dict[str, dict[str, int]]:
    """Route -> name of the state -> rows, in order of the route's name and of the states; under
    `no row yet` the people of segments: `waiting`, `suppressed`, `expired`."""
    query = (
        select(outbox.c.route, outbox.c.state, func.count())
        .group_by(outbox.c.route, outbox.c.state)
        .order_by(outbox.c.route, outbox.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for route, state, number in connection.execute(query):
            found.setdefault(route, {})[OutboxState(state).name.lower()] = number
        unmade: Counter[str] = Counter()
        for states in without_row(connection).values():
            unmade.update(states)
    return {**found, NO_ROW: dict(unmade)} if unmade else found
