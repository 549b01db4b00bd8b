"""Thinning on a real archive and log: what goes, what stays, what is written down."""

from __future__ import annotations

import datetime as dt
import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from ingest.keep import thinning
from ingest.keep.thinning import Thinning, protected_bytes, sweep, thin
from ingest.known import known, read_payload
from ingest.play.feedserver import FeedServer
from ingest.run import poll
from ingest.wire.lease import lease
from kentongan.audit import first_broken
from kentongan.db import audit, events, feed_log, quarantine, records
from kentongan.errors import DataError, KentonganError, SettingsError
from kentongan.retention import RetentionPolicy, RowRule, Rule
from kentongan.store import Store
from kentongan.types import Outcome

RP = "/IMAGE/HIMA/H08_RP_Indonesia.png"
POLICY = RetentionPolicy(
    author="tests",
    date="2026-11-22",
    thinned_kinds={"satellite_image", "forecast"},
    default=Rule(keep_all_days=1, keep_hourly_days=0, keep_daily_days=0),
)
SOURCES = ("himawari-rp", "bmkg-quakes", "bmkg-nowcast")


@pytest.fixture(scope="module")
def drawn():
    """Image bytes by day; drawing one takes a tenth of a second."""
    return {}


@pytest.fixture
def images(serve, draw_rp, make_context, now, drawn):
    """A context that polled five different images on five days."""
    served = {}
    context = make_context(serve(served).url)
    for day in range(5):
        title = f"HIMAWARI-9 RP  {20 + day}/11/2026  07:10UTC"
        if title not in drawn:
            drawn[title] = draw_rp(title)
        served[RP] = drawn[title]
        poll("himawari-rp", at=now + timedelta(days=day), context=context)
    return context


def run_of(context, at, policy=POLICY):
    return Thinning(context.engine, context.archive, policy, at, "tests")


def shas(context, source_id="himawari-rp"):
    query = select(feed_log.c.sha256).where(feed_log.c.source_id == source_id)
    with context.engine.connect() as connection:
        return list(connection.execute(query.order_by(feed_log.c.id)).scalars())


def kept(context, source_id="himawari-rp"):
    return {path[-64:] for path in context.archive.paths(source_id)}


def test_bytes_go_and_rows_stay(images, now):
    at = now + timedelta(days=30)
    *old, newest = shas(images)
    (done,) = thin(run_of(images, at), known_sources=SOURCES)
    assert (done.source_id, done.documents) == ("himawari-rp", 4)
    assert done.size > 4000
    assert kept(images) == {newest}, "the newest of an address stays"
    with images.engine.connect() as connection:
        marked = select(feed_log.c.sha256).where(feed_log.c.thinned_at == "2026-12-20T07:25:00Z")
        assert set(connection.execute(marked).scalars()) == set(old)
        assert connection.execute(select(func.count()).select_from(feed_log)).scalar() == 5
        with pytest.raises(DataError, match=r"thinned by data/policy/retention\.toml"):
            read_payload(connection, images.archive, "himawari-rp", old[0])
    assert len(known(images.engine, at, kinds=["satellite_image"])) >= 1


def test_the_audit_chain_says_what_and_by_which_policy(images, now):
    thin(run_of(images, now + timedelta(days=30)), known_sources=SOURCES)
    with images.engine.connect() as connection:
        row = connection.execute(select(audit)).one()
        assert first_broken(connection) is None
    body = json.loads(row.body)
    assert (row.actor, row.action) == ("tests", "archive.thin")
    assert (body["source_id"], body["documents"], body["rows"]) == ("himawari-rp", 4, 4)
    assert body["policy"] == "tests, 2026-11-22"
    assert body["first"] == "2026-11-20T07:25:00Z"


def test_a_dry_run_counts_and_touches_nothing(images, now):
    at = now + timedelta(days=30)
    (told,) = thin(run_of(images, at), known_sources=SOURCES, dry_run=True)
    assert len(kept(images)) == 5
    with images.engine.connect() as connection:
        assert connection.execute(select(audit)).first() is None
    (done,) = thin(run_of(images, at), known_sources=SOURCES)
    assert done == told
    (again,) = thin(run_of(images, at), known_sources=SOURCES)
    assert again.documents == 0


def test_thinned_bytes_that_come_again_are_stored_again(images, serve, draw_rp, make_context, now):
    thin(run_of(images, now + timedelta(days=30)), known_sources=SOURCES)
    old = shas(images)[0]
    back = serve({RP: draw_rp("HIMAWARI-9 RP  20/11/2026  07:10UTC")})
    context = make_context(back.url)
    at = now + timedelta(days=31)
    report = poll("himawari-rp", at=at, context=context)
    assert shas(context)[-1] == old
    assert report.outcome is Outcome.UNCHANGED, "known by its record, not new"
    assert f"himawari-rp/2026/12/21/{old}" in context.archive.paths()
    with context.engine.connect() as connection:
        assert read_payload(connection, context.archive, "himawari-rp", old)


def test_documents_of_records_are_kept_for_ever(feeds, make_context, now):
    with FeedServer(feeds) as server:
        context = make_context(server.url)
        for source_id in ("bmkg-quakes", "bmkg-nowcast"):
            poll(source_id, at=now, context=context)
    with context.engine.connect() as connection:
        rests_on = set(connection.execute(select(records.c.sha256)).scalars())
    thin(run_of(context, now + timedelta(days=4000)), known_sources=SOURCES)
    assert rests_on <= kept(context, "bmkg-quakes") | kept(context, "bmkg-nowcast")


