"""An empty registry, and a small country to live in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, func, select

from kentongan.db import make_engine, metadata
from kentongan.sealing import Keys
from kentongan.transactions import writing
from notify.registry.people import Enrolled, Person, Role, Via, enrol, prepare
from notify.registry.places import Place, Places

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOME, AWAY = "32.04.12.2006", "32.04.12.2001"
TEXT = "warga-id-2026-11"
NUMBER = "+6281234567890"
_VILLAGES = (
    (HOME, "Citeureup", "Desa", "Dayeuhkolot", "Kabupaten Bandung"),
    (AWAY, "Dayeuhkolot", "Desa", "Dayeuhkolot", "Kabupaten Bandung"),
    ("32.01.03.2002", "Citeureup", "Desa", "Citeureup", "Kabupaten Bogor"),
    ("32.07.09.2009", "Citeureup", "Desa", "Kawali", "Kabupaten Ciamis"),
    ("32.71.04.1001", "Menteng", "Kelurahan", "Bogor Barat", "Kota Bogor"),
    ("32.01.20.2001", "Suka Maju", "Desa", "Cibungbulang", "Kabupaten Bogor"),
    ("32.76.05.1003", "Sukamaju", "Kelurahan", "Cilodong", "Kota Depok"),
    ("32.04.05.2003", "Sukamaju", "Desa", "Cimaung", "Kabupaten Bandung"),
    ("32.05.11.2004", "Sukamaju", "Desa", "Cilawu", "Kabupaten Garut"),
)
POSTAL = {
    "40257": (HOME,),
    "40258": (AWAY, HOME, "32.04.05.2003", "32.05.11.2004"),
}


@pytest.fixture
def places() -> Places:
    rows = tuple(Place(*row, province="Jawa Barat") for row in sorted(_VILLAGES))
    return Places(rows, POSTAL)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "empty.sqlite"
    made = make_engine(f"sqlite:///{path}")
    metadata.create_all(made)
    made.dispose()
    return path


@pytest.fixture
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path
) -> Iterator[Engine]:
    """On SQLite, or the database that `tests.peers.postgres.BOTH` names."""
    if getattr(request, "param", "sqlite") == "postgresql":
        made = make_engine(request.getfixturevalue("postgres").database())
        yield made
        made.dispose()
        return
    path = shutil.copy(empty_database, tmp_path / "registry.sqlite")
    made = make_engine(f"sqlite:///{path}")
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys((bytes(range(32)),))


@pytest.fixture
def put(engine: Engine, keys: Keys) -> Callable[..., Enrolled]:
    """Put one person into the registry."""

    def put(number: str = NUMBER, area: str = HOME, via: Via = Via.OPERATOR, **more: Any) -> Any:
        at = more.pop("at", AT)
        person = Person(number, area, **{"text_version": TEXT, **more})
        with writing(engine) as connection:
            [done] = enrol(connection, [prepare(keys, person)], via=via, at=at)
        return done

    return put


@pytest.fixture
def count(engine: Engine) -> Callable[[Table], int]:
    def count(table: Table) -> int:
        with engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

    return count


__all__ = ["AT", "AWAY", "HOME", "NUMBER", "POSTAL", "TEXT", "Role"]
