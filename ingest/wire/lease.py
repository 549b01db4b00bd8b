"""One at a time, across threads and processes: a lease with an end, in the table `leases`.

An owner that died on this machine is found out at once by its process; one elsewhere when its
lease ends.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.wire.shared import change, first_row, say_once
from kentongan.processes import is_dead, this_process

_TAKE = """INSERT INTO leases (name, owner, until) VALUES (:name, :owner, :until)
    ON CONFLICT (name) DO UPDATE SET owner = :owner, until = :until
    WHERE leases.until < :now OR leases.until > :far OR leases.owner = :dead
    RETURNING owner"""
_HOLDER = "SELECT owner FROM leases WHERE name = :name"
_RENEW = "UPDATE leases SET until = :until WHERE name = :name AND owner = :owner"
_LET_GO = "DELETE FROM leases WHERE name = :name AND owner = :owner"
_FAR = 10
"""A lease that ends after so many of its lengths was set by a clock that was wrong."""
_TROUBLE = "leases not usable; two processes may poll one feed at once"
_numbers = itertools.count()
_held: set[str] = set()
_lock = threading.Lock()


@dataclass
class Lease:
    """Held until the end of its block, as long as it is renewed within `seconds`."""

    engine: Engine
    name: str
    seconds: float
    owner: str
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._renewed = self.clock()

    def renew(self) -> None:
        """Hold on for `seconds` from now; does nothing while most of the time is left."""
        now = self.clock()
        if abs(now - self._renewed) < self.seconds / 3:
            return
        self._renewed = now
        values = {"name": self.name, "owner": self.owner, "until": _stamp(now + self.seconds)}
        try:
            change(self.engine, _RENEW, values)
        except SQLAlchemyError as error:
            say_once(_TROUBLE, error)


@contextmanager
def lease(
    engine: Engine, name: str, *, seconds: float, clock: Callable[[], float] = time.time
) -> Iterator[Lease | None]:
    """The lease of that name; None, without waiting, while another holds it.

    Where the database cannot be written, only the threads of this process are kept apart: a feed
    that is polled twice is better than one that is not polled.
    """
    key = f"{engine.url} {name}"
    with _lock:
        is_free = key not in _held
        _held.add(key)
    if not is_free:
        yield None
        return
    mine = Lease(engine, name, seconds, f"{this_process()}:{next(_numbers)}", clock)
    try:
        if not _take(mine):
            yield None
            return
        try:
            yield mine
        finally:
            _let_go(mine)
    finally:
        with _lock:
            _held.discard(key)


def _take(mine: Lease) -> bool:
    now = mine.clock()
    values = {
        "name": mine.name,
        "owner": mine.owner,
        "until": _stamp(now + mine.seconds),
        "now": _stamp(now),
        "far": _stamp(now + _FAR * mine.seconds),
        "dead": "",
    }
    try:
        if first_row(mine.engine, _TAKE, values) is not None:
            return True
        holder = first_row(mine.engine, _HOLDER, {"name": mine.name})
        if holder is not None and not is_dead(holder.owner.rpartition(":")[0]):
            return False
        values["dead"] = holder.owner if holder is not None else ""
        return first_row(mine.engine, _TAKE, values) is not None
    except SQLAlchemyError as error:
        say_once(_TROUBLE, error)
        return True


def _let_go(mine: Lease) -> None:
    try:
        change(mine.engine, _LET_GO, {"name": mine.name, "owner": mine.owner})
    except SQLAlchemyError as error:
        say_once(_TROUBLE, error)


def _stamp(seconds: float) -> str:
    """ISO 8601 with microseconds, so that texts sort."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _forget_held() -> None:
    """A forked child holds nothing of its parent's."""
    global _lock
    _lock = threading.Lock()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_held)
