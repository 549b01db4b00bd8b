"""What one poll did, summed up for a person and for the cycle's document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ingest import log
from ingest.health import source_health
from ingest.keep.archiving import archive_trouble
from ingest.read.payload import one_line
from ingest.report import GOOD, Entry, PollReport, overall
from ingest.source import Link, Source
from ingest.visit import IngestContext, Polling, Visit
from ingest.wire.fetch import Fetcher
from kentongan.times import iso
from kentongan.types import FeedState, Outcome

_IN_DOUBT = "warned by BMKG, area unknown"


def report_on(
    run: Polling, own: Sequence[Visit], behind: Sequence[tuple[Link, Visit]]
) -> PollReport:
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
        trouble=run.fetcher.trouble if isinstance(run.fetcher, Fetcher) else "",
    )


def elsewhere(context: IngestContext, source: Source, at: datetime) -> PollReport:
    """What a poll reports that did not ask, because another poll of its source is running."""
    with context.engine.connect() as connection:
        health = source_health(connection, source, at)
    return PollReport(
        source_id=source.info.source_id,
        outcome=Outcome.UNCHANGED,
        state=health.state,
        received=0,
        quarantined=0,
        newest=health.newest,
        detail="another poll is running; not asked",
    )


def unkept(source: Source, error: Exception) -> PollReport:
    """What a poll reports whose results this machine could not keep."""
    if isinstance(error, OSError):
        trouble = archive_trouble(error)
    else:
        reason = str(getattr(error, "orig", None) or error)
        trouble = (
            f"database: {one_line(reason, 120)}; nothing of this poll is known. Free space or mend "
            "the database"
        )
    return PollReport(
        source_id=source.info.source_id,
        outcome=Outcome.DOWN,
        state=FeedState.DOWN,
        received=0,
        quarantined=0,
        newest=None,
        detail=trouble,
        entries=(Entry("", Outcome.DOWN, trouble),),
        trouble=trouble,
    )


def _telling(source: Source, outcomes: list[Outcome]) -> list[Outcome]:
    """Without "nothing published" where that says nothing beside a failure."""
    if not source.info.absent_is_empty:
        return outcomes
    return [o for o in outcomes if o is not Outcome.EMPTY] or outcomes


def _entries(visits: Sequence[Visit]) -> Iterator[Entry]:
    for visit in visits:
        row = visit.row
        if row.outcome not in GOOD and not visit.rejected:
            yield Entry(row.url, row.outcome, row.detail)
        for line in visit.rejected:
            yield Entry(row.url, Outcome.QUARANTINED, line)
        for line in visit.notes:
            yield Entry(row.url, row.outcome, line)


def _link_entries(run: Polling, behind: Sequence[tuple[Link, Visit]]) -> Iterator[Entry]:
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


def _detail(run: Polling, own: Sequence[Visit], behind: Sequence[tuple[Link, Visit]]) -> str:
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
