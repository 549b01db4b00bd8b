"""Warnings that the nowcast list still names although their own end is past."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from kentongan.db import feed_log, records
from kentongan.records import NowcastItem, record_from_json
from kentongan.times import iso

NOWCAST = "bmkg-nowcast"
_LOOK_BACK = timedelta(days=3)
"""The longest warning on record lasts 4.3 hours; a list may stand still over a weekend."""


def ended_but_listed(connection: Connection, at: datetime) -> str:
    """`3 of 11 listed warnings ended by 2026-11-20T09:00:00Z`, or empty.

    An item counts as listed where the newest poll of the list followed its link.
    """
    newest = connection.execute(
        select(func.max(feed_log.c.polled_at)).where(
            feed_log.c.source_id == NOWCAST, feed_log.c.polled_at <= iso(at)
        )
    ).scalar()
    if newest is None:
        return ""
    links = connection.scalars(
        select(feed_log.c.url).where(
            feed_log.c.source_id == NOWCAST,
            feed_log.c.polled_at == newest,
            feed_log.c.is_link.is_(True),
        )
    ).all()
    items = _items(connection, at) if links else {}
    listed = [item for code, item in items.items() if any(code in link for link in links)]
    ends = sorted(item.until for item in listed if item.until and item.until <= at)
    return f"{len(ends)} of {len(listed)} listed warnings ended by {iso(ends[-1])}" if ends else ""


def _items(connection: Connection, at: datetime) -> dict[str, NowcastItem]:
    """Newest item of each code that is known at `at`."""
    bodies = connection.scalars(
        select(records.c.body)
        .where(
            records.c.source_id == NOWCAST,
            records.c.kind == "nowcast_item",
            records.c.document_time >= iso(at - _LOOK_BACK),
            records.c.document_time <= iso(at),
            records.c.known_at <= iso(at),
        )
        .order_by(records.c.document_time, records.c.id)
    )
    found = [record_from_json(body) for body in bodies]
    return {item.code: item for item in found if isinstance(item, NowcastItem)}
