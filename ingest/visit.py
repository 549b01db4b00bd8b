"""One address visited: fetched, archived, read and on record, whatever it gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import Connection, Engine

from ingest import log
from ingest.keep import quarantine
from ingest.keep.census import count_fields
from ingest.keep.memo import MEMO
from ingest.read.payload import one_line
from ingest.source import Link, ReadContext, Reading, Source
from ingest.wire import folder as folders
from ingest.wire.fetch import Fetched, Fetcher
from ingest.wire.lease import Lease
from kentongan.errors import NotPublishedYet, SourceBlocked, SourceChanged, SourceError
from kentongan.settings import Settings
from kentongan.store import Store
from kentongan.types import Outcome

MAX_LINES = 50
"""Shown of one document; a person reads no more, and counts stay true."""


@dataclass(frozen=True)
class IngestContext:
    """Where things come from and go to."""

    settings: Settings
    engine: Engine
    archive: Store
    re_creation: bool = False
    """What is polled now is a re-creation: its records say so."""


@dataclass(frozen=True)
class Visit:
    row: log.LogRow
    payload: bytes = b""
    rejected: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    new: int = 0
    not_yet: int = 0
    area_unknown: bool = False


@dataclass(frozen=True)
class Polling:
    """The state of one poll."""

    source: Source
    at: datetime
    context: IngestContext
    fetcher: Fetcher | folders.FolderReader
    lease: Lease | None = None


def base_of(run: Polling) -> str:
    return str(getattr(run.context.settings, run.source.info.base)).rstrip("/")


def logged(run: Polling, row: log.LogRow) -> Visit:
    with run.context.engine.begin() as connection:
        log.write(connection, row)
    return Visit(row)


def visit(run: Polling, path: str, link: Link | None = None) -> Visit:
    """One address: fetched, archived, read, and on record, whatever it gave."""
    row = log.LogRow(
        run.source.info.source_id,
        base_of(run) + path,
        run.at,
        Outcome.DOWN,
        detail="not reached",
        is_link=link is not None,
    )
    body = b""
    if run.lease is not None:
        run.lease.renew()
    try:
        fetched = run.fetcher.fetch(row.url, known_is_enough=link is not None)
        row, body = _answered(row, fetched), fetched.answer.body
        payload = run.fetcher.data(fetched)
        reading = _read(run, payload, path, fetched)
    except SourceError as error:
        return refused(run, row, error, link, body)
    fresh = fetched.received_at == run.at
    return _accepted(run, row, payload, reading, first_time=fresh)


def _answered(row: log.LogRow, fetched: Fetched) -> log.LogRow:
    answer = fetched.answer
    return replace(
        row,
        http_status=fetched.http_status,
        size=len(answer.body),
        sha256=fetched.sha256,
        validator=answer.validator,
        last_modified=answer.last_modified,
        request=answer.request,
        headers=answer.headers,
        duration_ms=answer.duration_ms,
        answered_at=fetched.answered_at,
    )


def _read(run: Polling, payload: bytes, path: str, fetched: Fetched) -> Reading:
    context = ReadContext(
        source_id=run.source.info.source_id,
        path=path,
        sha256=fetched.sha256 or "",
        received_at=fetched.received_at,
        re_creation=run.context.re_creation,
        polled_at=run.at,
    )
    if not payload:
        raise SourceChanged(f"{fetched.answer.url}: expected a document, found nothing")
    key = (run.source.read, path, context.sha256, context.received_at, context.re_creation)
    try:
        return MEMO.reading(key, run.at, lambda: run.source.read(payload, context))
    except SourceError:
        raise
    except Exception as error:
        raise SourceChanged(
            f"{path}: our reader failed ({type(error).__name__}: {one_line(error, 80)}); "
            "the bytes are in the archive, report them"
        ) from error


def _accepted(
    run: Polling, row: log.LogRow, payload: bytes, reading: Reading, *, first_time: bool
) -> Visit:
    """Records, the log row and what was odd, in one transaction."""
    due = [r for r in reading.records if r.document_time <= run.at]
    info = run.source.info
    with run.context.engine.begin() as connection:
        first = info.history and not log.ever_read(connection, info.source_id, row.url, run.at)
        new = log.insert_records(
            connection, due, at=run.at, history_before=run.at - log.HISTORY_AGE if first else None
        )
        row = replace(
            row,
            outcome=_outcome(reading, new),
            document_time=_document_time(connection, reading),
            received=len(reading.records) + len(reading.rejected),
            quarantined=len(reading.rejected),
            detail="; ".join(_few(reading.rejected))[:2000],
        )
        log.write(connection, row)
        quarantine.note_items(connection, row, reading.rejected, _shown(run, payload))
        if first_time:
            path = row.url.removeprefix(base_of(run))
            count_fields(connection, info.source_id, path, reading, run.at)
    not_yet = len(reading.records) - len(due)
    return Visit(
        row,
        payload,
        _few(reading.rejected),
        _few(reading.notes),
        new,
        not_yet,
        reading.area_unknown,
    )


def _document_time(connection: Connection, reading: Reading) -> datetime | None:
    """The document's own time; of a single record that is known already, the time it is known by:
    the same picture in other bytes is not a newer one."""
    if len(reading.records) != 1:
        return reading.document_time
    return log.stored_time(connection, reading.records[0]) or reading.document_time


def _few(lines: Sequence[str]) -> tuple[str, ...]:
    more = len(lines) - MAX_LINES
    return tuple(lines) if more <= 0 else (*lines[:MAX_LINES], f"and {more} more like these")


def _outcome(reading: Reading, new: int) -> Outcome:
    if reading.empty:
        return Outcome.EMPTY
    if reading.rejected and not reading.records:
        return Outcome.QUARANTINED
    return Outcome.NEW if new else Outcome.UNCHANGED


def refused(
    run: Polling, row: log.LogRow, error: SourceError, link: Link | None, body: bytes = b""
) -> Visit:
    name = link.label if link else row.url.removeprefix(base_of(run))
    reason = one_line(error, 400).removeprefix(f"{row.url}: ").removeprefix(f"{name}: ")
    detail = f"{name}: {reason}"
    row = replace(row, outcome=_failure(run.source, error), detail=detail)
    with run.context.engine.begin() as connection:
        log.write(connection, row)
        quarantine.note_document(connection, row, _shown(run, body))
    return Visit(row)


def _shown(run: Polling, body: bytes) -> bytes:
    """Bytes to take a sample of: without our key, which a server may repeat."""
    name = run.source.info.key_setting
    value = getattr(run.context.settings, name) if name else None
    key = value.get_secret_value().encode() if isinstance(value, SecretStr) else b""
    return body.replace(key, b"***") if key else body


def _failure(source: Source, error: SourceError) -> Outcome:
    if isinstance(error, NotPublishedYet) and source.info.absent_is_empty:
        return Outcome.EMPTY
    if isinstance(error, SourceBlocked):
        return Outcome.BLOCKED
    return Outcome.MALFORMED if isinstance(error, SourceChanged) else Outcome.DOWN
