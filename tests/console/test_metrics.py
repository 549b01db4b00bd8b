"""`/metrics` is what Prometheus reads: parsed here by Prometheus' own parser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.web.metrics import PollCounts, exposition
from console.web.reading import Reading
from ingest.registry import SOURCES
from kentongan.db import feed_log, forecast_villages, make_engine, quarantine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.times import iso
from orchestration.heartbeat import beat

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
M = timedelta(minutes=1)


@pytest.fixture
def reading(tmp_path):
    settings = Settings(home=tmp_path, sources=("bmkg-nowcast", "bmkg-quakes"))
    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    engine.dispose()
    found = Reading(settings, lambda: AT)
    yield found
    found.close()


def log(reading, at, *, source="bmkg-nowcast", path="/alerts/nowcast/id", outcome="new"):
    with reading.engine.begin() as connection:
        connection.execute(
            feed_log.insert().values(
                source_id=source,
                url=f"https://www.bmkg.go.id{path}",
                polled_at=iso(at),
                outcome=outcome,
                document_time=iso(at - M) if outcome == "new" else None,
                sha256="0" * 64,
            )
        )


def scraped(reading, polls=None, at=AT):
    """(name, labels) → value."""
    text = exposition(reading, at, polls or PollCounts()).decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_ages_states_and_counts(reading):
    log(reading, AT - 30 * M)
    log(reading, AT - 12 * M, outcome="blocked")
    log(reading, AT - 2 * M, outcome="blocked")
    beat(reading.engine, "cycle", AT - M)
    with reading.engine.begin() as connection:
        connection.execute(
            quarantine.insert().values(
                source_id="bmkg-nowcast", url="u", sha256="", item="", reason="r",
                first_at=iso(AT), last_at=iso(AT),
            )
        )  # fmt: skip
        connection.execute(
            forecast_villages.insert().values(
                adm4_code="33.01.01.2001", asked_as="33.01.01.2001", asked_at=iso(AT), outcome="new"
            )
        )
    found = scraped(reading)
    assert found["kentongan_database_up",] == 1
    assert found["kentongan_feed_age_seconds", "", "bmkg-nowcast"] == 31 * 60
    assert found["kentongan_feed_blind_seconds", "", "bmkg-nowcast"] == 12 * 60
    assert found["kentongan_feed_overdue_seconds", "", "bmkg-nowcast"] == 21 * 60
    assert found["kentongan_feed_last_success_timestamp_seconds", "bmkg-nowcast"] == (
        (AT - 30 * M).timestamp()
    )
    assert found["kentongan_feed_state", "", "blocked", "bmkg-nowcast"] == 1
    assert found["kentongan_feed_state", "", "bmkg-nowcast", "fresh"] == 0
    assert found["kentongan_polls_total", "blocked", "bmkg-nowcast"] == 2
    assert found["kentongan_heartbeat_age_seconds", "cycle"] == 60
    assert found["kentongan_quarantine_open", "bmkg-nowcast"] == 1
    assert found["kentongan_forecast_villages", "new"] == 1


def test_every_source_has_exactly_one_state(reading):
    log(reading, AT)
    states = {}
    for (name, *labels), value in scraped(reading).items():
        if name == "kentongan_feed_state":
            source = next(label for label in labels if label in SOURCES)
            states[source] = states.get(source, 0) + value
    assert set(states.values()) == {1.0}
    assert scraped(reading)["kentongan_feed_state", "", "himawari-rp", "unconfigured"] == 1


def test_a_part_has_its_own_age(reading):
    log(reading, AT, source="bmkg-quakes", path="/DataMKG/TEWS/autogempa.json")
    path = "/DataMKG/TEWS/gempadirasakan.json"
    log(reading, AT, source="bmkg-quakes", path=path, outcome="blocked")
    found = scraped(reading)
    assert found["kentongan_feed_state", path, "blocked", "bmkg-quakes"] == 1
    assert found["kentongan_feed_state", "", "bmkg-quakes", "fresh"] == 1


def test_what_is_not_known_is_left_out_not_zero(reading):
    names = {name for name, *_ in scraped(reading)}
    assert "kentongan_feed_age_seconds" not in names
    assert "kentongan_feed_blind_seconds" not in names


def test_counts_go_on_from_the_last_scrape(reading):
    polls = PollCounts()
    for minute in range(3):
        log(reading, AT + minute * M)
        found = scraped(reading, polls, AT + minute * M)
        assert found["kentongan_polls_total", "bmkg-nowcast", "new"] == minute + 1


def test_a_dead_database_is_one_metric_not_an_error(tmp_path):
    reading = Reading(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}"), lambda: AT)
    assert scraped(reading) == {("kentongan_database_up",): 0.0}
    reading.close()
