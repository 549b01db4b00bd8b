"""Messages that go out, but too slowly: the last leave after their warning has ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Engine, exists, or_, select

from kentongan.db import outbox, segments
from kentongan.settings import Settings
from kentongan.tables.sending import is_ready
from kentongan.times import iso
from kentongan.types import SegmentState
from orchestration.deadman import words
from orchestration.deadman.finding import Finding
from orchestration.deadman.policy import DeadmanPolicy

LATE = "late"


def too_late(
    engine: Engine, settings: Settings, policy: DeadmanPolicy, at: datetime
) -> Iterator[Finding]:
    """One finding for all that does not make it at the pace of the routes that work.

    Asked only once something has waited for `outbox_wait_seconds`: to count a million rows takes a
    second. What nobody sends at all is told by itself.
    """
    from notify.dispatcher.config import read_routes
    from notify.dispatcher.figures import of_home
    from notify.dispatcher.progress import queue_of
    from notify.firewall.gate import RECORDER

    wait = timedelta(seconds=policy.outbox_wait_seconds)
    if not settings.routes or not _any_waited(engine, at - wait):
        return
    found = of_home(engine, queue_of(engine, at), read_routes(settings.routes)[0].all, at)
    late = [one for one in found.outlooks if one.late and one.last_at is not None]
    late = [one for one in late if one.lane.way != RECORDER]
    if not late:
        return
    first = min(late, key=lambda one: one.lane.ends_at)
    number = sum(one.late for one in late)
    yield Finding(
        LATE,
        f"{number} pesan tidak akan terkirim sebelum peringatannya berakhir (yang pertama pukul "
        f"{words.clock(first.lane.ends_at)}): saluran terlalu lambat",
        "lihat 'kentongan dispatch status'; tambah saluran atau minta operator menaikkan "
        "kecepatan, dan sampaikan lewat jalan lain",
        first.lane.since,
        timedelta(0),
    )


def _any_waited(engine: Engine, since: datetime) -> bool:
    row = exists().where(is_ready, outbox.c.due <= iso(since))
    segment = exists().where(
        segments.c.state == SegmentState.OPEN, segments.c.created_at <= iso(since)
    )
    with engine.connect() as connection:
        return bool(connection.execute(select(or_(row, segment))).scalar())
