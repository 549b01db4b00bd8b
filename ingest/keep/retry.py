"""Read quarantined documents again, with today's readers, from the archived bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from ingest import log
from ingest.keep import quarantine
from ingest.keep.quarantine import OPEN, RESOLVED, Refused
from ingest.known import read_payload
from ingest.read.payload import one_line
from ingest.registry import SOURCES
from ingest.source import ReadContext, Reading
from ingest.visit import IngestContext
from kentongan import audit
from kentongan.errors import DataError, SourceError
from kentongan.times import parse_instant


@dataclass(frozen=True)
class Retried:
    """What came of one entry."""

    quarantine_id: int
    source_id: str
    item: str
    state: str
    documents: int
    """Different documents read again."""
    new_records: int
    detail: str
    """Why it stays open, or what was gained."""


def retry(context: IngestContext, entry: Refused, *, at: datetime, by: str) -> Retried:
    """Read every document of an entry again and keep what it says now.

    Records are known from `at` on. A list of past events that was never read before the entry
    announces nothing older than an hour, as on any first poll. The entry is resolved when
    nothing of it is refused any more.
    """
    if entry.source_id not in SOURCES:
        return _result(entry, OPEN, 0, 0, "its source is not in this version any more")
    with context.engine.connect() as connection:
        digests = list(quarantine.documents_of(connection, entry))
    if not digests:
        return _result(entry, OPEN, 0, 0, "no bytes were kept; dismiss it, or wait for a new poll")
    new, left = 0, ""
    with context.engine.begin() as connection:
        for digest in digests:
            try:
                reading = _read_again(connection, context, entry, digest)
            except (SourceError, DataError, OSError) as error:
                left = left or one_line(error, 300)
                continue
            new += _keep(connection, entry, reading, at)
            left = left or _still_refused(entry, reading, at)
        state = OPEN if left else RESOLVED
        note = left or f"{new} new records of {len(digests)} documents"
        if not left:
            quarantine.close(connection, entry.quarantine_id, at=at, state=RESOLVED, note=note)
        body = {"quarantine": entry.quarantine_id, "source": entry.source_id, "result": note}
        audit.append(connection, at=at, actor=by, action="quarantine-retry", body=body)
    return _result(entry, state, len(digests), new, note)


def dismiss(context: IngestContext, entry: Refused, *, at: datetime, by: str, reason: str) -> None:
    """Close an entry without reading it again; it comes back for another reason."""
    with context.engine.begin() as connection:
        note = f"{by}: {one_line(reason, 300)}"
        quarantine.close(
            connection, entry.quarantine_id, at=at, state=quarantine.DISMISSED, note=note
        )
        body = {"quarantine": entry.quarantine_id, "source": entry.source_id, "reason": reason}
        audit.append(connection, at=at, actor=by, action="quarantine-dismiss", body=body)


def _result(entry: Refused, state: str, documents: int, new: int, detail: str) -> Retried:
    names = (entry.quarantine_id, entry.source_id, entry.item)
    return Retried(*names, state, documents, new, detail)


def _read_again(
    connection: Connection, context: IngestContext, entry: Refused, digest: str
) -> Reading:
    """Raises:
    SourceError: still not readable.
    DataError: the archive has lost or changed the bytes.
    """
    payload = read_payload(connection, context.archive, entry.source_id, digest)
    received = log.first_received(connection, entry.source_id, digest)
    first_at = parse_instant(entry.first_at)
    reader = SOURCES[entry.source_id]
    return reader.read(
        payload,
        ReadContext(
            source_id=entry.source_id,
            path=_path(context, entry),
            sha256=digest,
            received_at=received or first_at,
            re_creation=context.re_creation,
            polled_at=parse_instant(entry.last_at),
        ),
    )


def _path(context: IngestContext, entry: Refused) -> str:
    base = str(getattr(context.settings, SOURCES[entry.source_id].info.base)).rstrip("/")
    if base and entry.url.startswith(base):
        return entry.url.removeprefix(base)
    parts = urlsplit(entry.url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _keep(connection: Connection, entry: Refused, reading: Reading, at: datetime) -> int:
    due = [record for record in reading.records if record.document_time <= at]
    info, first_at = SOURCES[entry.source_id].info, parse_instant(entry.first_at)
    first = info.history and not log.ever_read(connection, info.source_id, entry.url, first_at)
    before = at - log.HISTORY_AGE if first else None
    return log.insert_records(connection, due, at=at, history_before=before)


def _still_refused(entry: Refused, reading: Reading, at: datetime) -> str:
    """Why something of the entry is not kept yet; empty if all is."""
    if any(record.document_time > at for record in reading.records):
        return "some of it is dated after now; retry later"
    name = entry.item.partition(" #")[0]
    if not name:
        return ""
    lines = [line for line in reading.rejected if quarantine.named(line)[0] == name]
    return one_line(lines[0], 300) if lines else ""
