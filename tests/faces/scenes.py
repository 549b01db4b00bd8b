"""Bundled scenarios stopped in the middle, played once for all workers of a run, and served.

A scene is a home as it stood at one step of a scenario. Playing takes 4-20 s, copying 0.1 s: so it
is played once under a lock in the folder that all workers share, and each server has a copy of its
own. `SCENES=FOLDER pytest …` keeps what was played there from run to run; delete the folder after
the code that plays has changed.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from filelock import FileLock
from sqlalchemy import Engine

from kentongan.db import make_engine
from kentongan.migrate import HEAD
from kentongan.scenario import Scenario
from kentongan.settings import Settings

AFTER = timedelta(minutes=2)
"""The clock of a scene stands so long after its last step."""
STEPS = {"blind-night": 7, "cianjur": 2, "flores": 6, "thunderstorm": 3}
"""How many steps are played where a test does not say: each ends with warnings in force."""
EMPTY = "empty"
"""The scene before anything was ever polled."""


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **units: float) -> datetime:
        """`clock.forward(minutes=5)`."""
        self.at += timedelta(**units)
        return self.at


@dataclass(frozen=True)
class Scene:
    """A home to read; whoever writes takes `copy`."""

    name: str
    home: Path
    at: datetime
    """When its last step was."""
    sources: tuple[str, ...] = ()
    """The feeds that it polled; the others are not expected to say anything."""

    def copy(self, home: Path) -> Path:
        shutil.copytree(self.home, home)
        return home


@dataclass(frozen=True)
class Served:
    """The web application over a copy of a scene."""

    url: str
    settings: Settings
    clock: Clock
    engine: Engine
    """For a test that looks into the tables; closed with the server."""

    @property
    def home(self) -> Path:
        return self.settings.home

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return httpx.get(self.url + path, **kwargs)


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """One folder for all workers of this run."""
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    found = shared / name
    found.mkdir(parents=True, exist_ok=True)
    return found


def scenes_folder(factory: pytest.TempPathFactory) -> Path:
    """Where played homes are kept."""
    chosen = os.environ.get("SCENES")
    found = Path(chosen) if chosen else shared_folder(factory, "scenes")
    found.mkdir(parents=True, exist_ok=True)
    return found


def once(path: Path, make: Callable[[Path], object]) -> Path:
    """The folder `path`, made by the first worker that asks: whole, or not at all."""
    with FileLock(f"{path}.lock"):
        if not path.is_dir():
            part = path.with_name(f"{path.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            make(part)
            part.rename(path)
    return path


def scene(folder: Path, name: str, steps: int | None = None) -> Scene:
    """The home of a scenario after its first `steps` steps, played if nobody did yet."""
    from orchestration.scenarios import find

    if name == EMPTY:
        return _empty(folder)
    scenario = find(name)
    count = steps or STEPS.get(scenario.name, len(scenario.steps))
    home = folder / f"{scenario.name}-{count}-schema-{HEAD}"
    once(home, lambda part: _play(scenario, count, part))
    return Scene(scenario.name, home, scenario.steps[count - 1].at, scenario.sources)


def _empty(folder: Path) -> Scene:
    from orchestration.scenarios import find

    home = folder / EMPTY
    home.mkdir(exist_ok=True)
    return Scene(EMPTY, home, find("cianjur").steps[0].at)


def _play(scenario: Scenario, count: int, home: Path) -> None:
    from console.situation_map import situation_map
    from ingest.play.feedserver import ScenarioServer
    from orchestration.context import open_context
    from orchestration.cycle import run_cycle
    from orchestration.scenarios import bases

    with ScenarioServer(scenario) as server:
        settings = Settings(_env_file=None).with_feed_server(server.url, home=home)
        settings = settings.model_copy(
            update={"sources": scenario.sources, **bases(scenario, server.url)}
        )
        with open_context(settings, live=False, re_creation=True, draw=situation_map) as context:
            for number, step in enumerate(scenario.steps[:count]):
                server.show(number)
                run_cycle(context, step.at, sources=scenario.sources)


@contextmanager
def serve(found: Scene, home: Path, **settings: Any) -> Iterator[Served]:
    """A copy of the scene in `home`, under uvicorn on a free port of 127.0.0.1."""
    own = Settings(
        _env_file=None, **{"home": found.copy(home), "sources": found.sources, **settings}
    )
    clock = Clock(found.at + AFTER)
    engine = make_engine(own.resolved_database_url)
    try:
        with listening(own, clock) as url:
            yield Served(url, own, clock, engine)
    finally:
        engine.dispose()


@contextmanager
def listening(settings: Settings, clock: Callable[[], datetime], *, port: int = 0) -> Iterator[str]:
    """The application under uvicorn; `port` is one that was used before, and is free again."""
    from console.web import create_app
    from console.web.serving import Server

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        app = create_app(settings, clock=clock)
        server = Server(app, timeout_graceful_shutdown=2)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
