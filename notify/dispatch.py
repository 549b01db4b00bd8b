"""The dispatcher: claim by urgency, send, write down what became of each message.

At least once to the other side, exactly once in our books. A row is `on_wire` only while
its window is being sent; after a crash such a row is in doubt: from level 3 up it is sent
again (a double warning beats none), below it stays `unknown`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, Update, bindparam, select, update

from kentongan.db import messages, outbox, recipients, warnings
from kentongan.errors import DispatchError
from kentongan.times import iso
from kentongan.types import OutboxState
from notify.channels.channel import Channel, Outcome, Outgoing, Receipt
from notify.transactions import writing

LEASE = timedelta(seconds=60)
"""Longer than any channel takes for one batch; after it a row of a dead worker is free."""
RETRY_AFTER_S = (5, 15, 45, 120, 300)
RESEND_FROM_LEVEL = 3

_STATES = {
    Outcome.ACCEPTED: OutboxState.ACCEPTED,
    Outcome.RECORDED: OutboxState.ACCEPTED,
    Outcome.REFUSED: OutboxState.FAILED,
    Outcome.UNKNOWN: OutboxState.UNKNOWN,
    Outcome.RETRY: OutboxState.READY,
}
_WORDS = {Outcome.REFUSED: "failed", Outcome.RETRY: "retried"}


@dataclass
class DispatchReport:
    """What became of the messages of one call, by channel."""

    sms: Counter[str] = field(default_factory=Counter)
    push: Counter[str] = field(default_factory=Counter)

    def count(self, channel: str, word: str, number: int = 1) -> None:
        (self.sms if channel == "sms" else self.push)[word] += number

    def as_json(self) -> dict[str, dict[str, int]]:
        sms = {"accepted": 0, "recorded": 0, **self.sms}
        return {"sms": dict(sorted(sms.items())), "push": dict(sorted(self.push.items()))}


def dispatch(
    engine: Engine, channels: Mapping[str, Channel], *, at: datetime, batch: int = 500
) -> DispatchReport:
    """Send what is due over the channels that exist, until nothing is left.

    Rows of a route without a channel stay as they are. Rows past their end become
    `expired` and are never sent.

    Raises:
        Exception: whatever a channel raises besides `DispatchError`; the rows of that
            window stay `on_wire` and are settled by a call after the lease.
    """
    report = DispatchReport()
    _settle_doubtful(engine, report, at)
    _expire(engine, report, at)
    owner = f"{os.uname().nodename}:{os.getpid()}"
    for route, channel in sorted(channels.items()):
        while rows := _claim(engine, route, at=at, limit=batch, owner=owner):
            loaded = _load(engine, rows)
            _suppress(engine, set(rows) - {message.outbox_id for message in loaded})
            for window in _windows(loaded, channel.window):
                _send_window(engine, channel, window, report, at)
    return report


def _claim(engine: Engine, route: str, *, at: datetime, limit: int, owner: str) -> list[int]:
    """Lease the most urgent rows of a route; ids in order of urgency."""
    ready = (
        select(outbox.c.id)
        .where(outbox.c.state == OutboxState.READY, outbox.c.route == route)
        .where(outbox.c.due <= iso(at), outbox.c.not_after > iso(at))
        .order_by(outbox.c.prio, outbox.c.due, outbox.c.id)
        .limit(limit)
    )
    lease = (
        update(outbox)
        .where(outbox.c.id.in_(_locked(engine, ready).scalar_subquery()))
        .values(state=OutboxState.LEASED, lease_until=iso(at + LEASE), lease_owner=owner)
        .returning(outbox.c.id, outbox.c.prio, outbox.c.due)
    )
    with writing(engine) as connection:
        claimed = [tuple(row) for row in connection.execute(lease)]
    return [row[0] for row in sorted(claimed, key=lambda row: (row[1], row[2], row[0]))]


def _locked(engine: Engine, query: Select[Any]) -> Select[Any]:
    """PostgreSQL: several workers pass each other's rows by. SQLite has one writer."""
    if engine.dialect.name == "postgresql":
        return query.with_for_update(skip_locked=True)
    return query


def _load(engine: Engine, ids: Sequence[int]) -> list[Outgoing]:
    """The messages of these rows. Texts are read once each, not once for each recipient."""
    rows = (
        select(
            outbox.c.id, outbox.c.message_id, outbox.c.channel, outbox.c.recipient_id,
            recipients.c.address,
        )
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(outbox.c.id.in_(ids))
    )  # fmt: skip
    with engine.connect() as connection:
        found = {row.id: row for row in connection.execute(rows)}
        texts = _texts(connection, {row.message_id for row in found.values()})
    return [
        Outgoing(
            outbox_id=row.id,
            message_id=row.message_id,
            channel=row.channel,
            recipient_id=row.recipient_id,
            address=row.address,
            **texts[row.message_id],
        )
        for row in (found[i] for i in ids if i in found)
        if row.message_id in texts
    ]


