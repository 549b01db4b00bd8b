"""Adding a row that may be known: both databases must say whether it was new."""

from __future__ import annotations

from types import SimpleNamespace

from sqlalchemy.dialects import postgresql

from kentongan.db import heartbeats, insert_ignore, make_engine, metadata, records

ROW = {"name": "watch", "at": "", "pid": 1, "host": "", "detail": ""}


def test_sqlite_says_new_and_known():
    engine = make_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        done = [
            connection.execute(insert_ignore(connection, heartbeats).values(ROW)).rowcount
            for _ in range(2)
        ]
    engine.dispose()
    assert done == [1, 0]


def test_postgresql_is_told_to_count_although_it_returns_the_key():
    """There, the count is -1 otherwise, and no poll would ever bring anything new."""
    statement = insert_ignore(SimpleNamespace(dialect=SimpleNamespace(name="postgresql")), records)
    assert statement.get_execution_options()["preserve_rowcount"] is True
    written = str(statement.values(key="k").compile(dialect=postgresql.dialect()))
    assert "ON CONFLICT DO NOTHING" in written
    assert "RETURNING records.id" in written
