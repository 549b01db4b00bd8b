"""Rows of the log that say nothing new go; when something changed stays known."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from ingest import log
from ingest.health import source_health
from ingest.keep import quarantine
from ingest.keep.thinning_rows import thin_rows
from ingest.registry import SOURCES
from kentongan.audit import first_broken
from kentongan.db import audit, cycles, feed_log
from kentongan.retention import RetentionPolicy, Rule
from kentongan.times import iso, parse_instant
from kentongan.types import Outcome

URL = "https://data.bmkg.go.id/DataMKG/TEWS/autogempa.json"
RULE = Rule(keep_all_days=1, keep_hourly_days=0, keep_daily_days=0)
POLICY = RetentionPolicy(
    author="tests", date="2026-11-22", thinned_kinds={"forecast"}, default=RULE
)


@pytest.fixture
def write(make_context, now):
    """Write polls at seconds after `now`; returns the engine."""
    engine = make_context("http://127.0.0.1:9").engine

    def rows(spells):
        with engine.begin() as connection:
            for seconds, outcome, sha256 in spells:
                at = now + timedelta(seconds=seconds)
                row = log.LogRow("bmkg-quakes", URL, at, outcome, sha256=sha256 and sha256 * 64)
                log.write(connection, row)
        return engine

    return rows


def left(engine, now):
    with engine.connect() as connection:
        found = connection.execute(select(feed_log.c.polled_at).order_by(feed_log.c.id)).scalars()
        return [int((parse_instant(one) - now).total_seconds()) for one in found]


def quiet(first, last, sha256="a", outcome=Outcome.UNCHANGED):
    return [(seconds, outcome, sha256) for seconds in range(first, last, 6)]


def test_a_quiet_hour_keeps_its_first_and_last_poll(write, now):
    engine = write([(0, Outcome.NEW, "a"), *quiet(6, 600)])
    done = thin_rows(engine, POLICY, now + timedelta(days=8), "tests")
    assert left(engine, now) == [0, 6, 594]
    assert (done.repeats, done.total) == (97, 97)
    with engine.connect() as connection:
        row = connection.execute(select(audit)).one()
        assert first_broken(connection) is None
    assert json.loads(row.body)["repeats"] == 97
    assert thin_rows(engine, POLICY, now + timedelta(days=8), "tests").total == 0


def test_every_change_stays_known_to_the_second(write, now):
    engine = write(
        [
            *quiet(0, 60),
            *quiet(60, 120, None, Outcome.DOWN),
            (120, Outcome.NEW, "b"),
            *quiet(126, 180, "b"),
        ]
    )
    thin_rows(engine, POLICY, now + timedelta(days=8), "tests")
    assert left(engine, now) == [0, 54, 60, 114, 120, 126, 174]


def test_what_is_young_stays(write, now):
    engine = write(quiet(0, 600))
    assert thin_rows(engine, POLICY, now + timedelta(days=6.9), "tests").total == 0
    assert thin_rows(engine, POLICY, now + timedelta(days=8), "tests", dry_run=True).total == 98
    assert len(left(engine, now)) == 100


def test_an_entry_of_the_quarantine_finds_its_documents_again(write, now):
    engine = write(quiet(0, 600, outcome=Outcome.QUARANTINED))
    row = log.LogRow(
        "bmkg-quakes", URL, now + timedelta(seconds=300), Outcome.QUARANTINED, sha256="a" * 64
    )
    with engine.begin() as connection:
        quarantine.note_items(connection, row, ["M 5.0: no depth"], b"{}")
    thin_rows(engine, POLICY, now + timedelta(days=8), "tests")
    assert left(engine, now) == [0, 300, 594]
    with engine.connect() as connection:
        (entry,) = quarantine.listed(connection)
        assert list(quarantine.documents_of(connection, entry)) == ["a" * 64]


def test_rows_of_bytes_that_went_long_ago_go_too(write, now):
    engine = write([(0, Outcome.NEW, "a"), (6, Outcome.NEW, "b")])
    with engine.begin() as connection:
        gone = update(feed_log).where(feed_log.c.sha256 == "a" * 64)
        connection.execute(gone.values(thinned_at=iso(now + timedelta(days=2))))
    assert thin_rows(engine, POLICY, now + timedelta(days=31), "tests").of_thinned == 0
    assert thin_rows(engine, POLICY, now + timedelta(days=33), "tests").of_thinned == 1
    assert left(engine, now) == [6]


def test_notes_of_cycles_go_but_for_the_newest(write, now):
    engine = write([])
    with engine.begin() as connection:
        for minute in range(5):
            at = iso(now + timedelta(minutes=minute))
            connection.execute(cycles.insert().values(at=at, document={}))
    assert thin_rows(engine, POLICY, now + timedelta(days=8), "tests").cycles == 4
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(cycles)).scalar() == 1


def test_the_health_of_a_feed_is_the_same_before_and_after(write, now):
    engine = write([*quiet(0, 600), *quiet(600, 1200, None, Outcome.DOWN)])
    at = now + timedelta(days=8)
    with engine.connect() as connection:
        before = source_health(connection, SOURCES["bmkg-quakes"], at)
    thin_rows(engine, POLICY, at, "tests")
    with engine.connect() as connection:
        after = source_health(connection, SOURCES["bmkg-quakes"], at)
    assert (after.state, after.blind_since) == (before.state, before.blind_since)
    assert after.last_success == before.last_success
