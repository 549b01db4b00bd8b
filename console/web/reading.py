"""What the pages read. Nothing here writes, except that a new database gets its tables."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from console.warning_lines import open_warnings
from kentongan.db import cycles, feed_log, forecast_villages, make_engine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.store import Store
from kentongan.view import FeedLine, UnknownArea, WarningLine
from notify.tasks.listing import TaskLine, by_coordinator, task_lines

if TYPE_CHECKING:
    from notify.registry.places import Places
    from notify.reports.desk import Desk
    from notify.reports.place import Gazette
    from orchestration.heartbeat import Beat
    from orchestration.live_map.not_known import NotKnown
    from risk.layers.layerset import LayerSet


PRESENT = timedelta(seconds=10)
"""What a page took for now a moment ago still is."""
MAP_AGE_S = 15.0
"""A large event takes seconds to draw; many viewers must not draw it many times."""


@dataclass(frozen=True)
class CoordinatorSum:
    coordinator_id: str
    regencies: tuple[str, ...]
    count: int
    people: int
    unmet: int


class Reading:
    """Tables and layers of one installation. Layers are loaded when a page first needs names."""

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime], *, beating: bool = False
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.beating = beating
        """Whether this application serves a home that goes on, and not a look into the past."""
        self._stack = ExitStack()
        self._at_start: list[Callable[[], object]] = []
        self._at_change: list[Callable[[], object]] = []
        self._at_closing: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._gazette_lock = threading.Lock()
        self._places_lock = threading.Lock()
        self._map = (datetime.min.replace(tzinfo=UTC), "")

    @cached_property
    def engine(self) -> Engine:
        engine = make_engine(self.settings.resolved_database_url)
        self._stack.callback(engine.dispose)
        migrate(engine)
        return engine

    @property
    def layers(self) -> LayerSet:
        from risk.layers.layerset import load_layers

        with self._lock:
            return load_layers(self.settings.layers)

    @cached_property
    def _gazette(self) -> Gazette:
        from notify.reports.place import Gazette

        return Gazette.of(self.layers.villages, self.places)

    def gazette(self) -> Gazette:
        """Names of places as people write them; built with the first report."""
        with self._gazette_lock:
            return self._gazette

    @cached_property
    def desk(self) -> Desk:
        """Where reports are read and filed."""
        from notify.reports.desk import Desk

        return Desk.of(self.gazette)

    @property
    def places(self) -> Places:
        """Every village by name; one copy for all pages, read when the first one asks."""
        with self._places_lock:
            return _places(self.layers)

    def when_started(self, call: Callable[[], object]) -> None:
        """Call it in the event loop once an application that goes on serves."""
        self._at_start.append(call)

    def started(self) -> None:
        for call in self._at_start:
            call()

    def when_changed(self, call: Callable[[], object]) -> None:
        """Call it whenever the live view has seen that something was written."""
        self._at_change.append(call)

    def changed(self) -> None:
        for call in self._at_change:
            call()

    def when_closing(self, call: Callable[[], object]) -> None:
        """Call it, in the event loop, when the server is told to stop: open answers end then."""
        self._at_closing.append(call)

    def closing(self) -> None:
        for call in self._at_closing:
            call()

    def at_close(self, call: Callable[[], object]) -> None:
        self._stack.callback(call)

    def close(self) -> None:
        self._stack.close()

    def feeds(self, at: datetime) -> tuple[FeedLine, ...]:
        from orchestration.view import feed_lines

        return feed_lines(self.engine, at, self.settings)

    def pulse(self) -> tuple[Beat, ...]:
        """The newest heartbeat of each part of the running set."""
        from orchestration.heartbeat import beats

        return beats(self.engine)

    def quarantine(self) -> dict[str, int]:
        """Source → entries that wait for a person."""
        from ingest.keep.quarantine import open_counts

        with self.engine.connect() as connection:
            return open_counts(connection)

    def forecast_villages(self) -> dict[str, int]:
        """Outcome → villages whose forecast was last answered so."""
        column = forecast_villages.c.outcome
        query = select(column, func.count()).group_by(column)
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def warnings(self) -> list[WarningLine]:
        return open_warnings(self.engine)

    def not_known(self, at: datetime) -> NotKnown:
        """Why an empty list may be wrong at `at`."""
        from orchestration.live_map.moment import Moment
        from orchestration.live_map.not_known import not_known

        now = self.clock()
        moment = Moment(at, now, live=now - at < PRESENT)
        runs = Store(str(self.settings.home.resolve()))
        return not_known(self.engine, runs, self.layers, moment)

    def unknown_areas(self, at: datetime) -> list[UnknownArea]:
        """Provinces that BMKG warns, and where in them is not known."""
        return list(self.not_known(at).areas)

    def tasks(self) -> dict[str, list[TaskLine]]:
        """Coordinator -> tasks of the warnings that are open, the most urgent first."""
        held = sorted({w.warning_id for w in self.warnings()})
        if not held:
            return {}
        areas = self.layers.villages
        lines = [line for held_id in held for line in task_lines(self.engine, held_id, areas)]
        return by_coordinator(sorted(lines, key=lambda t: (-t.level, -t.people, t.task_id)))

    def newest_cycle(self) -> dict[str, Any] | None:
        query = select(cycles.c.at).order_by(cycles.c.id.desc()).limit(1)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return dict(row) if row else None

    def newest_poll(self) -> str | None:
        query = select(feed_log.c.polled_at).order_by(feed_log.c.id.desc()).limit(1)
        with self.engine.connect() as connection:
            found: str | None = connection.execute(query).scalar()
        return found

    def database_error(self) -> str:
        """Empty while the database answers; else what is wrong, in one line."""
        try:
            self.newest_poll()
        except (SQLAlchemyError, OSError) as error:
            return str(error).splitlines()[0]
        return ""

    def map_page(self, at: datetime) -> str:
        """The situation map as of `at`, drawn at most once in `MAP_AGE_S`."""
        from console.situation_map import page
        from orchestration.context import open_context
        from orchestration.view import situation

        with self._lock:
            drawn, html = self._map
            if abs((at - drawn).total_seconds()) >= MAP_AGE_S:
                with open_context(self.settings, live=False, reading=True) as context:
                    html = page(situation(context, at))
                self._map = (at, html)
            return html


@lru_cache(maxsize=2)
def _places(layers: LayerSet) -> Places:
    from notify.registry.places import Places

    return Places.of(layers.villages)


def coordinator_sums(tasks: Mapping[str, Sequence[TaskLine]]) -> list[CoordinatorSum]:
    return [
        CoordinatorSum(
            coordinator_id=name,
            regencies=tuple(sorted({t.regency for t in group})),
            count=len(group),
            people=sum(t.people for t in group),
            unmet=sum(t.unmet_people for t in group),
        )
        for name, group in tasks.items()
    ]
