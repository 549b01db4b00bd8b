"""Push services that asked for a pause, or do not answer: not asked again before it is over.

An endpoint is chosen by whoever signs up; one that never answers must not hold up the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_N = TypeVar("_N", int, float)

SILENCES = 3
"""In a row; then the service rests."""
REST_S = 60.0
_KEPT = 10_000


class Pauses:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._silences: dict[str, int] = {}

    def left(self, origin: str) -> float:
        """Seconds until the service may be asked; 0: now."""
        until = self._until.get(origin, 0.0)
        left = until - self._clock()
        if left <= 0:
            self._until.pop(origin, None)
            return 0.0
        return left

    def asked(self, origin: str, seconds: float) -> None:
        _bounded(self._until)[origin] = self._clock() + seconds

    def silent(self, origin: str) -> None:
        count = _bounded(self._silences).get(origin, 0) + 1
        self._silences[origin] = count
        if count >= SILENCES:
            self.asked(origin, REST_S)

    def answered(self, origin: str) -> None:
        self._silences.pop(origin, None)


def _bounded(table: dict[str, _N]) -> dict[str, _N]:
    if len(table) >= _KEPT:
        table.clear()
    return table
