"""Who may send: one dispatcher on SQLite, one owner for each route on PostgreSQL.

SQLite has one writer, so a second dispatcher is a mistake: a row in `leases` names the first, and
the second refuses to start. On PostgreSQL many share the work; a route's session belongs to the one
whose connection holds its advisory lock, which the server frees when that connection dies.

What is held is believed only for as long as it was seen lately, by the monotonic clock: a process
that was stopped, or whose database is gone, sends nothing more, before anybody else may begin.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from kentongan.db import leases
from kentongan.errors import RuleViolation
from kentongan.processes import is_dead, number_of, this_process
from kentongan.times import iso, parse_instant
from kentongan.transactions import writing

log = logging.getLogger(__name__)

NAME = "dispatcher"
LEASE_S = 15.0
"""A dispatcher of another machine that died keeps others out for so long."""
BELIEVED_S = 10.0
"""Shorter than the lease: who cannot renew stops before the next one may start."""
_FAR = 10
"""A lease that ends after so many of its lengths was set by a clock that was wrong."""


@dataclass
class SqliteLease:
    """The only dispatcher of a database."""

    engine: Engine
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    steady: Callable[[], float] = time.monotonic
    _owner: str = ""
    _seen: float = -1e9

    def acquire(self) -> None:
        """Raises:
        RuleViolation: another dispatcher runs; it is named.
        """
        now = self.clock()
        self._owner = f"{this_process()}@{iso(now)}@{secrets.token_hex(4)}"
        with writing(self.engine) as connection:
            found = connection.execute(select(leases).where(leases.c.name == NAME)).first()
            if found is not None and self._is_held(found.owner, found.until, now):
                raise RuleViolation(_refusal(found.owner))
            connection.execute(delete(leases).where(leases.c.name == NAME))
            connection.execute(
                leases.insert().values(name=NAME, owner=self._owner, until=_until(now))
            )
        self._seen = self.steady()

    def _is_held(self, owner: str, until: str, now: datetime) -> bool:
        end = parse_instant(until)
        if end < now or end > now + timedelta(seconds=_FAR * LEASE_S):
            return False
        return not is_dead(owner.partition("@")[0])

    def keep(self) -> bool:
        """Renew; False when another took it, which is for good."""
        asked = self.steady()
        mine = update(leases).where(leases.c.name == NAME, leases.c.owner == self._owner)
        with writing(self.engine) as connection:
            renewed = connection.execute(mine.values(until=_until(self.clock())))
            held = renewed.rowcount == 1
        self._seen = asked if held else -1e9
        return held

    def holds(self, route: str) -> bool:  # noqa: ARG002 one lease for all routes
        """Whether this process may still send over the route."""
        return self.steady() - self._seen < BELIEVED_S

    def wanted(self, routes: Iterable[str]) -> None:
        """Nothing to do: the lease is for all routes."""

    def release(self) -> None:
        mine = leases.c.name == NAME, leases.c.owner == self._owner
        with writing(self.engine) as connection:
            connection.execute(delete(leases).where(*mine))
        self._seen = -1e9


def _until(now: datetime) -> str:
    return iso(now + timedelta(seconds=LEASE_S))


def _refusal(owner: str) -> str:
    return (
        f"a dispatcher runs already: {_plainly(owner)}; on SQLite one "
        "alone may send. Leave it to that one, or end it first; for several, use PostgreSQL "
        "(KENTONGAN_DATABASE_URL)"
    )


@dataclass
class PostgresLocks:
    """Advisory locks, one for each route, on one connection that is kept for nothing else."""

    engine: Engine
    steady: Callable[[], float] = time.monotonic
    _connection: Connection | None = None
    _held: set[str] = field(default_factory=set)
    _seen: float = -1e9
    _wanted: tuple[str, ...] = ()

    def acquire(self) -> None:
        """Others may run; whose a route is shows itself in `keep`."""
        self.keep()

    def wanted(self, routes: Iterable[str]) -> None:
        """The routes that this process would serve."""
        self._wanted = tuple(routes)

    def keep(self) -> bool:
        """See that the connection lives, and take what is free; always True: a lock may be had
        again."""
        asked = self.steady()
        try:
            connection = self._open()
            connection.execute(text("SELECT 1"))
            for route in self._wanted:
                if route not in self._held and _try(connection, route):
                    self._held.add(route)
                    log.info("route %s is ours", route)
            connection.commit()
        except SQLAlchemyError as error:
            self._lost(error)
            raise
        self._seen = asked
        return True

    def holds(self, route: str) -> bool:
        """Whether the route is ours, seen lately."""
        return route in self._held and self.steady() - self._seen < BELIEVED_S

    def release(self) -> None:
        """Close the connection: the server frees its locks."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
        self._connection, self._seen = None, -1e9
        self._held.clear()

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self.engine.connect()
        return self._connection

    def _lost(self, error: Exception) -> None:
        if self._held:
            log.warning("routes %s are not ours any more: %s", ", ".join(sorted(self._held)),
                        str(error).splitlines()[0])  # fmt: skip
        try:
            self.release()
        except SQLAlchemyError:
            self._connection = None


Owner = SqliteLease | PostgresLocks


def owner_of(engine: Engine) -> Owner:
    """The kind that fits the database."""
    return PostgresLocks(engine) if engine.dialect.name == "postgresql" else SqliteLease(engine)


def _try(connection: Connection, route: str) -> bool:
    digest = hashlib.sha256(f"kentongan dispatcher {route}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    asked = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key})
    return bool(asked.scalar_one())


def running(engine: Engine) -> str:
    """Who sends on this SQLite database, for a person; empty: nobody, or several may."""
    with engine.connect() as connection:
        found = connection.execute(select(leases).where(leases.c.name == NAME)).first()
    if found is None or is_dead(found.owner.partition("@")[0]):
        return ""
    return _plainly(found.owner)


def _plainly(owner: str) -> str:
    process, since, *_ = [*owner.split("@"), "", ""]
    return f"process {number_of(process)}, since {since}"
