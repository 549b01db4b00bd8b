"""What must happen beside sending, by one thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from kentongan.db import outbox, route_state
from kentongan.tables.sending import is_ready
from kentongan.transactions import writing
from notify.dispatcher.health import write_all
from notify.dispatcher.run import mend_clock
from notify.dispatcher.shared import Shared
from notify.firewall.inspection import suppress_strays
from notify.sending.claim import reroute
from notify.sending.dispatch import DispatchReport, keep_house
from notify.sending.switches import ROUTES
from notify.sending.told import precise

if TYPE_CHECKING:
    from notify.dispatcher.carrier import Carrier

log = logging.getLogger(__name__)

EVERY_S = 1.0
STRAYS_S = 10.0
MOVED = 2_000
"""Rows of one transaction."""
FRESH = timedelta(seconds=30)
"""What a dispatcher said earlier of a route says nothing of now."""
JUMP_S = 60.0
"""A clock that is so far from where it should be was set."""


class House:
    """Of one dispatcher."""

    def __init__(self, shared: Shared, carriers: Sequence[Carrier]) -> None:
        self.shared, self.carriers = shared, carriers
        self.report = DispatchReport()
        self._elsewhere: dict[str, int] = {}
        self._strays_at = -1e9
        self._seen: tuple[float, datetime] | None = None

    def run(self) -> None:
        """Until the process ends."""
        while True:
            try:
                self._look(self.shared.clock())
                self.shared.faults.over("housekeeping")
            except (SQLAlchemyError, OSError) as error:
                self.shared.faults.note("housekeeping", error)
            except Exception as error:  # nothing else may stop it
                log.exception("housekeeping")
                self.shared.faults.note("housekeeping", error)
            if self.shared.give_up.wait(EVERY_S):
                return

    def _look(self, at: datetime) -> None:
        self._mind_clock(at)
        keep_house(self.shared.engine, self.report, at=at)
        self.write(at)
        self._elsewhere = self._read_states(at)
        if time.monotonic() - self._strays_at > STRAYS_S:
            self._strays_at = time.monotonic()
            served = [carrier.way for carrier in self.carriers]
            pools = {carrier.pool for carrier in self.carriers}
            suppress_strays(self.shared.engine, (*served, *pools), at=at)
            self._take_in_orphans(at)

    def _mind_clock(self, at: datetime) -> None:
        """A clock that was set back leaves rows due in the future: they are due now."""
        now, before = time.monotonic(), self._seen
        self._seen = (now, at)
        passed = 0.0 if before is None else (at - before[1]).total_seconds() - (now - before[0])
        if before is not None and abs(passed) < JUMP_S:
            return
        with writing(self.shared.engine) as connection:
            mended = mend_clock(connection, now=at)
        if before is not None:
            log.warning("the clock was set by %+.0f s; %d messages are due anew", passed, mended)

    def write(self, at: datetime) -> None:
        """What others may know: spending and the state of routes.

        Raises:
            SQLAlchemyError: it could not be written.
        """
        self.shared.spending.read(at)
        mine = [c.health for c in self.carriers if self.shared.holds(c.config.route)]
        if mine:
            write_all(self.shared.engine, mine, at)

    def _take_in_orphans(self, at: datetime) -> None:
        """Messages that wait for a route that nobody serves go back to their channel."""
        mine = {carrier.way for carrier in self.carriers}
        with self.shared.engine.connect() as connection:
            found = connection.execute(select(outbox.c.route).where(is_ready).distinct()).scalars()
            named = [way for way in found if way not in (*ROUTES, *mine)]
        for way in named:
            if not self.shared.works(way):
                self._take_in(way, at)

    def _take_in(self, way: str, at: datetime) -> None:
        waiting = select(outbox.c.id, outbox.c.channel).where(is_ready, outbox.c.route == way)
        with writing(self.shared.engine) as connection:
            groups: dict[str, list[int]] = {}
            for row in connection.execute(waiting.limit(MOVED)):
                groups.setdefault(row.channel, []).append(row.id)
            for channel, ids in groups.items():
                reroute(connection, ids, channel, at=at)
        log.warning("route %s is served by nobody: %d messages look for another", way,
                    sum(map(len, groups.values())))  # fmt: skip

    def _read_states(self, at: datetime) -> dict[str, int]:
        """Of routes whose dispatcher said something lately."""
        query = select(route_state.c.route, route_state.c.failures).where(
            route_state.c.at >= precise(at - FRESH)
        )
        with self.shared.engine.connect() as connection:
            return {row.route: row.failures for row in connection.execute(query)}

    def works_elsewhere(self, route: str) -> bool:
        """Of a route that another dispatcher serves: as it last said; unknown ones do not."""
        failures = self._elsewhere.get(route)
        return failures is not None and failures < self.shared.policy.route_failures
