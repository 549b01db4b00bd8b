"""What an hour of sending costs, and whether it may cost more (`data/policy/dispatch.toml`).

Counted when messages go onto the wire, by the clock hour in UTC, in the table `spend`: several
dispatchers add to the same rows. What is counted and not yet written is lost by a crash, so a
ceiling may be passed by what goes out in a second.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select, text

from kentongan.db import spend
from kentongan.times import iso
from kentongan.transactions import writing
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
    """Counts what goes out; any thread may use it."""

    engine: Engine
    ceiling: Ceiling
    _pending: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    _known: tuple[str, int, float] = ("", 0, 0.0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._pending = defaultdict(lambda: [0, 0.0])

    def count(self, route: str, parts: int, price: float, at: datetime) -> None:
        """So many parts went onto the wire."""
        with self._lock:
            row = self._pending[route, hour_of(at)]
            row[0] += parts
            row[1] += parts * price

    def write(self, at: datetime) -> None:
        """Add what was counted to the table, and read what this hour has cost in all.

        Raises:
            SQLAlchemyError: nothing was written; it is tried again with the next call.
        """
        with self._lock:
            taken, self._pending = dict(self._pending), defaultdict(lambda: [0, 0.0])
        try:
            with writing(self.engine) as connection:
                for (route, hour), (messages, cost) in taken.items():
                    values = {"route": route, "hour": hour, "messages": int(messages)}
                    connection.execute(_ADD, {**values, "cost": cost})
                found = spent(connection, hour_of(at))
        except BaseException:
            with self._lock:
                for key, (messages, cost) in taken.items():
                    self._pending[key][0] += messages
                    self._pending[key][1] += cost
            raise
        with self._lock:
            self._known = (hour_of(at), *found)

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
            known = self._known[1:] if self._known[0] == hour else (0, 0.0)
            mine = [row for (_, when), row in self._pending.items() if when == hour]
        return known[0] + int(sum(r[0] for r in mine)), known[1] + sum(r[1] for r in mine)


def spent(connection: Connection, hour: str) -> tuple[int, float]:
    """Parts and rupiah of an hour, all routes together."""
    query = select(
        func.coalesce(func.sum(spend.c.messages), 0), func.coalesce(func.sum(spend.c.cost), 0.0)
    ).where(spend.c.hour == hour)
    row = connection.execute(query).one()
    return int(row[0]), float(row[1])
