"""How fast a route may send: a token bucket on the monotonic clock, so that a clock that is set
back or forward neither stalls nor floods.

A carrier that says "too fast" halves the rate at once; it comes back by a twentieth of what the
contract allows with every second that passes without such a word.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST_S = 0.25
"""Seconds of the rate that may be saved up: a carrier counts by the second."""
LEAST = 0.05
"""Of the contract's rate; below it a route would seem dead."""
REGAIN_PER_S = 0.05
REST_S = 1.0
"""Between two halvings: all messages in flight complain of one and the same burst."""


class TokenBucket:
    """Tokens are messages (parts). Any thread may use it."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.allowed = rate
        self._rate = rate
        self._clock = clock
        self._tokens = 1.0
        self._at = self._halved = clock()
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Messages a second now."""
        with self._lock:
            self._refill()
            return self._rate

    def restore(self, rate: float) -> None:
        """Go on at the rate that an earlier process had come down to."""
        with self._lock:
            self._rate = min(self.allowed, max(rate, self.allowed * LEAST))

    def wait_for(self, tokens: int) -> float:
        """Seconds until so many may go. The bucket may be overdrawn by what is larger than it."""
        with self._lock:
            self._refill()
            missing = min(float(tokens), self._depth()) - self._tokens
            return max(0.0, missing / self._rate)

    def take(self, tokens: int) -> None:
        """They go now."""
        with self._lock:
            self._refill()
            self._tokens -= tokens

    def slow_down(self) -> float:
        """The carrier was too slow for us; returns the new rate."""
        with self._lock:
            self._refill()
            if self._clock() - self._halved >= REST_S:
                self._halved = self._clock()
                self._rate = max(self._rate / 2, self.allowed * LEAST)
                self._tokens = min(self._tokens, 0.0)
            return self._rate

    def _depth(self) -> float:
        return max(1.0, self._rate * BURST_S)

    def _refill(self) -> None:
        now = self._clock()
        passed, self._at = max(0.0, now - self._at), now
        self._rate = min(self.allowed, self._rate + self.allowed * REGAIN_PER_S * passed)
        self._tokens = min(self._depth(), self._tokens + passed * self._rate)
