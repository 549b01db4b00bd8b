"""A database of the last release, with rows in it: to the newest schema and back; both engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, inspect, select

import kentongan.migrate
from kentongan.db import make_engine, metadata, outbox, recipients
from kentongan.migrate import HEAD, migrate
from notify.sending.rows import is_told_by

LAST_RELEASE = "0003"
ROWS = {
    "recipients": [
        {"recipient_id": f"r-{n}", "role": "resident", "adm4_code": "75.02.07.2001",
         "address": f"+99975{n}", "language": "id", "synthetic": True} for n in range(3)
    ],
    "messages": [
        {"message_id": "w-1/v1/sms/75.02/3", "purpose": "alert", "warning_id": "w-1", "version": 1,
         "channel": "sms", "language": "id", "area_code": "75.02", "level": 3, "text": "LATIHAN.",
         "payload": None}
    ],
    "outbox": [
        {"alert_version": "w-1/v1", "recipient_id": f"r-{n}", "channel": "sms", "part": 0,
         "message_id": "w-1/v1/sms/75.02/3", "route": "recorder", "prio": 1, "state": n,
         "attempts": 0, "created_at": "2026-09-24T07:00:00Z", "due": "2026-09-24T07:00:00Z",
         "not_after": "2026-09-24T09:00:00Z"} for n in range(3)
    ],
    "tasks": [],
}  # fmt: skip


def to(engine, revision):
    config = Config()
    folder = Path(kentongan.migrate.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        now = MigrationContext.configure(connection).get_current_revision() or ""
        (command.upgrade if now < revision else command.downgrade)(config, revision)


def shape(engine):
    """Table -> its columns, and its indexes by name."""
    look = inspect(engine)
    return {
        name: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(name)),
            sorted((i["name"], tuple(i["column_names"])) for i in look.get_indexes(name)),
        )
        for name in look.get_table_names()
    }


def counted(engine):
    tables = MetaData()
    tables.reflect(engine, only=list(ROWS))
    with engine.connect() as connection:
        return {name: connection.execute(select(tables.tables[name])).all() for name in ROWS}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'k.sqlite'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.url(server._create())
    made = make_engine(url)
    yield made
    made.dispose()


def test_up_and_down_keeps_every_row(engine):
    to(engine, LAST_RELEASE)
    old = MetaData()
    old.reflect(engine)
    with engine.begin() as connection:
        for name, rows in ROWS.items():
            if rows:
                connection.execute(insert(old.tables[name]), rows)
    before, rows_before = shape(engine), counted(engine)

    migrate(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        told = connection.execute(select(recipients.c.recipient_id).where(is_told_by("sms")))
        assert len(told.all()) == 3, "who was told before is told on"
        turns = connection.execute(select(outbox.c.turn, outbox.c.area_code)).all()
    assert differences == []
    assert set(turns) == {(0, "")}
    assert {name: len(found) for name, found in counted(engine).items()} == {
        name: len(found) for name, found in rows_before.items()
    }

    to(engine, LAST_RELEASE)
    assert shape(engine) == before
    assert counted(engine) == rows_before
    to(engine, HEAD)
    assert {name: len(found) for name, found in counted(engine).items()} == {
        name: len(found) for name, found in rows_before.items()
    }
