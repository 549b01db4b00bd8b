"""What pages of the command centre read and act with."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine, func, select

from console.web.centre import saying
from console.web.rendering import page
from kentongan.db import audit
from kentongan.errors import RuleViolation
from kentongan.policy import LevelPolicy, ReleasePolicy, load_policy
from kentongan.release_policy import needs_code
from kentongan.settings import data_dir
from kentongan.store import Store

if TYPE_CHECKING:
    from console.web.reading import Reading
    from orchestration.context import CycleContext

PRESS_S = 60.0
"""A release of the largest event takes seconds."""
KEEP_S = 2.0
"""Two hundred open pages ask for the same within a second of a change."""
MOST_KEPT = 16
"""Events whose page is open at once, each with its villages: some megabytes."""
Found = TypeVar("Found")


def show(
    reading: Reading,
    request: Request,
    template: str,
    *,
    here: str,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page or a part of one, with the words of the centre."""
    return page(reading, request, template, here=here, status=status, say=saying, **values)


class Kept(Generic[Found]):
    """What many readers see alike, made once in `KEEP_S` and at once after any act.

    An act is seen by its row of the audit.
    """

    def __init__(self, make: Callable[[datetime, str], Found]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[object, float, Found]] = OrderedDict()

    def get(self, engine: Engine, at: datetime, name: str = "") -> Found:
        """What is known of `name` (an event, or nothing where there is one of it)."""
        with self._lock:
            key = (_newest_act(engine), at if _stands(at) else None)
            known = self._known.get(name)
            if known is not None and known[0] == key and time.monotonic() < known[1]:
                return known[2]
            found = self._make(at, name)
            self._known[name] = (key, time.monotonic() + KEEP_S, found)
            self._known.move_to_end(name)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
            return found


class OneAtATime:
    """Whoever presses twice waits for their first press; others wait for nobody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, threading.Lock] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Raises:
        RuleViolation: their first press takes longer than anybody waits.
        """
        with self._lock:
            mine = self._held.setdefault(name, threading.Lock())
        if not mine.acquire(timeout=PRESS_S):
            raise RuleViolation(
                "Tekanan Anda yang pertama masih berjalan; muat ulang halaman ini. (It still runs.)"
            )
        try:
            yield
        finally:
            mine.release()


def _stands(at: datetime) -> bool:
    """Whether the clock is not that of the present: a test or a replay moves it by hand."""
    return abs((datetime.now(UTC) - at).total_seconds()) > 60


def _newest_act(engine: Engine) -> int | None:
    with engine.connect() as connection:
        found: int | None = connection.execute(select(func.max(audit.c.seq))).scalar()
    return found


def release_policy(reading: Reading) -> ReleasePolicy:
    """As it stands now: a reviewed file may change while the application runs."""
    return load_policy(reading.settings.resolved_policy, ReleasePolicy)


def asks_for_code(reading: Reading) -> bool:
    return needs_code(release_policy(reading), reading.settings.mode)


def store(reading: Reading) -> Store:
    return Store(str(reading.settings.home.resolve()))


def looking(reading: Reading) -> CycleContext:
    """A context that only looks, over the application's own engine."""
    from ingest.run import IngestContext
    from kentongan.decision_policy import DecisionPolicy
    from orchestration.context import CycleContext

    settings, runs = reading.settings, store(reading)
    archive = Store(str(settings.home.resolve() / "archive"))
    return CycleContext(
        settings=settings,
        engine=reading.engine,
        archive=archive,
        runs=runs,
        layers=reading.layers,
        levels=load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy),
        decision=load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy),
        release=release_policy(reading),
        ingest=IngestContext(
            settings=settings, engine=reading.engine, archive=archive, re_creation=False
        ),
        live=False,
        re_creation=False,
    )


@contextmanager
def acting(reading: Reading, at: datetime) -> Iterator[CycleContext]:
    """As the command opens it; a clock that is not the present's never acts live."""
    from orchestration.context import is_live, open_context

    with open_context(reading.settings, live=is_live(at, datetime.now(UTC))) as context:
        yield context
