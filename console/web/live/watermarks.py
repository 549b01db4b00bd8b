"""What tells cheaply that something of a kind changed: newest keys and counts, by indexes.

Rows of most tables are only ever added, so the newest key says it. Where rows change in place
(the outbox, an account of spending), figures that move with them stand in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, func, literal, select, text
from sqlalchemy import true as always

from kentongan.db import (
    alerts,
    approvals,
    audit,
    case_steps,
    escalations,
    events,
    feed_log,
    holds,
    inbound,
    outbox,
    releases,
    reports,
    route_state,
    segments,
    sop_ticks,
    spend,
    switches,
    task_steps,
    tasks,
    warning_states,
)
from kentongan.tables.sending import is_busy, is_ready, is_with_carrier
from kentongan.types import SegmentState

Marks = dict[str, tuple[Any, ...]]
"""Kind -> its figures: equal ones mean that nothing was seen to change."""

COUNT_AT_MOST = 20_000
"""Rows of an index that are counted: some milliseconds. Above, other figures tell of progress."""
FEED = "feed-log"
"""No kind of its own: whether feeds changed is judged by their health."""


def _newest(table: Table, column: str = "id") -> ScalarSelect[Any]:
    return select(func.max(table.c[column])).scalar_subquery()


def _count(table: Table, where: ColumnElement[bool] | None = None) -> ScalarSelect[Any]:
    rows = select(literal(1)).select_from(table).where(always() if where is None else where)
    return select(func.count()).select_from(rows.limit(COUNT_AT_MOST).subquery()).scalar_subquery()


_QUICK: Mapping[str, tuple[ScalarSelect[Any], ...]] = {
    "warnings": (_newest(warning_states), _newest(events, "updated_at")),
    "approvals": (_newest(approvals), _newest(warning_states)),
    "tasks": (_newest(task_steps), _newest(escalations)),
    "reports": (_newest(case_steps), _newest(inbound)),
    "dispatch": (_newest(outbox), _newest(switches), _newest(segments)),
    "sop": (_count(sop_ticks), _newest(sop_ticks, "at")),
    "audit": (_newest(audit, "seq"),),
    FEED: (_newest(feed_log),),
}
_SLOW: Mapping[str, tuple[ScalarSelect[Any], ...]] = {
    "warnings": (_count(alerts),),
    "approvals": (_count(holds), _count(releases)),
    "tasks": (_count(tasks),),
    "reports": (_count(reports),),
    "dispatch": (
        select(func.sum(spend.c.messages)).scalar_subquery(),
        _newest(route_state, "at"),
        select(func.sum(segments.c.rows))
        .where(segments.c.state == SegmentState.OPEN)
        .scalar_subquery(),
        _count(outbox, is_ready),
        _count(outbox, is_busy),
        _count(outbox, is_with_carrier),
    ),
}
"""Counts: looked at less often."""


def quick(connection: Connection) -> Marks:
    """Below a millisecond on SQLite; one statement."""
    return _read(connection, _QUICK)


def slow(connection: Connection) -> Marks:
    """Some milliseconds on large tables; one statement."""
    return _read(connection, _SLOW)


def _read(connection: Connection, of: Mapping[str, tuple[ScalarSelect[Any], ...]]) -> Marks:
    columns = [part for parts in of.values() for part in parts]
    row = iter(connection.execute(select(*columns)).one())
    return {kind: tuple(next(row) for _ in parts) for kind, parts in of.items()}


def data_version(connection: Connection) -> int | None:
    """Of SQLite: changes when another connection has written; None where there is no such thing."""
    if connection.dialect.name != "sqlite":
        return None
    return int(connection.execute(text("PRAGMA data_version")).scalar_one())


def rain(home: Path) -> tuple[Any, ...]:
    """Of the newest field of rain; a file, not a row."""
    try:
        return ((home / "rain" / "field-of").read_bytes()[:200],)
    except OSError:
        return (None,)
