"""Questions to the table `feed_log`, one row for each address and poll, and its only writer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    union_all,
    update,
)

from ingest.report import GOOD
from kentongan.db import feed_log, insert_ignore, records
from kentongan.records import Record
from kentongan.times import iso, parse_instant
from kentongan.types import Outcome

HISTORY_AGE = timedelta(minutes=60)
"""On the first poll of a list of past events, what is older is known and never announced."""
_BATCH = 500
"""Records in one statement: SQLite takes 32,766 values, a hostile list may have more."""
GOOD_OUTCOMES = [str(outcome) for outcome in GOOD]


@dataclass(frozen=True)
class LogRow:
    """One visit to one address."""

    source_id: str
    url: str
    polled_at: datetime
    outcome: Outcome
    http_status: int | None = None
    size: int = 0
    sha256: str | None = None
    validator: str | None = None
    last_modified: str | None = None
    document_time: datetime | None = None
    received: int = 0
    quarantined: int = 0
    detail: str = ""
    is_link: bool = False
    """Named by an index, not one of the source's own addresses."""
    request: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    duration_ms: int | None = None
    answered_at: datetime | None = None
    """Our clock when the last byte was in."""


@dataclass(frozen=True)
class Kept:
    """The newest good document of one address, in the archive."""

    sha256: str
    validator: str | None
    last_modified: str | None = None


# Statements are built once: building one takes longer than the database takes to answer it, and a
# poll of the nowcast asks a hundred.
_OF_SOURCE = feed_log.c.source_id == bindparam("source_id")
_OF_URL = and_(_OF_SOURCE, feed_log.c.url == bindparam("url"))
_OF_BYTES = and_(_OF_SOURCE, feed_log.c.sha256 == bindparam("sha256"))
_UP_TO = feed_log.c.polled_at <= bindparam("at")
_INSERT = feed_log.insert()


def _newest_of(outcome: str) -> Select[Any]:
    columns = ("id", "polled_at", "sha256", "etag", "last_modified")
    newest = (
        select(*(feed_log.c[name] for name in columns))
        .where(_OF_URL, feed_log.c.outcome == outcome, _UP_TO, feed_log.c.sha256.is_not(None))
        .order_by(feed_log.c.polled_at.desc(), feed_log.c.id.desc())
        .limit(1)
    )
    return select(newest.subquery())


_NEWEST = union_all(*(_newest_of(outcome) for outcome in GOOD_OUTCOMES)).subquery()
_LAST_KEPT = select(_NEWEST).order_by(_NEWEST.c.polled_at.desc(), _NEWEST.c.id.desc()).limit(1)
_EVER_READ = (
    select(feed_log.c.id).where(_OF_URL, _UP_TO, feed_log.c.outcome.in_(GOOD_OUTCOMES)).limit(1)
)
_FIRST_RECEIVED = select(func.min(feed_log.c.polled_at)).where(_OF_BYTES)
_ARCHIVED_ON = (
    select(feed_log.c.polled_at)
    .where(_OF_BYTES, feed_log.c.thinned_at.is_(None))
    .order_by(feed_log.c.polled_at)
    .limit(1)
)
_OF_RECORDS = records.c.source_id == bindparam("source_id")
_KNOWN_KEYS = select(records.c.key, records.c.known_at).where(
    _OF_RECORDS, records.c.key.in_(bindparam("keys", expanding=True))
)
_STORED_TIME = select(records.c.document_time).where(_OF_RECORDS, records.c.key == bindparam("key"))


def write(connection: Connection, row: LogRow) -> None:
    connection.execute(
        _INSERT,
        {
            "source_id": row.source_id,
            "url": row.url,
            "polled_at": iso(row.polled_at),
            "http_status": row.http_status,
            "outcome": str(row.outcome),
            "bytes": row.size,
            "sha256": row.sha256,
            "etag": row.validator,
            "last_modified": row.last_modified,
            "document_time": iso(row.document_time) if row.document_time else None,
            "received": row.received,
            "quarantined": row.quarantined,
            "detail": row.detail,
            "is_link": row.is_link,
            "request": dict(row.request) if row.request else None,
            "headers": dict(row.headers) if row.headers else None,
            "duration_ms": row.duration_ms,
            "answered_at": _precise(row.answered_at) if row.answered_at else None,
        },
    )


def _precise(value: datetime) -> str:
    """ISO 8601 with microseconds."""
    return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}"


