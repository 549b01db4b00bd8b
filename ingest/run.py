"""One poll of one source: fetch, archive, read, record. A bad feed never raises here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from ingest import log
from ingest.health import source_health
from ingest.http import Answer, PoliteClient, host_of, is_loopback, require_data
from ingest.payload import one_line
from ingest.registry import SOURCES
from ingest.report import GOOD, Entry, PollReport, overall
from ingest.source import Link, ReadContext, Reading, Source
from kentongan.errors import (
    DataError,
    SettingsError,
    SourceBlocked,
    SourceChanged,
    SourceDown,
    SourceError,
)
from kentongan.settings import Settings
from kentongan.store import Store, archive, read_archived
from kentongan.times import iso, require_aware
from kentongan.types import Outcome

HISTORY_AGE = timedelta(minutes=60)
"""On the first poll of a list of past events, what is older is known and never announced."""
GIVE_UP_AFTER = 2
"""Unanswered requests in a row after which one poll leaves a host alone."""
RESERVE = 5
"""Requests of a minute kept for addresses never read; known documents then wait."""
MAX_LINKS = 200
"""Of one index; BMKG's holds some tens."""


@dataclass(frozen=True)
class IngestContext:
    """Where things come from and go to."""

    settings: Settings
    engine: Engine
    archive: Store
    re_creation: bool = False
    """What is polled now is a re-creation: its records say so."""


@dataclass(frozen=True)
class _Fetched:
    """An answer with its archived bytes; `body` is the kept document after a 304."""

    answer: Answer
    sha256: str | None
    received_at: datetime


@dataclass(frozen=True)
class _Visit:
    row: log.LogRow
    payload: bytes = b""
    rejected: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    new: int = 0
    not_yet: int = 0


@dataclass
class _Poll:
    """The state of one poll."""

    source: Source
    at: datetime
    context: IngestContext
    http: PoliteClient
    silent: Counter[str] = field(default_factory=Counter)


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
        run = _Poll(SOURCES[source_id], require_aware(at), context, http)
        own = [_visit(run, path) for path in run.source.paths(wanted)]
        behind = [visit for index in own for visit in _follow(run, index)]
    return _report(run, own, behind)


def _base(run: _Poll) -> str:
    return str(getattr(run.context.settings, run.source.info.base)).rstrip("/")


def _visit(run: _Poll, path: str, link: Link | None = None) -> _Visit:
    """One address: fetched, archived, read, and on record, whatever it gave."""
    row = log.LogRow(
        run.source.info.source_id, _base(run) + path, run.at, Outcome.DOWN, detail="not reached"
    )
    try:
        fetched = _fetch(run, row.url, known_is_enough=link is not None)
        row = _answered(row, fetched)
        payload = require_data(fetched.answer)
        reading = _read(run, payload, path, fetched)
    except SourceError as error:
        return _refused(run, row, error, link)
    return _accepted(run, row, payload, reading)


def _answered(row: log.LogRow, fetched: _Fetched) -> log.LogRow:
    answer = fetched.answer
    return replace(
        row,
        http_status=answer.status,
        size=len(answer.body),
        sha256=fetched.sha256,
        validator=answer.validator,
    )


def _fetch(run: _Poll, url: str, *, known_is_enough: bool) -> _Fetched:
    """The answer, archived. After "not modified" (or, for a known link, when the minute's
    requests run out) the document that was kept."""
    host = host_of(url)
    with run.context.engine.connect() as connection:
        kept = log.last_kept(connection, run.source.info.source_id, url, run.at)
    scarce = not is_loopback(url) and run.http.limiter.left(host) <= RESERVE
    if kept and known_is_enough and scarce:
        again = _from_archive(run, url, kept)
        if again:
            return again
    answer = _ask(run, url, kept.validator if kept else None)
    if answer.status == 304 and kept:
        again = _from_archive(run, url, kept)
        if again:
            return again
        answer = _ask(run, url, None)
    return _archived(run, answer)


def _ask(run: _Poll, url: str, validator: str | None) -> Answer:
    """The answer, unless the minute's requests are spent or the host has fallen silent."""
    host = host_of(url)
    if run.silent[host] >= GIVE_UP_AFTER:
        raise SourceDown(f"{url}: not asked, {host} left {GIVE_UP_AFTER} requests unanswered")
    run.http.admit(url)
    try:
        answer = run.http.get(url, validator=validator)
    except SourceDown:
        run.silent[host] += 1
        raise
    run.silent[host] = 0
    return answer


def _archived(run: _Poll, answer: Answer) -> _Fetched:
    if not answer.body:
        return _Fetched(answer, None, run.at)
    source_id = run.source.info.source_id
    digest = archive(run.context.archive, source_id, run.at, answer.body)
    with run.context.engine.connect() as connection:
        first = log.first_received(connection, source_id, digest)
    return _Fetched(answer, digest, min(first or run.at, run.at))


