"""Alarms about what a person has stopped or owes: the switch, drafts, reviews."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kentongan.db import make_engine, warning_states, warnings
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.times import iso
from notify.release.review import OpenReview
from notify.release.waiting import Waiting
from notify.sending.switches import throw
from orchestration.deadman import checks
from orchestration.deadman.alarms import DATABASE
from orchestration.deadman.people import left_undone
from orchestration.deadman.policy import deadman_policy

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def home(tmp_path):
    settings = Settings(home=tmp_path, _env_file=None)
    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    yield settings, engine
    engine.dispose()


def found(home, at=AT):
    settings, engine = home
    return list(left_undone(engine, settings, deadman_policy(settings), at))


def test_nothing_undone_is_no_alarm(home):
    assert found(home) == []


def test_a_switch_that_is_off_is_told_with_who_and_why(home):
    _, engine = home
    throw(engine, is_open=False, at=AT, actor="ani", reason="isi salah", route=None)
    (one,) = found(home, AT + MINUTE)
    assert "ani" in one.what and "isi salah" in one.what
    assert "dispatch go" in one.action
    assert one.since == AT and one.after == 5 * MINUTE
    throw(engine, is_open=True, at=AT + MINUTE, actor="budi", reason="benar lagi", route=None)
    assert found(home, AT + 2 * MINUTE) == []


def test_a_route_that_is_off_names_the_route(home):
    throw(home[1], is_open=False, at=AT, actor="ani", reason="uji", route="sms")
    (one,) = found(home)
    assert "saluran sms" in one.what and "--route sms" in one.action


def test_the_switch_is_among_what_deadman_looks_at(home):
    settings, engine = home
    throw(engine, is_open=False, at=AT, actor="ani", reason="uji", route=None)
    keys = {f.key for f in checks.look(settings, deadman_policy(settings), AT).found}
    assert "switch:dispatch" in keys and DATABASE not in keys


def waiting(**changes):
    given = {
        "warning_id": "w-shaking-1", "version": 1, "what": "alert", "hazard_id": "shaking",
        "level": 3, "title": "Gempa M6,1", "since": AT, "until": AT + 6 * 60 * MINUTE,
        "waits_for": "2 people", "people": (), "official": False,
    }  # fmt: skip
    return Waiting(**{**given, **changes})


def test_a_draft_that_waits_is_told_after_a_while_and_a_held_warning_at_once(home, monkeypatch):
    drafts = [waiting(), waiting(warning_id="w-tsunami-1", official=True, held="20 an hour")]
    monkeypatch.setattr("notify.release.waiting.waiting", lambda *_: drafts)
    with home[1].begin() as connection:
        connection.execute(
            warnings.insert().values(
                warning_id="w-shaking-1", version=1, event_id="e", hazard_id="shaking",
                msg_type="Alert", cap_status="Actual", level=3, content_hash="0" * 64,
                created_at=iso(AT), expires=iso(AT), body={},
            )
        )  # fmt: skip
        connection.execute(
            warning_states.insert().values(
                warning_id="w-shaking-1", version=1, state="draft", at=iso(AT), actor="kentongan"
            )
        )
    own, official = found(home)
    assert own.after == 5 * MINUTE and "menunggu persetujuan" in own.what
    assert official.after == 0 * MINUTE and "20 an hour" in official.what
    assert "warning show w-tsunami-1" in official.action


def test_a_review_that_is_overdue_is_told_at_once(home, monkeypatch):
    late = OpenReview("w-shaking-1", 2, "ani", "gelombang terlihat", AT, AT + 5 * MINUTE)
    monkeypatch.setattr("notify.release.review.overdue_reviews", lambda *_: [late])
    (one,) = found(home, AT + 6 * MINUTE)
    assert "seorang diri" in one.what and one.after == 0 * MINUTE
    assert "warning review w-shaking-1" in one.action
