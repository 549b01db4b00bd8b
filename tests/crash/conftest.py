"""Homes made quickly: the schema is laid down once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kentongan.db import make_engine
from kentongan.migrate import migrate
from tests.crash.homes import Home
from tests.peers.smsc import Smsc

Make = Callable[..., Home]


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "kentongan.sqlite"
    engine = make_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def home(tmp_path: Path, empty_sqlite: Path) -> Iterator[Make]:
    """home(people, …) → a home with a policy of short waits."""
    made: list[Home] = []

    def make(people: int, *, url: str = "", folder: Path | None = None, **policy: object) -> Home:
        where = folder or tmp_path / f"home-{len(made)}"
        where.mkdir(parents=True, exist_ok=True)
        if not url:
            shutil.copy(empty_sqlite, where / "kentongan.sqlite")
        one = Home(where, url)
        one.sending(**policy)
        one.register(people)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def smsc(tmp_path: Path) -> Iterator[Smsc]:
    with Smsc.start(tmp_path) as peer:
        yield peer
