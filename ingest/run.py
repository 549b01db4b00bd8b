"""One poll of one source: fetch, archive, read, record. A bad feed never raises here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from ingest import folder as folders
from ingest import log
from ingest.fetch import Fetched, Fetcher
from ingest.health import source_health
from ingest.http import PoliteClient
from ingest.links import linked_path
from ingest.payload import one_line
from ingest.registry import SOURCES
from ingest.report import GOOD, Entry, PollReport, overall
from ingest.source import Link, ReadContext, Reading, Source
from kentongan.errors import (
    NotPublishedYet,
    SettingsError,
    SourceBlocked,
    SourceChanged,
    SourceError,
)
from kentongan.settings import Settings
from kentongan.store import Store
from kentongan.times import iso, require_aware
from kentongan.types import Outcome

MAX_LINES = 50
"""Shown of one document; a person reads no more, and counts stay true."""
_IN_DOUBT = "warned by BMKG, area unknown"


@dataclass(frozen=True)
class IngestContext:
    """Where things come from and go to."""

    settings: Settings
    engine: Engine
    archive: Store
    re_creation: bool = False
    """What is polled now is a re-creation: its records say so."""


@dataclass(frozen=True)
class _Visit:
    row: log.LogRow
    payload: bytes = b""
    rejected: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    new: int = 0
    not_yet: int = 0
    area_unknown: bool = False


@dataclass(frozen=True)
class _Poll:
    """The state of one poll."""

    source: Source
    at: datetime
    context: IngestContext
    fetcher: Fetcher | folders.FolderReader


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
        run = _Poll(SOURCES[source_id], at, context, fetcher)
        own = _visit_folder(run) or [
            visit for path in run.source.paths(wanted, at) for visit in _ask(run, path)
        ]
        behind = [visit for index in own for visit in _follow(run, index)]
    return _report(run, own, behind)


def _base(run: _Poll) -> str:
    return str(getattr(run.context.settings, run.source.info.base)).rstrip("/")


def _visit_folder(run: _Poll) -> list[_Visit]:
    """Where the base is a folder: its unread files, the newest first to be taken, and the folder
    itself, on record like addresses. Empty where it is an HTTP address."""
    base, info = _base(run), run.source.info
    folder = folders.local_folder(base)
    if folder is None:
        return []
    row = log.LogRow(info.source_id, base, run.at, Outcome.DOWN)
    try:
        listing = folders.list_folder(folder, info, run.at)
    except SourceError as error:
        return [_logged(run, replace(row, detail=one_line(error, 400)))]
    size = info.max_bytes or run.context.settings.http_max_bytes
    reader = folders.FolderReader(row, run.context.archive, folder, size)
    with run.context.engine.connect() as connection:
        taken, left = folders.unread(connection, row, listing.files)
    visits = [_visit(replace(run, fetcher=reader), file.path) for file in taken]
    with run.context.engine.connect() as connection:
        row = folders.folder_row(connection, row, info, listing, left)
    return [*visits, _logged(run, row)]


def _logged(run: _Poll, row: log.LogRow) -> _Visit:
    with run.context.engine.begin() as connection:
        log.write(connection, row)
    return _Visit(row)


def _ask(run: _Poll, path: str) -> Iterator[_Visit]:
    """One of the source's own addresses and, where it gives nothing good, its fallback."""
    visit = _visit(run, path)
    yield visit
    other = run.source.info.fallbacks.get(path)
    if other is not None and visit.row.outcome not in GOOD:
        yield _visit(run, other)


def _visit(run: _Poll, path: str, link: Link | None = None) -> _Visit:
    """One address: fetched, archived, read, and on record, whatever it gave."""
    row = log.LogRow(
        run.source.info.source_id,
        _base(run) + path,
        run.at,
        Outcome.DOWN,
        detail="not reached",
        is_link=link is not None,
    )
    try:
        fetched = run.fetcher.fetch(row.url, known_is_enough=link is not None)
        row = _answered(row, fetched)
        payload = run.fetcher.data(fetched)
        reading = _read(run, payload, path, fetched)
    except SourceError as error:
        return _refused(run, row, error, link)
    return _accepted(run, row, payload, reading)


