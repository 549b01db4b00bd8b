"""What each source is worth now, judged by its content's own time, never by HTTP 200."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from ingest.registry import SOURCES
from ingest.report import GOOD
from ingest.source import Source
from kentongan.db import feed_log, records
from kentongan.times import iso, parse_instant
from kentongan.types import FeedState, Outcome

_GOOD = [str(outcome) for outcome in GOOD]
_STATES = {
    Outcome.BLOCKED: FeedState.BLOCKED,
    Outcome.MALFORMED: FeedState.MALFORMED,
    Outcome.QUARANTINED: FeedState.MALFORMED,
    Outcome.DOWN: FeedState.DOWN,
}


@dataclass(frozen=True)
class FeedHealth:
    source_id: str
    title: str
    state: FeedState
    newest: datetime | None
    """The content's own time."""
    last_success: datetime | None
    last_poll: datetime | None
    blind_since: datetime | None
    """Since when nothing new can reach us; None while the feed can be trusted."""
    detail: str
    credit: str


def feed_health(engine: Engine, at: datetime) -> tuple[FeedHealth, ...]:
    """One entry for each source of the registry, as it looked at `at`."""
    with engine.connect() as connection:
        return tuple(source_health(connection, source, at) for source in SOURCES.values())


def source_health(connection: Connection, source: Source, at: datetime) -> FeedHealth:
    """State of one source from the log up to `at`."""
    info = source.info
    own = _own_rows(source, at)
    last_poll = _newest(connection, own)
    last_success = _newest(connection, own.where(feed_log.c.outcome.in_(_GOOD)))
    latest = _rows_of(connection, own, last_poll)
    newest = _content_time(connection, source, at, last_success)
    state, blind_since, detail = _judge(
        source, at, latest, newest=newest, last_success=last_success, last_poll=last_poll
    )
    if state in _STATES.values() and last_poll is not None:
        blind_since = _first_failure(connection, own, last_success)
    return FeedHealth(
        source_id=info.source_id,
        title=info.title,
        state=state,
        newest=newest,
        last_success=last_success,
        last_poll=last_poll,
        blind_since=blind_since,
        detail=detail,
        credit=f"Sumber: {info.provider}",
    )


def _own_rows(source: Source, at: datetime) -> Any:
    """Log rows of the source's own addresses (not of links behind them) up to `at`."""
    rows = select(feed_log).where(
        feed_log.c.source_id == source.info.source_id, feed_log.c.polled_at <= iso(at)
    )
    paths = source.paths(())
    if not paths:
        return rows
    own = feed_log.c.url.endswith(paths[0], autoescape=True)
    for path in paths[1:]:
        own = own | feed_log.c.url.endswith(path, autoescape=True)
    return rows.where(own)


def _newest(connection: Connection, rows: Any) -> datetime | None:
    found = connection.execute(rows.with_only_columns(func.max(feed_log.c.polled_at))).scalar()
    return parse_instant(found) if found else None


def _rows_of(connection: Connection, rows: Any, polled_at: datetime | None) -> Sequence[Any]:
    if polled_at is None:
        return ()
    return connection.execute(
        rows.where(feed_log.c.polled_at == iso(polled_at)).order_by(feed_log.c.id)
    ).all()


def _content_time(
    connection: Connection, source: Source, at: datetime, last_success: datetime | None
) -> datetime | None:
    """Newest time that the source's own documents state; else that of its records."""
    if last_success is None:
        return None
    own = _own_rows(source, at).where(
        feed_log.c.outcome.in_(_GOOD), feed_log.c.document_time <= iso(at)
    )
    stated = connection.execute(own.with_only_columns(func.max(feed_log.c.document_time))).scalar()
    read = connection.execute(
        select(func.max(records.c.document_time)).where(
            records.c.source_id == source.info.source_id,
            records.c.known_at <= iso(at),
            records.c.document_time <= iso(at),
        )
    ).scalar()
    found = stated or read
    return parse_instant(found) if found else None


def _judge(
    source: Source,
    at: datetime,
    latest: Sequence[Any],
    *,
    newest: datetime | None,
    last_success: datetime | None,
    last_poll: datetime | None,
) -> tuple[FeedState, datetime | None, str]:
    """(state, blind since, why)."""
    info = source.info
    if last_poll is None:
        return FeedState.DOWN, None, "never polled"
    failed = [row for row in latest if row.outcome not in _GOOD]
    why = "; ".join(row.detail for row in failed)
    if len(failed) == len(latest):
        return _STATES[Outcome(failed[0].outcome)], None, why
    if at - last_poll > max(info.late_after, 3 * info.cadence):
        return FeedState.LATE, last_success, f"not polled since {iso(last_poll)}"
    if newest is not None and at - newest > info.late_after:
        age = f"newest content is of {iso(newest)}"
        if info.periodic:
            return FeedState.FROZEN, newest, f"answers, but {age}; {why}".rstrip("; ")
        return FeedState.LATE, None, f"{age}; {why}".rstrip("; ")
    if any(row.outcome == Outcome.EMPTY for row in latest):
        return FeedState.EMPTY, None, why
    return FeedState.FRESH, None, why


def _first_failure(
    connection: Connection, rows: Any, last_success: datetime | None
) -> datetime | None:
    failed = rows.where(feed_log.c.outcome.not_in(_GOOD))
    if last_success is not None:
        failed = failed.where(feed_log.c.polled_at > iso(last_success))
    found = connection.execute(failed.with_only_columns(func.min(feed_log.c.polled_at))).scalar()
    return parse_instant(found) if found else None
