"""A folder of this machine polled like a feed: its files are the documents.

For what arrives by another way than HTTP: a mirror of a satellite archive, a dish, a disk. Only
regular files whose name fits are taken; links are not followed, so nothing outside the folder is
ever read; a file that was just changed may still be written and waits.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, Engine, select

from ingest import log
from ingest.keep.archiving import archive_trouble, put_into_archive
from ingest.read.payload import one_line, refuse_html
from ingest.report import GOOD
from ingest.source import SourceInfo
from ingest.wire.fetch import Fetched
from ingest.wire.http import Answer
from kentongan.db import feed_log
from kentongan.errors import SourceChanged, SourceDown
from kentongan.store import Store
from kentongan.times import iso, parse_instant
from kentongan.types import Outcome

FILES_PER_POLL = 12
"""Two hours of ten-minute scans: a grid takes up to a second, and a poll may take one minute."""
SETTLED_AFTER = timedelta(seconds=2)
"""Age of the last change from which a file counts as written: copies write every few ms."""
MAX_DEPTH = 5
"""JAXA's archive nests three folders (month, day, hour), NOAA's four."""
MAX_ENTRIES = 50_000
"""A year of ten-minute scans; looking through more takes longer than a second."""
_CHUNK = 500


@dataclass(frozen=True)
class FolderFile:
    """One file as it looked when the folder was read."""

    path: str
    """Name below the folder, with a leading slash."""
    size: int
    changed_ns: int
    """Last change, nanoseconds since 1970."""

    @property
    def validator(self) -> str:
        return f"{self.size}-{self.changed_ns}"

    @property
    def changed(self) -> datetime:
        return datetime.fromtimestamp(self.changed_ns / 1e9, UTC)


@dataclass(frozen=True)
class Listing:
    """What a folder holds at an instant."""

    files: tuple[FolderFile, ...]
    """Settled files whose name fits, oldest first."""
    unsettled: int = 0
    """Files changed less than two seconds before that instant, or after it."""
    links: int = 0
    """Symbolic links, not followed."""


def local_folder(base: str) -> Path | None:
    """The folder that a base address names: a path or a `file://` address; None: it is HTTP."""
    if base.lower().startswith("file:"):
        return Path(unquote(urlsplit(base).path) or "/")
    return None if "://" in base else Path(base)


def list_folder(folder: Path, info: SourceInfo, at: datetime) -> Listing:
    """Files to take, at `at`, down to five folders deep.

    Raises:
        SourceDown: no such folder, it cannot be read, it holds too much, or this source is not
            made for folders.
    """
    if not str(folder).strip("."):
        raise SourceDown(f"KENTONGAN_{info.base.upper()}: not set; name a folder or an address")
    if not info.folder_pattern:
        raise SourceDown(f"{folder}: {info.source_id} is read from an http(s) address only")
    patterns = info.folder_pattern.split("|")
    settled, unsettled, links = [], 0, 0
    for entry in _entries(folder):
        if not any(fnmatchcase(entry.name, pattern) for pattern in patterns):
            continue
        if entry.is_symlink():
            links += 1
            continue
        file = _file(folder, entry)
        if file is None:
            continue
        if at - file.changed < SETTLED_AFTER:
            unsettled += 1
        else:
            settled.append(file)
    settled.sort(key=lambda file: (file.changed_ns, file.path))
    return Listing(tuple(settled), unsettled, links)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder that is no folder, without following links."""
    waiting, seen = [(folder, 1)], 0
    while waiting:
        here, depth = waiting.pop()
        try:
            with os.scandir(here) as found:
                entries = list(found)
        except OSError as error:
            if here != folder:
                continue
            raise SourceDown(
                f"{folder}: no folder that can be read ({type(error).__name__}); see that it "
                "exists, is mounted and may be read by this user"
            ) from error
        seen += len(entries)
        if seen > MAX_ENTRIES:
            raise SourceDown(
                f"{folder}: more than {MAX_ENTRIES} entries; move old files away or name a "
                "folder below it"
            )
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield entry
            elif depth < MAX_DEPTH:
                waiting.append((Path(entry.path), depth + 1))


def _file(folder: Path, entry: os.DirEntry[str]) -> FolderFile | None:
    """None for what is no regular file, or is gone already."""
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    name = Path(entry.path).relative_to(folder).as_posix()
    return FolderFile(f"/{name}", found.st_size, found.st_mtime_ns)


def unread(
    connection: Connection, row: log.LogRow, files: Sequence[FolderFile]
) -> tuple[list[FolderFile], int]:
    """The newest of `files` (oldest first) whose present content was not read yet, and how many
    older ones are left: what is going on now never waits behind a backlog.

    Name, size and time of change tell. What could not be read for want of something (a right, a
    library) is tried again; a document that was refused is not. `row` is of the folder.
    """
    known: set[tuple[str, str]] = set()
    urls = [row.url + file.path for file in files]
    for start in range(0, len(urls), _CHUNK):
        found = connection.execute(
            select(feed_log.c.url, feed_log.c.etag).where(
                feed_log.c.source_id == row.source_id,
                feed_log.c.url.in_(urls[start : start + _CHUNK]),
                feed_log.c.polled_at <= iso(row.polled_at),
                feed_log.c.sha256.is_not(None),
                feed_log.c.outcome != str(Outcome.DOWN),
            )
        )
        known.update((seen.url, seen.etag) for seen in found)
    waiting = [file for file in files if (row.url + file.path, file.validator) not in known]
    return waiting[-FILES_PER_POLL:], max(0, len(waiting) - FILES_PER_POLL)


