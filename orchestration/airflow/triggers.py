"""Doorbells: tell Airflow that the bytes at an address of BMKG's changed.

The event says only which source changed; the task that it wakes polls the source itself,
archives and parses. Airflow may merge, reorder or lose events, and the one-minute backstop
polls anyway, so a lost ring costs time and never data.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import httpx
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from kentongan.errors import SourceError
from kentongan.settings import Settings
from kentongan.times import iso
from orchestration.airflow.doorbell import Glance, Turn, address, client, glance, pause_s, turn
from orchestration.watch import INTERVALS_S, utc_now

_STORE_KEY = "last"


class FeedTrigger(BaseEventTrigger):
    """Yields `{"source_id", "sha256", "seen_at"}` whenever the bytes of a source change.

    Args:
        source_id: one of `doorbell.BELLS`.
        poll_s: seconds between looks; none: the interval of `orchestration.watch`.

    Never ends: a failing feed is logged and looked at less often. The base addresses come
    from the settings of the triggerer's process.
    """

    def __init__(self, source_id: str, poll_s: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.source_id = source_id
        self.poll_s = poll_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        return name, {"source_id": self.source_id, "poll_s": self.poll_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        settings = Settings()
        url, poll_s = address(self.source_id, settings), self._interval()
        last, strained = await self._remembered(), 0
        mine = await asyncio.to_thread(turn, url, settings)
        async with client(settings) as http:
            while True:
                seen = await self._look(http, mine, last, settings)
                if seen is not None and (last is None or seen.sha256 != last.sha256):
                    yield self._event(seen)
                    # After the yield: a ring may come twice, never not at all.
                    await self._remember(seen)
                    strained += 1
                else:
                    strained = strained + 1 if seen is None else 0
                last = seen or last
                await asyncio.sleep(pause_s(poll_s, strained))

    def _interval(self) -> float:
        return self.poll_s if self.poll_s is not None else INTERVALS_S[self.source_id]

    def _event(self, seen: Glance) -> TriggerEvent:
        payload = {"source_id": self.source_id, "sha256": seen.sha256, "seen_at": iso(utc_now())}
        return TriggerEvent(payload)  # type: ignore[no-untyped-call]

    async def _look(
        self, http: httpx.AsyncClient, mine: Turn, last: Glance | None, settings: Settings
    ) -> Glance | None:
        """None if the look failed; a doorbell that raises is silent for ever."""
        timeout_s, max_bytes = settings.http_timeout_s, settings.http_max_bytes
        try:
            await asyncio.to_thread(mine.take, utc_now())
            try:
                seen = await glance(http, mine.url, last, timeout_s=timeout_s, max_bytes=max_bytes)
            except SourceError as error:
                await asyncio.to_thread(mine.done, utc_now(), str(error))
                raise
            await asyncio.to_thread(mine.done, utc_now())
            return seen
        except SourceError as error:
            self.log.warning("doorbell %s: %s", self.source_id, error)
        except Exception:
            self.log.exception("doorbell %s: unexpected; it goes on", self.source_id)
        return None

    async def _remembered(self) -> Glance | None:
        """What an earlier triggerer saw last, so that a restart does not ring for nothing."""
        if self.asset_state_store is None:
            return None
        try:
            stored = await self.asset_state_store.aget(_STORE_KEY)
            if isinstance(stored, dict):
                return Glance(str(stored["sha256"]), str(stored["etag"]))
        except Exception:
            self.log.exception("doorbell %s: no memory; it rings once more", self.source_id)
        return None

    async def _remember(self, seen: Glance) -> None:
        if self.asset_state_store is None:
            return
        try:
            await self.asset_state_store.aset(_STORE_KEY, asdict(seen))
        except Exception:
            self.log.exception("doorbell %s: memory not written", self.source_id)
