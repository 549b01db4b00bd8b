"""Heartbeats: each part of the running set says now and then that it works.

They are read by `kentongan deadman`, which stands outside, by `/metrics` and by the pages.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from kentongan.db import heartbeats, insert_ignore
from kentongan.times import iso, parse_instant

log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=10)
"""A beat further in the future comes from a clock that was wrong; a true one replaces it."""
CYCLE = "cycle"
WATCH = "watch"
DISPATCH = "dispatch"
WEB = "web"
UP = "up"
SCHEDULER = "scheduler"
TRIGGERER = "triggerer"
DAG_PROCESSOR = "dag-processor"
CANARY = "canary"


@dataclass(frozen=True)
class Beat:
    name: str
    at: datetime
    pid: int
    host: str
    detail: str


def beat(engine: Engine, name: str, at: datetime, detail: str = "") -> None:
    """Note that `name` works at `at`; an older beat does not replace a newer one.

    Raises:
        SQLAlchemyError: it could not be written.
    """
    values = {"at": iso(at), "pid": os.getpid(), "host": socket.gethostname()[:120]}
    values["detail"] = detail[:500]
    with engine.begin() as connection:
        new = insert_ignore(connection, heartbeats).values(name=name, **values)
        if connection.execute(new).rowcount < 1:
            mine = heartbeats.c.name == name
            older = (heartbeats.c.at <= iso(at)) | (heartbeats.c.at > iso(at + AHEAD))
            connection.execute(update(heartbeats).where(mine, older).values(**values))


def beat_if_present(engine: Engine, name: str, at: datetime) -> None:
    """As `beat`, where `at` is the real present: a replay shows that nothing of today works."""
    if abs(datetime.now(UTC) - at) <= AHEAD:
        beat(engine, name, at)


def stop_beating(engine: Engine, name: str) -> None:
    """An orderly end: nobody expects a beat any more."""
    with engine.begin() as connection:
        connection.execute(delete(heartbeats).where(heartbeats.c.name == name))


def beats(engine: Engine) -> tuple[Beat, ...]:
    """The newest beat of each part, by name."""
    with engine.connect() as connection:
        rows = connection.execute(select(heartbeats).order_by(heartbeats.c.name)).all()
    return tuple(Beat(r.name, parse_instant(r.at), r.pid, r.host, r.detail) for r in rows)


@dataclass
class Pulse:
    """Beats of one process. A database that fails ends nothing: the missed beat is the alarm."""

    database_url: str
    every_s: float = 2.0
    """Beats closer together are left out: a loop turns twice a second."""
    _last: dict[str, datetime] = field(default_factory=dict)
    _engine: Engine | None = None

    def beat(self, name: str, at: datetime, detail: str = "") -> bool:
        """Whether it was written."""
        last = self._last.get(name)
        if last is not None and 0 <= (at - last).total_seconds() < self.every_s:
            return False
        try:
            beat(self._open(), name, at, detail)
        except (SQLAlchemyError, OSError) as error:
            log.warning("heartbeat of %s: %s", name, str(error).splitlines()[0])
            return False
        self._last[name] = at
        return True

    def end(self, *names: str) -> None:
        """An orderly end of this process: its parts are not expected any more."""
        for name in names:
            try:
                stop_beating(self._open(), name)
            except (SQLAlchemyError, OSError) as error:
                log.warning("heartbeat of %s: %s", name, str(error).splitlines()[0])
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _open(self) -> Engine:
        if self._engine is None:
            from kentongan.db import make_engine
            from kentongan.migrate import migrate

            engine = make_engine(self.database_url)
            migrate(engine)
            self._engine = engine
        return self._engine


@contextmanager
def pulse(database_url: str, *names: str) -> Iterator[Pulse]:
    """A pulse whose `names` beat until the block ends in order; one that is killed leaves its
    last beat, which grows old."""
    found = Pulse(database_url)
    try:
        yield found
    finally:
        found.end(*names)


def beat_once(database_url: str, name: str, at: datetime) -> None:
    """One beat of something that runs now and then and is expected to."""
    with pulse(database_url) as found:
        found.beat(name, at)
