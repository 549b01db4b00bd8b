"""What a document said when it was read before: most polls bring the same bytes again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime

from ingest.source import Reading

MAX_READINGS = 256
"""Documents of this process; the 11 CAP files of a busy day and the lists are 40, each some
hundred kilobytes at most."""


@dataclass
class Memo:
    """Readings of one process, by reader and bytes; the least recently used goes first.

    A reading with refused items is not kept: what is implausible now (a time ahead of our clock)
    may be right at the next poll. Nor is one used for an earlier clock than its own.
    """

    limit: int = MAX_READINGS
    _kept: OrderedDict[Hashable, tuple[datetime, Reading]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reading(self, key: Hashable, clock: datetime, read: Callable[[], Reading]) -> Reading:
        """What `read` gives, or gave before for this key at an earlier or the same clock."""
        with self._lock:
            before = self._kept.get(key)
            if before is not None and before[0] <= clock:
                self._kept.move_to_end(key)
                return before[1]
        found = read()
        if not found.rejected:
            with self._lock:
                self._kept[key] = (clock, found)
                self._kept.move_to_end(key)
                if len(self._kept) > self.limit:
                    self._kept.popitem(last=False)
        return found


MEMO = Memo()
"""Of this process."""
