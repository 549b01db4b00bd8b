"""Progress bars on standard error, only where a person looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[str, float], None]


@contextmanager
def progress() -> Iterator[Advance]:
    """Takes what is being done and which share of it is done, 0 to 1."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: float) -> None:
            for name, task in tasks.items():
                if name != what:
                    bars.update(task, completed=1.0)
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=1.0)
            bars.update(tasks[what], completed=done)

        yield advance


def _silent(_what: str, _done: float) -> None:
    """Nobody looks."""
