"""Who listens, and what each has still to be told.

An event says that something of a kind changed, never what. So what a reader was not told yet is a
set of kinds, however slowly it reads: nothing grows, and nobody waits for anybody else. The bytes
of an event are made once for all.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

KINDS = (
    "warnings", "approvals", "tasks", "reports", "dispatch", "feeds", "sop", "audit", "rain",
)  # fmt: skip
DATABASE = "database"
"""Tells whether the tables can be read: `{"ok": false}` while they cannot."""
RESET = "reset"
"""Somebody who was away for longer than is remembered reads everything again."""
MOST_VIEWERS = 1_000
"""Of one process: 1,000 took 13 % of a core and 81 MB with one event a second."""


_MARGIN_S = 2.0
"""A page was read from the tables a little before its age says; told twice is no harm."""


class Full(Exception):
    """More viewers than one process takes."""


@dataclass(eq=False)
class Viewer:
    """One open stream."""

    waiting: dict[str, bytes] = field(default_factory=dict)
    """Kind -> its newest event, not sent yet; at most one a kind."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def put(self, kind: str, data: bytes) -> None:
        # The newest of a kind stands for those before it; it is told at its own place.
        self.waiting.pop(kind, None)
        self.waiting[kind] = data
        self.woken.set()

    async def take(self, timeout_s: float) -> bytes | None:
        """Everything that is waiting, as one piece; None after `timeout_s` without anything."""
        try:
            await asyncio.wait_for(self.woken.wait(), timeout_s)
        except TimeoutError:
            return None
        self.woken.clear()
        pieces = list(self.waiting.values())
        self.waiting.clear()
        return b"".join(pieces)


class Hub:
    """All viewers of one process; used by its event loop alone."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        """`before` is called before a change is told: what was kept of the tables is old then."""
        self._before = before
        self.viewers: set[Viewer] = set()
        self._name = uuid.uuid4().hex[:8]
        self._seq = 0
        self._newest: dict[str, tuple[int, float, bytes]] = {}
        self._database: bytes | None = None

    @property
    def seq(self) -> int:
        return self._seq

    def join(self, last_event_id: str = "", *, age_s: float = 0.0) -> Viewer:
        """A new viewer, which is told at once what it missed.

        Args:
            last_event_id: the last that it was told on the stream before; empty: it is new.
            age_s: of a new one: seconds since its page was made.

        Raises:
            Full: there are `MOST_VIEWERS`.
        """
        if len(self.viewers) >= MOST_VIEWERS:
            raise Full(f"{len(self.viewers)} viewers; at most {MOST_VIEWERS} a process")
        viewer = Viewer()
        for kind, data in self._missed(last_event_id, age_s):
            viewer.put(kind, data)
        self.viewers.add(viewer)
        return viewer

    def close(self) -> None:
        """End every stream: the server stops."""
        for viewer in self.viewers:
            viewer.closed = True
            viewer.woken.set()

    def leave(self, viewer: Viewer) -> None:
        viewer.closed = True
        self.viewers.discard(viewer)

    def publish(self, kind: str, at: str) -> None:
        """Something of `kind` changed by `at` (ISO 8601)."""
        self._before()
        self._seq += 1
        data = self._event(kind, {"at": at, "seq": self._seq})
        self._newest[kind] = self._seq, time.monotonic(), data
        for viewer in self.viewers:
            viewer.put(kind, data)

    def database(self, *, ok: bool, at: str) -> None:
        self._seq += 1
        data = self._event(DATABASE, {"ok": ok, "at": at})
        self._database = None if ok else data
        for viewer in self.viewers:
            viewer.put(DATABASE, data)

    def _event(self, kind: str, data: dict[str, object]) -> bytes:
        said = json.dumps(data, separators=(",", ":"))
        return f"id: {self._name}-{self._seq}\nevent: {kind}\ndata: {said}\n\n".encode()

    def _missed(self, last_event_id: str, age_s: float) -> Iterator[tuple[str, bytes]]:
        if self._database is not None:
            yield DATABASE, self._database
        name, _, number = last_event_id[:40].partition("-")
        known = name == self._name and number.isdecimal() and int(number) <= self._seq
        if last_event_id and not known:
            yield RESET, self._event(RESET, {"seq": self._seq})
            return
        since = int(number) if known else 0
        made = 0.0 if known else time.monotonic() - age_s - _MARGIN_S
        for kind, (seq, at, data) in sorted(self._newest.items(), key=lambda item: item[1][0]):
            if seq > since and at >= made:
                yield kind, data
