"""What a carrier says later: receipts of delivery, in batches.

A receipt may come before the acceptance is written, late, twice, or against an earlier one:

| it says | rows that change |
|---|---|
| delivered | all but those delivered: evidence of arrival outweighs every other word |
| failed | on the wire, accepted, unknown |
| unknown | on the wire, accepted |

One that fits no row is kept for ten minutes and looked at again when an acceptance is written
(`match`) and from time to time (`sweep`). A missing receipt is never a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, case, func, select, update

from kentongan.db import messages, outbox, receipts_early
from kentongan.times import iso, parse_instant
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.channels.channel import DeliveryReport
from notify.sending.rows import lock, precise

KEPT = timedelta(minutes=10)
"""How long a receipt waits for its acceptance to be written."""
_BATCH = 2_000
"""Receipts of one transaction."""
_FROM = {
    OutboxState.DELIVERED: frozenset(OutboxState) - {OutboxState.DELIVERED},
    OutboxState.FAILED: frozenset((OutboxState.ON_WIRE, OutboxState.ACCEPTED, OutboxState.UNKNOWN)),
    OutboxState.UNKNOWN: frozenset((OutboxState.ON_WIRE, OutboxState.ACCEPTED)),
}


@dataclass(frozen=True)
class Counted:
    """What became of a batch; the three add up to its length."""

    applied: int = 0
    early: int = 0
    """No row has their id yet; kept."""
    ignored: int = 0
    """Told nothing new: double, late, or outweighed."""

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.applied + other.applied, self.early + other.early, self.ignored + other.ignored
        )


def record(engine: Engine, reports: Sequence[DeliveryReport], *, at: datetime) -> Counted:
    """Write receipts down; returns after the commit of the last, so they may be acknowledged.

    Raises:
        ValueError: a state that no receipt can have.
    """
    for report in reports:
        if report.state not in _FROM:
            raise ValueError(
                f"receipt of {report.route}: expected delivered, failed or unknown, found "
                f"{report.state.name.lower()}"
            )
    total = Counted()
    for start in range(0, len(reports), _BATCH):
        with writing(engine) as connection:
            total += _record(connection, reports[start : start + _BATCH], at)
    return total


def _record(connection: Connection, reports: Sequence[DeliveryReport], at: datetime) -> Counted:
    total = Counted()
    for route in sorted({report.route for report in reports}):
        mine = [report for report in reports if report.route == route]
        counted, early = _apply(connection, route, mine)
        total += counted
        if early:
            connection.execute(receipts_early.insert(), [_early_row(one, at) for one in early])
    return total


def _early_row(report: DeliveryReport, at: datetime) -> dict[str, Any]:
    return {
        "route": report.route, "provider_id_norm": report.provider_id, "state": int(report.state),
        "at": precise(at), "detail": report.detail,
    }  # fmt: skip


def _apply(
    connection: Connection, route: str, reports: Sequence[DeliveryReport]
) -> tuple[Counted, list[DeliveryReport]]:
    """Change the rows that these receipts are of; the receipts that fit none come back.

    A carrier that gave one id to several messages: each receipt is for the first of them that it
    tells something new of.
    """
    rows = _rows(connection, route, {report.provider_id for report in reports})
    changes: dict[int, DeliveryReport] = {}
    early = []
    for report in reports:
        known = rows.get(report.provider_id)
        if known is None:
            early.append(report)
            continue
        own = next((one for one in known if one[1] in _FROM[report.state]), None)
        if own is not None:
            own[1] = report.state
            changes[own[0]] = report
    _change(connection, changes)
    ignored = len(reports) - len(early) - len(changes)
    return Counted(len(changes), len(early), ignored), early


def _change(connection: Connection, changes: Mapping[int, DeliveryReport]) -> None:
    """Set by set: one for each state, word and second of a batch, of which there are few."""
    alike: dict[tuple[OutboxState, str, str], list[int]] = {}
    for row_id, report in changes.items():
        alike.setdefault((report.state, report.detail, iso(report.at)), []).append(row_id)
    if len(alike) > 1:
        lock(connection, outbox.c.id.in_(list(changes)))
    for (state, detail, _), ids in alike.items():
        values = {
            "state": state, "final_at": precise(changes[ids[0]].at), "last_error": detail or None,
            "lease_until": None, "lease_owner": None,
        }  # fmt: skip
        connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(values))


def _rows(connection: Connection, route: str, ids: Iterable[str]) -> dict[str, list[list[Any]]]:
    """Provider's id -> [id, state] of its rows, oldest first."""
    query = (
        select(outbox.c.provider_id_norm, outbox.c.id, outbox.c.state)
        .where(outbox.c.route == route, outbox.c.provider_id_norm.in_(list(ids)))
        .order_by(outbox.c.id)
    )
    found: dict[str, list[list[Any]]] = {}
    for norm, row_id, state in connection.execute(query):
        found.setdefault(norm, []).append([row_id, state])
    return found


