"""Unknown fields are counted, and known ones that go are reported."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.keep import census
from ingest.keep.census import count_fields, document_kind, drift, fields_known
from ingest.run import poll
from ingest.source import Reading

DAY = timedelta(days=1)


@pytest.fixture
def engine(make_context):
    return make_context("http://127.0.0.1:1").engine


def count(engine, at, fields, unknown=(), path="/DataMKG/TEWS/autogempa.json"):
    with engine.begin() as connection:
        reading = Reading(fields=tuple(fields), unknown_fields=tuple(unknown))
        count_fields(connection, "bmkg-quakes", path, reading, at)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/alerts/nowcast/id/CGT20260924002_alert.xml", "/alerts/nowcast/id/*_alert.xml"),
        ("/publik/prakiraan-cuaca?adm4=33.01.01.2001", "/publik/prakiraan-cuaca"),
        ("/last30event.xml", "/last*event.xml"),
    ],
)
def test_issues_of_one_product_are_one_kind(path, expected):
    assert document_kind(path) == expected


def test_an_unknown_field_is_reported_with_when_it_came_first(engine, now):
    count(engine, now, ["Tanggal", "Jam"])
    assert drift(engine, now) == []
    count(engine, now + DAY, ["Tanggal", "Jam"], ["Sumber"])
    count(engine, now + 2 * DAY, ["Tanggal", "Jam"], ["Sumber"])
    (found,) = drift(engine, now + 2 * DAY)
    assert (found.field, found.kind, found.seen) == ("Sumber", "unknown", 2)
    assert (found.first_at, found.last_at) == (now + DAY, now + 2 * DAY)


def test_a_known_field_is_gone_when_newer_documents_lack_it_for_days(engine, now):
    count(engine, now, ["Tanggal", "Dirasakan"])
    count(engine, now + DAY, ["Tanggal"])
    assert drift(engine, now + DAY) == []
    count(engine, now + 2 * DAY, ["Tanggal"])
    (found,) = drift(engine, now + 2 * DAY)
    assert (found.field, found.kind, found.last_at) == ("Dirasakan", "gone", now)


def test_a_feed_that_is_silent_has_not_lost_its_fields(engine, now):
    count(engine, now, ["Tanggal"])
    assert drift(engine, now + 30 * DAY) == []


def test_a_field_that_a_new_reader_knows_is_no_longer_unknown(engine, now):
    count(engine, now, ["Tanggal"], ["Sumber"])
    count(engine, now + DAY, ["Tanggal", "Sumber"])
    assert drift(engine, now + DAY) == []


def test_a_hostile_document_does_not_fill_the_table(engine, now):
    for start in range(0, 2000, 500):
        count(engine, now, [], [f"f{start + i}" for i in range(500)])
    assert fields_known(engine) == {"bmkg-quakes": census.MAX_FIELDS}


def test_a_poll_counts_each_different_document_once(serve, make_context, feeds, now):
    path = "/DataMKG/TEWS/autogempa.json"
    body = (feeds / "autogempa.json").read_bytes()
    served = {path: body.replace(b'"Tanggal"', b'"Baru": "x", "Tanggal"')}
    context = make_context(serve(served).url)
    for minute in range(3):
        poll("bmkg-quakes", at=now + timedelta(minutes=minute), context=context)
    (found,) = [f for f in drift(context.engine, now + DAY) if f.kind == "unknown"]
    assert (found.field.rpartition(".")[2], found.seen, found.first_at) == ("Baru", 1, now)
