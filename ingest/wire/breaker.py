"""A host that does not answer is left alone for a while, by all processes together.

Counted are polls, not requests: one in which a host gave nothing but failures. After three in a
row the breaker opens; when its pause is over, one process asks once, and the answer closes the
breaker or doubles the pause. Kept in the table `breakers`.

The pause ends with whichever clock gets there first: the real one, or that of the polls, which a
replay drives.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row
from sqlalchemy.exc import SQLAlchemyError

from ingest.wire.shared import change, first_row, say_once
from kentongan.times import iso

OPENS_AFTER = 3
"""Polls: a server that restarts or one lost connection costs fewer."""
FIRST_PAUSE_S = 5.0
"""About one interval of the fastest feeds (3 and 6 s): below, nothing would be spared."""
WARNING_CAP_S = 15.0
"""Longest pause before a host of warning feeds is probed: four probes a minute of the 60 allowed,
and a bulletin of a host that came back waits no longer. The first wave may need 3 minutes."""
SUPPORT_CAP_S = 300.0
"""The same for hosts of forecasts and pictures only; half a scan of the satellite."""
ASKED_CAP_S = 30.0
"""Longest pause that a host of warning feeds may ask of us by Retry-After."""
PROBE_S = 15.0
"""Time for one probe to be answered and noted; after it, another may try."""
_FAR_S = 2 * SUPPORT_CAP_S
"""A pause that ends later than this was set by a clock that was wrong."""


@dataclass(frozen=True)
class Open:
    """Why a host is not asked now."""

    since: str
    next_try: str
    reason: str

    def __str__(self) -> str:
        return f"breaker open since {self.since}, next try {self.next_try} ({self.reason})"


@dataclass(frozen=True)
class Permit:
    """A host may be asked."""

    is_probe: bool = False
    """It was failing: ask once, and stop at the first failure."""
    was_failing: bool = False


_READ = "SELECT failures, opened_at, retry_at, retry_clock, reason FROM breakers WHERE host = :host"
_CLAIM = """UPDATE breakers SET retry_at = :probe_at, retry_clock = :probe_clock
    WHERE host = :host AND retry_clock = :seen"""
_CLOSE = "DELETE FROM breakers WHERE host = :host"
_COUNT = """INSERT INTO breakers (host, failures, reason) VALUES (:host, 1, :reason)
    ON CONFLICT (host) DO UPDATE SET failures = breakers.failures + 1, reason = :reason
    RETURNING failures"""
_OPEN = """UPDATE breakers SET opened_at = COALESCE(opened_at, :at), retry_at = :retry_at,
    retry_clock = :retry_clock WHERE host = :host"""


def pause_s(failures: int, *, warning: bool, asked_s: float = 0.0) -> float:
    """Seconds until the next probe; 0: the breaker stays closed.

    `failures` polls in a row failed; the host asked for `asked_s` of silence.
    """
    cap = WARNING_CAP_S if warning else SUPPORT_CAP_S
    asked = min(asked_s, ASKED_CAP_S if warning else SUPPORT_CAP_S)
    own = 0.0
    if failures >= OPENS_AFTER:
        own = min(cap, FIRST_PAUSE_S * 2.0 ** min(failures - OPENS_AFTER, 16))
    return max(own, asked)


@dataclass(frozen=True)
class Breaker:
    """The breakers of all hosts. Where the database fails, every host may be asked."""

    engine: Engine
    clock: Callable[[], float] = time.time

    def admit(self, host: str, at: datetime) -> Permit | Open:
        """Whether a poll at `at` may ask a host."""
        try:
            row = first_row(self.engine, _READ, {"host": host[:120]})
            if row is None:
                return Permit()
            if row.retry_clock is None:
                return Permit(was_failing=True)
            if not self._is_over(row, at) or not self._claim(host, row, at):
                return Open(row.opened_at, row.retry_at, row.reason)
            return Permit(is_probe=True, was_failing=True)
        except SQLAlchemyError as error:
            say_once("breakers not usable; every host is asked", error)
            return Permit()

    def _is_over(self, row: Row[Any], at: datetime) -> bool:
        left = row.retry_clock - self.clock()
        if left <= 0 or left > _FAR_S:
            return True
        return not row.opened_at <= iso(at) < row.retry_at

    def _claim(self, host: str, row: Row[Any], at: datetime) -> bool:
        values = self._until(at, PROBE_S, "probe") | {"host": host[:120], "seen": row.retry_clock}
        return change(self.engine, _CLAIM, values) == 1

    def succeeded(self, host: str, permit: Permit) -> None:
        """The host gave something good."""
        if not permit.was_failing:
            return
        try:
            change(self.engine, _CLOSE, {"host": host[:120]})
        except SQLAlchemyError as error:
            say_once("breakers not usable; every host is asked", error)

    def failed(
        self, host: str, at: datetime, reason: str, *, warning: bool, asked_s: float = 0.0
    ) -> None:
        """A poll got nothing good of the host. `warning`: it serves feeds of the warning tier."""
        try:
            row = first_row(self.engine, _COUNT, {"host": host[:120], "reason": reason[:300]})
            failures = int(row.failures) if row else 1
            pause = pause_s(failures, warning=warning, asked_s=asked_s)
            if pause:
                values = self._until(at, pause, "retry") | {"host": host[:120], "at": iso(at)}
                change(self.engine, _OPEN, values)
        except SQLAlchemyError as error:
            say_once("breakers not usable; every host is asked", error)

    def _until(self, at: datetime, seconds: float, name: str) -> dict[str, Any]:
        until = iso(at + timedelta(seconds=seconds))
        return {f"{name}_at": until, f"{name}_clock": self.clock() + seconds}
