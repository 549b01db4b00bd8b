"""How often somebody may do something: counts in the database, by hour or by day."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, delete

from kentongan.db import limits
from kentongan.times import iso


class Per(IntEnum):
    """Characters of an instant that name its window."""

    HOUR = 13
    DAY = 10


def counted(connection: Connection, scope: str, who: str, per: Per, at: datetime) -> int:
    """How often it was done in this window, this time included.

    Args:
        scope: what is counted.
        who: a keyed hash; never a number or an address itself.
    """
    statement = _insert(connection).values(
        scope=scope, who=who, window=iso(at)[: per.value], count=1
    )
    keys = [limits.c.scope, limits.c.who, limits.c.window]
    again = statement.on_conflict_do_update(index_elements=keys, set_={"count": limits.c.count + 1})
    return int(connection.execute(again.returning(limits.c.count)).scalar_one())


def _insert(connection: Connection) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        return pg_insert(limits)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(limits)


def forget(connection: Connection, at: datetime, *, days: int) -> int:
    """Delete windows that ended more than `days` ago; returns how many."""
    oldest = iso(at - timedelta(days=days))[: Per.DAY.value]
    return connection.execute(delete(limits).where(limits.c.window < oldest)).rowcount
