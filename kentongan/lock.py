"""One cycle at a time: a file lock in the home, so Airflow and the watcher may both run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kentongan.errors import KentonganError

WAIT_S = 120.0
"""Longer than the slowest cycle measured (below 10 s) by a wide margin."""


class StillRunning(KentonganError):
    """Another process holds the home for longer than anybody waits."""


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the home's cycle lock; a process that dies lets go of it.

    Raises:
        StillRunning: another process holds it for longer than `WAIT_S`.
    """
    from filelock import FileLock, Timeout

    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "cycle.lock", timeout=WAIT_S):
            yield
    except Timeout as error:
        raise StillRunning(
            f"{home / 'cycle.lock'}: held by another process for more than {WAIT_S:.0f} s; "
            "look for a hanging kentongan process"
        ) from error
