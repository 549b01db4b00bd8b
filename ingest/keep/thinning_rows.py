"""Thin the tables beside the archive: what a poll said again, and rows of bytes that are gone.

A quiet feed polled every 5 s writes 17,000 rows a day, 73 MB with its neighbours; without this a
year of watching is 27 GB of "nothing new".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, Engine, Select, delete, func, select, union

from kentongan import audit
from kentongan.db import cycles, feed_log, quarantine
from kentongan.retention import RetentionPolicy
from kentongan.times import iso, parse_instant

_BATCH = 2000
"""Rows deleted in one transaction: other writers wait some ten milliseconds."""
_SAME = ("outcome", "sha256", "quarantined", "document_time", "thinned_at")
"""A row that agrees in these with the one before and the one after it says nothing of its own."""


@dataclass(frozen=True)
class ThinnedRows:
    """What one run deleted, or would delete."""

    repeats: int
    """Polls that said what the polls around them said."""
    of_thinned: int
    """Polls whose bytes went long ago."""
    cycles: int

    @property
    def total(self) -> int:
        return self.repeats + self.of_thinned + self.cycles


def thin_rows(
    engine: Engine, policy: RetentionPolicy, at: datetime, actor: str, *, dry_run: bool = False
) -> ThinnedRows:
    """Delete rows of `feed_log` and `cycles` that the policy gives up; with `dry_run` count them.

    Of each address stay the first and the last row of an hour, and every row that differs from
    the one before or after it: when something changed stays known to the second.
    """
    done = {"repeats": 0, "of_thinned": 0, "cycles": 0}
    for name, batch in _batches(engine, policy, at):
        done[name] += len(batch)
        if dry_run:
            continue
        table = cycles if name == "cycles" else feed_log
        with engine.begin() as connection:
            connection.execute(delete(table).where(table.c.id.in_(batch)))
    if any(done.values()) and not dry_run:
        body = {**done, "policy": f"{policy.author}, {policy.date}"}
        with engine.begin() as connection:
            audit.append(connection, at=at, actor=actor, action="archive.thin-rows", body=body)
    return ThinnedRows(**done)


def _batches(
    engine: Engine, policy: RetentionPolicy, at: datetime
) -> Iterator[tuple[str, list[int]]]:
    """Ids of one table to delete, by what they are."""
    repeats_before = at - timedelta(days=policy.rows.repeats_days)
    for source_id in _sources(engine):
        for day in _days(engine, source_id, repeats_before):
            with engine.connect() as connection:
                found = list(connection.execute(_repeats(source_id, day, repeats_before)).scalars())
            yield from (("repeats", part) for part in _parts(found))
        gone_before = at - timedelta(days=policy.rows.thinned_days)
        with engine.connect() as connection:
            found = list(connection.execute(_of_thinned(source_id, gone_before)).scalars())
        yield from (("of_thinned", part) for part in _parts(found))
    with engine.connect() as connection:
        found = list(connection.execute(_cycles(repeats_before)).scalars())
    yield from (("cycles", part) for part in _parts(found))


def _parts(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))


def _sources(engine: Engine) -> Iterator[str]:
    """Goes from one source to the next in the index, however many rows each has."""
    place = ""
    while True:
        with engine.connect() as connection:
            query = select(func.min(feed_log.c.source_id)).where(feed_log.c.source_id > place)
            found = connection.execute(query).scalar()
        if found is None:
            return
        place = found
        yield place


def _days(engine: Engine, source_id: str, before: datetime) -> Iterator[datetime]:
    """The days, from the first on, on which a source was polled before an instant."""
    place = ""
    while True:
        with engine.connect() as connection:
            found = connection.execute(
                select(func.min(feed_log.c.polled_at)).where(
                    feed_log.c.source_id == source_id,
                    feed_log.c.polled_at >= place,
                    feed_log.c.polled_at < iso(before),
                )
            ).scalar()
        if found is None:
            return
        day = parse_instant(found).replace(hour=0, minute=0, second=0)
        place = iso(day + timedelta(days=1))
        yield day


def _repeats(source_id: str, day: datetime, before: datetime) -> Select[int]:
    """Ids of a day's rows that say again what was said."""
    log = feed_log.c
    spell: dict[str, Any] = {
        "partition_by": (log.url, func.substr(log.polled_at, 1, 13)),
        "order_by": (log.polled_at, log.id),
    }
    beside = [
        side(log[name]).over(**spell).label(f"{name}_{number}")
        for number, side in enumerate((func.lag, func.lead))
        for name in ("id", *_SAME)
    ]
    until = min(iso(day + timedelta(days=1)), iso(before))
    rows = (
        select(log.id, log.polled_at, *(log[name] for name in _SAME), *beside)
        .where(log.source_id == source_id, log.polled_at >= iso(day), log.polled_at < until)
        .subquery()
    )
    return select(rows.c.id).where(
        rows.c.id_0.is_not(None),
        rows.c.id_1.is_not(None),
        *(
            rows.c[name].is_not_distinct_from(rows.c[f"{name}_{number}"])
            for name in _SAME
            for number in (0, 1)
        ),
        rows.c.polled_at.not_in(_named_in_quarantine(source_id)),
    )


def _named_in_quarantine(source_id: str) -> CompoundSelect[str]:
    """The polls by which an entry finds its documents again."""
    ours = quarantine.c.source_id == source_id
    return union(
        select(quarantine.c.first_at).where(ours), select(quarantine.c.last_at).where(ours)
    )


def _of_thinned(source_id: str, before: datetime) -> Select[int]:
    return select(feed_log.c.id).where(
        feed_log.c.source_id == source_id, feed_log.c.thinned_at < iso(before)
    )


def _cycles(before: datetime) -> Select[int]:
    """Notes of old cycles, without the newest one: it is the last sign of life."""
    newest = select(func.max(cycles.c.id)).scalar_subquery()
    return select(cycles.c.id).where(cycles.c.at < iso(before), cycles.c.id != newest)
