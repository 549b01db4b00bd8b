"""The dispatcher: claim by urgency, look again, send, write down what became of each message.

At least once to the other side, exactly once in our books. A row is `on_wire` only while
its window is being sent; after a crash such a row is in doubt: from level 3 up it is sent
again (a double warning beats none), below it stays `unknown`, and so it does where its warning
has been taken back since.

The kill switch (`switches.py`) is read in the transactions that lease a batch and that put a window
on the wire; the firewall looks at every row (`notify.firewall.inspection`) and at every message
(`notify.firewall.clearance`).
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, Update, bindparam, select, update

from kentongan.db import messages, outbox
from kentongan.errors import DispatchError, RuleViolation
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.channels.channel import Channel, Outcome, Outgoing, Receipt
from notify.firewall.gate import RECORDER, Guarded
from notify.firewall.inspection import Origins, inspect, suppress, suppress_strays
from notify.sending.switches import Stop, stop_of
from notify.sending.told import PRIO_CORRECTION, ended_later

log = logging.getLogger(__name__)

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
    stopped: dict[str, Stop] = field(default_factory=dict)
    """Route -> the switch that keeps it from sending; its rows stay ready."""

    def count(self, channel: str, word: str, number: int = 1) -> None:
        (self.sms if channel == "sms" else self.push)[word] += number

    def as_json(self) -> dict[str, dict[str, int]]:
        sms = {"accepted": 0, "recorded": 0, **self.sms}
        return {"sms": dict(sorted(sms.items())), "push": dict(sorted(self.push.items()))}


def dispatch(
    engine: Engine,
    channels: Mapping[str, Channel],
    *,
    at: datetime,
    batch: int = 500,
    recalls_pass: bool = False,
    urgent: bool = False,
) -> DispatchReport:
    """Send what is due over the channels that exist, until nothing is left.

    Rows of a route without a channel stay as they are, and so do those of a route whose switch is
    off. Rows past their end become `expired` and are never sent.

    Args:
        recalls_pass: corrections and calls back go out although a switch is off.
        urgent: send corrections and calls back alone.

    Raises:
        RuleViolation: a channel besides the recorder that is not behind its guard.
        Exception: whatever a channel raises besides `DispatchError`; the rows of that
            window stay `on_wire` and are settled by a call after the lease.
    """
    _require_guards(channels)
    report = DispatchReport()
    _settle_doubtful(engine, report, at)
    origins = Origins()
    for route, channel in sorted(channels.items()):
        run = _Run(engine, route, channel, at, report, origins, recalls_pass, urgent)
        while run.sends_batch(batch):
            pass
    if not urgent:
        suppress_strays(engine, tuple(channels), at=at)
        _expire(engine, report, at)
    for route, stop in report.stopped.items():
        log.warning("route %s sends nothing: stopped by %s at %s (%s)", route, stop.actor, stop.at,
                    stop.reason)  # fmt: skip
    return report


def _require_guards(channels: Mapping[str, Channel]) -> None:
    """By construction there is no other; this is for code that goes round it."""
    for route, channel in channels.items():
        if route != RECORDER and not isinstance(channel, Guarded):
            raise RuleViolation(
                f"route {route}: expected a guarded channel of the firewall's channels_for, "
                f"found {type(channel).__name__}"
            )


@dataclass(frozen=True)
class _Run:
    """One call's way through one route."""

    engine: Engine
    route: str
    channel: Channel
    at: datetime
    report: DispatchReport
    origins: Origins
    recalls_pass: bool
    urgent: bool
    started: float = field(default_factory=time.monotonic)

    @property
    def owner(self) -> str:
        return f"{os.uname().nodename}:{os.getpid()}"

    def sends_batch(self, limit: int) -> bool:
        """Claim and send one batch; whether there may be more."""
        if isinstance(self.channel, Guarded) and not self.channel.holds():
            return False
        ids = self._claim(limit)
        if not ids:
            return False
        found = inspect(self.engine, self.route, ids, self.origins)
        suppress(self.engine, self.route, found, at=self.at)
        for window in _windows(found.passed, self.channel.window):
            if not self._sends_window(window):
                self._give_back()
                return False
        if self.route in self.report.stopped:
            self._give_back()
        return True

    def _stopped(self, connection: Connection) -> bool:
        """Whether the switch is off; one small query."""
        stop = stop_of(connection, self.route)
        if stop is None:
            self.report.stopped.pop(self.route, None)
            return False
        self.report.stopped[self.route] = stop
        return True

    @property
    def now(self) -> datetime:
        """The call's instant and the time that it has taken since."""
        return self.at + timedelta(seconds=time.monotonic() - self.started)

    def _claim(self, limit: int) -> list[int]:
        """Lease the most urgent rows of a route; ids in order of urgency."""
        ready = (
            select(outbox.c.id)
            .where(outbox.c.state == OutboxState.READY, outbox.c.route == self.route)
            .where(outbox.c.due <= iso(self.now), outbox.c.not_after > iso(self.now))
            .order_by(outbox.c.prio, outbox.c.due, outbox.c.id)
            .limit(limit)
        )
        with writing(self.engine) as connection:
            stopped = self._stopped(connection)
            if stopped and not self.recalls_pass:
                return []
            if stopped or self.urgent:
                ready = ready.where(outbox.c.prio <= PRIO_CORRECTION)
            claimed = [tuple(row) for row in connection.execute(self._lease(ready))]
        return [row[0] for row in sorted(claimed, key=lambda row: (row[1], row[2], row[0]))]

    def _lease(self, ready: Select[Any]) -> Any:
        return (
            update(outbox)
            .where(outbox.c.id.in_(_locked(self.engine, ready).scalar_subquery()))
            .values(
                state=OutboxState.LEASED,
                lease_until=iso(self.now + LEASE),
                lease_owner=self.owner,
            )
            .returning(outbox.c.id, outbox.c.prio, outbox.c.due)
        )

    def _sends_window(self, window: Sequence[Outgoing]) -> bool:
        """Send what is still ours to send; False when the switch was thrown meanwhile."""
        with writing(self.engine) as connection:
            ours = _by_id(window).where(outbox.c.state == OutboxState.LEASED)
            if self._stopped(connection):
                if not self.recalls_pass:
                    return False
                ours = ours.where(outbox.c.prio <= PRIO_CORRECTION)
            on_wire = ours.values(state=OutboxState.ON_WIRE).returning(outbox.c.id)
            left = set(connection.execute(on_wire).scalars())
        window = [message for message in window if message.outbox_id in left]
        if not window:
            return True
        try:
            receipts = self.channel.send(window)
        except DispatchError as error:
            receipts = [Receipt(Outcome.RETRY, str(error))] * len(window)
        _write_receipts(self.engine, window, receipts, self.now)
        for message, receipt in zip(window, receipts, strict=True):
            word = _WORDS.get(receipt.outcome, str(receipt.outcome))
            self.report.count(message.channel, word)
        return True

    def _give_back(self) -> None:
        """Rows that we leased and did not send are ready again at once."""
        mine = update(outbox).where(
            outbox.c.state == OutboxState.LEASED,
            outbox.c.route == self.route,
            outbox.c.lease_owner == self.owner,
        )
        with writing(self.engine) as connection:
            connection.execute(
                mine.values(state=OutboxState.READY, lease_until=None, lease_owner=None)
            )


def _locked(engine: Engine, query: Select[Any]) -> Select[Any]:
    """PostgreSQL: several workers pass each other's rows by. SQLite has one writer."""
    if engine.dialect.name == "postgresql":
        return query.with_for_update(skip_locked=True)
    return query


def _windows(rows: Sequence[Outgoing], size: int) -> Iterator[Sequence[Outgoing]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


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
    grave = select(messages.c.message_id).where(
        messages.c.level >= RESEND_FROM_LEVEL, ~ended_later()
    )
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
