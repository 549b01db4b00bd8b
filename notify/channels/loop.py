"""An event loop in a thread of its own, for channels whose sending is asynchronous."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

_STOP_S = 5.0


class LoopThread:
    """Started by the first use; `close` ends it and it may be started again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, _T], *, within_s: float) -> _T:
        """What the coroutine gives.

        Raises:
            TimeoutError: it took longer, and was cancelled.
            Exception: whatever it raises.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result(within_s)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name=self.name, daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STOP_S)
        if not thread.is_alive():
            loop.close()
