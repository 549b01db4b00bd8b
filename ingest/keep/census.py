"""Which fields the documents of a source have: unknown ones are counted, never fatal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from ingest.read.payload import one_line
from ingest.source import Reading
from kentongan.db import fields_seen, insert_ignore
from kentongan.times import iso, parse_instant

MAX_FIELDS = 400
"""Of one kind of document; the longest on record has 60. A hostile one must not fill the table."""
GONE_AFTER = timedelta(days=2)
"""A known field that newer documents have lacked for so long is reported. Fields that BMKG fills
only in an event (felt places, tsunami zones) come and go within hours."""
_VARIABLE = re.compile(r"[A-Z]{2,4}\d{6,}|\d+")


def document_kind(path: str) -> str:
    """`/alerts/nowcast/id/*_alert.xml`: the path without what differs from issue to issue."""
    return _VARIABLE.sub("*", path.partition("?")[0])[:80]


def count_fields(
    connection: Connection, source_id: str, path: str, reading: Reading, at: datetime
) -> None:
    """Count one document's fields. To be called once for each different document."""
    for names, known in ((reading.fields, True), (reading.unknown_fields, False)):
        wanted = sorted({one_line(name, 160) for name in names})[:MAX_FIELDS]
        if wanted:
            _count(connection, (source_id, document_kind(path)), wanted, known=known, at=at)


def _count(
    connection: Connection,
    place: tuple[str, str],
    names: Iterable[str],
    *,
    known: bool,
    at: datetime,
) -> None:
    source_id, document = place
    here = (fields_seen.c.source_id == source_id) & (fields_seen.c.document == document)
    have = set(connection.scalars(select(fields_seen.c.field).where(here)))
    new = [name for name in names if name not in have][: max(0, MAX_FIELDS - len(have))]
    old = [name for name in names if name in have]
    if old:
        connection.execute(
            update(fields_seen)
            .where(here, fields_seen.c.field.in_(old))
            .values(last_at=iso(at), seen=fields_seen.c.seen + 1, is_known=known)
        )
    if new:
        rows = [
            {
                "source_id": source_id,
                "document": document,
                "field": name,
                "is_known": known,
                "first_at": iso(at),
                "last_at": iso(at),
                "seen": 1,
            }
            for name in new
        ]
        connection.execute(insert_ignore(connection, fields_seen), rows)


@dataclass(frozen=True)
class Drift:
    """One field that our reader does not know, or knows and no longer finds."""

    source_id: str
    document: str
    field: str
    kind: str
    """`unknown` or `gone`."""
    first_at: datetime
    last_at: datetime
    seen: int
    """Different documents that had it."""


def drift(engine: Engine, at: datetime, *, gone_after: timedelta = GONE_AFTER) -> list[Drift]:
    """What differs from what the readers know, by source, document and field.

    A known field is gone where the newest document of its kind is younger by `gone_after` than
    the newest that had it.
    """
    wanted = select(fields_seen).where(fields_seen.c.first_at <= iso(at))
    with engine.connect() as connection:
        rows = connection.execute(
            wanted.order_by(fields_seen.c.source_id, fields_seen.c.document, fields_seen.c.field)
        ).all()
    newest: dict[tuple[str, str], str] = {}
    for row in rows:
        place = (row.source_id, row.document)
        newest[place] = max(row.last_at, newest.get(place, ""))
    found = []
    for row in rows:
        last = parse_instant(row.last_at)
        lacking = parse_instant(newest[row.source_id, row.document]) - last
        if row.is_known and lacking < gone_after:
            continue
        kind = "gone" if row.is_known else "unknown"
        first = parse_instant(row.first_at)
        names = (row.source_id, row.document, row.field, kind)
        found.append(Drift(*names, first, last, row.seen))
    return found


def fields_known(engine: Engine) -> dict[str, int]:
    """Source → fields ever counted; a source that is not here has had no census."""
    with engine.connect() as connection:
        sources = list(connection.scalars(select(fields_seen.c.source_id)))
    return {source_id: sources.count(source_id) for source_id in sorted(set(sources))}
