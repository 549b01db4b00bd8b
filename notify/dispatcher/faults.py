"""What keeps the dispatcher from working, told once and loudly, and taken back when it is over.

A database that does not answer or a disk that is full ends nothing: what is known is held in memory
and tried again, and meanwhile nothing new is sent, because what went out could not be written down.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_FIRST_S, _LONGEST_S = 0.1, 5.0
_SAY_AGAIN_S = 60.0


class Faults:
    """By what is hindered; any thread may use it."""

    def __init__(self, tell: Callable[[str], None] = log.error) -> None:
        self._tell = tell
        self._found: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def note(self, what: str, error: Exception) -> None:
        text, now = plainly(error), time.monotonic()
        with self._lock:
            before = self._found.get(what)
            again = before is None or before[0] != text or now - before[1] > _SAY_AGAIN_S
            if again:
                self._found[what] = (text, now)
        if again:
            self._tell(f"ALARM: {what}: {text}")

    def over(self, what: str) -> None:
        with self._lock:
            before = self._found.pop(what, None)
        if before is not None:
            self._tell(f"over: {what} works again")

    @property
    def now(self) -> dict[str, str]:
        """What is hindered -> why."""
        with self._lock:
            return {what: text for what, (text, _) in sorted(self._found.items())}


def plainly(error: Exception) -> str:
    """In one line, with what to do."""
    first = (str(error.orig) if isinstance(error, DBAPIError) else str(error)).strip()
    line = first.splitlines()[0] if first else type(error).__name__
    full = getattr(error, "errno", None) == errno.ENOSPC
    if full or "disk is full" in line or "No space left" in line:
        return f"the disk is full ({line}): nothing is sent until there is room; make some"
    if isinstance(error, SQLAlchemyError):
        return f"the database: {line}"
    return f"{type(error).__name__}: {line}"


def is_of_database(error: BaseException) -> bool:
    """Whether it may go away by itself: no connection, a locked file, no room."""
    return isinstance(error, DBAPIError | OSError) or (
        isinstance(error, SQLAlchemyError) and "QueuePool limit" in str(error)
    )


def until_done(act: Callable[[], _T], *, what: str, faults: Faults, give_up: threading.Event) -> _T:
    """Do it until it works.

    Args:
        act: may be done again; what it writes is whole or not at all.
        give_up: set when the process must end.

    Raises:
        SQLAlchemyError, OSError: it did not work and the process ends.
    """
    pause = _FIRST_S
    while True:
        try:
            done = act()
        except (SQLAlchemyError, OSError) as error:
            if not is_of_database(error):
                raise
            faults.note(what, error)
            if give_up.wait(pause):
                raise
            pause = min(2 * pause, _LONGEST_S)
        else:
            faults.over(what)
            return done