@dataclass(frozen=True)
class FolderReader:
    """Takes the place of the HTTP fetcher where the base is a folder."""

    row: log.LogRow
    """Of the folder."""
    engine: Engine
    archive: Store
    folder: Path
    max_bytes: int
    troubles: list[str] = field(default_factory=list)
    """What kept bytes from the archive: an alarm, not the folder's fault."""

    def fetch(self, url: str, *, known_is_enough: bool) -> Fetched:  # noqa: ARG002
        """One file, archived.

        Raises:
            SourceError: gone, no regular file, not readable, or larger than allowed.
        """
        path, at = url.removeprefix(self.row.url), self.row.polled_at
        body, found = self._bytes(path)
        validator = FolderFile(path, found.st_size, found.st_mtime_ns).validator
        digest = self._archived(url, body) if body else None
        return Fetched(Answer(url, 200, body, validator), digest, at, None)

    def _archived(self, url: str, body: bytes) -> str:
        source_id, at = self.row.source_id, self.row.polled_at
        try:
            return put_into_archive(self.engine, self.archive, source_id, at, body)[0]
        except OSError as error:
            self.troubles.append(archive_trouble(error))
            raise SourceDown(f"{url}: {self.troubles[-1]}") from error

    def data(self, fetched: Fetched) -> bytes:
        """Raises:
        SourceBlocked: a web page was saved in the place of data.
        """
        refuse_html(fetched.answer.body, fetched.answer.url)
        return fetched.answer.body

    def _bytes(self, path: str) -> tuple[bytes, os.stat_result]:
        """Content of a file, opened without following a link or waiting for a pipe."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            with os.fdopen(os.open(self.folder / path[1:], flags), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise SourceChanged(f"{path}: expected a regular file; not read")
                if found.st_size > self.max_bytes:
                    raise SourceChanged(
                        f"{path}: {found.st_size} bytes, expected at most {self.max_bytes}"
                    )
                return file.read(self.max_bytes), found
        except OSError as error:
            raise SourceDown(
                f"{path}: cannot be read ({type(error).__name__}: {one_line(error.strerror, 60)})"
            ) from error


def folder_row(
    connection: Connection, row: log.LogRow, info: SourceInfo, listing: Listing, waiting: int
) -> log.LogRow:
    """What the folder itself tells in this poll, as a row of the log: its newest file counts.

    `row` is of the folder, outcome open; `waiting` files are left for later polls. A folder whose
    content must advance and that holds nothing is down, not quiet.
    """
    outcome, detail = _newest(connection, row, info, listing)
    parts = [detail, f"{waiting} older files wait" if waiting else ""]
    if listing.unsettled:
        parts.append(f"{listing.unsettled} files changed after {iso(row.polled_at)} or just before")
    if listing.links:
        parts.append(f"{listing.links} symbolic links not followed")
    return log.LogRow(
        row.source_id,
        row.url,
        row.polled_at,
        outcome,
        document_time=_content_time(connection, row),
        detail="; ".join(part for part in parts if part),
    )


def _newest(
    connection: Connection, row: log.LogRow, info: SourceInfo, listing: Listing
) -> tuple[Outcome, str]:
    if not listing.files:
        outcome = Outcome.DOWN if info.periodic else Outcome.EMPTY
        return outcome, f"no file named {info.folder_pattern} in {row.url}"
    newest = listing.files[-1]
    found = connection.execute(
        select(feed_log.c.outcome, feed_log.c.detail)
        .where(
            feed_log.c.source_id == row.source_id,
            feed_log.c.url == row.url + newest.path,
            feed_log.c.polled_at <= iso(row.polled_at),
        )
        .order_by(feed_log.c.id.desc())
        .limit(1)
    ).first()
    if found is None:
        return Outcome.DOWN, f"{newest.path} was not read"
    outcome = Outcome(found.outcome)
    return (Outcome.UNCHANGED, "") if outcome in GOOD else (outcome, found.detail)


def _content_time(connection: Connection, row: log.LogRow) -> datetime | None:
    """Newest time that any file stated of itself, not after the poll."""
    found = connection.execute(
        select(feed_log.c.document_time)
        .where(
            feed_log.c.source_id == row.source_id,
            feed_log.c.polled_at <= iso(row.polled_at),
            feed_log.c.document_time <= iso(row.polled_at),
            feed_log.c.outcome.in_([str(outcome) for outcome in GOOD]),
        )
        .order_by(feed_log.c.document_time.desc())
        .limit(1)
    ).scalar()
    return parse_instant(found) if found else None