def _texts(connection: Connection, message_ids: set[str]) -> dict[str, dict[str, Any]]:
    query = (
        select(
            messages.c.message_id, messages.c.warning_id, messages.c.version, messages.c.text,
            messages.c.payload, messages.c.level, warnings.c.cap_status,
        )
        .join(
            warnings,
            (warnings.c.warning_id == messages.c.warning_id)
            & (warnings.c.version == messages.c.version),
        )
        .where(messages.c.message_id.in_(sorted(message_ids)))
    )  # fmt: skip
    rows = connection.execute(query).mappings()
    return {row["message_id"]: {k: v for k, v in row.items() if k != "message_id"} for row in rows}


def _suppress(engine: Engine, ids: set[int]) -> None:
    """Rows whose recipient was erased since."""
    if not ids:
        return
    gone = update(outbox).where(outbox.c.id.in_(sorted(ids)))
    with writing(engine) as connection:
        connection.execute(gone.values(state=OutboxState.SUPPRESSED, last_error="no recipient"))


def _windows(rows: Sequence[Outgoing], size: int) -> Iterator[Sequence[Outgoing]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _send_window(
    engine: Engine,
    channel: Channel,
    window: Sequence[Outgoing],
    report: DispatchReport,
    at: datetime,
) -> None:
    with writing(engine) as connection:
        connection.execute(_by_id(window).values(state=OutboxState.ON_WIRE))
    try:
        receipts = channel.send(window)
    except DispatchError as error:
        receipts = [Receipt(Outcome.RETRY, str(error))] * len(window)
    _write_receipts(engine, window, receipts, at)
    for message, receipt in zip(window, receipts, strict=True):
        report.count(message.channel, _WORDS.get(receipt.outcome, str(receipt.outcome)))


def _by_id(window: Sequence[Outgoing]) -> Update:
    return update(outbox).where(outbox.c.id.in_([message.outbox_id for message in window]))


def _write_receipts(
    engine: Engine, window: Sequence[Outgoing], receipts: Sequence[Receipt], at: datetime
) -> None:
    alike: dict[Receipt, list[Outgoing]] = {}
    for message, receipt in zip(window, receipts, strict=True):
        alike.setdefault(receipt, []).append(message)
    with writing(engine) as connection:
        for receipt, group in alike.items():
            change = _by_id(group).values(
                state=_STATES[receipt.outcome],
                attempts=outbox.c.attempts + 1,
                lease_until=None,
                lease_owner=None,
                provider_id=receipt.provider_id,
                last_error=receipt.detail or None,
            )
            connection.execute(change)
            if receipt.outcome is Outcome.RETRY:
                _put_back(connection, group, at)


def _put_back(connection: Any, group: Sequence[Outgoing], at: datetime) -> None:
    """Later and later, and after the last pause never again."""
    for tries, pause in enumerate(RETRY_AFTER_S, start=1):
        later = iso(at + timedelta(seconds=pause))
        connection.execute(_by_id(group).where(outbox.c.attempts == tries).values(due=later))
    given_up = _by_id(group).where(outbox.c.attempts > len(RETRY_AFTER_S))
    connection.execute(given_up.values(state=OutboxState.FAILED))


def _expire(engine: Engine, report: DispatchReport, at: datetime) -> None:
    """Rows that wait beyond their end: a late warning can be harm."""
    waiting = (OutboxState.READY, OutboxState.LEASED)
    late = (
        update(outbox)
        .where(outbox.c.state.in_(waiting), outbox.c.not_after <= iso(at))
        .values(state=OutboxState.EXPIRED, lease_until=None, lease_owner=None)
        .returning(outbox.c.channel)
    )
    with writing(engine) as connection:
        for (channel,) in connection.execute(late).all():
            report.count(channel, "expired")


def _settle_doubtful(engine: Engine, report: DispatchReport, at: datetime) -> None:
    """Rows whose worker died: leased ones were never sent, those on the wire may have been."""
    dead = outbox.c.lease_until < bindparam("now")
    free = {"lease_until": None, "lease_owner": None}
    grave = select(messages.c.message_id).where(messages.c.level >= RESEND_FROM_LEVEL)
    on_wire = (update(outbox).where(outbox.c.state == OutboxState.ON_WIRE, dead)).values(**free)
    leased = update(outbox).where(outbox.c.state == OutboxState.LEASED, dead)
    now = {"now": iso(at)}
    with writing(engine) as connection:
        connection.execute(leased.values(state=OutboxState.READY, **free), now)
        again = on_wire.where(outbox.c.message_id.in_(grave))
        connection.execute(
            again.values(state=OutboxState.READY, attempts=outbox.c.attempts + 1), now
        )
        rest = on_wire.values(state=OutboxState.UNKNOWN).returning(outbox.c.channel)
        for (channel,) in connection.execute(rest, now).all():
            report.count(channel, "unknown")