def insert_records(
    connection: Connection,
    found: Sequence[Record],
    *,
    at: datetime,
    history_before: datetime | None,
) -> int:
    """Add what is not known yet; returns how many were new.

    What is dated before `history_before` is marked as history. What a poll of a later instant
    brought first (a replay, a mistyped instant) is known from this poll on.
    """
    new = 0
    for start in range(0, len(found), _BATCH):
        part = found[start : start + _BATCH]
        known = _known_keys(connection, part)
        fresh = [record for record in part if record.key not in known]
        added = sum(_add(connection, record, at, history_before) for record in fresh)
        if added < len(fresh) or any(when > iso(at) for when in known.values()):
            _known_earlier(connection, part, at)
        new += added
    return new


def _add(
    connection: Connection, record: Record, at: datetime, history_before: datetime | None
) -> int:
    """1 if it was new, 0 if it is known."""
    is_history = history_before is not None and record.document_time < history_before
    result = connection.execute(
        insert_ignore(connection, records).values(
            source_id=record.source_id,
            key=record.key,
            kind=record.kind,
            sha256=record.sha256,
            document_time=iso(record.document_time),
            known_at=iso(at),
            status=str(record.status),
            history=is_history,
            body=record.model_dump_json(),
        )
    )
    return max(0, result.rowcount)


def _known_keys(connection: Connection, found: Sequence[Record]) -> dict[str, str]:
    """Those of these records, all of one source, that are stored: key and since when known."""
    keys = sorted({record.key for record in found})
    rows = connection.execute(_KNOWN_KEYS, {"source_id": found[0].source_id, "keys": keys})
    return {row.key: row.known_at for row in rows}


def _known_earlier(connection: Connection, found: Sequence[Record], at: datetime) -> None:
    """Lower `known_at` to `at` where it is later; what is seen fresh is no history.

    One statement that only ever lowers: two processes at once end with the earlier instant.
    """
    old = records.c.document_time < iso(at - HISTORY_AGE)
    connection.execute(
        update(records)
        .where(
            records.c.source_id == found[0].source_id,
            records.c.key.in_(sorted({record.key for record in found})),
            records.c.known_at > iso(at),
        )
        .values(known_at=iso(at), history=and_(records.c.history, old))
    )


def stored_time(connection: Connection, record: Record) -> datetime | None:
    """Document time under which a record of this identity is known; None if it is not."""
    wanted = {"source_id": record.source_id, "key": record.key}
    found = connection.execute(_STORED_TIME, wanted).scalar()
    return parse_instant(found) if found else None


def last_kept(connection: Connection, source_id: str, url: str, at: datetime) -> Kept | None:
    """The newest good document of an address that was polled up to `at`.

    One seek in the index for each good outcome: an address that failed for a year has millions of
    other rows.
    """
    wanted = {"source_id": source_id, "url": url, "at": iso(at)}
    row = connection.execute(_LAST_KEPT, wanted).first()
    return Kept(row.sha256, row.etag, row.last_modified) if row else None


def first_received(connection: Connection, source_id: str, sha256: str) -> datetime | None:
    """When these very bytes came first."""
    wanted = {"source_id": source_id, "sha256": sha256}
    found = connection.execute(_FIRST_RECEIVED, wanted).scalar()
    return parse_instant(found) if found else None


def archived_on(connection: Connection, source_id: str, sha256: str) -> datetime | None:
    """The reception under whose day the archive holds these bytes; None if it does not."""
    wanted = {"source_id": source_id, "sha256": sha256}
    found = connection.execute(_ARCHIVED_ON, wanted).scalar()
    return parse_instant(found) if found else None


def was_received(connection: Connection, source_id: str, sha256: str) -> bool:
    """Whether any poll wrote these bytes down."""
    query = select(feed_log.c.id).where(
        feed_log.c.source_id == source_id, feed_log.c.sha256 == sha256
    )
    return connection.execute(query.limit(1)).first() is not None


def documents(connection: Connection) -> Iterator[tuple[str, str]]:
    """Source and sha256 of all documents ever received, in that order.

    Goes from one to the next in the index: a list that did not change for a month has half a
    million rows.
    """
    place = ("", "")
    key = tuple_(feed_log.c.source_id, feed_log.c.sha256)
    while True:
        row = connection.execute(
            select(feed_log.c.source_id, feed_log.c.sha256)
            .where(
                key > tuple_(literal(place[0]), literal(place[1])), feed_log.c.sha256.is_not(None)
            )
            .order_by(feed_log.c.source_id, feed_log.c.sha256)
            .limit(1)
        ).first()
        if row is None:
            return
        place = (row.source_id, row.sha256)
        yield place


def ever_read(connection: Connection, source_id: str, url: str, at: datetime) -> bool:
    """Whether this address gave a good document up to `at`."""
    wanted = {"source_id": source_id, "url": url, "at": iso(at)}
    return connection.execute(_EVER_READ, wanted).first() is not None