def _from_archive(run: _Poll, url: str, kept: log.Kept) -> _Fetched | None:
    """The kept document as if it had come again; None if the archive has lost it."""
    source_id = run.source.info.source_id
    with run.context.engine.connect() as connection:
        received = log.first_received(connection, source_id, kept.sha256)
    if received is None:
        return None
    try:
        body = read_archived(run.context.archive, source_id, received, kept.sha256)
    except (DataError, OSError):
        return None
    return _Fetched(Answer(url, 200, body, kept.validator), kept.sha256, received)


def _read(run: _Poll, payload: bytes, path: str, fetched: _Fetched) -> Reading:
    context = ReadContext(
        source_id=run.source.info.source_id,
        path=path,
        sha256=fetched.sha256 or "",
        received_at=fetched.received_at,
        re_creation=run.context.re_creation,
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
        first = info.history and not log.ever_read(connection, info.source_id, row.url)
        new = log.insert_records(
            connection, due, at=run.at, history_before=run.at - HISTORY_AGE if first else None
        )
        row = replace(
            row,
            outcome=_outcome(reading, new),
            document_time=reading.document_time,
            received=len(reading.records) + len(reading.rejected),
            quarantined=len(reading.rejected),
            detail="; ".join(reading.rejected)[:2000],
        )
        log.write(connection, row)
    not_yet = len(reading.records) - len(due)
    return _Visit(row, payload, reading.rejected, reading.notes, new, not_yet)


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
    row = replace(row, outcome=_failure(error), detail=detail)
    with run.context.engine.begin() as connection:
        log.write(connection, row)
    return _Visit(row)


def _failure(error: SourceError) -> Outcome:
    if isinstance(error, SourceBlocked):
        return Outcome.BLOCKED
    return Outcome.MALFORMED if isinstance(error, SourceChanged) else Outcome.DOWN


def _follow(run: _Poll, index: _Visit) -> Iterator[tuple[Link, _Visit]]:
    """Visit what a document links to: never-read addresses first, only BMKG's, on our base."""
    if not index.payload:
        return
    path = index.row.url.removeprefix(_base(run))
    links = run.source.links(index.payload, path)
    for link in _unread_first(run, links[:MAX_LINKS], path):
        try:
            target = linked_path(link.url, path)
        except SourceError as error:
            refused = log.LogRow(
                run.source.info.source_id, one_line(link.url, 300), run.at, Outcome.MALFORMED
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
    return log.ever_read(connection, run.source.info.source_id, url)


def linked_path(url: str, index_path: str) -> str:
    """The path (with query) of a link that may be followed.

    Raises:
        SourceChanged: it leads to another host than BMKG's, or out of its index's folder.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not (host == "bmkg.go.id" or host.endswith(".bmkg.go.id")):
        raise SourceChanged(
            f"{one_line(url, 120)}: link to another host, expected bmkg.go.id; not followed"
        )
    folder = index_path.partition("?")[0].rsplit("/", 1)[0] + "/"
    plain = parts.scheme in ("http", "https") and port in (None, 80, 443) and not parts.username
    if not plain or not parts.path.startswith(folder) or "/.." in parts.path or "%" in parts.path:
        raise SourceChanged(
            f"{one_line(url, 120)}: expected a plain link below {folder}; not followed"
        )
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _report(run: _Poll, own: Sequence[_Visit], behind: Sequence[tuple[Link, _Visit]]) -> PollReport:
    visits = [*own, *(visit for _, visit in behind)]
    with run.context.engine.connect() as connection:
        health = source_health(connection, run.source, run.at)
        entries = [*_entries(own), *_link_entries(run, behind)]
    outcomes = [v.row.outcome for v in own]
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
    """As `_entries`; a dead link whose document was never read leaves a province in doubt."""
    with run.context.engine.connect() as connection:
        for link, visit in behind:
            row = visit.row
            if row.outcome in GOOD or visit.rejected:
                yield from _entries([visit])
                continue
            if log.ever_read(connection, row.source_id, row.url):
                yield Entry(row.url, row.outcome, f"{row.detail}; read before, its area is known")
            else:
                detail = f"{row.detail}; warned by BMKG, area unknown"
                yield Entry(row.url, row.outcome, detail, link.province_code)


def _detail(run: _Poll, own: Sequence[_Visit], behind: Sequence[tuple[Link, _Visit]]) -> str:
    parts = [v.row.detail for v in own if v.row.outcome not in GOOD]
    dead = sum(v.row.outcome not in GOOD for _, v in behind)
    if dead:
        parts.append(f"{dead} of {len(behind)} links could not be read")
    later = sum(v.not_yet for v in own) + sum(v.not_yet for _, v in behind)
    if later:
        parts.append(f"{later} records are dated after {iso(run.at)} and not yet known")
    return "; ".join(parts)
