"""One poll of one source: fetch, archive, read, record. A bad feed never raises here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from ingest import folder as folders
from ingest import log
from ingest.fetch import Fetcher
from ingest.http import PoliteClient
from ingest.links import linked_path
from ingest.payload import one_line
from ingest.registry import SOURCES
from ingest.report import GOOD, PollReport
from ingest.source import Link
from ingest.summary import report_on
from ingest.visit import IngestContext, Polling, Visit, base_of, logged, refused, visit
from kentongan.errors import SettingsError, SourceError
from kentongan.times import require_aware
from kentongan.types import Outcome

__all__ = ["IngestContext", "poll"]


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
    settings = context.settings
    with PoliteClient(
        timeout_s=settings.http_timeout_s,
        max_bytes=settings.http_max_bytes,
        contact=settings.http_contact,
    ) as http:
        at = require_aware(at)
        fetcher = Fetcher(source_id, at, context.engine, context.archive, http)
        run = Polling(SOURCES[source_id], at, context, fetcher)
        own = _visit_folder(run) or [
            one for path in run.source.paths(wanted, at) for one in _ask(run, path)
        ]
        behind = [pair for index in own for pair in _follow(run, index)]
    return report_on(run, own, behind)


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
    reader = folders.FolderReader(row, run.context.archive, folder, size)
    with run.context.engine.connect() as connection:
        taken, left = folders.unread(connection, row, listing.files)
    visits = [visit(replace(run, fetcher=reader), file.path) for file in taken]
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
