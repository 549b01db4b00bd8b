"""What could not be read: why, a sample, and how to read it again after a fix.

One row of the table `quarantine` for each address and item (an empty item is the whole document),
however often it comes. Nothing is lost: every refused document lies in the archive and its polls
stand in `feed_log`, from which `documents_of` takes all between the first and the last time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from ingest.log import LogRow
from ingest.read.payload import head_text, one_line
from kentongan.db import feed_log, insert_ignore, quarantine
from kentongan.errors import KentonganError
from kentongan.times import iso
from kentongan.types import Outcome

OPEN, RESOLVED, DISMISSED = "open", "resolved", "dismissed"
MAX_OPEN = 2000
"""Rows of one source that wait at the same time; then only a count goes on. A person reads a
few; 2,000 is every second village's forecast of a province."""
OVERFLOW = "(more)"
"""Item of the row that counts what came after `MAX_OPEN`; its address is empty."""
SAMPLE_CHARACTERS = 600
_BEFORE = 120
"""Characters of a sample before the item's name."""
_SECRET = re.compile(
    r"(?i)\b(api[-_]?key|key|token|secret|password|authorization)(\W{1,4})[^\s\"'<>&]{6,}"
)
_REFUSED = (Outcome.BLOCKED, Outcome.MALFORMED, Outcome.QUARANTINED)


@dataclass(frozen=True)
class Refused:
    """One row: an item of an address, or a whole document."""

    quarantine_id: int
    source_id: str
    url: str
    sha256: str
    item: str
    reason: str
    sample: str
    first_at: str
    last_at: str
    seen: int
    """Different documents that had it."""
    state: str
    resolved_at: str | None
    note: str


# --- writing: inside the transaction of the poll's log row -------------------------------


def note_items(
    connection: Connection, row: LogRow, rejected: Sequence[str], payload: bytes
) -> None:
    """Put each refused item of a document that was read into quarantine.

    `rejected` has one line "name: reason" for each. The page of a firewall that stood at this
    address before is resolved: data comes again.
    """
    before = _rows_of(connection, row)
    if "" in before:
        _address_answers(connection, row)
    names: Counter[str] = Counter()
    for line in rejected:
        name, reason = named(line)
        names[name] += 1
        item = name + (f" #{names[name]}" if names[name] > 1 else "")
        _note(connection, row, before.get(item), item, reason, payload)


def named(line: str) -> tuple[str, str]:
    """Name and reason of a refused item, both fit for any database: no NUL, no half character."""
    name, _, reason = line.partition(": ")
    return one_line(name, 190), one_line(reason or name, 1000)


def note_document(connection: Connection, row: LogRow, payload: bytes) -> None:
    """Put a document that could not be read at all into quarantine."""
    if row.outcome in _REFUSED:
        before = _rows_of(connection, row).get("")
        _note(connection, row, before, "", one_line(row.detail, 1000), payload)


def _rows_of(connection: Connection, row: LogRow) -> dict[str, Any]:
    """Rows of one address by item."""
    here = (quarantine.c.source_id == row.source_id) & (quarantine.c.url == row.url)
    return {found.item: found for found in connection.execute(select(quarantine).where(here))}


def _note(
    connection: Connection, row: LogRow, before: Any, item: str, reason: str, payload: bytes
) -> None:
    at, sha256 = iso(row.polled_at), row.sha256 or ""
    if before is None:
        _insert(connection, row, item=item, reason=reason, payload=payload)
        return
    if before.sha256 == sha256 and before.reason == reason and before.state != RESOLVED:
        return
    values: dict[str, Any] = {
        "last_at": max(at, before.last_at),
        "seen": before.seen + 1,
        "sha256": sha256,
        "reason": reason,
        "sample": sample_of(payload, item),
    }
    # What a person dismissed stays so while it comes for the same reason.
    dismissed = before.state == DISMISSED and item != "" and before.reason == reason
    if before.state != OPEN and not dismissed:
        values |= {"state": OPEN, "resolved_at": None, "first_at": at, "seen": 1}
    connection.execute(update(quarantine).where(quarantine.c.id == before.id).values(**values))


