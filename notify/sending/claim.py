"""Taking rows of the outbox: leased, then on the wire, then settled (`notify.sending.settle`).

Order of a claim: `prio` (the class, then nearness: `notify.sending.urgency`), then `turn`, the
place of a row within its area, then what is due longest. So every area of a class has its first
message before one has its second, and a small warning that comes late is served before the
thousandth row of a large one: who was served least is next. One index (`outbox_ready`) gives that
order without sorting. Several workers pass each other's rows by on PostgreSQL
(`FOR UPDATE SKIP LOCKED`); SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, update

from kentongan.db import outbox
from kentongan.tables.sending import is_busy, is_ready
from kentongan.times import iso
from kentongan.types import OutboxState
from notify.sending.rows import PRIO_CORRECTION, lock, precise

LEASE = timedelta(seconds=60)
"""Longer than any channel takes for one batch; after it a row of a dead worker is free."""


@dataclass(frozen=True)
class Want:
    """What a worker takes.

    `takes` are the values of `outbox.route` that it serves: its own route, and the channel (`sms`,
    `push`) whose rows no route has yet; what it takes gets its route.
    """

    route: str
    owner: str
    takes: tuple[str, ...] = ()
    max_prio: int | None = None
    """At least so urgent."""
    barred: tuple[str, ...] = ()
    """Channels whose switch is off."""
    recalls_pass: bool = False
    """Corrections and calls back go out although their channel is barred."""

    @property
    def routes(self) -> tuple[str, ...]:
        return self.takes or (self.route,)

    def allows(self) -> list[ColumnElement[bool]]:
        """What a row must be beside ready and of one of the routes."""
        allowed: list[ColumnElement[bool]] = []
        if self.max_prio is not None:
            allowed.append(outbox.c.prio <= self.max_prio)
        if self.barred:
            free = outbox.c.channel.not_in(self.barred)
            passing = outbox.c.prio <= PRIO_CORRECTION
            allowed.append(or_(free, passing) if self.recalls_pass else free)
        return allowed


def claim(
    connection: Connection, want: Want, *, limit: int, now: datetime, lease: timedelta = LEASE
) -> list[int]:
    """Lease the most urgent rows; their ids in order of urgency."""
    found: list[Any] = []
    for route in want.routes:
        query = _ready(want, route, now).limit(limit)
        if connection.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True)
        found.extend(tuple(row) for row in connection.execute(query))
    if len(want.routes) > 1:
        found.sort(key=itemgetter(1, 2, 3, 0))
    ids = [row[0] for row in found[:limit]]
    if ids:
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(ids))
            .values(
                state=OutboxState.LEASED,
                route=want.route,
                lease_until=iso(now + lease),
                lease_owner=want.owner,
            )
        )
    return ids


def _ready(want: Want, route: str, now: datetime) -> Select[Any]:
    table = outbox.c
    order = (table.prio, table.turn, table.due, table.id)
    query = (
        select(table.id, table.prio, table.turn, table.due)
        .where(is_ready, table.route == route, table.due <= iso(now), table.not_after > iso(now))
        .order_by(*order)
    )
    return query.where(*want.allows())


def count_ready(connection: Connection, want: Want, *, limit: int, now: datetime) -> int:
    """Rows that are due and that a worker may take, counted up to `limit`."""
    total = 0
    for route in want.routes:
        few = _ready(want, route, now).order_by(None).limit(limit).subquery()
        total += connection.execute(select(func.count()).select_from(few)).scalar_one()
        if total >= limit:
            break
    return total


def first_prio(connection: Connection, routes: Sequence[str], *, now: datetime) -> int | None:
    """Of the most urgent row of these routes that is due."""
    table = outbox.c
    found: list[int] = []
    for route in routes:
        query = (
            select(table.prio)
            .where(is_ready, table.route == route, table.due <= iso(now))
            .order_by(table.prio)
            .limit(1)
        )
        found.extend(connection.execute(query).scalars())
    return min(found, default=None)


def put_on_wire(
    connection: Connection,
    ids: Sequence[int],
    want: Want,
    *,
    now: datetime,
    wait: timedelta = LEASE,
) -> set[int]:
    """Mark a window as being sent; those of its rows that are still ours to send.

    Args:
        wait: after a crash, how long the rows wait for a receipt before anybody guesses
            (`notify.sending.recovery`).
    """
    ours = (
        outbox.c.id.in_(ids), outbox.c.state == OutboxState.LEASED,
        outbox.c.lease_owner == want.owner, *want.allows(),
    )  # fmt: skip
    lock(connection, *ours)
    marked = (
        update(outbox)
        .where(*ours)
        .values(state=OutboxState.ON_WIRE, sent_at=precise(now), lease_until=iso(now + wait))
    )
    return set(connection.execute(marked.returning(outbox.c.id)).scalars())


def give_back(connection: Connection, want: Want) -> int:
    """Rows that this worker leased and did not send are ready again at once; how many."""
    mine = (
        is_busy, outbox.c.state == OutboxState.LEASED, outbox.c.route == want.route,
        outbox.c.lease_owner == want.owner,
    )  # fmt: skip
    lock(connection, *mine)
    free = (
        update(outbox)
        .where(*mine)
        .values(state=OutboxState.READY, lease_until=None, lease_owner=None)
    )
    return int(connection.execute(free).rowcount)


def adopt(connection: Connection, route: str) -> int:
    """Rows that a worker before us leased are ready again at once, however long its lease.

    Only for who owns the route alone: nobody else can be about to send them.
    """
    left = (is_busy, outbox.c.state == OutboxState.LEASED, outbox.c.route == route)
    lock(connection, *left)
    free = (
        update(outbox)
        .where(*left)
        .values(state=OutboxState.READY, lease_until=None, lease_owner=None)
    )
    return int(connection.execute(free).rowcount)


def reroute(connection: Connection, ids: Sequence[int], route: str, *, at: datetime) -> int:
    """Hand rows to another route, where they are tried from the start; how many went.

    Rows that wait, that are leased, or that failed; never one that may have reached somebody, nor
    one whose end has come.
    """
    movable = (OutboxState.READY, OutboxState.LEASED, OutboxState.FAILED)
    those = (outbox.c.id.in_(ids), outbox.c.state.in_(movable), outbox.c.not_after > iso(at))
    lock(connection, *those)
    change = (
        update(outbox)
        .where(*those)
        .values(
            route=route, state=OutboxState.READY, attempts=0, due=iso(at), lease_until=None,
            lease_owner=None, provider_id=None, provider_id_norm=None, final_at=None,
        )
    )  # fmt: skip
    return int(connection.execute(change).rowcount)
