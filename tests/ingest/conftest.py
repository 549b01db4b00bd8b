"""What the tests of `ingest` share: our own feed fixtures, a home, servers that misbehave."""

from __future__ import annotations

import io
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import create_engine, make_url

from ingest.play.feedserver import FeedServer, Payload
from ingest.run import IngestContext
from ingest.source import ReadContext
from kentongan.db import make_engine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.store import Store

FEEDS = Path(__file__).parents[1] / "fixtures" / "feeds"
NOW = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
"""A few minutes after everything in the fixtures."""
Respond = Callable[[socket.socket], None]


@pytest.fixture
def feeds() -> Path:
    return FEEDS


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def read_context() -> Callable[..., ReadContext]:
    def make(source_id: str, path: str, **changes: object) -> ReadContext:
        given = {"sha256": "0" * 64, "received_at": NOW, "re_creation": False, **changes}
        return ReadContext(source_id=source_id, path=path, **given)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no row; copied, it is faster than made."""
    file = tmp_path_factory.mktemp("migrated") / "kentongan.sqlite"
    engine = make_engine(f"sqlite:///{file}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return file


@pytest.fixture
def database_url(tmp_path: Path, migrated: Path) -> Iterator[str]:
    """A fresh database with all tables: SQLite, or on the PostgreSQL server that the environment
    names in `KENTONGAN_TEST_POSTGRES` (`postgresql+psycopg://user@host/database`)."""
    server = os.environ.get("KENTONGAN_TEST_POSTGRES", "")
    if server:
        yield from _on_postgres(server)
        return
    shutil.copy(migrated, tmp_path / migrated.name)
    yield ""


def _on_postgres(server: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()
    yield url
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def make_context(tmp_path: Path, database_url: str) -> Iterator[Callable[..., IngestContext]]:
    """An `IngestContext` on a fresh home whose feeds all lead to one address."""
    engines = []

    def make(base_url: str, *, re_creation: bool = False, **changes: object) -> IngestContext:
        plain = Settings(home=tmp_path, database_url=database_url)
        settings = plain.with_feed_server(base_url, **changes)
        engine = make_engine(settings.resolved_database_url)
        engines.append(engine)
        return IngestContext(settings, engine, Store(str(tmp_path / "archive")), re_creation)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, bytes]], FeedServer]]:
    """Serves given bytes under given paths; what is added to the mapping later is served too."""
    servers = []

    def make(payloads: dict[str, bytes]) -> FeedServer:
        server = FeedServer(lambda path: Payload(payloads[path]) if path in payloads else None)
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def raw_server() -> Iterator[Callable[[Respond], str]]:
    """A TCP server that reads one request's head, then does with the socket as told."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def make(respond: Respond) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        thread = threading.Thread(target=_serve, args=(listener, respond), daemon=True)
        threads.append(thread)
        thread.start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield make
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(timeout=5)


def _serve(listener: socket.socket, respond: Respond) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                connection.recv(65536)
                respond(connection)
            except OSError:
                continue


@pytest.fixture
def draw_rp() -> Callable[..., bytes]:
    """PNG bytes in the size and palette of the rainfall-potential image, drawn by us."""
    return draw_image


def draw_image(
    title: str,
    *,
    size: tuple[int, int] = (1674, 1118),
    land: tuple[int, int, int] = (255, 226, 171),
    heavy: tuple[int, int, int] = (255, 255, 85),
) -> bytes:
    picture = Image.new("RGB", size, (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((200, 300, 900, 800), fill=land, outline=(151, 86, 67))
    pen.ellipse((400, 400, 600, 520), fill=(127, 255, 255))
    pen.ellipse((440, 420, 560, 500), fill=heavy)
    pen.rectangle((0, 0, size[0], 64), fill=(76, 76, 76))
    font = ImageFont.load_default(size=36)
    pen.text((16, 12), title, fill=(255, 248, 198), font=font)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