def _insert(connection: Connection, row: LogRow, *, item: str, reason: str, payload: bytes) -> None:
    waiting = connection.execute(
        select(func.count()).where(
            quarantine.c.source_id == row.source_id, quarantine.c.state == OPEN
        )
    ).scalar_one()
    url, sha256, at = row.url, row.sha256 or "", iso(row.polled_at)
    sample = sample_of(payload, item)
    if waiting >= MAX_OPEN:
        url, item, sha256, sample = "", OVERFLOW, "", ""
        reason = f"more than {MAX_OPEN} wait; their bytes are in the archive"
    inserted = connection.execute(
        insert_ignore(connection, quarantine).values(
            source_id=row.source_id,
            url=url,
            sha256=sha256,
            item=item,
            reason=reason,
            sample=sample,
            first_at=at,
            last_at=at,
        )
    )
    if inserted.rowcount == 0:
        # The row of the overflow, or another process was quicker with the same item.
        connection.execute(
            update(quarantine)
            .where(
                quarantine.c.source_id == row.source_id,
                quarantine.c.url == url,
                quarantine.c.item == item,
            )
            .values(last_at=at, seen=quarantine.c.seen + 1)
        )


def _address_answers(connection: Connection, row: LogRow) -> None:
    """A firewall's page holds no data: it is done with once the address gives data again."""
    blocked = select(feed_log.c.id).where(
        feed_log.c.source_id == row.source_id,
        feed_log.c.url == row.url,
        feed_log.c.sha256 == quarantine.c.sha256,
        feed_log.c.outcome == str(Outcome.BLOCKED),
    )
    connection.execute(
        update(quarantine)
        .where(
            quarantine.c.source_id == row.source_id,
            quarantine.c.url == row.url,
            quarantine.c.item == "",
            quarantine.c.state == OPEN,
            blocked.exists(),
        )
        .values(state=RESOLVED, resolved_at=iso(row.polled_at), note="the address gives data again")
    )


def sample_of(payload: bytes, name: str) -> str:
    """A printable piece of a document, around `name` where that occurs; keys blacked out."""
    if not payload:
        return ""
    if b"\0" in payload[:64] and not head_text(payload).lstrip().startswith(("<", "{", "[")):
        return f"{len(payload)} bytes, not text, begins {payload[:24].hex(' ')}"
    token = name.split(" #")[0].split(" ")[-1]
    at = payload.find(token.encode()) if len(token) > 3 else -1
    start = max(0, at - _BEFORE)
    text = head_text(payload[start : start + 4 * SAMPLE_CHARACTERS])
    return _SECRET.sub(r"\1\2***", one_line(text, SAMPLE_CHARACTERS))


# --- reading and closing -----------------------------------------------------------------


def listed(connection: Connection, *, state: str | None = OPEN) -> list[Refused]:
    """Rows of one state (None: of all), by source, then newest first."""
    wanted = select(quarantine).order_by(
        quarantine.c.source_id, quarantine.c.last_at.desc(), quarantine.c.id
    )
    if state is not None:
        wanted = wanted.where(quarantine.c.state == state)
    return [_refused(row) for row in connection.execute(wanted)]


def refused(connection: Connection, quarantine_id: int) -> Refused:
    """One row.

    Raises:
        KentonganError: there is none of that number.
    """
    row = connection.execute(select(quarantine).where(quarantine.c.id == quarantine_id)).first()
    if row is None:
        raise KentonganError(
            f"quarantine {quarantine_id}: no such entry; see: kentongan quarantine list --all"
        )
    return _refused(row)


def _refused(row: Any) -> Refused:
    return Refused(row.id, *row[1:])


def open_counts(connection: Connection) -> dict[str, int]:
    """Source → entries that wait."""
    waiting = select(quarantine.c.source_id).where(quarantine.c.state == OPEN)
    return dict(Counter(connection.scalars(waiting)))


def close(
    connection: Connection, quarantine_id: int, *, at: datetime, state: str, note: str
) -> None:
    connection.execute(
        update(quarantine)
        .where(quarantine.c.id == quarantine_id)
        .values(state=state, resolved_at=iso(at), note=note)
    )


def documents_of(connection: Connection, entry: Refused) -> Iterator[str]:
    """sha256 of each different document of the entry's address that was not wholly read while
    the entry was open, oldest first."""
    not_whole = feed_log.c.outcome.in_([str(o) for o in _REFUSED]) | (feed_log.c.quarantined > 0)
    first = func.min(feed_log.c.id)
    found = (
        select(feed_log.c.sha256)
        .where(
            feed_log.c.source_id == entry.source_id,
            feed_log.c.url == entry.url,
            feed_log.c.polled_at >= entry.first_at,
            feed_log.c.polled_at <= entry.last_at,
            feed_log.c.sha256.is_not(None),
            not_whole,
        )
        .group_by(feed_log.c.sha256)
        .order_by(first)
    )
    yield from connection.scalars(found)
