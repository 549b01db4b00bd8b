"""What one cycle works with, opened once and passed down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from kentongan.binding import bind
from kentongan.db import make_engine
from kentongan.decision_policy import DecisionPolicy
from kentongan.migrate import migrate
from kentongan.policy import LevelPolicy, ReleasePolicy, load_policy
from kentongan.settings import Settings, data_dir
from kentongan.store import Store
from kentongan.times import require_aware

if TYPE_CHECKING:
    from ingest.run import IngestContext
    from kentongan.view import SituationView
    from risk.layers.layerset import LayerSet

Draw = Callable[["SituationView", Path], Path]
"""Writes the situation to a file: brought by a face, which stands above this package."""

LIVE_WITHIN = timedelta(minutes=10)
"""An `at` further off the real clock is a replay: it can never lead to an Actual alert."""


def is_live(at: datetime, real_now: datetime) -> bool:
    """Whether `at` is the real present, within `LIVE_WITHIN`."""
    return abs(require_aware(at) - require_aware(real_now)) <= LIVE_WITHIN


@dataclass(frozen=True)
class CycleContext:
    settings: Settings
    engine: Engine
    archive: Store
    runs: Store
    layers: LayerSet
    levels: LevelPolicy
    decision: DecisionPolicy
    release: ReleasePolicy
    ingest: IngestContext
    live: bool
    re_creation: bool
    draw: Draw | None = None


@contextmanager
def open_ingest(settings: Settings, *, re_creation: bool = False) -> Iterator[IngestContext]:
    """Only what a poll needs: no layers, no policies."""
    from ingest.run import IngestContext

    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    archive = Store(str(settings.home.resolve() / "archive"))
    try:
        yield IngestContext(
            settings=settings, engine=engine, archive=archive, re_creation=re_creation
        )
    finally:
        engine.dispose()


@contextmanager
def open_context(
    settings: Settings,
    *,
    live: bool,
    re_creation: bool = False,
    draw: Draw | None = None,
    reading: bool = False,
) -> Iterator[CycleContext]:
    """Database at the newest schema, stores, layers and policies of `settings`.

    Args:
        live: the caller's clock says that this run is of the present.
        reading: for a face that only looks: the home is not claimed for this kind of run.

    Raises:
        SettingsError: a policy is wrong.
        RuleViolation: the home belongs to another kind of run.
        LayerError: the layer set is missing or damaged.
    """
    from risk.layers.layerset import load_layers

    # A recording played by a feed server is no present, whatever the clock says.
    live = live and not re_creation and not settings.feeds_are_local
    with open_ingest(settings, re_creation=re_creation) as ingest:
        if not reading:
            bind(ingest.engine, settings.mode, live=live)
        yield CycleContext(
            settings=settings,
            engine=ingest.engine,
            archive=ingest.archive,
            runs=Store(str(settings.home.resolve())),
            layers=load_layers(settings.layers),
            levels=load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy),
            decision=load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy),
            release=load_policy(settings.resolved_policy, ReleasePolicy),
            ingest=ingest,
            live=live,
            re_creation=re_creation,
            draw=draw,
        )
