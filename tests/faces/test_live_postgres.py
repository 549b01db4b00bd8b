"""What the live map reads is read alike from PostgreSQL."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from console.web.live import watermarks
from console.web.live.hub import RESET
from console.web.live.watcher import Eye
from kentongan.db import make_engine, metadata
from kentongan.settings import Settings
from kentongan.store import Store
from orchestration.live_map.moment import Moment
from orchestration.live_map.situation import situation_at
from risk.layers.layerset import load_layers

COPIED = (
    "cycles", "records", "feed_log", "events", "event_versions", "warnings", "warning_states",
    "alerts", "tasks", "task_steps", "escalations", "cases", "case_steps", "reports", "sop_ticks",
)  # fmt: skip


@pytest.fixture
def copied(postgres, scene_of):
    """The tables of a scene in PostgreSQL; (engine there, engine here, scene)."""
    found = scene_of("flores")
    here = make_engine(f"sqlite:///{found.home / 'kentongan.sqlite'}")
    there = make_engine(postgres.database())
    with here.connect() as source, there.begin() as target:
        for name in COPIED:
            table = metadata.tables[name]
            rows = [dict(row) for row in source.execute(select(table)).mappings()]
            if rows:
                target.execute(insert(table), rows)
    yield there, here, found
    there.dispose()
    here.dispose()


def test_the_state_is_the_same(copied):
    there, here, found = copied
    settings, layers = Settings(_env_file=None, home=found.home), load_layers("")
    for moment in (
        Moment(found.at, found.at, live=True),
        Moment(found.at - timedelta(minutes=50), found.at),
        Moment(found.at + timedelta(minutes=50), found.at),
    ):
        one, other = (
            situation_at(engine, Store(str(found.home)), layers, settings, moment)
            for engine in (there, here)
        )
        assert one.areas.villages.rows() == other.areas.villages.rows()
        assert one.areas.villages.codes == other.areas.villages.codes
        for name in ("tasks", "reports", "feeds", "elsewhere", "quakes", "unknown_areas"):
            assert getattr(one, name) == getattr(other, name), (name, moment)
        assert [(h.warning_id, h.version, h.sent) for h in one.held] == [
            (h.warning_id, h.version, h.sent) for h in other.held
        ]


def test_a_change_is_seen_and_a_look_is_cheap(copied):
    there, _, found = copied
    eye = Eye(there, found.home, lambda _at: ())
    assert eye.look(found.at) == [RESET]
    assert eye.look(found.at) == []
    ticks = metadata.tables["sop_ticks"]
    with there.begin() as connection:
        connection.execute(insert(ticks).values(
            warning_id="w", step_id="s", at="2026-08-14T23:50:00Z", actor="x"))  # fmt: skip
    assert eye.look(found.at) == ["sop"]
    with there.connect() as connection:
        assert watermarks.data_version(connection) is None
        start = time.perf_counter()
        for _ in range(20):
            watermarks.quick(connection)
        assert (time.perf_counter() - start) / 20 < 0.1
    eye.close()