def match(connection: Connection, route: str, ids: Sequence[str]) -> int:
    """Apply kept receipts of ids that a route has just given; how many."""
    query = select(receipts_early).where(
        receipts_early.c.route == route, receipts_early.c.provider_id_norm.in_(ids)
    )
    return _apply_kept(connection, connection.execute(query.order_by(receipts_early.c.id)).all())


def sweep(engine: Engine, *, at: datetime, limit: int = _BATCH) -> int:
    """Apply kept receipts whose acceptance was written beside them; forget those too old.

    Returns:
        How many were applied.
    """
    with_row = (
        select(receipts_early)
        .join(
            outbox,
            (outbox.c.route == receipts_early.c.route)
            & (outbox.c.provider_id_norm == receipts_early.c.provider_id_norm),
        )
        .distinct()
        .order_by(receipts_early.c.id)
        .limit(limit)
    )
    too_old = receipts_early.c.at < precise(at - KEPT)
    with writing(engine) as connection:
        done = _apply_kept(connection, connection.execute(with_row).all())
        connection.execute(receipts_early.delete().where(too_old))
    return done


def _apply_kept(connection: Connection, kept: Sequence[Any]) -> int:
    if not kept:
        return 0
    done = 0
    for route in sorted({row.route for row in kept}):
        reports = [_report(row) for row in kept if row.route == route]
        counted, _ = _apply(connection, route, reports)
        done += counted.applied
    gone = receipts_early.c.id.in_([row.id for row in kept])
    connection.execute(receipts_early.delete().where(gone))
    return done


def _report(row: Any) -> DeliveryReport:
    return DeliveryReport(
        route=row.route,
        provider_id=row.provider_id_norm,
        state=OutboxState(row.state),
        at=parse_instant(row.at),
        detail=row.detail,
    )


def whole_messages(
    connection: Connection, warning_id: str, version: int
) -> dict[str, dict[OutboxState, int]]:
    """Channel -> state -> messages of a version, each counted once however many parts it has.

    A message is delivered when all its parts are; one whose parts differ is as far as its last
    part, or has the end of a part that did not arrive.
    """
    ids = select(messages.c.message_id).where(
        messages.c.warning_id == warning_id, messages.c.version == version
    )
    table = outbox.c
    first, last = func.min(table.state), func.max(table.state)
    state = case((last > int(OutboxState.DELIVERED), last), else_=first).label("state")
    whole = (
        select(table.channel, state)
        .where(table.message_id.in_(ids))
        .group_by(table.alert_version, table.recipient_id, table.channel)
        .subquery()
    )
    query = select(whole.c.channel, whole.c.state, func.count()).group_by(
        whole.c.channel, whole.c.state
    )
    found: dict[str, dict[OutboxState, int]] = {}
    for channel, number, count in connection.execute(query.order_by(whole.c.channel)):
        found.setdefault(channel, {})[OutboxState(number)] = count
    return found
