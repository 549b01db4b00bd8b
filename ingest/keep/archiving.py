"""Into the archive and out of it: each document once, under the first day on which it came."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from ingest import log
from ingest.read.payload import one_line
from kentongan.errors import DataError
from kentongan.store import Store, archive, archive_path, read_archived, sha256_hex

TROUBLE = "archive: "
"""First word of what is said when the archive cannot be written: an alarm, not a feed's fault."""
_WORDS = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "quota used up",
    errno.EFBIG: "file larger than this system allows",
    errno.EROFS: "disk is read-only",
    errno.EACCES: "not writable by this user",
    errno.EPERM: "not writable by this user",
    errno.EIO: "disk is damaged",
}


@dataclass(frozen=True)
class ArchivedName:
    """What the path of an archived document says."""

    source_id: str
    day: str
    """`yyyy-mm-dd`."""
    sha256: str


_PATH = re.compile(r"([^/]{1,40})/(\d{4})/(\d\d)/(\d\d)/([0-9a-f]{64})")


def archived_name(path: str) -> ArchivedName | None:
    """None if no document of the archive is named like this."""
    found = _PATH.fullmatch(path)
    return ArchivedName(found[1], "-".join(found.group(2, 3, 4)), found[5]) if found else None


def put_into_archive(
    engine: Engine, store: Store, source_id: str, at: datetime, data: bytes, *, heal: bool = False
) -> tuple[str, datetime | None]:
    """Sha256 of the archived bytes, and when they came first; None if now.

    Bytes that came before are not stored again. `heal` replaces a damaged copy.

    Raises:
        OSError: disk full, damaged or not writable; see `archive_trouble`.
    """
    digest = sha256_hex(data)
    with engine.connect() as connection:
        place = log.archived_on(connection, source_id, digest)
        first = log.first_received(connection, source_id, digest)
    on = min(place or at, at)
    if heal:
        store.remove(archive_path(source_id, on, digest))
    archive(store, source_id, on, data)
    return digest, first


def in_archive(connection: Connection, store: Store, source_id: str, sha256: str) -> bytes:
    """Archived bytes.

    Raises:
        DataError: never received, deleted by policy, or changed since.
        OSError: the file is gone or cannot be read.
    """
    place = log.archived_on(connection, source_id, sha256)
    if place is None:
        raise DataError(
            f"archive {source_id} {sha256[:12]}: no bytes are kept; never received, or thinned "
            "by data/policy/retention.toml"
        )
    return read_archived(store, source_id, place, sha256)


def archive_trouble(error: OSError) -> str:
    """One line for an operator: what is wrong with the archive's disk, and what to do."""
    word = _WORDS.get(error.errno or 0, "cannot be written")
    return (
        f"{TROUBLE}{word} ({one_line(error.strerror or error, 80)}); nothing is read that is not "
        "archived. Free space or mend the disk under KENTONGAN_HOME"
    )
