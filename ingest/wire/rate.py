"""At most so many requests a minute to one host: in this process, or in all that share a database.

A token bucket for each host holds a minute's worth at once and gains one each
`60 / per_minute` s. Fewer than no tokens means turns that are already given away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.wire.shared import first_row, say_once

PER_MINUTE = 60
"""BMKG's published limit for forecast and nowcast, per address; kept on every host."""
SUPPORT_RESERVE = 20
"""Requests of a minute that forecasts and pictures leave to the warning feeds of the same host:
what the index, its 11 documents and their second language need in the busiest minute on record."""


class Limiter(Protocol):
    @property
    def per_minute(self) -> int:
        """Requests a minute and host."""

    def left(self, host: str) -> int:
        """Requests that may go out now without waiting; below 0: turns given away already."""

    def take(self, host: str, *, patience_s: float, reserve: int = 0) -> bool:
        """Wait for a turn and take it; False, without waiting, if that would take longer.

        `reserve` requests of the minute must be left afterwards: for others that matter more.
        """


@dataclass
class RateLimiter:
    """The limit of one process."""

    per_minute: int = PER_MINUTE
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def left(self, host: str) -> int:
        with self._lock:
            return int(self._tokens(host))

    def take(self, host: str, *, patience_s: float, reserve: int = 0) -> bool:
        with self._lock:
            tokens = self._tokens(host) - 1
            wait = max(0.0, (_kept(reserve, self.per_minute) - tokens) * 60 / self.per_minute)
            if wait > patience_s:
                return False
            self._buckets[host] = (tokens, self.monotonic())
        if wait:
            self.sleep(wait)
        return True

    def note(self, host: str) -> None:
        """A request that another limiter allowed."""
        with self._lock:
            self._buckets[host] = (self._tokens(host) - 1, self.monotonic())

    def _tokens(self, host: str) -> float:
        tokens, since = self._buckets.get(host, (float(self.per_minute), self.monotonic()))
        gained = (self.monotonic() - since) * self.per_minute / 60
        return min(float(self.per_minute), tokens + gained)


def _kept(reserve: int, per_minute: int) -> int:
    """A reserve never closes a host."""
    return min(reserve, per_minute - 1)


LIMITER = RateLimiter()
"""This process's own count: what holds while the shared one cannot be written."""

# A clock that was set back counts like one that went on: it fills the bucket, never locks it.
_TOKENS = """CASE WHEN rate_buckets.tokens + ABS(:now - rate_buckets.at) * :gain > :full
    THEN :full ELSE rate_buckets.tokens + ABS(:now - rate_buckets.at) * :gain END"""
_TAKE = f"""INSERT INTO rate_buckets (host, tokens, at) VALUES (:host, :full - 1, :now)
    ON CONFLICT (host) DO UPDATE SET tokens = ({_TOKENS}) - 1, at = :now
    WHERE ({_TOKENS}) - 1 >= :least RETURNING tokens"""
_LEFT = f"SELECT {_TOKENS} AS tokens FROM rate_buckets WHERE host = :host"


@dataclass(frozen=True)
class SharedLimiter:
    """One limit for all processes on one database; its bucket is the table `rate_buckets`."""

    engine: Engine
    per_minute: int = PER_MINUTE
    local: RateLimiter = field(default_factory=lambda: LIMITER)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def left(self, host: str) -> int:
        try:
            row = first_row(self.engine, _LEFT, self._values(host))
        except SQLAlchemyError as error:
            say_once("shared request limit not readable; this process keeps its own", error)
            return self.local.left(host)
        return int(row.tokens) if row else self.per_minute

    def take(self, host: str, *, patience_s: float, reserve: int = 0) -> bool:
        kept = _kept(reserve, self.per_minute)
        least = kept - patience_s * self.per_minute / 60
        try:
            row = first_row(self.engine, _TAKE, self._values(host) | {"least": least})
        except SQLAlchemyError as error:
            say_once("shared request limit not writable; this process keeps its own", error)
            return self.local.take(host, patience_s=patience_s, reserve=reserve)
        if row is None:
            return False
        self.local.note(host)
        wait = (kept - row.tokens) * 60 / self.per_minute
        if wait > 0:
            self.sleep(wait)
        return True

    def _values(self, host: str) -> dict[str, object]:
        return {
            "host": host[:120],
            "now": self.clock(),
            "gain": self.per_minute / 60,
            "full": float(self.per_minute),
        }