def test_what_an_event_was_seen_in_is_kept_for_ever(images, now):
    seen = shas(images)[1]
    row = {
        "event_id": "rain-1",
        "hazard_id": "rain",
        "level": 2,
        "valid_from": "",
        "valid_to": "",
        "state": "ended",
        "field_hash": "",
        "updated_at": "",
        "body": json.dumps({"observations": [seen]}),
    }
    with images.engine.begin() as connection:
        connection.execute(events.insert().values(row))
    thin(run_of(images, now + timedelta(days=4000)), known_sources=SOURCES)
    assert seen in kept(images)


@pytest.mark.parametrize(("state", "stays"), [("open", True), ("dismissed", False)])
def test_quarantine_keeps_all_between_first_and_last_while_it_is_open(images, now, state, stays):
    first, between, last = shas(images)[:3]
    with images.engine.begin() as connection:
        url = connection.execute(select(feed_log.c.url)).scalars().first()
        connection.execute(
            quarantine.insert().values(
                source_id="himawari-rp",
                url=url,
                sha256=last,
                item="",
                reason="x",
                first_at="2026-11-20T07:25:00Z",
                last_at="2026-11-22T07:25:00Z",
                state=state,
            )
        )
    thin(run_of(images, now + timedelta(days=30)), known_sources=SOURCES)
    assert ({first, between, last} <= kept(images)) == stays


def test_a_kind_that_no_policy_names_is_evidence(images):
    with images.engine.begin() as connection:
        connection.execute(update(records).values(kind="volcano_notice"))
        found = protected_bytes(connection, "himawari-rp", POLICY.thinned_kinds)
        assert set(connection.execute(select(records.c.sha256)).scalars()) <= found


def test_a_run_that_was_killed_between_mark_and_file_is_finished_by_the_next(
    images, now, monkeypatch
):
    at = now + timedelta(days=30)

    def killed(self, path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            thin(run_of(images, at), known_sources=SOURCES)
    assert len(kept(images)) == 5, "a file too many, never one too few"
    assert sweep(images.engine, images.archive, at=at) == 4
    assert kept(images) == {shas(images)[-1]}


def test_the_sweep_leaves_what_it_does_not_know(images, now, tmp_path):
    foreign = tmp_path / "archive" / "notes.txt"
    foreign.write_text("mine", encoding="utf-8")
    fresh = tmp_path / "archive" / "himawari-rp" / ("a" * 64 + ".0.part")
    fresh.write_bytes(b"being written")
    assert sweep(images.engine, images.archive, at=dt.datetime.now(dt.UTC)) == 0
    assert foreign.exists()
    assert fresh.exists()
    later = dt.datetime.now(dt.UTC) + timedelta(days=2)
    assert sweep(images.engine, images.archive, at=later) == 1
    assert not fresh.exists()


def test_a_source_that_is_being_polled_is_left_alone(images, now, monkeypatch):
    monkeypatch.setattr("ingest.keep.thinning.WAIT_S", 0.2)
    at, held = now + timedelta(days=30), lease(images.engine, "poll:himawari-rp", seconds=30)
    with held, pytest.raises(KentonganError, match="is being polled now"):
        thin(run_of(images, at), known_sources=SOURCES)
    assert len(kept(images)) == 5


def test_what_is_received_again_while_it_is_being_thinned_is_kept(images, now):
    """Between the choice and the deletion a poll brings one of them again."""
    at, again = now + timedelta(days=30), shas(images)[1]
    with images.engine.begin() as connection:
        row = connection.execute(select(feed_log).where(feed_log.c.sha256 == again)).one()._asdict()
    seen = []

    def comes_back(_source, _count):
        seen.append(1)

    batch = thinning._not_seen_since

    def meanwhile(connection, source_id, chosen):
        values = {**row, "id": None, "polled_at": "2026-12-20T07:24:00Z"}
        connection.execute(feed_log.insert().values({k: v for k, v in values.items() if v}))
        return batch(connection, source_id, chosen)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thinning, "_not_seen_since", meanwhile)
        (done,) = thin(run_of(images, at), known_sources=SOURCES, progress=comes_back)
    assert (done.documents, seen) == (3, [1])
    assert again in kept(images)


def test_records_of_named_kinds_go_with_their_bytes_and_the_newest_stays(images, now):
    rows = RowRule(records_with_bytes={"satellite_image"})
    policy = POLICY.model_copy(update={"rows": rows})
    thin(run_of(images, now + timedelta(days=30), policy), known_sources=SOURCES)
    with images.engine.connect() as connection:
        left = list(connection.execute(select(records.c.sha256)).scalars())
        body = json.loads(connection.execute(select(audit.c.body)).scalar_one())
    assert left == [shas(images)[-1]]
    assert body["records"] == 4


def test_no_policy_deletes_records_that_make_an_event():
    with pytest.raises(ValueError, match="nowcast not in thinned_kinds"):
        RetentionPolicy(**{**POLICY.model_dump(), "rows": {"records_with_bytes": ["nowcast"]}})


def test_a_policy_for_a_source_that_does_not_exist(images, now):
    policy = POLICY.model_copy(update={"sources": {"bmkg-vulkan": POLICY.default}})
    with pytest.raises(SettingsError, match="bmkg-vulkan"):
        thin(run_of(images, now, policy), known_sources=SOURCES)
