"""A worker's steps (`notify.sending.dispatch.RouteRun`), with what only a process that goes on
needs: a ceiling, one transaction for a window's answers and the next window's mark, and a second
try for what got no answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from kentongan.db import outbox
from kentongan.tables.sending import is_busy, is_ready
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.firewall.gate import RECORDER, TEST_ROUTE
from notify.sending import claim as claims
from notify.sending.claim import LEASE, Want
from notify.sending.dispatch import RouteRun
from notify.sending.recovery import RESEND_FROM_LEVEL
from notify.sending.settle import RETRY_AFTER_S, settle

Answered = tuple[Sequence[Outgoing], Sequence[Receipt]]


@dataclass
class Run(RouteRun):
    """Of one thread."""

    ceiling: int | None = None
    """Nothing less urgent is taken; None: everything is."""
    resend_after: timedelta = LEASE
    """How long what got no answer waits for a receipt before it is sent once more."""

    pay: Callable[[Connection, Sequence[Receipt]], None] | None = None
    """Writes down what a window has cost, with what became of it."""

    def serve(self, takes: tuple[str, ...]) -> None:
        """From now on take rows of these values of `outbox.route`."""
        if takes != self.takes:
            self.takes = takes
            self._want = Want(self.route, self.owner, takes)

    @property
    def _channels(self) -> tuple[str, ...]:
        """Also of channels that have no pool but their own name: topics, sirens, staff."""
        if self.route in (RECORDER, TEST_ROUTE):
            return ()
        return tuple(one for one in self._want.routes if one != self.route) or (self.route,)

    def _ask(self, connection: Connection) -> Want | None:
        want = super()._ask(connection)
        if want is None or self.ceiling is None:
            return want
        least = self.ceiling if want.max_prio is None else min(want.max_prio, self.ceiling)
        return replace(want, max_prio=least)

    def turn(
        self, done: Answered | None, window: Sequence[Outgoing], *, again: bool = False
    ) -> list[Outgoing] | None:
        """Write down what became of the last window, and mark the next; both or neither.

        Args:
            again: the same was tried before and may have been committed without our hearing it.

        Returns:
            What is now on the wire and must be sent; None: the switch is off, nothing is marked.
        """
        with writing(self.engine) as connection:
            if done is not None and done[0]:
                settle(connection, self.route, *self._final(connection, *done), now=self.now)
                if self.pay is not None:
                    self.pay(connection, done[1])
            if not window:
                return []
            want = self._ask(connection)
            if want is None:
                return None
            ids = [message.outbox_id for message in window]
            left = claims.put_on_wire(connection, ids, want, now=self.now, wait=self.wait)
            if again:
                left |= self._marked(connection, ids)
        return [message for message in window if message.outbox_id in left]

    def _marked(self, connection: Connection, ids: Sequence[int]) -> set[int]:
        """Those of a window that are on the wire in our name, although none was sent yet."""
        query = select(outbox.c.id).where(
            outbox.c.id.in_(ids), outbox.c.state == OutboxState.ON_WIRE,
            outbox.c.lease_owner == self.owner,
        )  # fmt: skip
        return set(connection.execute(query).scalars())

    def _final(
        self, connection: Connection, window: Sequence[Outgoing], receipts: Sequence[Receipt]
    ) -> Answered:
        """All but what got no answer and may be sent once more: that stays on the wire until its
        wait for a receipt is over (`notify.sending.recovery`), as after a crash."""
        silent = [
            message.outbox_id
            for message, receipt in zip(window, receipts, strict=True)
            if receipt.outcome is Outcome.UNKNOWN and message.level >= RESEND_FROM_LEVEL
        ]
        if not silent:
            return window, receipts
        query = select(outbox.c.id).where(outbox.c.id.in_(silent), outbox.c.attempts == 0)
        open_ = set(connection.execute(query).scalars())
        until = iso(self.now + self.resend_after)
        waits = update(outbox).where(outbox.c.id.in_(open_), outbox.c.state == OutboxState.ON_WIRE)
        connection.execute(waits.values(lease_until=until))
        kept = [
            (message, receipt)
            for message, receipt in zip(window, receipts, strict=True)
            if message.outbox_id not in open_
        ]
        return [message for message, _ in kept], [receipt for _, receipt in kept]


def take_over(connection: Connection, route: str, *, now: datetime, wait: timedelta) -> int:
    """What a dead owner of a route left behind: what it had leased is ready again at once, what was
    on the wire waits for a receipt; how many of the latter.

    Only for who owns the route alone.
    """
    claims.adopt(connection, route)
    in_doubt = update(outbox).where(
        is_busy, outbox.c.state == OutboxState.ON_WIRE, outbox.c.route == route,
        outbox.c.lease_until > iso(now + wait),
    )  # fmt: skip
    return int(connection.execute(in_doubt.values(lease_until=iso(now + wait))).rowcount)


def mend_clock(connection: Connection, *, now: datetime) -> int:
    """Rows that a clock set back since wrote into the future are due now; how many."""
    longest = timedelta(seconds=RETRY_AFTER_S[-1] * 2)
    ahead = update(outbox).where(is_ready, outbox.c.due > iso(now + longest))
    found = int(connection.execute(ahead.values(due=iso(now))).rowcount)
    late = update(outbox).where(is_busy, outbox.c.lease_until > iso(now + longest))
    connection.execute(late.values(lease_until=iso(now + LEASE)))
    return found
