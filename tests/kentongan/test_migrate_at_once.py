"""Programs that start together on a database that is not made yet."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy.exc import SQLAlchemyError

from kentongan import migrate as module
from kentongan.db import make_engine
from kentongan.migrate import migrate

MIGRATE = (
    "import sys; from kentongan.db import make_engine; from kentongan.migrate import migrate; "
)
MIGRATE += "sys.stdin.readline(); migrate(make_engine(sys.argv[1]))"


def test_four_programs_at_once_all_find_the_newest_schema(tmp_path):
    url = f"sqlite:///{tmp_path / 'k.sqlite'}"
    command = [sys.executable, "-c", MIGRATE, url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(4)]
    for one in started:
        one.stdin.write(b"\n")
        one.stdin.close()
    assert [one.wait(60) for one in started] == [0, 0, 0, 0]


def test_an_upgrade_that_nobody_can_do_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WAIT_S", 0.2)
    engine = make_engine(f"sqlite:///{tmp_path / 'k.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE feed_log (id INTEGER)")
    with pytest.raises(SQLAlchemyError, match="already exists"):
        migrate(engine)
    engine.dispose()
