"""Looks at the tables while somebody listens, and tells the hub what changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from console.web.live import watermarks
from console.web.live.hub import RESET, Hub
from console.web.live.watermarks import FEED, Marks
from kentongan.times import iso
from kentongan.view import FeedLine

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""A change is told within two seconds; most of that is the page's."""
SLOW_S = 2.0
FEEDS_S = 5.0
"""Between two judgements of feeds that were polled; each takes some 20 ms."""
FEEDS_IDLE_S = 15.0
"""Feeds grow old without any poll."""
AFTER_FAULT_S = 2.0

Feeds = Callable[[datetime], tuple[FeedLine, ...]]


@dataclass
class Eye:
    """One look after the other over one connection; used by one thread at a time."""

    engine: Engine
    home: Path
    feeds: Feeds
    seen: Marks = field(default_factory=dict)
    _connection: Connection | None = None
    _version: int | None = None
    _slow_at: float = 0.0
    _feeds_at: float = 0.0
    _slow_due: bool = True

    def look(self, at: datetime) -> list[str]:
        """Kinds that changed since the look before; at the first look `reset`.

        Raises:
            SQLAlchemyError: the tables cannot be read.
        """
        first = not self.seen
        found = {**self._tables(), "rain": watermarks.rain(self.home)}
        changed = [kind for kind, marks in found.items() if self.seen.get(kind) != marks]
        self.seen.update(found)
        if (FEED in changed or self._idle()) and self._feeds_changed(at):
            changed.append("feeds")
        if first:
            return [RESET]
        return list(dict.fromkeys(kind.partition(" ")[0] for kind in changed if kind != FEED))

    def _tables(self) -> Marks:
        if self._connection is None:
            self._connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            # Closed for good by `close`: a pool that was given up meanwhile would only drop it.
            self._connection.detach()
        version = watermarks.data_version(self._connection)
        if version is None or version != self._version:
            self._version, self._slow_due = version, True
            found = watermarks.quick(self._connection)
        else:
            found = {}
        now = time.monotonic()
        if self._slow_due and now >= self._slow_at:
            self._slow_at, self._slow_due = now + SLOW_S, version is None
            counted = watermarks.slow(self._connection)
            found |= {f"{kind} counted": marks for kind, marks in counted.items()}
        return found

    def _idle(self) -> bool:
        return time.monotonic() >= self._feeds_at + FEEDS_IDLE_S - FEEDS_S

    def _feeds_changed(self, at: datetime) -> bool:
        now = time.monotonic()
        if now < self._feeds_at:
            # Polled again within seconds: judged when it is due.
            self.seen.pop(FEED, None)
            self._version = None
            return False
        self._feeds_at = now + FEEDS_S
        lines = self.feeds(at)
        worth = tuple((f.source_id, f.state, f.newest, f.blind_since) for f in lines)
        changed = self.seen.get("feeds worth") not in (None, worth)
        self.seen["feeds worth"] = worth
        return changed

    def close(self) -> None:
        """Let go of the connection: it is broken, or nobody listens."""
        connection, self._connection = self._connection, None
        self._version = None
        if connection is not None:
            try:
                connection.close()
            except SQLAlchemyError as error:
                log.info("closing the connection of the live view: %s", error)


class Watcher:
    """Runs while the hub has viewers; the first one wakes it."""

    def __init__(self, hub: Hub, eye: Callable[[], Eye], clock: Callable[[], datetime]) -> None:
        self._hub, self._make_eye, self._clock = hub, eye, clock
        self._eye: Eye | None = None
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Call it from the event loop, after a viewer has joined."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        well = True
        try:
            while self._hub.viewers:
                before = time.monotonic()
                well = await self._once(well)
                pause = LOOK_S if well else AFTER_FAULT_S
                # On a busy machine, looking must not become all that there is.
                await asyncio.sleep(max(pause, time.monotonic() - before))
        finally:
            if self._eye is not None:
                await asyncio.to_thread(self._eye.close)

    async def _once(self, well: bool) -> bool:
        at = self._clock()
        try:
            changed: list[str] = await asyncio.to_thread(self._look, at)
        except (SQLAlchemyError, OSError) as error:
            if well:
                log.warning("live view: %s", str(error).splitlines()[0])
                self._hub.database(ok=False, at=iso(at))
            if self._eye is not None:
                await asyncio.to_thread(self._eye.close)
            return False
        if not well:
            self._hub.database(ok=True, at=iso(at))
        for kind in changed:
            self._hub.publish(kind, iso(at))
        return True

    def _look(self, at: datetime) -> list[str]:
        if self._eye is None:
            self._eye = self._make_eye()
        return self._eye.look(at)
