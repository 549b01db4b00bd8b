"""A live session kept as a scenario gives the same bytes at the same times again."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from ingest.play.feedserver import FeedServer, Payload, TimedServer
from ingest.play.recorder import record, require_own
from ingest.run import poll
from kentongan.errors import SettingsError
from kentongan.scenario import load_scenario

RSS = "/alerts/nowcast/id"
QUAKES = "/DataMKG/TEWS/autogempa.json"
MINUTE = timedelta(minutes=1)
BLOCK = b"<!doctype html><title>Laman Diblokir</title>"


@pytest.fixture
def session(make_context, feeds, now, tmp_path):
    """Six minutes of two feeds: good, good, blocked, 503, silent, good again."""
    rss = (feeds / "nowcast-rss.xml").read_bytes()
    good = {RSS: Payload(rss), QUAKES: Payload((feeds / "autogempa.json").read_bytes())}
    states = [good, good, {**good, RSS: Payload(BLOCK)}, {**good, RSS: Payload(status=503)},
              {**good, RSS: Payload(status=0)}, good]  # fmt: skip
    shown = dict(good)
    with FeedServer(lambda path: shown.get(path)) as server:
        context = make_context(server.url)
        for minute, state in enumerate(states):
            shown.update(state)
            for number, source_id in enumerate(("bmkg-quakes", "bmkg-nowcast")):
                at = now + minute * MINUTE + timedelta(seconds=number)
                poll(source_id, at=at, context=context)
        yield context


def kept(context, tmp_path, now, **changes):
    given = {"start": now, "end": now + 10 * MINUTE, **changes}
    return record(context, tmp_path / "rec", ["bmkg-quakes", "bmkg-nowcast"], **given)


def test_each_change_is_a_step_and_each_payload_one_file(session, tmp_path, now):
    done = kept(session, tmp_path, now)
    scenario = load_scenario(tmp_path / "rec")
    assert (scenario.re_creation, scenario.recorded) == (True, True)
    assert scenario.sources == ("bmkg-quakes", "bmkg-nowcast")
    assert "Rekaman" in scenario.title
    second = timedelta(seconds=1)
    assert [step.at for step in scenario.steps] == [
        now + second + minute * MINUTE for minute in (0, 2, 3, 4, 5)
    ]
    first, *rest = scenario.steps
    assert first.serve.keys() >= {RSS, QUAKES}, "what stood there at the beginning is one step"
    assert [step.fail.get(RSS) for step in rest] == [None, 503, 0, None]
    assert scenario.steps[-1].serve[RSS] == first.serve[RSS], "the same bytes are one file"
    assert done.payloads == len(list((tmp_path / "rec" / "payloads").iterdir()))
    assert done.left_out == ()


def test_a_block_page_is_recorded_as_what_it_is(session, tmp_path, now):
    kept(session, tmp_path, now)
    scenario = load_scenario(tmp_path / "rec")
    name = scenario.steps[1].serve[RSS]
    assert name.endswith(".html")
    assert (tmp_path / "rec" / name).read_bytes() == BLOCK


def test_a_recording_served_in_its_timing_gives_the_same_bytes(session, tmp_path, now, feeds):
    kept(session, tmp_path, now)
    scenario = load_scenario(tmp_path / "rec")
    with TimedServer(scenario, start=now, speed=60) as server:

        def get(path=RSS):
            return httpx.get(server.url + path, trust_env=False)

        assert get().status_code == 404, "it starts a second before the first poll"
        assert len(server.advance(0.1)) == 1
        assert get().content == (feeds / "nowcast-rss.xml").read_bytes()
        server.advance(2.1)
        assert get().content == BLOCK
        server.advance(3.1)
        assert get().status_code == 503
        assert get(QUAKES).status_code == 200
        server.advance(4.1)
        with pytest.raises(httpx.RemoteProtocolError):
            get()
        server.advance(5.1)
        assert get().status_code == 200
        assert server.is_over
    with TimedServer(scenario, start=now + timedelta(minutes=3.5)) as server:
        assert httpx.get(server.url + RSS, trust_env=False).status_code == 503


def test_a_stretch_of_time_only(session, tmp_path, now):
    done = kept(session, tmp_path, now, start=now + 2 * MINUTE, end=now + 3 * MINUTE)
    assert done.steps == 1, "the block page and what stood beside it, then 503 within the opening"
    assert (tmp_path / "rec" / "scenario.toml").is_file()


def test_a_second_recording_replaces_the_first_and_nothing_else(session, tmp_path, now):
    kept(session, tmp_path, now)
    before = (tmp_path / "rec" / "scenario.toml").read_bytes()
    kept(session, tmp_path, now)
    assert (tmp_path / "rec" / "scenario.toml").read_bytes() == before
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(SettingsError, match="no recording"):
        require_own(other)


def test_nothing_polled_is_an_error_that_says_what_to_do(session, tmp_path, now):
    with pytest.raises(SettingsError, match="--for"):
        kept(session, tmp_path, now, start=now - timedelta(days=9), end=now - timedelta(days=8))


def test_bytes_that_the_archive_lost_are_left_out_by_name(session, tmp_path, now):
    for path in session.archive.paths("bmkg-quakes"):
        (tmp_path / "archive" / path).unlink()
    done = kept(session, tmp_path, now)
    assert any(QUAKES in line for line in done.left_out)
    assert load_scenario(tmp_path / "rec").steps[0].serve.keys() >= {RSS}


def test_a_folder_source_is_left_out_by_name(make_context, tmp_path, now, session):
    done = record(
        session, tmp_path / "r", ["bmkg-nowcast", "bmkg-shakemap"], start=now, end=now + MINUTE
    )
    assert any("bmkg-shakemap" in line for line in done.left_out)
