"""The shared words: time, codes, policy, stores, the audit chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from kentongan import audit, times
from kentongan.codes import adm_level, parent
from kentongan.db import audit as audit_table
from kentongan.db import make_engine, metadata
from kentongan.errors import DataError, NaiveTime, SettingsError
from kentongan.grid import BASE_GRID, Grid
from kentongan.migrate import migrate
from kentongan.policy import LevelPolicy, ReleasePolicy, load_policy
from kentongan.settings import Settings, data_dir
from kentongan.store import Store, archive, read_archived

AT = datetime(2026, 9, 24, 7, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "clock"), [(7, "14.35 WIB"), (8, "15.35 WITA"), (9, "16.35 WIT")]
)
def test_a_resident_reads_the_time_of_the_place(hours: int, clock: str) -> None:
    assert times.local_clock(AT, hours) == clock


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(NaiveTime, match="2026-09-24T07:35:00 has no time zone"):
        times.require_aware(AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("name", "number"),
    [("Mei", 5), ("Agu", 8), ("Okt", 10), ("Des", 12), ("August", 8), ("Agt", 8)],
)
def test_months_in_both_languages(name: str, number: int) -> None:
    assert times.month_number(name) == number


def test_an_unknown_month_is_named() -> None:
    with pytest.raises(ValueError, match="unknown month 'Foo'"):
        times.month_number("Foo")


@given(
    st.datetimes(
        timezones=st.just(UTC), min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)
    )
)
def test_an_instant_survives_the_round_trip(value: datetime) -> None:
    assert times.parse_instant(times.iso(value)) == value.replace(microsecond=0)


@pytest.mark.parametrize("code", ["75.2", "7502072001", "75.02.07.20", "", "ID75"])
def test_what_is_no_area_code_is_refused(code: str) -> None:
    with pytest.raises(DataError, match="expected a dotted Kemendagri code"):
        adm_level(code)


def test_parents_are_prefixes() -> None:
    assert [parent("75.02.07.2001", n) for n in (1, 2, 3, 4)] == [
        "75", "75.02", "75.02.07", "75.02.07.2001",
    ]  # fmt: skip
    with pytest.raises(DataError, match="no ancestor of level 3"):
        parent("75.02", 3)


def test_bundled_policies_are_valid() -> None:
    levels = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
    assert levels.shaking.mmi == (4.5, 5.5, 6.5, 7.5)
    actual = load_policy(data_dir() / "policy" / "actual.toml", ReleasePolicy)
    assert (actual.approval.approvers, actual.approval.code) == (2, True)


def test_an_unknown_key_of_a_policy_is_refused(tmp_path: Path) -> None:
    text = (data_dir() / "policy" / "exercise.toml").read_text()
    text = text.replace("author =", "release_all = true\nauthor =")
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="release_all"):
        load_policy(path, ReleasePolicy)


def test_the_archive_keeps_bytes_and_notices_a_change(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = archive(store, "bmkg-quakes", AT, b"payload")
    assert archive(store, "bmkg-quakes", AT, b"payload") == digest
    assert store.paths() == [f"bmkg-quakes/2026/09/24/{digest}"]
    (tmp_path / store.paths()[0]).write_bytes(b"changed")
    with pytest.raises(DataError, match="bytes do not match their name"):
        read_archived(store, "bmkg-quakes", AT, digest)


def test_a_changed_audit_row_is_found(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")
    migrate(engine)
    with engine.begin() as connection:
        for n in range(5):
            audit.append(connection, at=AT, actor="test", action="count", body={"n": n})
    with engine.begin() as connection:
        assert audit.first_broken(connection) is None
        connection.execute(update(audit_table).where(audit_table.c.seq == 3).values(body='{"n":9}'))
        assert audit.first_broken(connection) == 3
    engine.dispose()


def test_the_migration_gives_the_tables_of_the_code(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_feed_server_takes_every_address_of_bmkg() -> None:
    settings = Settings(_env_file=None).with_feed_server("http://127.0.0.1:1")
    assert {
        getattr(settings, n)
        for n in Settings.model_fields
        if n.startswith("bmkg_") and n.endswith("_url")
    } == {"http://127.0.0.1:1"}


@given(
    west=st.floats(94.6, 140),
    south=st.floats(-11.4, 5),
    width=st.floats(0.01, 1),
    height=st.floats(0.01, 1),
)
def test_a_window_holds_every_cell_that_meets_the_box(
    west: float, south: float, width: float, height: float
) -> None:
    rows, columns = BASE_GRID.window(west, south, west + width, south + height)
    inside = (BASE_GRID.longitude >= west) & (BASE_GRID.longitude <= west + width)
    assert inside[columns].sum() == inside.sum()
    inside = (BASE_GRID.latitude >= south) & (BASE_GRID.latitude <= south + height)
    assert inside[rows].sum() == inside.sum()


def test_a_window_outside_is_empty() -> None:
    rows, columns = Grid(0, 0, 1, 4, 4).window(10, 10, 11, 11)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (0, 0)


def test_the_live_span_is_ten_minutes() -> None:
    from orchestration.context import is_live

    assert is_live(AT, AT + timedelta(minutes=10))
    assert not is_live(AT, AT + timedelta(minutes=10, seconds=1))
    assert not is_live(AT, AT - timedelta(hours=1))
