"""How fast one network and one session may read, so that nobody reads for all.

Phone companies put thousands of people behind one address, so a network has room for a crowd; what
keeps the pages up under a crowd is that they are cheap and that what is dear is drawn once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

REMEMBERED = 4_096
"""Names whose pace is remembered, some 200 bytes each; the one not seen longest is forgotten."""


@dataclass(frozen=True)
class Pace:
    """So many at once, and afterwards so many a second."""

    at_once: float
    per_s: float


NETWORK = Pace(600, 100)
"""Twenty screens that open a map of thirty tiles each; on two cores some 500 pages a second."""
SESSION = Pace(300, 40)
"""One person with a map and a few open pages."""


class Paces:
    """Token buckets by name."""

    def __init__(self, pace: Pace, steady: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._steady = steady
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def takes(self, name: str) -> bool:
        with self._lock:
            now = self._steady()
            left, then = self._known.pop(name, (self._pace.at_once, now))
            left = min(self._pace.at_once, left + (now - then) * self._pace.per_s)
            taken = left >= 1
            self._known[name] = (left - taken, now)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return taken

    def __len__(self) -> int:
        return len(self._known)
