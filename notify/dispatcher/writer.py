"""Receipts of all routes in batches: one commit for many, and each caller waits for the one that
holds his.

On PostgreSQL one receipt a transaction is some fifty times slower than 500 of them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from notify.channels.channel import DeliveryReport

BATCH = 500
WAIT_S = 0.05
"""The first of a batch waits so long for others."""
_ROOM = 200
"""Calls that may wait; more of them hold the carriers back, which keep what we did not take."""
_PATIENCE_S = 60.0


class ReceiptWriter:
    """One thread; `write` is called by it alone."""

    def __init__(
        self, write: Callable[[Sequence[DeliveryReport]], object], *, batch: int = BATCH
    ) -> None:
        self._write, self._batch = write, batch
        self._waiting: queue.Queue[tuple[Sequence[DeliveryReport], Future[None]] | None]
        self._waiting = queue.Queue(maxsize=_ROOM)
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
        self.written = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what was handed over, then end."""
        self._waiting.put(None)
        self._thread.join(_PATIENCE_S)

    def put(self, reports: Sequence[DeliveryReport]) -> None:
        """Returns after the commit.

        Raises:
            SQLAlchemyError: there was none; the caller must not acknowledge.
            TimeoutError: not within a minute; whether there will be one is not known.
        """
        done: Future[None] = Future()
        self._waiting.put((reports, done), timeout=_PATIENCE_S)
        done.result(_PATIENCE_S)

    def _run(self) -> None:
        ended = False
        while not ended:
            taken, ended = self._collect()
            if taken:
                self._commit(taken)

    def _collect(self) -> tuple[list[tuple[Sequence[DeliveryReport], Future[None]]], bool]:
        first = self._waiting.get()
        if first is None:
            return [], True
        taken, number = [first], len(first[0])
        end = time.monotonic() + WAIT_S
        while number < self._batch:
            try:
                more = self._waiting.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            if more is None:
                return taken, True
            taken.append(more)
            number += len(more[0])
        return taken, False

    def _commit(self, taken: list[tuple[Sequence[DeliveryReport], Future[None]]]) -> None:
        reports = [report for group, _ in taken for report in group]
        try:
            self._write(reports)
        except Exception as error:  # noqa: BLE001 every caller gets it
            for _, done in taken:
                done.set_exception(error)
            return
        self.written += len(reports)
        for _, done in taken:
            done.set_result(None)
