"""What an hour of sending costs, and whether it may cost more (`data/policy/dispatch.toml`).

Counted in the table `spend` by the clock hour in UTC, in the transaction that writes down what
became of a window; several dispatchers add to the same rows, and each reads them every second. So a
ceiling may be passed by what goes out in a second.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select, text

from kentongan.db import spend
from kentongan.times import iso
from notify.dispatcher.policy import Ceiling
from notify.sending.told import PRIO_CORRECTION
from notify.sending.urgency import Class

_ADD = text(
    "INSERT INTO spend (route, hour, messages, cost) VALUES (:route, :hour, :messages, :cost) "
    "ON CONFLICT (route, hour) DO UPDATE SET messages = spend.messages + excluded.messages, "
    "cost = spend.cost + excluded.cost"
)
_LAST_CLASS = {4: Class.AWAS, 3: Class.SIAGA, 2: Class.WASPADA}
EVERYTHING = 32_767
"""Above every priority."""


def hour_of(at: datetime) -> str:
    """`2026-11-22T09`."""
    return iso(at)[:13]


def passing_prio(ceiling: Ceiling) -> int:
    """The last priority that a reached ceiling lets by."""
    if ceiling.passes_from_level in _LAST_CLASS:
        return _LAST_CLASS[ceiling.passes_from_level] * 1000 + 999
    return PRIO_CORRECTION if ceiling.corrections_pass else PRIO_CORRECTION - 2


@dataclass
class Meter:
    """What this hour has cost; any thread may use it."""

    engine: Engine
    ceiling: Ceiling
    _known: tuple[str, int, float] = ("", 0, 0.0)
    """Hour, parts and rupiah by the table."""
    _since: tuple[str, int, float] = ("", 0, 0.0)
    """The same that went out here since it was read."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self, connection: Connection, route: str, parts: int, price: float, at: datetime
    ) -> None:
        """In the transaction that writes down what became of them."""
        values = {"route": route, "hour": hour_of(at), "messages": parts, "cost": parts * price}
        connection.execute(_ADD, values)

    def count(self, parts: int, price: float, at: datetime) -> None:
        """So many went onto the wire: a ceiling must hold before the table is read again."""
        hour = hour_of(at)
        with self._lock:
            _, messages, cost = self._since if self._since[0] == hour else (hour, 0, 0.0)
            self._since = (hour, messages + parts, cost + parts * price)

    def read(self, at: datetime) -> None:
        """What all dispatchers have spent this hour.

        Raises:
            SQLAlchemyError: it could not be read.
        """
        hour = hour_of(at)
        with self._lock:
            before = self._since
        with self.engine.connect() as connection:
            found = spent(connection, hour)
        with self._lock:
            self._known = (hour, *found)
            if self._since[0] == before[0]:
                left = (self._since[1] - before[1], self._since[2] - before[2])
                self._since = (before[0], *left)

    def room(self, at: datetime) -> int | None:
        """Parts that may still go this hour; None: no ceiling of messages. 0: it is reached."""
        messages, cost = self.this_hour(at)
        most, rupiah = self.ceiling.messages_per_hour, self.ceiling.rupiah_per_hour
        if rupiah is not None and cost >= rupiah:
            return 0
        return None if most is None else max(0, most - messages)

    def this_hour(self, at: datetime) -> tuple[int, float]:
        """Parts and rupiah of the hour of `at`, of all routes."""
        hour = hour_of(at)
        with self._lock:
            found = [one for one in (self._known, self._since) if one[0] == hour]
        return sum(one[1] for one in found), sum(one[2] for one in found)


def spent(connection: Connection, hour: str) -> tuple[int, float]:
    """Parts and rupiah of an hour, all routes together."""
    query = select(
        func.coalesce(func.sum(spend.c.messages), 0), func.coalesce(func.sum(spend.c.cost), 0.0)
    ).where(spend.c.hour == hour)
    row = connection.execute(query).one()
    return int(row[0]), float(row[1])
