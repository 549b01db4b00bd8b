"""Debian's PostgreSQL, a server of its own on a Unix socket, with fsync as in production."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text

from kentongan.db import make_engine, metadata

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
"""Of a test or a module whose fixture `engine` takes the name of a database."""
USER = "postgres"
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def programs() -> Path | None:
    """Folder of `initdb` and `postgres`, the newest; None where there are none."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else _FOLDERS
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def require_postgres() -> Path:
    """Skip with a reason where the server is missing; fail with REQUIRE_PEERS=1."""
    folder = programs()
    if folder is None:
        assert os.environ.get("REQUIRE_PEERS") != "1", "PostgreSQL is missing: apt-get install"
        pytest.skip("no PostgreSQL server; run: apt-get install postgresql")
    return folder


def only_on_sqlite(engine: Engine) -> None:
    """Of a test that takes long; `python -m benchmarks outbox` measures both."""
    if engine.dialect.name != "sqlite":
        pytest.skip("long: the benchmarks measure it on PostgreSQL")


class Server:
    """with Server(folder of programs) as server: engine = server.database()"""

    def __init__(self, folder: Path) -> None:
        self.programs = folder
        self.home = Path(tempfile.mkdtemp(prefix="kentongan-pg-"))
        self.process: subprocess.Popen[bytes] | None = None
        self._template = ""

    def _as_user(self) -> dict[str, Any]:
        """The server refuses to run as root; then it is Debian's own user."""
        if os.geteuid() != 0:
            return {}
        shutil.chown(self.home, USER, USER)
        return {"user": USER, "group": USER, "extra_groups": []}

    def start(self) -> None:
        user = self._as_user()
        data = self.home / "data"
        if not data.exists():
            subprocess.run(
                [self.programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8"],
                check=True, stdout=subprocess.DEVNULL, cwd=self.home, **user,
            )  # fmt: skip
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", data, "-k", self.home, "-c",
                 "listen_addresses="],
                stdout=log, stderr=log, cwd=self.home, **user,
            )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 20
        admin = create_engine(self.url("postgres"))
        while True:
            try:
                with admin.connect():
                    break
            except Exception as error:
                if time.monotonic() > end:
                    raise AssertionError((self.home / "log").read_text()) from error
                time.sleep(0.05)
        admin.dispose()

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{USER}@/{name}?host={self.home}"

    def stop(self, *, at_once: bool = False) -> None:
        """As a restart of the machine would; `at_once`: as a crash of the server."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self.process.wait(120)  # its last checkpoint, on a disk that others use
        self.process = None

    def database(self) -> str:
        """URL of a fresh database with all tables."""
        if not self._template:
            self._template = self._create()
            engine = make_engine(self.url(self._template))
            metadata.create_all(engine)
            engine.dispose()
        return self.url(self._create(self._template))

    def _create(self, template: str = "template1") -> str:
        name = f"test_{uuid4().hex}"
        admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        admin.dispose()
        return name

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(at_once=True)
        shutil.rmtree(self.home, ignore_errors=True)
