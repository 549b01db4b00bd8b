"""Write transactions that take SQLite's only writer at once instead of half-way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction; what is read in it is still true when it writes."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


PATIENT_MS = 30_000
"""How long a connection waits for SQLite's only writer (`kentongan.db`)."""


@contextmanager
def writing_soon(engine: Engine, wait_ms: int = 100) -> Iterator[Connection]:
    """As `writing`, for what can as well be written later: a page that is only read must not wait
    for whoever writes.

    Raises:
        OperationalError: somebody else writes for longer than `wait_ms`.
    """
    with engine.connect() as connection:
        lite = connection.dialect.name == "sqlite"
        try:
            if lite:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={wait_ms:d}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {wait_ms:d}")
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            if lite:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENT_MS:d}")