def _answered(row: log.LogRow, fetched: Fetched) -> log.LogRow:
    answer = fetched.answer
    return replace(
        row,
        http_status=fetched.http_status,
        size=len(answer.body),
        sha256=fetched.sha256,
        validator=answer.validator,
    )


def _read(run: _Poll, payload: bytes, path: str, fetched: Fetched) -> Reading:
    context = ReadContext(
        source_id=run.source.info.source_id,
        path=path,
        sha256=fetched.sha256 or "",
        received_at=fetched.received_at,
        re_creation=run.context.re_creation,
        polled_at=run.at,
    )
    if not payload:
        raise SourceChanged(f"{fetched.answer.url}: expected a document, found nothing")
    try:
        return run.source.read(payload, context)
    except SourceError:
        raise
    except Exception as error:
        raise SourceChanged(
            f"{path}: our reader failed ({type(error).__name__}: {one_line(error, 80)}); "
            "the bytes are in the archive, report them"
        ) from error


def _accepted(run: _Poll, row: log.LogRow, payload: bytes, reading: Reading) -> _Visit:
    """Records and the log row, in one transaction."""
    due = [r for r in reading.records if r.document_time <= run.at]
    info = run.source.info
    with run.context.engine.begin() as connection:
        first = info.history and not log.ever_read(connection, info.source_id, row.url, run.at)
        new = log.insert_records(
            connection, due, at=run.at, history_before=run.at - log.HISTORY_AGE if first else None
        )
        row = replace(
            row,
            outcome=_outcome(reading, new),
            document_time=_document_time(connection, reading),
            received=len(reading.records) + len(reading.rejected),
            quarantined=len(reading.rejected),
            detail="; ".join(_few(reading.rejected))[:2000],
        )
        log.write(connection, row)
    not_yet = len(reading.records) - len(due)
    return _Visit(
        row,
        payload,
        _few(reading.rejected),
        _few(reading.notes),
        new,
        not_yet,
        reading.area_unknown,
    )


def _document_time(connection: Connection, reading: Reading) -> datetime | None:
    """The document's own time; of a single record that is known already, the time it is known by:
    the same picture in other bytes is not a newer one."""
    if len(reading.records) != 1:
        return reading.document_time
    return log.stored_time(connection, reading.records[0]) or reading.document_time


def _few(lines: Sequence[str]) -> tuple[str, ...]:
    more = len(lines) - MAX_LINES
    return tuple(lines) if more <= 0 else (*lines[:MAX_LINES], f"and {more} more like these")


def _outcome(reading: Reading, new: int) -> Outcome:
    if reading.empty:
        return Outcome.EMPTY
    if reading.rejected and not reading.records:
        return Outcome.QUARANTINED
    return Outcome.NEW if new else Outcome.UNCHANGED


def _refused(run: _Poll, row: log.LogRow, error: SourceError, link: Link | None) -> _Visit:
    name = link.label if link else row.url.removeprefix(_base(run))
    reason = one_line(error, 400).removeprefix(f"{row.url}: ").removeprefix(f"{name}: ")
    detail = f"{name}: {reason}"
    row = replace(row, outcome=_failure(run.source, error), detail=detail)
    with run.context.engine.begin() as connection:
        log.write(connection, row)
    return _Visit(row)


def _failure(source: Source, error: SourceError) -> Outcome:
    if isinstance(error, NotPublishedYet) and source.info.absent_is_empty:
        return Outcome.EMPTY
    if isinstance(error, SourceBlocked):
        return Outcome.BLOCKED
    return Outcome.MALFORMED if isinstance(error, SourceChanged) else Outcome.DOWN


def _follow(run: _Poll, index: _Visit) -> Iterator[tuple[Link, _Visit]]:
    """Visit what a document links to: never-read addresses first, only BMKG's, on our base."""
    if not index.payload:
        return
    path = index.row.url.removeprefix(_base(run))
    links = run.source.links(index.payload, path)
    for link in _unread_first(run, links, path):
        try:
            target = linked_path(link.url, path)
        except SourceError as error:
            refused = log.LogRow(
                run.source.info.source_id,
                one_line(link.url, 300),
                run.at,
                Outcome.MALFORMED,
                is_link=True,
            )
            yield link, _refused(run, refused, error, link)
            continue
        yield link, _visit(run, target, link)


