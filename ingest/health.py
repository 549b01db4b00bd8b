"""What each source is worth now, judged by its content's own time, never by HTTP 200.

A source is judged address by address (`parts`): one frozen file among fresh ones is seen. The
source itself is worth what its best part is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, select

from ingest.expired import ended_but_listed
from ingest.keep.census import document_kind
from ingest.registry import SOURCES
from ingest.report import GOOD
from ingest.source import Source, SourceInfo
from kentongan.db import feed_log
from kentongan.times import iso, parse_instant
from kentongan.types import FeedState, Outcome

RECENT = 60
"""Rows of a source's own addresses that are looked at: several polls of each of its files."""
SILENCE = {"warning": timedelta(minutes=15), "support": timedelta(hours=3)}
"""Time without any poll, by tier, after which nothing can be said any more: the backstop polls
each minute what warns; the watcher asks for the catalogue, the slowest of the rest, hourly."""
_GOOD = [str(outcome) for outcome in GOOD]
_STATES = {
    Outcome.BLOCKED: FeedState.BLOCKED,
    Outcome.MALFORMED: FeedState.MALFORMED,
    Outcome.QUARANTINED: FeedState.MALFORMED,
    Outcome.DOWN: FeedState.DOWN,
}
_RANK = (FeedState.FRESH, FeedState.EMPTY, FeedState.LATE, FeedState.FROZEN)
_SEEING = (FeedState.FRESH, FeedState.EMPTY)


@dataclass(frozen=True)
class PartHealth:
    """One address of a source, or one product whose address carries its time."""

    name: str
    """Path as last asked, without host and query."""
    state: FeedState
    newest: datetime | None
    last_success: datetime | None
    last_poll: datetime
    blind_since: datetime | None
    detail: str = ""


@dataclass(frozen=True)
class FeedHealth:
    source_id: str
    title: str
    state: FeedState
    newest: datetime | None
    """The content's own time."""
    last_success: datetime | None
    last_poll: datetime | None
    blind_since: datetime | None
    """Since when nothing new can reach us; None while the feed can be trusted."""
    detail: str
    credit: str
    due_at: datetime | None = None
    """When the next content must be there; None: at any time, or nothing is known yet."""
    cadence: timedelta = timedelta(0)
    tier: str = "warning"
    parts: tuple[PartHealth, ...] = ()
    """Each address of a source that has more than one, as far as it was polled lately."""
    configured: bool = True
    """False: not polled, because a setting that it needs is empty or it was not chosen."""
    needs: str = ""
    """Setting that it needs."""


_REMARKS: dict[str, Callable[[Connection, datetime], str]] = {"bmkg-nowcast": ended_but_listed}
"""What a source's records say beyond its times."""


def feed_health(
    engine: Engine, at: datetime, *, polled: Collection[str] | None = None
) -> tuple[FeedHealth, ...]:
    """One entry for each source of the registry, as it looked at `at`.

    Args:
        polled: ids of the sources that are configured; None: all.
    """
    wanted = set(SOURCES) if polled is None else set(polled)
    with engine.connect() as connection:
        return tuple(
            source_health(connection, source, at)
            if source_id in wanted
            else _not_configured(source.info)
            for source_id, source in SOURCES.items()
        )


def source_health(connection: Connection, source: Source, at: datetime) -> FeedHealth:
    """State of one source from the log up to `at`."""
    info = source.info
    groups = _groups(info, _recent(connection, info, at))
    parts = [_part(connection, info, rows, at) for rows in groups]
    if not parts:
        return _described(info, state=FeedState.DOWN, detail="never polled")
    state = min((part.state for part in parts), key=_rank)
    seen = [part.newest for part in parts if part.newest]
    newest = max(seen, default=None)
    remark = _REMARKS.get(info.source_id)
    details = [*_details(parts), remark(connection, at) if remark else ""]
    return _described(
        info,
        state=state,
        newest=newest,
        last_success=max((p.last_success for p in parts if p.last_success), default=None),
        last_poll=max(part.last_poll for part in parts),
        blind_since=None if state in _SEEING else _all_blind_since(parts),
        detail="; ".join(line for line in dict.fromkeys(details) if line),
        due_at=newest + info.cadence if info.periodic and newest else None,
        parts=tuple(parts) if len(parts) > 1 else (),
    )


