"""The dispatcher: everything that sends, in one process.

| thread | does |
|---|---|
| one for each route that this process owns | claims and sends |
| one for the recorder | the same, for made-up people and exercises |
| `owner` | renews the lease, or holds the locks |
| `house` | recovery, ends, receipts that came early, spending, what the tables tell of routes |
| `receipts` | writes receipts of all routes in batches |

Channels have threads of their own; what they bring goes through the sink and is acknowledged after
its commit. Memory is bounded by the batches, whatever waits in the tables.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from kentongan.binding import bind
from kentongan.db import make_engine
from kentongan.errors import SettingsError
from kentongan.migrate import migrate
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from kentongan.types import Mode
from notify.channels.real import RealChannel
from notify.channels.recorder import Recorder
from notify.channels.routes import RouteBase
from notify.dispatcher.carrier import Carrier
from notify.dispatcher.config import Routes, load_routes, open_channel
from notify.dispatcher.faults import Faults
from notify.dispatcher.housekeeping import House
from notify.dispatcher.ownership import Owner, owner_of
from notify.dispatcher.policy import load_dispatch_policy
from notify.dispatcher.shared import Shared, utc
from notify.dispatcher.sink import RouteSink
from notify.dispatcher.spending import Meter
from notify.dispatcher.worker import Worker
from notify.dispatcher.writer import ReceiptWriter
from notify.firewall.gate import RECORDER, TEST_ROUTE, Guarded, channels_for
from notify.sending.receipts import record

log = logging.getLogger(__name__)

_OWNER_S = 2.0
_STOP_S = 45.0
"""What a window on the wire and a line's good-bye may take at the end."""


@dataclass
class Dispatcher:
    """Started by `with`; ended in order by its end. `settings` say which home and mode."""

    settings: Settings
    only: tuple[str, ...] = ()
    """Routes that this process serves; empty: all of the file."""
    tell: Callable[[str], None] = log.error
    clock: Callable[[], datetime] = utc
    lost: str = ""
    """Why it must end: another one sends."""
    engine: Engine = field(init=False)
    routes: Routes = field(init=False)
    shared: Shared = field(init=False)
    workers: tuple[Worker, ...] = ()
    _stack: ExitStack = field(default_factory=ExitStack)

    # --- starting ------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Raises:
        SettingsError: the routes file or the policy.
        RuleViolation: another dispatcher runs, or the home is of another kind of run.
        """
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: ExitStack) -> None:
        settings = self.settings
        policy = load_dispatch_policy(settings.dispatch_policy)
        self.routes = load_routes(settings.routes)
        _require_known(self.only, self.routes)
        self.engine = make_engine(settings.resolved_database_url)
        stack.callback(self.engine.dispose)
        migrate(self.engine)
        bind(self.engine, settings.mode, live=self.is_live)
        self._owner: Owner = owner_of(self.engine)
        self.shared = Shared(
            engine=self.engine, keys=secrets_key(settings), policy=policy,
            faults=Faults(self.tell), spending=Meter(self.engine, policy.ceiling),
            holds=self._holds, guard=self._guard, works=self._works,
            owner=f"{socket.gethostname()[:40]}:{os.getpid()}", clock=self.clock,
        )  # fmt: skip
        self._owner.acquire()
        stack.callback(self._let_go)
        self._writer = ReceiptWriter(lambda found: record(self.engine, found, at=self.clock()))
        self._writer.start()
        stack.callback(self._writer.stop)
        self.workers = (self._recording(), *self._carriers())
        self._owner.wanted([c.config.route for c in self.carriers])
        self._owner.keep()
        self.house = House(self.shared, self.carriers)
        self._run(stack)

    def _run(self, stack: ExitStack) -> None:
        beside = [
            threading.Thread(target=self._keep_owner, name="owner", daemon=True),
            threading.Thread(target=self.house.run, name="house", daemon=True),
        ]
        stack.callback(self._end, beside)
        for thread in (*beside, *self.workers):
            thread.start()

    def _recording(self) -> Worker:
        folder = self.settings.home.resolve() / "recorder"
        return Worker(self.shared, Recorder(folder), RECORDER)

    def _carriers(self) -> list[Carrier]:
        made = []
        for route in self._served():
            way = TEST_ROUTE if self.settings.mode is Mode.TEST else route.route
            sink = RouteSink(self.shared, self._writer, way)
            channel = open_channel(route)
            made.append(
                Carrier(
                    self.shared, route, channel, sink, way=way, others=self.routes.of(route.channel)
                )
            )
        return made

    def _served(self) -> Sequence[RouteBase]:
        """Of an exercise none; of a test run the first that takes SMS, for the listed numbers."""
        mode = self.settings.mode
        if mode is Mode.TEST:
            return self.routes.of("sms")[:1] if self.settings.test_numbers else ()
        if mode is not Mode.ACTUAL or not self.is_live:
            return ()
        return [r for r in self.routes.all if not self.only or r.route in self.only]

    # --- what the threads ask ------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """Of the present, by feeds that are BMKG's: a recording played back reaches nobody."""
        return not self.settings.feeds_are_local

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        return tuple(one for one in self.workers if isinstance(one, Carrier))

    def _holds(self, route: str) -> bool:
        return self._owner.holds(route)

    def _works(self, name: str) -> bool:
        for carrier in self.carriers:
            if carrier.config.route == name and self._owner.holds(name):
                return not carrier.health.is_given_up
        return self.house.works_elsewhere(name)

    def _guard(self, way: str, channel: RealChannel) -> Guarded | None:
        settings = self.settings
        real = {"sms" if way == TEST_ROUTE else way: channel}
        found = channels_for(
            self.engine, settings.mode, live=self.is_live, at=self.clock(),
            recorder=Recorder(settings.home / "recorder"), real=real,
            test_numbers=settings.test_numbers,
        ).get(way)  # fmt: skip
        return found if isinstance(found, Guarded) else None

    # --- running and ending --------------------------------------------------------------

    def _keep_owner(self) -> None:
        while not self.shared.give_up.wait(_OWNER_S):
            try:
                if not self._owner.keep():
                    self.lost = "another dispatcher has taken over: its lease is not ours any more"
                    self.shared.ending.set()
                    return
                self.shared.faults.over("ownership")
            except SQLAlchemyError as error:
                self.shared.faults.note("ownership", error)

    def counts(self) -> Counter[str]:
        """What became of messages since the start."""
        total: Counter[str] = Counter()
        for worker in self.workers:
            total.update(worker.outcomes)
        return total

    def is_idle(self) -> bool:
        """Whether every way out has looked and found nothing that may go."""
        return all(worker.has_looked for worker in self.workers)

    def _end(self, beside: Sequence[threading.Thread]) -> None:
        """Windows on the wire are answered first; then everything else stops."""
        self.shared.ending.set()
        end = time.monotonic() + _STOP_S
        for worker in self.workers:
            if worker.is_alive():
                worker.join(max(0.1, end - time.monotonic()))
        self.shared.give_up.set()
        for thread in (*beside, *self.workers):
            if thread.is_alive():
                thread.join(5.0)
        try:
            self.house.write(self.clock())
        except SQLAlchemyError as error:
            self.shared.faults.note("the last figures", error)

    def _let_go(self) -> None:
        try:
            self._owner.release()
        except SQLAlchemyError as error:
            self.shared.faults.note("ownership", error)

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _require_known(only: Sequence[str], routes: Routes) -> None:
    unknown = sorted(set(only) - set(routes.names))
    if unknown:
        known = ", ".join(routes.names) or "none"
        raise SettingsError(f"route {', '.join(unknown)}: not in the routes file; known: {known}")
