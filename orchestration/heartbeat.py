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
from datetime import datetime, timedelta

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
    """Beats of one process, which a database that fails never ends."""

    engine: Engine
    every_s: float = 5.0
    """Beats closer together are left out: a loop turns twice a second."""
    _last: dict[str, datetime] = field(default_factory=dict)

    def beat(self, name: str, at: datetime, detail: str = "") -> bool:
        """Whether it was written. One that cannot be is missed, which is what raises the alarm."""
        last = self._last.get(name)
        if last is not None and 0 <= (at - last).total_seconds() < self.every_s:
            return False
        try:
            beat(self.engine, name, at, detail)
        except (SQLAlchemyError, OSError) as error:
            log.warning("heartbeat of %s: %s", name, error)
            return False
        self._last[name] = at
        return True

    def end(self, *names: str) -> None:
        """An orderly end of this process."""
        for name in names:
            try:
                stop_beating(self.engine, name)
            except (SQLAlchemyError, OSError) as error:
                log.warning("heartbeat of %s: %s", name, error)


@contextmanager
def open_pulse(database_url: str) -> Iterator[Pulse]:
    """A pulse with its own connection to the database."""
    from kentongan.db import make_engine
    from kentongan.migrate import migrate

    engine = make_engine(database_url)
    try:
        migrate(engine)
        yield Pulse(engine)
    finally:
        engine.dispose()
