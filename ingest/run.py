"""One poll of one source: fetch, archive, read, record. A bad feed never raises here."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ingest import log
from ingest.read.payload import one_line
from ingest.registry import SOURCES
from ingest.report import GOOD, PollReport
from ingest.source import Link, Source
from ingest.summary import elsewhere, report_on, unkept
from ingest.visit import IngestContext, Polling, Visit, base_of, logged, refused, visit
from ingest.wire import folder as folders
from ingest.wire.breaker import Breaker
from ingest.wire.fetch import Fetcher
from ingest.wire.lease import Lease, lease
from ingest.wire.links import linked_path
from ingest.wire.manners import client_for, reserve_of, serves_warnings
from kentongan.errors import SettingsError, SourceError
from kentongan.times import require_aware
from kentongan.types import Outcome

__all__ = ["IngestContext", "poll"]
alarm = logging.getLogger(__name__)

LEASE_S = 30.0
"""A request ends within 10 s and a document is read within seconds; the lease is renewed before
each. An owner that died on another machine blocks its feed no longer."""


def poll(
    source_id: str, *, at: datetime, context: IngestContext, wanted: Sequence[str] = ()
) -> PollReport:
    """Ask every address of a source once, and what its documents link to.

    Raw bytes are archived before anything is read. Records dated after `at` are left for a later
    poll. `wanted` is for sources that are asked for chosen things (village codes).

    Raises:
        SettingsError: no such source.
    """
    if source_id not in SOURCES:
        raise SettingsError(f"source {source_id!r}: expected one of {', '.join(SOURCES)}")
    at, source = require_aware(at), SOURCES[source_id]
    seconds = max(LEASE_S, 3 * context.settings.http_timeout_s)
    try:
        with lease(context.engine, f"poll:{source_id}", seconds=seconds) as held:
            if held is None:
                return elsewhere(context, source, at)
            return _poll(source, at, context, held, wanted)
    except (SQLAlchemyError, OSError) as error:
        report = unkept(source, error)
        alarm.critical("poll of %s: %s", source_id, report.trouble)
        return report


def _poll(
    source: Source, at: datetime, context: IngestContext, held: Lease, wanted: Sequence[str]
) -> PollReport:
    with client_for(source, context) as http:
        fetcher = Fetcher(
            source.info.source_id,
            at,
            context.engine,
            context.archive,
            http,
            breaker=Breaker(context.engine),
            reserve=reserve_of(source, context.settings),
            is_critical=serves_warnings(source, context.settings),
        )
        run = Polling(source, at, context, fetcher, held)
        own = _visit_folder(run) or [
            one
            for path in source.paths(_wanted(source, context, wanted), at)
            for one in _ask(run, path)
        ]
        behind = [pair for index in own for pair in _follow(run, index)]
        fetcher.settle()
    return report_on(run, own, behind)


def _wanted(source: Source, context: IngestContext, wanted: Sequence[str]) -> Sequence[str]:
    """What to ask for: as told, or as the settings list it."""
    listed = source.info.wanted_setting
    return wanted or (getattr(context.settings, listed) if listed else ())


def _visit_folder(run: Polling) -> list[Visit]:
    """Where the base is a folder: its unread files, the newest first to be taken, and the folder
    itself, on record like addresses. Empty where it is an HTTP address."""
    base, info = base_of(run), run.source.info
    folder = folders.local_folder(base)
    if folder is None:
        return []
    row = log.LogRow(info.source_id, base, run.at, Outcome.DOWN)
    try:
        listing = folders.list_folder(folder, info, run.at)
    except SourceError as error:
        return [logged(run, replace(row, detail=one_line(error, 400)))]
    size = info.max_bytes or run.context.settings.http_max_bytes
    reader = folders.FolderReader(row, run.context.engine, run.context.archive, folder, size)
    with run.context.engine.connect() as connection:
        taken, left = folders.unread(connection, row, listing.files)
    # Frames have up to 100 MB and link to nothing: their bytes are let go.
    reading = replace(run, fetcher=reader)
    visits = [replace(visit(reading, file.path), payload=b"") for file in taken]
    if reader.troubles and isinstance(run.fetcher, Fetcher):
        run.fetcher.trouble = reader.troubles[-1]
    with run.context.engine.connect() as connection:
        row = folders.folder_row(connection, row, info, listing, left)
    return [*visits, logged(run, row)]


def _ask(run: Polling, path: str) -> Iterator[Visit]:
    """One of the source's own addresses and, where it gives nothing good, its fallback."""
    first = visit(run, path)
    yield first
    other = run.source.info.fallbacks.get(path)
    if other is not None and first.row.outcome not in GOOD:
        yield visit(run, other)


def _follow(run: Polling, index: Visit) -> Iterator[tuple[Link, Visit]]:
    """Visit what a document links to: never-read addresses first, only BMKG's, on our base."""
    if not index.payload:
        return
    path = index.row.url.removeprefix(base_of(run))
    links = run.source.links(index.payload, path)
    for link in _unread_first(run, links, path):
        try:
            target = linked_path(link.url, path)
        except SourceError as error:
            row = log.LogRow(
                run.source.info.source_id,
                one_line(link.url, 300),
                run.at,
                Outcome.MALFORMED,
                is_link=True,
            )
            yield link, refused(run, row, error, link)
            continue
        yield link, visit(run, target, link)


def _unread_first(run: Polling, links: Sequence[Link], index_path: str) -> list[Link]:
    with run.context.engine.connect() as connection:
        seen = {link.url for link in links if _was_read(run, connection, link, index_path)}
    return sorted(links, key=lambda link: link.url in seen)


def _was_read(run: Polling, connection: Connection, link: Link, index_path: str) -> bool:
    try:
        url = base_of(run) + linked_path(link.url, index_path)
    except SourceError:
        return False
    return log.ever_read(connection, run.source.info.source_id, url, run.at)
