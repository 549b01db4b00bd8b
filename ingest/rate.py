"""At most so many requests a minute to one host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PER_MINUTE = 60
"""BMKG's published limit for forecast and nowcast, per address; kept on every host."""


@dataclass
class RateLimiter:
    """One token bucket a host: a minute's worth at once, then one each `60 / per_minute` s."""

    per_minute: int = PER_MINUTE
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def left(self, host: str) -> int:
        """Requests that may go out now without waiting."""
        with self._lock:
            return int(self._tokens(host))

    def take(self, host: str, *, patience_s: float) -> bool:
        """Wait for a token and take it; False, without waiting, if that would take longer."""
        with self._lock:
            tokens = self._tokens(host) - 1
            wait = max(0.0, -tokens * 60 / self.per_minute)
            if wait > patience_s:
                return False
            self._buckets[host] = (tokens, self.monotonic())
        if wait:
            self.sleep(wait)
        return True

    def _tokens(self, host: str) -> float:
        tokens, since = self._buckets.get(host, (float(self.per_minute), self.monotonic()))
        gained = (self.monotonic() - since) * self.per_minute / 60
        return min(float(self.per_minute), tokens + gained)


LIMITER = RateLimiter()
"""Shared by all sources of this process: the limit counts per address of ours, not per feed."""
