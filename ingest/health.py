"""What each source is worth now, judged by its content's own time, never by HTTP 200."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from ingest.registry import SOURCES
from ingest.report import GOOD
from ingest.source import Source
from kentongan.db import feed_log
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
    last = _latest_poll(connection, own)
    good = _latest_poll(connection, own.where(feed_log.c.outcome.in_(_GOOD)))
    last_poll, last_success = _when(last), _when(good)
    newest = _content_time(good, at)
    state, detail = _judge(source, at, last, last_poll=last_poll, newest=newest)
    blind_since = None
    if state in _STATES.values() and last_poll is not None:
        blind_since = _first_failure(connection, own, last_success)
    elif state is FeedState.FROZEN:
        blind_since = newest
    elif last_poll is not None and at - last_poll > _silence(source):
        blind_since = last_success
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
    return select(feed_log).where(
        feed_log.c.source_id == source.info.source_id,
        feed_log.c.polled_at <= iso(at),
        feed_log.c.is_link.is_(False),
    )


def _latest_poll(connection: Connection, rows: Any) -> Sequence[Any]:
    """All of these rows that the newest poll left."""
    newest = connection.execute(
        rows.with_only_columns(feed_log.c.polled_at).order_by(feed_log.c.polled_at.desc()).limit(1)
    ).scalar()
    if newest is None:
        return ()
    same = rows.where(feed_log.c.polled_at == newest).order_by(feed_log.c.id)
    return connection.execute(same).all()


def _when(rows: Sequence[Any]) -> datetime | None:
    return parse_instant(rows[0].polled_at) if rows else None


def _content_time(rows: Sequence[Any], at: datetime) -> datetime | None:
    """Newest time that these documents state of themselves, not after `at`."""
    stated = [parse_instant(row.document_time) for row in rows if row.document_time]
    return max((time for time in stated if time <= at), default=None)


def _silence(source: Source) -> timedelta:
    """Time without any poll after which nothing can be said any more."""
    return max(source.info.late_after, 3 * source.info.cadence)


def _judge(
    source: Source,
    at: datetime,
    rows: Sequence[Any],
    *,
    last_poll: datetime | None,
    newest: datetime | None,
) -> tuple[FeedState, str]:
    """The state, and why."""
    if last_poll is None:
        return FeedState.DOWN, "never polled"
    failed = [row for row in rows if row.outcome not in _GOOD]
    why = "; ".join(row.detail for row in failed)
    told = [row for row in rows if row not in failed and not _says_nothing(source, row)]
    if failed and not told:
        return _STATES[Outcome(failed[0].outcome)], why
    if at - last_poll > _silence(source):
        return FeedState.LATE, f"not polled since {iso(last_poll)}"
    is_empty = all(row.outcome == Outcome.EMPTY for row in rows if row not in failed)
    aged = _ageing(source, at, newest, is_empty=is_empty)
    if aged is not None:
        return aged[0], "; ".join(part for part in (aged[1], why) if part)
    return (FeedState.EMPTY if is_empty else FeedState.FRESH), why


def _says_nothing(source: Source, row: Any) -> bool:
    """Whether this answer neither shows that the feed lives nor that it is dead."""
    return source.info.absent_is_empty and row.outcome == Outcome.EMPTY


def _ageing(
    source: Source, at: datetime, newest: datetime | None, *, is_empty: bool
) -> tuple[FeedState, str] | None:
    """What is wrong with the age of the content; None if nothing is."""
    info = source.info
    if newest is None:
        return None if is_empty else (FeedState.LATE, "its content states no time up to now")
    if at - newest <= info.late_after:
        return None
    if info.periodic:
        return FeedState.FROZEN, f"answers, but its content stands still since {iso(newest)}"
    return FeedState.LATE, f"newest content is of {iso(newest)}"


def _first_failure(
    connection: Connection, rows: Any, last_success: datetime | None
) -> datetime | None:
    failed = rows.where(feed_log.c.outcome.not_in(_GOOD))
    if last_success is not None:
        failed = failed.where(feed_log.c.polled_at > iso(last_success))
    found = connection.execute(
        failed.with_only_columns(feed_log.c.polled_at).order_by(feed_log.c.polled_at).limit(1)
    ).scalar()
    return parse_instant(found) if found else None