def _described(
    info: SourceInfo,
    *,
    state: FeedState,
    detail: str,
    newest: datetime | None = None,
    last_success: datetime | None = None,
    last_poll: datetime | None = None,
    blind_since: datetime | None = None,
    due_at: datetime | None = None,
    parts: tuple[PartHealth, ...] = (),
    configured: bool = True,
) -> FeedHealth:
    return FeedHealth(
        source_id=info.source_id,
        title=info.title,
        state=state,
        newest=newest,
        last_success=last_success,
        last_poll=last_poll,
        blind_since=blind_since,
        detail=detail,
        credit=f"Sumber: {info.provider}",
        due_at=due_at,
        cadence=info.cadence,
        tier=info.tier,
        parts=parts,
        configured=configured,
        needs=info.needs,
    )


def _not_configured(info: SourceInfo) -> FeedHealth:
    needs = f"needs KENTONGAN_{info.needs.upper()}" if info.needs else "not in KENTONGAN_SOURCES"
    return _described(info, state=FeedState.DOWN, detail=needs, configured=False)


def _rank(state: FeedState) -> int:
    """What still tells most comes first; the ways of not answering are equal, in given order."""
    return _RANK.index(state) if state in _RANK else len(_RANK)


def _all_blind_since(parts: Sequence[PartHealth]) -> datetime | None:
    """Since when the last of the parts has told nothing; None while one might."""
    since = [part.blind_since for part in parts]
    return None if None in since else max(time for time in since if time is not None)


def _details(parts: Sequence[PartHealth]) -> Iterator[str]:
    for part in parts:
        named = len(parts) == 1 or not part.detail or part.detail.startswith(part.name)
        yield part.detail if named else f"{part.name}: {part.detail}"


# --- rows of the log, by part ------------------------------------------------------------


def _own_rows(info: SourceInfo, at: datetime) -> Any:
    """Log rows of the source's own addresses (not of links behind them) up to `at`."""
    return select(feed_log).where(
        feed_log.c.source_id == info.source_id,
        feed_log.c.polled_at <= iso(at),
        feed_log.c.is_link.is_(False),
    )


def _recent(connection: Connection, info: SourceInfo, at: datetime) -> Sequence[Any]:
    """The newest rows, newest first."""
    newest_first = (feed_log.c.polled_at.desc(), feed_log.c.id.desc())
    return connection.execute(_own_rows(info, at).order_by(*newest_first).limit(RECENT)).all()


def _groups(info: SourceInfo, rows: Sequence[Any]) -> list[list[Any]]:
    """Rows by part, in the order of the newest poll; without what is not polled any more."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(_part_key(info, row.url), []).append(row)
    if not found:
        return []
    horizon = parse_instant(rows[0].polled_at) - SILENCE[info.tier]
    alive = [group for group in found.values() if parse_instant(group[0].polled_at) >= horizon]
    return sorted(alive, key=lambda group: int(group[0].id))


def _part_key(info: SourceInfo, url: str) -> str:
    """Files of one folder are one part, as are the issues of one product; a fallback belongs to
    the address whose content it has."""
    if not url.startswith(("http://", "https://")):
        return ""
    path = urlsplit(url).path
    for first, other in info.fallbacks.items():
        if path.endswith(other.partition("?")[0]):
            path = path.removesuffix(other.partition("?")[0]) + first.partition("?")[0]
    return document_kind(path)


def _part(connection: Connection, info: SourceInfo, rows: list[Any], at: datetime) -> PartHealth:
    """`rows`: of one part, newest first."""
    last = [row for row in reversed(rows) if row.polled_at == rows[0].polled_at]
    good = next((row for row in rows if row.outcome in _GOOD), None)
    good = good or _last_good(connection, info, rows, at)
    last_success = parse_instant(good.polled_at) if good else None
    timed = [row for row in rows if row.outcome in _GOOD and row.polled_at == good.polled_at]
    newest = _content_time(timed or ([good] if good else []), at)
    state, detail = _judge(info, at, last, newest)
    return PartHealth(
        name=_name(info, last),
        state=state,
        newest=newest,
        last_success=last_success,
        last_poll=parse_instant(rows[0].polled_at),
        blind_since=_blind_since(connection, info, rows, state, newest, last_success, at),
        detail=detail,
    )


def _name(info: SourceInfo, last: Sequence[Any]) -> str:
    """Path of the newest row; of the first form where a fallback was asked as well."""
    others = tuple(other.partition("?")[0] for other in info.fallbacks.values())
    paths = [urlsplit(row.url).path or str(row.url) for row in last]
    first = [path for path in paths if not (others and path.endswith(others))]
    return (first or paths)[-1]


def _last_good(connection: Connection, info: SourceInfo, rows: list[Any], at: datetime) -> Any:
    """The part's last good row before `rows`, if any."""
    urls = sorted({row.url for row in rows})
    good = _own_rows(info, at).where(
        feed_log.c.url.in_(urls), feed_log.c.outcome.in_(_GOOD), feed_log.c.id < rows[-1].id
    )
    return connection.execute(good.order_by(feed_log.c.polled_at.desc()).limit(1)).first()


