"""Carry out the retention policy: delete bytes, keep their rows, and say so in the audit chain.

Records of kinds that the policy names go with the bytes that they were read from.

A row of `feed_log` is marked before its file is deleted, so that a process killed in between
leaves a file too many, never one too few; the next run sweeps it up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, Engine, Select, delete, func, or_, select, update

from ingest import log
from ingest.keep.archiving import archived_name
from ingest.wire.lease import lease
from kentongan import audit
from kentongan.db import events, feed_log, quarantine, records
from kentongan.errors import KentonganError, SettingsError
from kentongan.retention import Document, RetentionPolicy, thinnable
from kentongan.store import Store, archive_path, is_unfinished
from kentongan.times import iso, parse_instant

LEASE_S = 30.0
"""Of one batch, which takes well below a second."""
WAIT_S = 120.0
"""For a poll that runs; the longest ends after 60 s and one more request."""
_BATCH = 500
"""Documents marked in one transaction: writers of the same database wait that long, some ms."""
UNFINISHED_AFTER = timedelta(days=1)
"""Age from which a file that was never finished is a leftover of a process that died."""
Progress = Callable[[str, int], None]
"""Told a source and how many of its documents were deleted so far."""


@dataclass(frozen=True)
class Thinned:
    """What one run did, or would do, to one source."""

    source_id: str
    documents: int
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Thinning:
    """What one run works with."""

    engine: Engine
    store: Store
    policy: RetentionPolicy
    at: datetime
    actor: str


def thin(
    run: Thinning,
    *,
    known_sources: Sequence[str],
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[Thinned]:
    """Delete what the policy gives up, source by source; with `dry_run` only count it.

    Raises:
        SettingsError: the policy names a source that does not exist.
        KentonganError: a source is being polled just now.
    """
    unknown = sorted(set(run.policy.sources) - set(known_sources))
    if unknown:
        raise SettingsError(f"retention policy: no source {', '.join(unknown)}; mend the file")
    act = _count if dry_run else _delete
    return [act(run, source_id, progress) for source_id in _logged_sources(run.engine)]


def _count(run: Thinning, source_id: str, _progress: Progress | None) -> Thinned:
    found = list(_chosen(run, source_id))
    return Thinned(source_id, len(found), sum(one.size for one in found))


def _delete(run: Thinning, source_id: str, progress: Progress | None) -> Thinned:
    count = size = 0
    chosen = _chosen(run, source_id)
    while batch := list(islice(chosen, _BATCH)):
        with _between_polls(run.engine, source_id):
            with run.engine.begin() as connection:
                batch = _not_seen_since(connection, source_id, batch)
                if batch:
                    _mark(connection, run, source_id, batch)
            for document in batch:
                run.store.remove(archive_path(source_id, document.first, document.sha256))
        count, size = count + len(batch), size + sum(one.size for one in batch)
        if progress:
            progress(source_id, count)
    return Thinned(source_id, count, size)


@contextmanager
def _between_polls(engine: Engine, source_id: str) -> Iterator[None]:
    """No poll of the source runs meanwhile. Held for one batch only: no bulletin waits longer.

    Raises:
        KentonganError: it is polled without a pause.
    """
    ends = time.monotonic() + WAIT_S
    while True:
        with lease(engine, f"poll:{source_id}", seconds=LEASE_S) as held:
            if held is not None:
                yield
                return
        if time.monotonic() > ends:
            raise KentonganError(f"{source_id}: is being polled now; run it again in a minute")
        time.sleep(0.05)


def _not_seen_since(
    connection: Connection, source_id: str, batch: Sequence[Document]
) -> list[Document]:
    """Without those that a poll received again after they were chosen."""
    query = (
        select(feed_log.c.sha256, func.max(feed_log.c.polled_at))
        .where(
            feed_log.c.source_id == source_id,
            feed_log.c.sha256.in_([document.sha256 for document in batch]),
        )
        .group_by(feed_log.c.sha256)
    )
    last = {row[0]: row[1] for row in connection.execute(query)}
    return [one for one in batch if last.get(one.sha256, "") <= iso(one.last)]


def _logged_sources(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = select(feed_log.c.source_id).distinct().order_by(feed_log.c.source_id)
        return list(connection.execute(query).scalars())


def _chosen(run: Thinning, source_id: str) -> Iterator[Document]:
    with run.engine.connect() as connection:
        protected = protected_bytes(connection, source_id, run.policy.thinned_kinds)
        documents = _documents(connection, source_id)
        yield from thinnable(documents, protected, run.policy.rule(source_id), run.at)


def _documents(connection: Connection, source_id: str) -> Iterator[Document]:
    """What the archive holds of a source, by address and first reception."""
    first = func.min(feed_log.c.polled_at).label("first")
    url = func.min(feed_log.c.url).label("url")
    query = (
        select(
            url,
            feed_log.c.sha256,
            first,
            func.max(feed_log.c.polled_at).label("last"),
            func.max(feed_log.c.bytes).label("size"),
        )
        .where(
            feed_log.c.source_id == source_id,
            feed_log.c.sha256.is_not(None),
            feed_log.c.thinned_at.is_(None),
        )
        .group_by(feed_log.c.sha256)
        .order_by(url, first)
    )
    for row in connection.execute(query.execution_options(yield_per=1000)):
        yield Document(
            row.url, row.sha256, parse_instant(row.first), parse_instant(row.last), row.size
        )


def protected_bytes(
    connection: Connection, source_id: str, thinned_kinds: frozenset[str]
) -> frozenset[str]:
    """Sha256 of everything of a source that is kept for ever."""
    of_records = select(records.c.sha256).where(
        records.c.source_id == source_id, records.c.kind.not_in(sorted(thinned_kinds))
    )
    found = set(connection.execute(of_records).scalars())
    for body in connection.execute(select(events.c.body)).scalars():
        found.update(json.loads(body)["observations"])
    found.update(connection.execute(_in_quarantine(source_id)).scalars())
    found.update(connection.execute(_newest(source_id)).scalars())
    return frozenset(found)


def _in_quarantine(source_id: str) -> Select[str]:
    """Documents that an open row of the quarantine may stand for."""
    return (
        select(feed_log.c.sha256)
        .distinct()
        .join(
            quarantine,
            (quarantine.c.source_id == feed_log.c.source_id)
            & or_(quarantine.c.url == feed_log.c.url, quarantine.c.url == "")
            & feed_log.c.polled_at.between(quarantine.c.first_at, quarantine.c.last_at),
        )
        .where(
            feed_log.c.source_id == source_id,
            feed_log.c.sha256.is_not(None),
            quarantine.c.state == "open",
        )
    )


def _newest(source_id: str) -> Select[str]:
    """The newest good document of each address: the next poll compares with it."""
    newest = (
        select(func.max(feed_log.c.id))
        .where(
            feed_log.c.source_id == source_id,
            feed_log.c.sha256.is_not(None),
            feed_log.c.outcome.in_(log.GOOD_OUTCOMES),
        )
        .group_by(feed_log.c.url)
    )
    return select(feed_log.c.sha256).where(feed_log.c.id.in_(newest))


def _mark(connection: Connection, run: Thinning, source_id: str, batch: Sequence[Document]) -> None:
    rows = connection.execute(
        update(feed_log)
        .where(
            feed_log.c.source_id == source_id,
            feed_log.c.sha256.in_([document.sha256 for document in batch]),
            feed_log.c.thinned_at.is_(None),
        )
        .values(thinned_at=iso(run.at))
    )
    gone = connection.execute(
        delete(records).where(
            records.c.source_id == source_id,
            records.c.sha256.in_([document.sha256 for document in batch]),
            records.c.kind.in_(sorted(run.policy.rows.records_with_bytes)),
        )
    )
    body = {
        "source_id": source_id,
        "documents": len(batch),
        "rows": rows.rowcount,
        "records": gone.rowcount,
        "bytes": sum(document.size for document in batch),
        "first": iso(min(document.first for document in batch)),
        "last": iso(max(document.last for document in batch)),
        "policy": f"{run.policy.author}, {run.policy.date}",
    }
    audit.append(connection, at=run.at, actor=run.actor, action="archive.thin", body=body)


def sweep(engine: Engine, store: Store, *, at: datetime) -> int:
    """Delete files whose rows are thinned already, and unfinished ones of processes that died;
    returns how many. Files that no row knows are left alone."""
    count = 0
    for path in store.walk():
        if is_unfinished(path):
            changed = store.changed_at(path)
            is_leftover = changed is not None and at - changed > UNFINISHED_AFTER
        else:
            is_leftover = _is_thinned(engine, path)
        if is_leftover:
            store.remove(path)
            count += 1
    return count


def _is_thinned(engine: Engine, path: str) -> bool:
    name = archived_name(path)
    if name is None:
        return False
    with engine.connect() as connection:
        if log.archived_on(connection, name.source_id, name.sha256) is not None:
            return False
        return log.was_received(connection, name.source_id, name.sha256)
