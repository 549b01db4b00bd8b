"""What looks dead: read straight from the database, nothing else is asked.

A database that cannot be read is itself what is found; then nothing else is known.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, and_, create_engine, func, or_, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from kentongan.db import outbox
from kentongan.errors import KentonganError
from kentongan.settings import Settings
from kentongan.tables.sending import is_busy, is_ready
from kentongan.times import iso, parse_instant
from kentongan.types import OutboxState
from orchestration.deadman import words
from orchestration.deadman.finding import Finding
from orchestration.deadman.people import left_undone
from orchestration.deadman.policy import DeadmanPolicy
from orchestration.deadman.too_late import too_late
from orchestration.heartbeat import beats

if TYPE_CHECKING:
    from ingest.health import FeedHealth

DATABASE, DISK, OUTBOX, CLOCK, ALL_FEEDS = "database", "disk", "outbox", "clock", "feeds"


@dataclass(frozen=True)
class Findings:
    found: tuple[Finding, ...]
    complete: bool = True
    """False: the database could not be read, so silence about the rest says nothing."""


def look(settings: Settings, policy: DeadmanPolicy, at: datetime) -> Findings:
    """Everything that looks dead at `at`. Never raises for what it looks at."""
    disk = tuple(_disk(settings.home, policy))
    try:
        engine = reading_engine(settings.resolved_database_url)
        try:
            return Findings((*disk, *_in_database(engine, settings, policy, at)))
        finally:
            engine.dispose()
    except (SQLAlchemyError, KentonganError, OSError, ValueError, ImportError) as error:
        lines = str(error).splitlines()
        return Findings((*disk, database_dead(policy, lines[0] if lines else "")), complete=False)


def database_dead(policy: DeadmanPolicy, why: str) -> Finding:
    return Finding(
        DATABASE,
        f"basis data tidak dapat dibaca ({why[:160]}): tidak diketahui apakah yang lain hidup",
        "periksa berkas atau server basis data dan ruang disk (KENTONGAN_DATABASE_URL)",
        None,
        timedelta(seconds=policy.database_silent_seconds),
    )


def reading_engine(url: str) -> Engine:
    """A connection that only reads, never creates a file, and gives up on a server within 5 s.

    Raises:
        FileNotFoundError: no such SQLite file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        path = Path(parsed.database)
        if not path.is_file():
            raise FileNotFoundError(f"{path} tidak ada; sistem belum pernah berjalan di sini?")
        query = {"mode": "ro", "uri": "true"}
        read_only = parsed.set(database=f"file:{path}", query=query)
        return create_engine(read_only, poolclass=NullPool, connect_args={"timeout": 5})
    return create_engine(parsed, poolclass=NullPool, connect_args={"connect_timeout": 5})


def _in_database(
    engine: Engine, settings: Settings, policy: DeadmanPolicy, at: datetime
) -> Iterator[Finding]:
    from ingest.health import feed_health
    from ingest.registry import configured

    yield from _heartbeats(engine, policy, at)
    health = feed_health(engine, at, polled=configured(settings))
    yield from _feeds([feed for feed in health if feed.configured], policy)
    yield from _clock(engine, policy, at)
    yield from _outbox(engine, settings, policy, at)
    yield from too_late(engine, settings, policy, at)
    yield from left_undone(engine, settings, policy, at)


def _clock(engine: Engine, policy: DeadmanPolicy, at: datetime) -> Iterator[Finding]:
    """Whether the hosts of the feeds agree with this machine on what time it is."""
    from ingest.wire.clock import clock_error

    error = clock_error(engine, at)
    if error is None or abs(error.total_seconds()) <= policy.clock_ahead_seconds:
        return
    minutes, side = abs(error.total_seconds()) / 60, "terlambat" if error < timedelta(0) else "maju"
    yield Finding(
        CLOCK,
        f"jam mesin ini {side} {minutes:.0f} menit dibanding server BMKG: buletin baru bisa "
        "ditolak karena tampak bertanggal nanti, atau peringatan berakhir terlalu cepat",
        "perbaiki NTP mesin ini sekarang (timedatectl), lalu 'kentongan quarantine retry'",
        None,
        timedelta(0),
    )


def _heartbeats(engine: Engine, policy: DeadmanPolicy, at: datetime) -> Iterator[Finding]:
    found = {beat.name: beat for beat in beats(engine)}
    for name in dict.fromkeys((*policy.required_heartbeats, *found)):
        longest, beat = policy.heartbeat_age(name), found.get(name)
        if longest is None:
            continue
        what, action = words.HEARTBEATS.get(name, (f"{name} tidak berdetak", "jalankan lagi"))
        where = f" (mesin {beat.host}, pid {beat.pid})" if beat else " (belum pernah berdetak)"
        if beat is None or at - beat.at > longest:
            yield Finding(name, what + where, action, beat.at if beat else None, longest)
    ahead = [b for b in found.values() if (b.at - at).total_seconds() > policy.clock_ahead_seconds]
    for beat in ahead[:1]:
        yield Finding(
            CLOCK,
            f"jam tidak cocok: detak {beat.name} bertanggal {words.clock(beat.at)}, di depan jam "
            "mesin ini",
            "periksa NTP di kedua mesin",
            None,
            timedelta(0),
        )


