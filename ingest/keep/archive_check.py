"""Whether the archive still holds, byte for byte, what the feed log says was received.

Files are read in pieces and names one folder at a time, so an archive of any size takes the same
memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sqlalchemy import Connection, Engine, func, select

from ingest import log
from ingest.keep.archiving import archived_name
from kentongan.db import feed_log
from kentongan.store import Store, archive_path, is_unfinished

NAMED = 1000
"""Paths named of each kind; counts stay true."""
Progress = Callable[[int], None]
"""Told how many files were read so far."""


@dataclass
class Names:
    """A count and its first paths."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(path)


@dataclass
class ArchiveCheck:
    files: int = 0
    size: int = 0
    """Bytes read."""
    changed: Names = field(default_factory=Names)
    """Bytes that do not match their name, or cannot be read."""
    missing: Names = field(default_factory=Names)
    """The feed log names them and the archive does not hold them."""
    foreign: Names = field(default_factory=Names)
    """No document of ours has such a name."""
    unlogged: Names = field(default_factory=Names)
    """Whole, but no poll wrote them down: it ended in between. No loss."""
    unfinished: int = 0
    """Being written, or left by a process that died; `archive thin` sweeps them."""
    thinned: int = 0
    """Documents that the retention policy deleted. No loss."""

    @property
    def holds(self) -> bool:
        return not (self.changed.count or self.missing.count or self.foreign.count)


def documents_kept(engine: Engine) -> int:
    """How many files there should be, about: for a bar."""
    each = select(feed_log.c.source_id, feed_log.c.sha256).where(
        feed_log.c.sha256.is_not(None), feed_log.c.thinned_at.is_(None)
    )
    with engine.connect() as connection:
        count = select(func.count()).select_from(each.distinct().subquery())
        return connection.execute(count).scalar_one()


def check_archive(
    engine: Engine, store: Store, *, progress: Progress | None = None
) -> ArchiveCheck:
    """Read everything below the archive's root and compare with names and log."""
    found = ArchiveCheck()
    with engine.connect() as connection:
        for path in store.walk():
            _check_file(connection, store, path, found)
            if progress:
                progress(found.files)
        for source_id, sha256 in log.documents(connection):
            _check_presence(connection, store, source_id, sha256, found)
    return found


def _check_presence(
    connection: Connection, store: Store, source_id: str, sha256: str, found: ArchiveCheck
) -> None:
    place = log.archived_on(connection, source_id, sha256)
    if place is None:
        found.thinned += 1
        return
    path = archive_path(source_id, place, sha256)
    if store.size(path) is None:
        found.missing.add(path)


def _check_file(connection: Connection, store: Store, path: str, found: ArchiveCheck) -> None:
    if is_unfinished(path):
        found.unfinished += 1
        return
    found.files += 1
    name = archived_name(path)
    is_whole = _is_whole(store, path, found)
    if name is None:
        found.foreign.add(path)
    elif not is_whole:
        found.changed.add(path)
    elif not log.was_received(connection, name.source_id, name.sha256):
        found.unlogged.add(path)


def _is_whole(store: Store, path: str, found: ArchiveCheck) -> bool:
    digest = hashlib.sha256()
    try:
        for piece in store.chunks(path):
            digest.update(piece)
            found.size += len(piece)
    except OSError:
        return False
    return digest.hexdigest() == PurePosixPath(path).name
