"""A configured route's thread: owned by one process, paced, paid for, given up when it fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, select

from kentongan.db import outbox
from kentongan.errors import DispatchError, KentonganError
from kentongan.tables.sending import is_ready
from kentongan.transactions import writing
from notify.channels.channel import Channel, Outcome, Outgoing, Receipt, Sink
from notify.channels.real import RealChannel
from notify.channels.routes import RouteBase
from notify.dispatcher.choice import choose, takes_from_pool
from notify.dispatcher.health import Health
from notify.dispatcher.limits import Limits
from notify.dispatcher.pacing import TokenBucket
from notify.dispatcher.run import take_over
from notify.dispatcher.shared import Shared
from notify.dispatcher.spending import passing_prio
from notify.dispatcher.worker import BATCH, Waited, Worker
from notify.firewall.answers import ANSWERS
from notify.firewall.gate import Guarded, is_public
from notify.firewall.inspection import Inspection, Origins, suppress
from notify.sending import claim as claims

log = logging.getLogger(__name__)

STEADY_S = 1.0
"""A line that holds for so long works, although nothing was sent over it."""
IN_FLIGHT = timedelta(minutes=5)
"""Longer than any channel takes for one window. Who takes a route over from a dead owner does not
wait for its end."""
_GUARD_S = 30.0
"""A clearance is of an instant and runs out after ten minutes: it is asked for anew."""
_AHEAD_S = 8.0
"""A batch is what goes out in so long; its lease is a minute."""
_MOVED = 2_000


class Nothing(Channel):
    """Stands where no clearance is: nothing is sent."""

    window = 1

    def __init__(self, route: str) -> None:
        self.route = route

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        raise DispatchError(f"route {self.route}: this run may not use it ({len(messages)} wait)")


class Carrier(Worker):
    """Sends over one real channel."""

    def __init__(
        self,
        shared: Shared,
        route: RouteBase,
        channel: RealChannel,
        sink: Sink,
        *,
        way: str,
        others: Sequence[RouteBase],
    ) -> None:
        """
        Args:
            way: `outbox.route` of what it sends: its name, or `test`.
            others: all routes of its channel, itself among them.
        """
        super().__init__(shared, Nothing(way), way, in_flight=IN_FLIGHT)
        self.config, self.real, self.sink, self.others = route, channel, sink, others
        self.bucket = TokenBucket(route.rate_per_s)
        self.health = Health(route.route, shared.policy, self.bucket, rate=lambda: self.rate)
        self.steps.pay = self._pay
        self._limits = Limits(shared.engine, shared.policy)
        self._is_open = False
        self._guarded_at = -1e9
        self._silent, self._bound = Waited(), Waited()
        self._restored = False

    @property
    def pool(self) -> str:
        return self.config.channel

    @property
    def rate(self) -> float:
        """Messages a second that may go now."""
        state = getattr(self.real, "state", None)
        return float(state().rate_per_s) if callable(state) else self.bucket.rate

    @property
    def is_up(self) -> bool:
        return self._is_open and self.health.failures == 0

    @property
    def has_looked(self) -> bool:
        """A line that is still coming up has not."""
        up = self._is_open and not trouble_of(self.real)
        elsewhere = not self.shared.holds(self.config.route)
        return super().has_looked and (up or elsewhere or self.health.failures > 0)

    # --- may it send ---------------------------------------------------------------------

    def _is_ready(self) -> bool:
        if not self.shared.holds(self.config.route):
            self._close()
            return False
        self._renew()
        if not self._opened():
            return False
        trouble = trouble_of(self.real)
        silent_s = self._silent.note(bool(trouble))
        if silent_s > self.shared.policy.route_connect_s and self.health.closed_s() == 0:
            self._failed(trouble)
        if self._has_own_pace and self._bound.note(not trouble) > STEADY_S:
            self._works_again()
        if trouble or self.health.closed_s() > 0:
            return False
        self._take()
        return True

    def _has_leave(self) -> bool:
        channel = self.steps.channel
        return isinstance(channel, Guarded) and channel.holds()

    def _renew(self) -> None:
        """The clearance, before it runs out or after it did."""
        if self._has_leave() and time.monotonic() - self._guarded_at < _GUARD_S:
            return
        self._guarded_at = time.monotonic()
        self.steps.origins = Origins()  # what stands behind a warning is looked up anew
        guarded = self.shared.guard(self.way, self.real)
        self.steps.channel = guarded or Nothing(self.way)
        if guarded is None:
            raise KentonganError(
                f"route {self.way}: this run may not use it; real routes need mode actual, feeds "
                "of BMKG's, and a clock that is right"
            )

    def _opened(self) -> bool:
        if self._is_open:
            return True
        if self.health.closed_s() > 0:
            return False
        if not self._restored:
            self._books("pace", lambda: self.health.restore(self.shared.engine))
            self._restored = True
        try:
            self.real.open(self.sink)
        except (KentonganError, OSError) as error:
            self._failed(str(error))
            return False
        self._is_open = True
        self._books("adopt", self._adopt)
        return True

    def _adopt(self) -> None:
        now, wait = self.shared.clock(), timedelta(seconds=self.shared.policy.recovery_wait_s)
        with writing(self.shared.engine) as connection:
            in_doubt = take_over(connection, self.way, now=now, wait=wait)
        if in_doubt:
            said = "route %s: %d messages were on the wire when their dispatcher ended"
            log.warning(f"{said}; they wait %g s for receipts", self.way, in_doubt,
                        wait.total_seconds())  # fmt: skip

    def _take(self) -> None:
        """Its own rows, and those of its channel that have no route, where it is the first."""
        pooled = is_public(self.way) and takes_from_pool(
            self.others, self.config.route, self._works
        )
        takes = (self.way, self.pool) if pooled else (self.way,)
        self.steps.serve(takes)
        room = self.shared.spending.room(self.shared.clock())
        reached = room is not None and room <= 0
        self.steps.ceiling = passing_prio(self.shared.policy.ceiling) if reached else None

    def _pay(self, connection: Connection, receipts: Sequence[Receipt]) -> None:
        if number := _sent(receipts):
            price, at = self.config.price_idr, self.shared.clock()
            self.shared.spending.add(connection, self.config.route, number, price, at)

    def _works(self, name: str) -> bool:
        """Others unless they were given up; itself always: what it tries now shows whether."""
        return name == self.config.route or self.shared.works(name)

    def _works_again(self) -> None:
        self.health.worked()
        self.shared.faults.over(f"route {self.way}")

    def _failed(self, reason: str) -> None:
        before = self.health.is_given_up
        self.health.failed(reason)
        log.warning("route %s: fault %d: %s", self.way, self.health.failures, reason)
        if self.health.is_given_up:
            if not before:
                self.shared.faults.note(f"route {self.way}", DispatchError(reason))
            self._books("move", self._hand_over)

    def _hand_over(self) -> None:
        """What waits for it goes back to its channel, where another works."""
        if not any(self.shared.works(r.route) for r in self.others if r is not self.config):
            return
        waiting = select(outbox.c.id).where(is_ready, outbox.c.route == self.way).limit(_MOVED)
        with writing(self.shared.engine) as connection:
            ids = list(connection.execute(waiting).scalars())
            claims.reroute(connection, ids, self.pool, at=self.shared.clock())

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self.real.close()

    def _end(self) -> None:
        try:
            self._close()
        except Exception:  # the process ends: recovery settles what is left
            log.exception("route %s: closing", self.way)

    # --- one batch -----------------------------------------------------------------------

    def _batch(self) -> int:
        if self.health.is_given_up:
            return 1  # a try
        room = self.shared.spending.room(self.shared.clock()) or BATCH
        return max(1, min(BATCH, int(self.rate * _AHEAD_S), room))

    def _windows(self, messages: Sequence[Outgoing]) -> list[Sequence[Outgoing]]:
        size = max(1, min(self.real.window, int(self.rate * _AHEAD_S / 4)))
        return [messages[start : start + size] for start in range(0, len(messages), size)]

    def _chosen(self, messages: list[Outgoing]) -> list[Outgoing]:
        """Without those for whom another route is right, and those held back by a limit. An answer
        goes over the way that its message came."""
        mine = []
        moved: dict[str, list[int]] = {}
        for message in messages:
            right = choose(self.others, message.address, self._works)
            own = not is_public(self.way) or message.warning_id == ANSWERS
            if own or any(r.route == self.config.route for r in right):
                mine.append(message)
            elif right:
                moved.setdefault(right[0].route, []).append(message.outbox_id)
        for name, ids in moved.items():
            self._books("hand over", lambda n=name, i=ids: self._moved(n, i))  # type: ignore[misc]
        if not is_public(self.way):
            return mine
        held = self._limits.held_back(mine, self.shared.clock())
        if not held:
            return mine
        found = Inspection(stopped=held)
        self._books(
            "suppress",
            lambda: suppress(self.shared.engine, self.way, found, at=self.shared.clock()),
        )
        gone = {row_id for ids in held.values() for row_id in ids}
        return [message for message in mine if message.outbox_id not in gone]

    def _moved(self, name: str, ids: Sequence[int]) -> None:
        with writing(self.shared.engine) as connection:
            claims.reroute(connection, ids, name, at=self.shared.clock())

    def _may_go_on(self, window: Sequence[Outgoing]) -> bool:
        if not self._has_own_pace:
            self._wait_for_pace(len(window))
        return (
            super()._may_go_on(window)
            and self.shared.holds(self.config.route)
            and trouble_of(self.real) == ""
            and self.health.closed_s() == 0
            and self._has_leave()
        )

    @property
    def _has_own_pace(self) -> bool:
        return callable(getattr(self.real, "state", None))

    def _wait_for_pace(self, tokens: int) -> None:
        while (pause := self.bucket.wait_for(tokens)) > 0 and not self.shared.ending.is_set():
            self.shared.ending.wait(min(pause, 0.5))
        self.bucket.take(tokens)

    def _answers(self, window: Sequence[Outgoing]) -> Sequence[Receipt]:
        receipts = super()._answers(window)
        self.shared.spending.count(_sent(receipts), self.config.price_idr, self.shared.clock())
        busy = [r for r in receipts if r.outcome is Outcome.RETRY and not r.counts]
        if len(busy) == len(receipts):
            if not self._has_own_pace:
                self._failed(busy[0].detail)
        elif busy:
            self.bucket.slow_down()
        else:
            self._works_again()
        return receipts


def _sent(receipts: Sequence[Receipt]) -> int:
    return sum(r.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN) for r in receipts)


def trouble_of(channel: RealChannel) -> str:
    """Why a channel with a line of its own cannot send now; empty: it can, or has no such line."""
    state = getattr(channel, "state", None)
    if not callable(state):
        return ""
    found = state()
    return "" if found.bound else str(found.fault or found.trouble or "not connected")
