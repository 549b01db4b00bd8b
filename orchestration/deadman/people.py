"""What a person has stopped, owes or must decide, and what nobody has done about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, select

from kentongan.db import warning_states
from kentongan.settings import Settings
from kentongan.times import parse_instant
from kentongan.types import WarningState
from orchestration.deadman import words
from orchestration.deadman.finding import Finding
from orchestration.deadman.policy import DeadmanPolicy

if TYPE_CHECKING:
    from notify.release.waiting import Waiting


def left_undone(
    engine: Engine, settings: Settings, policy: DeadmanPolicy, at: datetime
) -> Iterator[Finding]:
    """Switches that are off, reviews that are overdue, warnings that wait for people."""
    yield from _switches(engine, policy)
    yield from _reviews(engine, at)
    yield from _waiting(engine, settings, policy, at)


def _switches(engine: Engine, policy: DeadmanPolicy) -> Iterator[Finding]:
    from notify.sending.switches import ALL, stops

    for stop in stops(engine):
        route = "" if stop.name == ALL else f" saluran {stop.name.partition(':')[2]}"
        flag = "" if stop.name == ALL else f" --route {stop.name.partition(':')[2]}"
        yield Finding(
            f"switch:{stop.name}",
            f"pengiriman{route} dihentikan oleh {stop.actor} ({stop.reason[:80]}): tidak ada "
            "peringatan yang sampai ke warga lewat jalur ini",
            f"bila sudah aman: 'kentongan dispatch go{flag}'",
            parse_instant(stop.at),
            timedelta(minutes=policy.switch_off_minutes),
        )


def _reviews(engine: Engine, at: datetime) -> Iterator[Finding]:
    from notify.release.review import overdue_reviews

    for one in overdue_reviews(engine, at):
        yield Finding(
            f"review:{one.warning_id}:{one.version}",
            f"{one.warning_id} v{one.version} dikeluarkan {one.by} seorang diri "
            f"({one.reason[:80]}) dan belum ditinjau orang kedua",
            f"orang lain membaca dan menjalankan 'kentongan warning review {one.warning_id}', "
            "atau membatalkannya",
            one.due,
            timedelta(0),
        )


def _waiting(
    engine: Engine, settings: Settings, policy: DeadmanPolicy, at: datetime
) -> Iterator[Finding]:
    """Official warnings that a quota holds back, at once; other drafts after a while."""
    if not _any_draft(engine):
        return  # the rest reads tables of the layer set: too much for each look
    from notify.release.waiting import waiting
    from orchestration.by_hand import reading_desk

    with engine.connect() as connection:
        found = waiting(connection, reading_desk(settings), at)
    for one in found:
        held = bool(one.held and one.official)
        if one.what != "review":
            yield _draft(one, timedelta(0) if held else timedelta(minutes=policy.draft_minutes))


def _any_draft(engine: Engine) -> bool:
    """Whether any version's newest state is before its release."""
    newest = select(func.max(warning_states.c.id)).group_by(
        warning_states.c.warning_id, warning_states.c.version
    )
    query = select(warning_states.c.id).where(
        warning_states.c.id.in_(newest),
        warning_states.c.state.in_((WarningState.DRAFT, WarningState.APPROVED)),
    )
    with engine.connect() as connection:
        return connection.execute(query.limit(1)).first() is not None


def _draft(one: Waiting, after: timedelta) -> Finding:
    why = f"ditahan batas kirim ({one.held})" if one.held else "menunggu persetujuan"
    return Finding(
        f"draft:{one.warning_id}",
        f"peringatan {one.title[:80]} (tingkat {one.level}) belum keluar: {why}; gugur "
        f"{words.clock(one.until)}",
        f"baca dan putuskan: 'kentongan warning show {one.warning_id}'",
        one.since,
        after,
    )
