"""Which messages to ask the carrier about, because their receipts stay away (`query_sm`)."""

from __future__ import annotations

from collections import OrderedDict

MOST = 10_000
"""Messages that wait for their receipts; of more the oldest are never asked about."""
MOST_EARLY = 1_000
"""Receipts that came before their answers; far more than a window."""
MOST_REFUSED = 3
"""In a row: then the carrier knows no `query_sm`, and is left in peace."""


class Asking:
    """Pure: `now` is any steadily growing clock, in seconds. Each message is asked about once."""

    def __init__(self, after_s: float | None) -> None:
        self._after_s = after_s
        self._waiting: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._early: OrderedDict[str, bool] = OrderedDict()
        self._refused = 0

    @property
    def is_on(self) -> bool:
        return self._after_s is not None and self._refused < MOST_REFUSED

    def taken(self, raw_id: str, provider_id: str, now: float) -> None:
        """The carrier took a message.

        Args:
            raw_id: as the carrier wrote it, which is how it must be asked.
            provider_id: as its receipts write it.
        """
        if not self.is_on or self._early.pop(provider_id, False):
            return
        self._waiting[provider_id] = (raw_id, now)
        while len(self._waiting) > MOST:
            self._waiting.popitem(last=False)

    def told(self, provider_id: str) -> None:
        """Its receipt came, perhaps before the answer to the submit was looked at."""
        if not self.is_on or self._waiting.pop(provider_id, None) is not None:
            return
        self._early[provider_id] = True
        while len(self._early) > MOST_EARLY:
            self._early.popitem(last=False)

    def due(self, now: float) -> tuple[str, str] | None:
        """The next to ask about: raw and provider id."""
        if not self.is_on or not self._waiting:
            return None
        provider_id, (raw_id, since) = next(iter(self._waiting.items()))
        if now - since < (self._after_s or 0.0):
            return None
        del self._waiting[provider_id]
        return raw_id, provider_id

    def answered(self, *, refused: bool) -> None:
        self._refused = self._refused + 1 if refused else 0
