"""Small facts that all processes share through the database: limits, breakers, leases.

Each is one statement that is atomic by itself, on SQLite and PostgreSQL. They are worth nothing
after a power cut, so they do not wait for the disk, and nobody waits long for them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

WAIT_MS = 400
"""Longest wait for another writer: writers hold the database for a few ms; a poll must not wait
for one that hangs."""
_SAY_AGAIN_S = 60.0
_said: dict[str, float] = {}


@contextmanager
def light(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement is its own transaction, not synced to the disk."""
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        if engine.dialect.name != "sqlite":
            yield connection
            return
        connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        connection.exec_driver_sql(f"PRAGMA busy_timeout={WAIT_MS}")
        try:
            yield connection
        finally:
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
            connection.exec_driver_sql("PRAGMA busy_timeout=30000")


def first_row(engine: Engine, statement: str, values: Mapping[str, Any]) -> Row[Any] | None:
    """What one statement returns first; None if nothing.

    Raises:
        SQLAlchemyError: the database cannot be used.
    """
    with light(engine) as connection:
        return connection.execute(text(statement), dict(values)).first()


def change(engine: Engine, statement: str, values: Mapping[str, Any]) -> int:
    """Rows that one statement changed.

    Raises:
        SQLAlchemyError: the database cannot be used.
    """
    with light(engine) as connection:
        return connection.execute(text(statement), dict(values)).rowcount


def say_once(what: str, error: SQLAlchemyError) -> None:
    """One log line a minute for a database that cannot be used."""
    now = time.monotonic()
    if now - _said.get(what, -_SAY_AGAIN_S) >= _SAY_AGAIN_S:
        _said[what] = now
        log.warning("%s (%s)", what, str(getattr(error, "orig", None) or error).splitlines()[0])
