"""Whether the archive still holds, byte for byte, what the feed log says was received."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import Engine, select

from kentongan.db import feed_log
from kentongan.store import Store, archive_path, sha256_hex
from kentongan.times import parse_instant


@dataclass(frozen=True)
class ArchiveCheck:
    files: int
    changed: tuple[str, ...]
    """Paths whose bytes do not match their name."""
    missing: tuple[str, ...]
    """Paths that the feed log names and the archive does not hold."""


def check_archive(engine: Engine, store: Store) -> ArchiveCheck:
    """Read everything below the archive's root and compare with names and log."""
    paths = store.paths() if store.exists("") else []
    changed = [p for p in paths if sha256_hex(store.read(p)) != PurePosixPath(p).name]
    missing = sorted(_logged(engine) - set(paths))
    return ArchiveCheck(len(paths), tuple(changed), tuple(missing))


def _logged(engine: Engine) -> set[str]:
    columns = (feed_log.c.source_id, feed_log.c.polled_at, feed_log.c.sha256, feed_log.c.outcome)
    query = select(*columns).where(feed_log.c.sha256.is_not(None))
    first: dict[tuple[str, str], str] = {}
    with engine.connect() as connection:
        for row in connection.execute(query.order_by(feed_log.c.id)):
            path = archive_path(row.source_id, parse_instant(row.polled_at), row.sha256)
            first.setdefault((row.source_id, row.sha256), path)
    return set(first.values())
