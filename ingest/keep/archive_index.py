"""What the archive holds, by source and time, as the feed log knows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from kentongan.db import feed_log
from kentongan.errors import DataError
from kentongan.times import iso

SHORTEST_PREFIX = 8
"""Digits of a sha256 that name a document for a person."""


@dataclass(frozen=True)
class ListedDocument:
    """One document and its receptions."""

    source_id: str
    sha256: str
    url: str
    bytes: int
    first: str
    last: str
    seen: int
    """Polls that found it."""
    outcome: str
    """Of the first reception."""
    thinned_at: str | None
    """When its bytes were deleted by policy; None while they are kept."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def listed(
    engine: Engine,
    *,
    source_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[ListedDocument]:
    """Documents received from `since` to `until`, both included, oldest first; a document counts
    by each of its receptions in that time."""
    first = func.min(feed_log.c.polled_at).label("first")
    query = select(
        feed_log.c.source_id,
        feed_log.c.sha256,
        func.min(feed_log.c.url).label("url"),
        func.max(feed_log.c.bytes).label("bytes"),
        first,
        func.max(feed_log.c.polled_at).label("last"),
        func.count().label("seen"),
        func.min(feed_log.c.id).label("first_id"),
        func.max(feed_log.c.thinned_at).label("thinned_at"),
        func.count(feed_log.c.thinned_at).label("thinned"),
    ).where(feed_log.c.sha256.is_not(None))
    if source_id:
        query = query.where(feed_log.c.source_id == source_id)
    if since:
        query = query.where(feed_log.c.polled_at >= iso(since))
    if until:
        query = query.where(feed_log.c.polled_at <= iso(until))
    grouped = query.group_by(feed_log.c.source_id, feed_log.c.sha256).subquery()
    rows = (
        select(grouped, feed_log.c.outcome)
        .join(feed_log, feed_log.c.id == grouped.c.first_id)
        .order_by(grouped.c.first, grouped.c.first_id)
    )
    with engine.connect() as connection:
        for row in connection.execute(rows.execution_options(yield_per=1000)):
            yield ListedDocument(
                row.source_id,
                row.sha256,
                row.url,
                row.bytes,
                row.first,
                row.last,
                row.seen,
                row.outcome,
                row.thinned_at if row.thinned == row.seen else None,
            )


def receptions(engine: Engine, prefix: str) -> list[dict[str, Any]]:
    """All rows of the feed log for the one document that begins with these digits, oldest first.

    Raises:
        DataError: none, or more than one document.
    """
    digits = prefix.strip().lower()
    if len(digits) < SHORTEST_PREFIX or not set(digits) <= set("0123456789abcdef"):
        raise DataError(
            f"{prefix!r}: expected a sha256, or at least its first {SHORTEST_PREFIX} digits; "
            "see: kentongan archive list"
        )
    query = (
        select(feed_log)
        .where(feed_log.c.sha256 >= digits, feed_log.c.sha256 < digits + "g")
        .order_by(feed_log.c.id)
    )
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    found = sorted({row["sha256"] for row in rows})
    if len(found) != 1:
        what = "no document" if not found else f"{len(found)} documents"
        raise DataError(f"{prefix}: {what} in the archive begin so; see: kentongan archive list")
    return rows
