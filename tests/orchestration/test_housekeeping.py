"""The night's work on a home that a scenario filled."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from ingest.keep.archiving import in_archive
from kentongan.db import events, feed_log
from kentongan.errors import DataError
from kentongan.hazard import HazardEvent
from kentongan.settings import Settings
from kentongan.times import parse_instant
from orchestration.context import open_ingest
from orchestration.housekeeping import sweep_made, thin_at, verify_archive
from orchestration.scenarios import run_scenario


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("night")
    run_scenario("cianjur", Settings(home=home, _env_file=None))
    return Settings(home=home / "scenarios" / "cianjur", _env_file=None)


def read_observations(settings: Settings) -> int:
    """How many documents that an event rests on could be read from the archive."""
    with open_ingest(settings) as ingest, ingest.engine.connect() as connection:
        bodies = connection.scalars(select(events.c.body))
        named = {s for body in bodies for s in HazardEvent.model_validate_json(body).observations}
        rows = select(feed_log.c.source_id, feed_log.c.sha256).distinct()
        found = connection.execute(rows.where(feed_log.c.sha256.in_(named))).all()
        return len([in_archive(connection, ingest.archive, *row) for row in found])


def test_what_an_event_rests_on_outlives_ten_years(home):
    before, named_before = verify_archive(home), read_observations(home)
    thinned = thin_at(home, parse_instant("2040-01-01T00:00:00Z"))
    after = verify_archive(home)
    assert read_observations(home) == named_before > 0
    assert thinned["documents"]["himawari-rp"] > 0
    assert before["files"] - after["files"] == sum(thinned["documents"].values())


def test_a_changed_byte_fails_the_night(home):
    documents = (p for p in Path(home.home, "archive", "bmkg-quakes").rglob("*") if p.is_file())
    path = next(documents)
    kept = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(kept[:-1] + b"?")
    try:
        with pytest.raises(DataError, match="1 changed of"):
            verify_archive(home)
    finally:
        path.write_bytes(kept)


def test_old_maps_go_and_the_newest_stays(tmp_path):
    at = parse_instant("2026-11-20T00:00:00Z")
    for day in ("01", "02", "19"):
        cycle = tmp_path / "runs" / "cycles" / f"202611{day}T000000Z"
        cycle.mkdir(parents=True)
        (cycle / "impacts.parquet").write_bytes(b"table")
    maps = tmp_path / "maps"
    maps.mkdir()
    for name in ("situation-20261101T000000Z.html", "situation-20261102T000000Z.html", "a.html"):
        (maps / name).write_text("map", encoding="utf-8")
    assert sweep_made(tmp_path, at) == 3
    assert {path.name for path in maps.iterdir()} == {"situation-20261102T000000Z.html", "a.html"}
    assert [path.name for path in (tmp_path / "runs" / "cycles").iterdir()] == ["20261119T000000Z"]