def _feeds(feeds: list[FeedHealth], policy: DeadmanPolicy) -> Iterator[Finding]:
    """Blind feeds and blind parts; one finding for all where nobody polls at all."""
    quiet = [f for f in feeds if f.last_poll is None or (f.state == "late" and f.blind_since)]
    if feeds and len(quiet) == len(feeds):
        polls = [feed.last_poll for feed in feeds if feed.last_poll]
        shortest = min(policy.feed_blind(f.source_id, f.tier) for f in feeds)
        what = f"tidak ada feed yang dibaca lagi (semua {len(feeds)}): {words.BLIND}"
        last = max(polls, default=None)
        yield Finding(ALL_FEEDS, what, words.FEED_ACTIONS["unknown"], last, shortest)
        return
    for feed in feeds:
        after = policy.feed_blind(feed.source_id, feed.tier)
        state = str(feed.state) if feed.last_poll else "unknown"
        if feed.blind_since or feed.last_poll is None:
            yield _feed(feed.source_id, feed.title, state, feed.detail, feed.blind_since, after)
            continue
        for part in feed.parts:
            if part.blind_since:
                name = part.name.rpartition("/")[2]
                yield _feed(
                    f"{feed.source_id}:{part.name}",
                    f"{feed.title}, bagian {name}",
                    str(part.state),
                    part.detail,
                    part.blind_since,
                    after,
                )


def _feed(
    key: str, title: str, state: str, detail: str, since: datetime | None, after: timedelta
) -> Finding:
    told = f" [{' '.join(detail.split())[:140]}]" if detail else ""
    what = f"feed {title} ({key.partition(':')[0]}) {words.FEED_STATES.get(state, state)}"
    action = words.FEED_ACTIONS.get(state, "lihat 'kentongan feeds'")
    return Finding(f"feed:{key}", f"{what}: {words.BLIND}{told}", action, since, after)


def _outbox(
    engine: Engine, settings: Settings, policy: DeadmanPolicy, at: datetime
) -> Iterator[Finding]:
    """Messages that are due and that nobody takes; a switch that is off is told by itself.

    What waits for a route that works is being sent: a million messages take hours.
    """
    from notify.dispatcher.config import read_routes
    from notify.dispatcher.figures import UP, of_tables
    from notify.sending.switches import ALL, stops

    if any(stop.name == ALL for stop in stops(engine)):
        return
    routes = read_routes(settings.routes)[0].all if settings.routes else ()
    up = [line for line in of_tables(engine, routes, at) if line.state == UP]
    served = {name for line in up for name in (line.route, line.channel)}
    limit = iso(at - timedelta(seconds=policy.outbox_wait_seconds))
    leased = outbox.c.state == int(OutboxState.LEASED)
    waits = and_(is_ready, outbox.c.due <= limit)
    stuck = and_(is_busy, leased, outbox.c.lease_until <= limit)
    query = select(func.count(), func.min(outbox.c.due)).where(
        or_(waits, stuck), outbox.c.not_after > iso(at)
    )
    with engine.connect() as connection:
        number, oldest = connection.execute(query.where(outbox.c.route.not_in(served))).one()
    if number:
        yield Finding(
            OUTBOX,
            f"{number} pesan menunggu di outbox dan tidak dikirim siapa pun",
            "jalankan 'kentongan dispatch'; periksa saluran SMS dan push",
            parse_instant(oldest),
            timedelta(seconds=policy.outbox_wait_seconds),
        )


def _disk(home: Path, policy: DeadmanPolicy) -> Iterator[Finding]:
    try:
        free_mb = shutil.disk_usage(home).free / 1e6
    except OSError as error:
        yield Finding(
            DISK,
            f"folder {home} tidak dapat dibaca ({error.strerror})",
            "periksa disk dan KENTONGAN_HOME",
            None,
            timedelta(seconds=policy.database_silent_seconds),
        )
        return
    if free_mb < policy.disk_free_mb:
        yield Finding(
            DISK,
            f"disk hampir penuh: tinggal {free_mb:.0f} MB untuk arsip dan basis data",
            "kosongkan ruang; jangan hapus arsip atau basis data",
            None,
            timedelta(seconds=policy.database_silent_seconds),
        )