def _content_time(rows: Sequence[Any], at: datetime) -> datetime | None:
    """Newest time that these documents state of themselves, not after `at`."""
    stated = [parse_instant(row.document_time) for row in rows if row.document_time]
    return max((time for time in stated if time <= at), default=None)


# --- judging one part --------------------------------------------------------------------


def _judge(
    info: SourceInfo, at: datetime, rows: Sequence[Any], newest: datetime | None
) -> tuple[FeedState, str]:
    """The state, and why. `rows`: of the newest poll."""
    failed = [row for row in rows if row.outcome not in _GOOD]
    why = "; ".join(row.detail for row in failed)
    told = [row for row in rows if row not in failed and not _says_nothing(info, row)]
    if failed and not told:
        return _STATES[Outcome(failed[0].outcome)], why
    last_poll = parse_instant(rows[0].polled_at)
    if at - last_poll > SILENCE[info.tier]:
        return FeedState.LATE, f"not polled since {iso(last_poll)}"
    is_empty = all(row.outcome == Outcome.EMPTY for row in rows if row not in failed)
    aged = _ageing(info, at, newest, is_empty=is_empty)
    if aged is not None:
        return aged[0], "; ".join(part for part in (aged[1], why) if part)
    return (FeedState.EMPTY if is_empty else FeedState.FRESH), why


def _says_nothing(info: SourceInfo, row: Any) -> bool:
    """Whether this answer neither shows that the feed lives nor that it is dead."""
    return info.absent_is_empty and row.outcome == Outcome.EMPTY


def _ageing(
    info: SourceInfo, at: datetime, newest: datetime | None, *, is_empty: bool
) -> tuple[FeedState, str] | None:
    """What is wrong with the age of the content; None if nothing is."""
    if newest is None:
        return None if is_empty else (FeedState.LATE, "its content states no time up to now")
    if at - newest <= info.late_after:
        return None
    if info.periodic:
        return FeedState.FROZEN, f"answers, but its content stands still since {iso(newest)}"
    return FeedState.LATE, f"newest content is of {iso(newest)}"


def _blind_since(
    connection: Connection,
    info: SourceInfo,
    rows: Sequence[Any],
    state: FeedState,
    newest: datetime | None,
    last_success: datetime | None,
    at: datetime,
) -> datetime | None:
    """Since when this part has told nothing new; None while it does, or may."""
    if state in _STATES.values():
        return _first_failure(connection, info, rows, last_success, at)
    if state is FeedState.FROZEN:
        return newest
    if at - parse_instant(rows[0].polled_at) > SILENCE[info.tier]:
        return last_success or parse_instant(rows[-1].polled_at)
    if state is FeedState.LATE and newest is None:
        return parse_instant(rows[-1].polled_at)
    return None


def _first_failure(
    connection: Connection,
    info: SourceInfo,
    rows: Sequence[Any],
    last_success: datetime | None,
    at: datetime,
) -> datetime:
    failed = _own_rows(info, at).where(
        feed_log.c.url.in_(sorted({row.url for row in rows})), feed_log.c.outcome.not_in(_GOOD)
    )
    if last_success is not None:
        failed = failed.where(feed_log.c.polled_at > iso(last_success))
    found = connection.execute(
        failed.with_only_columns(feed_log.c.polled_at).order_by(feed_log.c.polled_at).limit(1)
    ).scalar()
    return parse_instant(found or rows[0].polled_at)
