"""Whether a route works: faults of the route itself, never of a message.

A fault closes it for a while, longer each time. After `route_failures` in a row it is given up, and
what waited for it goes to the next of its channel by order, until it works again. One route alone
is never given up: its messages wait for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select

from kentongan.db import insert_ignore, route_state
from kentongan.transactions import writing
from notify.dispatcher.pacing import TokenBucket
from notify.dispatcher.policy import DispatchPolicy
from notify.sending.told import precise

_JITTER = 0.2
_LONGEST_REASON = 300


@dataclass
class Health:
    """Of one route, in the process that owns it."""

    route: str
    policy: DispatchPolicy
    bucket: TokenBucket
    clock: Callable[[], float] = time.monotonic
    rate: Callable[[], float] | None = None
    """Messages a second that go now, where the channel keeps its own pace."""
    failures: int = 0
    reason: str = ""
    _closed_until: float = field(default=-1e9)
    _dirty: bool = True

    @property
    def is_given_up(self) -> bool:
        """Whether others take over what it has."""
        return self.failures >= self.policy.route_failures

    def closed_s(self) -> float:
        """Seconds until it is tried again; 0: now."""
        return max(0.0, self._closed_until - self.clock())

    def worked(self) -> None:
        if self.failures:
            self.failures, self.reason, self._dirty = 0, "", True
        self._closed_until = -1e9

    def failed(self, reason: str) -> None:
        """The route took nothing, and that was no message's fault."""
        pause = self.policy.route_pause_s * 2**self.failures
        pause = min(pause, self.policy.route_pause_max_s)
        pause *= 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 only keeps hosts apart
        self.failures += 1
        self.reason, self._dirty = reason[:_LONGEST_REASON], True
        self._closed_until = self.clock() + pause

    def restore(self, engine: Engine) -> None:
        """The pace that an earlier process had come down to; whether it works is found out anew."""
        query = select(route_state.c.rate).where(route_state.c.route == self.route)
        with engine.connect() as connection:
            rate = connection.execute(query).scalar()
        if rate is not None:
            self.bucket.restore(rate)

    def write(self, connection: Connection, at: datetime) -> None:
        """What others may know of it."""
        closed = self.closed_s()
        values = {
            "rate": round(self.rate() if self.rate else self.bucket.rate, 3),
            "failures": self.failures, "reason": self.reason,
            "closed_until": precise(at + timedelta(seconds=closed)) if closed else None,
            "at": precise(at),
        }  # fmt: skip
        new = insert_ignore(connection, route_state).values(route=self.route, **values)
        if connection.execute(new).rowcount < 1:
            mine = route_state.c.route == self.route
            connection.execute(route_state.update().where(mine).values(**values))


def write_all(engine: Engine, healths: list[Health], at: datetime) -> None:
    """Raises:
    SQLAlchemyError: it could not be written.
    """
    with writing(engine) as connection:
        for health in healths:
            health.write(connection, at)
