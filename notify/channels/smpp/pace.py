"""How fast to submit: a bucket at the contract's rate, slower while the carrier says "too fast"."""

from __future__ import annotations

RECOVERY_PER_S = 0.05
"""Of the contract's rate: +5 % a second after a throttling."""
HALVE_EVERY_S = 1.0
"""A window of refusals is one sign, not fifty."""
SLOWEST = 1 / 64
"""Of the contract's rate."""
BURST_S = 0.1
"""Tokens saved up while idle: a tenth of a second's worth, at least one."""


class Pace:
    """Pure: `now` is any steadily growing clock, in seconds."""

    def __init__(self, rate: float, now: float) -> None:
        self.contract = rate
        self._rate = rate
        self._tokens = self._room
        self._at = now
        self._halved_at = float("-inf")

    @property
    def rate(self) -> float:
        """Messages a second now."""
        return self._rate

    @property
    def _room(self) -> float:
        return max(1.0, self._rate * BURST_S)

    def wait(self, now: float) -> float:
        """Seconds until one may go; 0 takes the token."""
        self._pass_time(now)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def throttled(self, now: float) -> None:
        """The carrier refused one for its speed."""
        self._pass_time(now)
        if now - self._halved_at < HALVE_EVERY_S:
            return
        self._halved_at = now
        self._rate = max(self.contract * SLOWEST, self._rate / 2)
        self._tokens = min(self._tokens, 0.0)

    def _pass_time(self, now: float) -> None:
        passed = max(0.0, now - self._at)
        self._at = now
        if self._rate < self.contract:
            grown = self._rate + self.contract * RECOVERY_PER_S * passed
            self._rate = min(self.contract, grown)
        self._tokens = min(self._room, self._tokens + self._rate * passed)
