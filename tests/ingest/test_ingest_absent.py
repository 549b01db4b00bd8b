"""A village without a forecast is not assessed; the feed is not dead for that."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.health import feed_health
from ingest.play.feedserver import FeedServer
from ingest.run import IngestContext, poll
from kentongan.db import make_engine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.store import Store

AT = datetime(2026, 9, 24, 7, 35, tzinfo=UTC)
VILLAGES = ("75.02.05.2001", "75.02.05.2002")


@pytest.fixture
def context(tmp_path: Path):
    (tmp_path / "feeds").mkdir()
    engine = make_engine(f"sqlite:///{tmp_path / 'k.sqlite'}")
    migrate(engine)
    with FeedServer(tmp_path / "feeds") as server:
        settings = Settings(_env_file=None).with_feed_server(server.url)
        yield IngestContext(settings, engine, Store(str(tmp_path / "archive")))
    engine.dispose()


def test_villages_that_bmkg_does_not_know_are_counted_not_blamed(context):
    report = poll("bmkg-forecast", at=AT, context=context, wanted=VILLAGES)
    assert (report.outcome, report.state, report.entries) == ("empty", "empty", ())
    assert report.detail == "2 of 2 asked for are not published and not assessed"
    health = {h.source_id: h for h in feed_health(context.engine, AT)}
    assert health["bmkg-forecast"].blind_since is None


def test_the_same_answer_of_another_feed_is_a_failure(context):
    report = poll("bmkg-nowcast", at=AT, context=context)
    assert (report.outcome, report.state) == ("down", "down")
