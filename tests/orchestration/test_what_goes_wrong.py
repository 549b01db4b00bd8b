"""What must not stop, mix or silence warnings."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from kentongan.binding import bind
from kentongan.db import make_engine
from kentongan.errors import KentonganError, RuleViolation
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.types import Mode
from orchestration import deciding, event_store, stages, steps, watch
from orchestration.context import open_context
from orchestration.cycle import run_cycle
from orchestration.scenarios import find


def test_an_event_that_ended_is_looked_at_again_when_more_is_known(play):
    context, _ = play("cianjur", 1)
    (stored,) = event_store.active(context.engine)
    with context.engine.begin() as connection:
        event_store.end(connection, stored.event.event_id, stored.event.valid_from)
    assert event_store.active(context.engine) == []
    impact = event_store.read_impact(context.runs, stored.impact_path)
    fields = stages.fields_of(context, stored.event.onset + timedelta(minutes=6))
    (field,) = [f for f in fields if f.event.event_id == stored.event.event_id]
    event_store.save(
        context.engine, context.runs, field, stored.event, impact, digest="0" * 64,
        at=stored.event.valid_from,
    )  # fmt: skip
    assert [s.event.event_id for s in event_store.active(context.engine)] == [stored.event.event_id]


def test_a_lost_impact_table_is_made_again(play):
    context, first = play("cianjur", 1)
    (stored,) = event_store.active(context.engine)
    path = context.settings.home / stored.impact_path
    before = path.read_bytes()
    path.unlink()
    document = run_cycle(context, datetime(2022, 11, 21, 6, 27, tzinfo=UTC))
    assert document["troubles"] == [] and path.read_bytes() == before
    assert document["warnings"] == first["warnings"]


def test_one_broken_event_keeps_nobody_else_from_being_warned(play, monkeypatch):
    decide_one = deciding.decide_one

    def broken(context, one, *others):
        if one.known.event.hazard_id == "shaking":
            raise RuntimeError("disk on fire")
        return decide_one(context, one, *others)

    monkeypatch.setattr(deciding, "decide_one", broken)
    _, document = play("flores", 1)
    assert [w["hazard_id"] for w in document["warnings"]] == ["tsunami"]
    (trouble,) = document["troubles"]
    assert trouble["what"].startswith("decision on shaking-")
    assert trouble["detail"] == "RuntimeError: disk on fire"


def test_messages_go_out_though_the_plan_fails(play, monkeypatch):
    def broken(*_a, **_k):
        raise RuntimeError("no planner")

    monkeypatch.setattr("orchestration.releasing.plan_in_force", broken)
    _, document = play("cianjur", 1)
    assert document["messages"]["sms"]["recorded"] > 0
    assert [t["what"] for t in document["troubles"]] == ["plan"]


def test_a_task_of_airflow_fails_when_something_in_it_did():
    with pytest.raises(KentonganError, match="overlay of x: broken"):
        steps._raise([{"what": "overlay of x", "detail": "broken"}])


def test_who_starts_in_mid_tsunami_knows_the_zones_of_earlier_bulletins(play):
    context, document = play("flores", 5)
    at = find("flores").steps[5].at
    from ingest.known import known

    found = known(context.engine, at, kinds=stages.KINDS, since=at - stages.HORIZON)
    earlier = stages._earlier_bulletins(context, at, found)
    assert [b.label for b in earlier] == ["PD-1", "PD-2", "PD-3.1"]
    (tsunami,) = [w for w in document["warnings"] if w["hazard_id"] == "tsunami"]
    assert tsunami["level"] == 3


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        (("actual", True), ("actual", True), True),
        (("actual", True), ("actual", False), False),
        (("actual", True), ("exercise", True), False),
        (("exercise", False), ("actual", True), False),
        (("exercise", False), ("exercise", True), True),
        (("test", False), ("exercise", False), False),
        (("actual", False), ("actual", True), False),
    ],
)
def test_a_home_takes_one_kind_of_run(tmp_path, first, second, fits):
    engine = make_engine(f"sqlite:///{tmp_path / 'k.sqlite'}")
    migrate(engine)
    bind(engine, Mode(first[0]), live=first[1])
    if fits:
        bind(engine, Mode(second[0]), live=second[1])
    else:
        with pytest.raises(RuleViolation, match="set KENTONGAN_HOME"):
            bind(engine, Mode(second[0]), live=second[1])
    engine.dispose()


@pytest.mark.parametrize(
    "base",
    [
        *("http://127.0.0.1:1", "http://localhost:9", "http://[::1]:1", "http://127.1:8"),
        *("http://0.0.0.0:8", "http://[::ffff:127.0.0.1]:8", "http://2130706433:8"),
        *("http://localhost.:8", "http://192.168.1.7:8", "https://feed-server:8", "/recording"),
        *("https://bmkg.go.id.example.net", "https://xbmkg.go.id", "http://api.bmkg.go.id"),
        "https://other.storage.googleapis.com",
    ],
)
def test_a_local_feed_server_is_no_present(tmp_path, base):
    settings = Settings(_env_file=None, mode=Mode.ACTUAL, home=tmp_path)
    assert not settings.feeds_are_local
    local = settings.model_copy(update={"bmkg_api_url": base})
    with open_context(local, live=True) as context:
        assert local.feeds_are_local and not context.live


def test_a_mirror_that_the_operator_vouches_for_is_the_present():
    mirror = {"_env_file": None, "bmkg_api_url": "https://mirror.example.org"}
    assert Settings(**mirror).feeds_are_local
    assert not Settings(**mirror, trusted_feed_hosts=("mirror.example.org",)).feeds_are_local
    here = {"_env_file": None, "bmkg_api_url": "http://127.0.0.1:8"}
    assert Settings(**here, trusted_feed_hosts=("127.0.0.1",)).feeds_are_local


@pytest.mark.parametrize(
    ("address", "local"), [("http://localhost:8", True), ("/frames", False), ("", False)]
)
def test_frames_may_come_into_a_folder_but_not_from_a_server_here(address, local):
    assert Settings(_env_file=None, himawari_b13_url=address).feeds_are_local is local


def test_the_watch_outlives_what_a_poll_meets(monkeypatch, caplog):
    stop, calls = threading.Event(), []

    def broken(*_a):
        calls.append(1)
        if len(calls) > 2:
            stop.set()
        raise OSError("database is locked")

    monkeypatch.setattr(steps, "poll_sources", broken)
    monkeypatch.setattr(steps, "advance_at", broken)
    watch.watch(Settings(_env_file=None), stop=stop, tick_s=0.01)
    assert len(calls) >= 3
    assert "the watch goes on" in caplog.text