def _unread_first(run: _Poll, links: Sequence[Link], index_path: str) -> list[Link]:
    with run.context.engine.connect() as connection:
        seen = {link.url for link in links if _was_read(run, connection, link, index_path)}
    return sorted(links, key=lambda link: link.url in seen)


def _was_read(run: _Poll, connection: Connection, link: Link, index_path: str) -> bool:
    try:
        url = _base(run) + linked_path(link.url, index_path)
    except SourceError:
        return False
    return log.ever_read(connection, run.source.info.source_id, url, run.at)


def _report(run: _Poll, own: Sequence[_Visit], behind: Sequence[tuple[Link, _Visit]]) -> PollReport:
    visits = [*own, *(visit for _, visit in behind)]
    with run.context.engine.connect() as connection:
        health = source_health(connection, run.source, run.at)
        entries = [*_entries(own), *_link_entries(run, behind)]
    outcomes = _telling(run.source, [v.row.outcome for v in own])
    outcomes += [v.row.outcome for _, v in behind if v.row.outcome is Outcome.NEW]
    return PollReport(
        source_id=run.source.info.source_id,
        outcome=overall(outcomes),
        state=health.state,
        received=sum(v.row.received for v in own),
        quarantined=sum(v.row.quarantined for v in visits),
        newest=health.newest,
        detail=_detail(run, own, behind),
        entries=tuple(entries),
        new_records=sum(v.new for v in visits),
    )


def _telling(source: Source, outcomes: list[Outcome]) -> list[Outcome]:
    """Without "nothing published" where that says nothing beside a failure."""
    if not source.info.absent_is_empty:
        return outcomes
    return [o for o in outcomes if o is not Outcome.EMPTY] or outcomes


def _entries(visits: Sequence[_Visit]) -> Iterator[Entry]:
    for visit in visits:
        row = visit.row
        if row.outcome not in GOOD and not visit.rejected:
            yield Entry(row.url, row.outcome, row.detail)
        for line in visit.rejected:
            yield Entry(row.url, Outcome.QUARANTINED, line)
        for line in visit.notes:
            yield Entry(row.url, row.outcome, line)


def _link_entries(run: _Poll, behind: Sequence[tuple[Link, _Visit]]) -> Iterator[Entry]:
    """As `_entries`; a document that was never read, or has no usable polygon, leaves a province
    in doubt."""
    with run.context.engine.connect() as connection:
        for link, visit in behind:
            row = visit.row
            if row.outcome in GOOD or visit.rejected:
                yield from _entries([visit])
                if visit.area_unknown:
                    detail = f"{link.label}: no polygon can be used; {_IN_DOUBT}"
                    yield Entry(row.url, Outcome.QUARANTINED, detail, link.province_code)
                continue
            if log.ever_read(connection, row.source_id, row.url, run.at):
                yield Entry(row.url, row.outcome, f"{row.detail}; read before, its area is known")
            else:
                detail = f"{row.detail}; {_IN_DOUBT}"
                yield Entry(row.url, row.outcome, detail, link.province_code)


def _detail(run: _Poll, own: Sequence[_Visit], behind: Sequence[tuple[Link, _Visit]]) -> str:
    parts = [v.row.detail for v in own if v.row.outcome not in GOOD]
    empty = sum(v.row.outcome is Outcome.EMPTY for v in own)
    if empty and run.source.info.absent_is_empty:
        parts.append(f"{empty} of {len(own)} asked for are not published and not assessed")
    dead = sum(v.row.outcome not in GOOD for _, v in behind)
    if dead:
        parts.append(f"{dead} of {len(behind)} links could not be read")
    later = sum(v.not_yet for v in own) + sum(v.not_yet for _, v in behind)
    if later:
        parts.append(f"{later} records are dated after {iso(run.at)} and not yet known")
    return "; ".join(parts)
