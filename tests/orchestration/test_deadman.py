"""The dead-man's switch: what is an alarm, when it is told, to whom, and what it survives."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kentongan.db import feed_log, make_engine, outbox
from kentongan.errors import SettingsError
from kentongan.migrate import migrate
from kentongan.settings import Settings, data_dir
from kentongan.times import iso
from orchestration.deadman import alarms, checks, run, tell
from orchestration.deadman.policy import deadman_policy
from orchestration.deadman.run import Switch, keep_looking
from orchestration.heartbeat import beat, beat_if_present, beats, pulse, stop_beating

# Apprise looks at every one of its channels when the first is used.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
T0 = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
S, M = timedelta(seconds=1), timedelta(minutes=1)


class Receiver:
    """An HTTP server that keeps what it is sent, and fails when told to."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.pings: list[str] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.status == 200:
                    outer.messages.append(json.loads(body))
                self.answer()

            def do_GET(self) -> None:
                outer.pings.append(self.path)
                self.answer()

            def answer(self) -> None:
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver():
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def settings(tmp_path, receiver):
    return Settings(
        home=tmp_path,
        sources=("bmkg-nowcast", "bmkg-quakes"),
        alarm_urls=(f"json://127.0.0.1:{receiver.port}/alarm",),
        monitor_url=f"http://127.0.0.1:{receiver.port}/ping",
    )


@pytest.fixture
def engine(settings):
    found = make_engine(settings.resolved_database_url)
    migrate(found)
    yield found
    found.dispose()


@pytest.fixture
def switch(settings):
    return Switch(settings, deadman_policy(settings))


def live(engine, at, *, outcome="new", source="bmkg-nowcast", url="http://x/alerts/nowcast/id"):
    """A poll of one address at `at`."""
    with engine.begin() as connection:
        connection.execute(
            feed_log.insert().values(
                source_id=source, url=url, polled_at=iso(at), outcome=outcome, detail="HTTP 503",
                document_time=iso(at) if outcome == "new" else None, sha256="0" * 64,
            )
        )  # fmt: skip


def all_well(engine, at):
    live(engine, at)
    live(engine, at, source="bmkg-quakes", url="http://x/DataMKG/TEWS/autogempa.json")
    beat(engine, "cycle", at)


def keys(found):
    return [alarm["key"] for alarm in found.as_json()["alarms"]]


def test_all_well_pings_the_outside_monitor_and_says_nothing(engine, switch, receiver):
    all_well(engine, T0)
    assert switch.turn(T0).monitor == "pinged"
    assert switch.turn(T0 + 10 * S).monitor == "waiting"
    assert switch.turn(T0 + 60 * S).monitor == "pinged"
    assert (receiver.pings, receiver.messages) == (["/ping", "/ping"], [])


def test_a_cycle_that_stopped_is_told_once_then_repeated_then_recovered(engine, switch, receiver):
    all_well(engine, T0)
    for minute in range(1, 4):
        all_well_but_cycle(engine, T0 + minute * M)
        assert keys(switch.turn(T0 + minute * M)) == []
    for second in (5, 15, 25):
        all_well_but_cycle(engine, T0 + 3 * M + second * S)
        found = switch.turn(T0 + 3 * M + second * S)
        assert keys(found) == ["cycle"]
        assert found.monitor == "held back"
    (message,) = receiver.messages
    assert message["title"] == "LATIHAN · KENTONGAN ALARM: 1 hal mati atau buta"
    assert "ALARM sejak 09.00 WIB (3 menit): siklus peringatan tidak berjalan" in message["message"]
    assert "Tindakan: periksa 'kentongan up'" in message["message"]
    for minute in (20, 34):
        all_well_but_cycle(engine, T0 + minute * M)
        switch.turn(T0 + minute * M)
    assert [m["title"][:27] for m in receiver.messages][1:] == ["LATIHAN · KENTONGAN MASIH A"]
    all_well(engine, T0 + 40 * M)
    switch.turn(T0 + 40 * M)
    assert len(receiver.messages) == 2, "it must stay well for a minute first"
    all_well(engine, T0 + 41 * M)
    switch.turn(T0 + 41 * M)
    assert "PULIH: siklus peringatan tidak berjalan" in receiver.messages[2]["message"]
    assert "09.00 WIB sampai 09.40 WIB, 40 menit" in receiver.messages[2]["message"]


def all_well_but_cycle(engine, at):
    live(engine, at)
    live(engine, at, source="bmkg-quakes", url="http://x/DataMKG/TEWS/autogempa.json")


def test_a_feed_that_comes_and_goes_is_one_alarm(engine, switch, receiver):
    all_well(engine, T0)
    for minute in range(1, 20):
        at = T0 + minute * M
        beat(engine, "cycle", at)
        live(engine, at, source="bmkg-quakes", url="http://x/DataMKG/TEWS/autogempa.json")
        live(engine, at, outcome="down")
        switch.turn(at)
        if minute > 12:
            live(engine, at + 20 * S)
            switch.turn(at + 20 * S)
    assert len(receiver.messages) == 1
    assert (
        "feed BMKG nowcast warnings (bmkg-nowcast) tidak menjawab"
        in (receiver.messages[0]["message"])
    )


def test_a_blind_part_of_a_seeing_feed_is_an_alarm(engine, switch, receiver):
    for minute in range(8):
        at = T0 + minute * M
        all_well(engine, at)
        url = "http://x/DataMKG/TEWS/gempadirasakan.json"
        live(engine, at, source="bmkg-quakes", url=url, outcome="blocked")
        found = switch.turn(at)
    assert keys(found) == ["feed:bmkg-quakes:/DataMKG/TEWS/gempadirasakan.json"]
    assert "gempadirasakan.json" in receiver.messages[0]["message"]
    assert "diblokir" in receiver.messages[0]["message"]


def test_when_nobody_polls_one_alarm_speaks_for_all_feeds(engine, switch):
    all_well(engine, T0)
    late = T0 + 20 * M
    beat(engine, "cycle", late)
    assert keys(switch.turn(late)) == ["feeds"]


def test_a_component_is_expected_from_its_first_beat_to_its_orderly_end(engine, switch):
    all_well(engine, T0)
    beat(engine, "scheduler", T0)
    later = T0 + 2 * M
    all_well(engine, later)
    assert keys(switch.turn(later)) == ["scheduler"]
    stop_beating(engine, "scheduler")
    assert keys(switch.turn(later + S)) == []


def test_messages_that_nobody_sends_are_an_alarm(engine, switch):
    all_well(engine, T0)
    row = {
        "alert_version": "a", "recipient_id": "r", "channel": "sms", "message_id": "m",
        "route": "x", "prio": 1, "state": 0, "created_at": iso(T0), "due": iso(T0),
        "not_after": iso(T0 + 60 * M),
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(outbox.insert().values(**row))
    later = T0 + 2.5 * M
    all_well(engine, later)
    assert keys(switch.turn(later)) == ["outbox"]


def test_a_clock_that_runs_ahead_is_an_alarm(engine, switch):
    all_well(engine, T0)
    beat(engine, "watch", T0 + 5 * M)
    assert keys(switch.turn(T0)) == ["clock"]


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        ({"data": 0, "inatews": 0, "www": 0}, []),
        ({"data": 40, "inatews": 41, "www": 40}, ["clock"]),
        ({"data": -40, "inatews": -41, "www": -40}, ["clock"]),
        ({"data": 0, "inatews": 0, "www": 600}, []),
    ],
    ids=["right", "ours is slow", "ours is fast", "one host is wrong"],
)
def test_a_clock_that_the_hosts_contradict_is_an_alarm(engine, switch, dates, told):
    """Slow by more than 10 minutes, every fresh bulletin would be refused as of the future."""
    all_well(engine, T0)
    with engine.begin() as connection:
        for host, minutes in dates.items():
            for age in (0, 300):
                sent = format_datetime(T0 + minutes * M - age * S, usegmt=True)
                headers = {"date": sent, "age": str(age)} if age else {"date": sent}
                values = {"outcome": "unchanged", "is_link": True, "polled_at": iso(T0)}
                values |= {"source_id": "bmkg-quakes", "url": f"https://{host}.bmkg.go.id/x"}
                values |= {"headers": headers, "answered_at": f"{T0:%Y-%m-%dT%H:%M:%S.%fZ}"}
                connection.execute(feed_log.insert().values(values))
    assert keys(switch.turn(T0)) == told


def test_no_database_is_an_alarm_and_none_is_made(settings, receiver):
    switch = Switch(settings, deadman_policy(settings))
    assert keys(switch.turn(T0)) == []
    assert keys(switch.turn(T0 + 31 * S)) == ["database"]
    assert "basis data tidak dapat dibaca" in receiver.messages[0]["message"]
    assert not (settings.home / "kentongan.sqlite").exists()


def test_a_dead_database_does_not_look_like_recovery(engine, settings, switch, receiver):
    all_well(engine, T0)
    switch.turn(T0 + 4 * M)
    (settings.home / "kentongan.sqlite").rename(settings.home / "gone")
    found = switch.turn(T0 + 6 * M)
    assert "cycle" in keys(found)
    assert not any("PULIH" in m["message"] for m in receiver.messages)


def test_a_damaged_database_is_an_alarm(engine, settings, switch):
    all_well(engine, T0)
    engine.dispose()
    for file in settings.home.glob("kentongan.sqlite*"):
        file.write_bytes(b"nonsense" * 1000)
    switch.turn(T0)
    assert keys(switch.turn(T0 + 31 * S)) == ["database"]


def test_a_database_that_hangs_is_an_alarm_and_the_next_look_follows(
    monkeypatch, engine, settings, switch
):
    hanging = threading.Event()
    monkeypatch.setattr(run, "look", lambda *_: hanging.wait(20))
    quick = switch.policy.model_copy(update={"database_silent_seconds": 0.2})
    switch = Switch(settings, quick)
    switch.turn(T0)
    assert keys(switch.turn(T0 + S)) == ["database"]
    hanging.set()


def test_the_memory_survives_a_restart(engine, settings, receiver):
    all_well(engine, T0)
    policy = deadman_policy(settings)
    Switch(settings, policy).turn(T0 + 4 * M)
    assert len(receiver.messages) == 1
    Switch(settings, policy).turn(T0 + 5 * M)
    assert len(receiver.messages) == 1, "it was told already"
    (settings.home / alarms.FILE).write_text("{", encoding="utf-8")
    Switch(settings, policy).turn(T0 + 6 * M)
    assert len(receiver.messages) == 2, "a damaged memory repeats rather than forgets"


def test_two_switches_on_one_home_tell_once(engine, settings, receiver):
    """One in the supervised set, one by systemd."""
    all_well(engine, T0)
    policy = deadman_policy(settings)
    one, other = Switch(settings, policy), Switch(settings, policy)
    one.turn(T0 + 4 * M)
    other.turn(T0 + 4 * M + 5 * S)
    one.turn(T0 + 4 * M + 10 * S)
    assert len(receiver.messages) == 1


def test_an_alarm_that_no_address_took_is_told_again_at_once(engine, switch, receiver):
    all_well(engine, T0)
    receiver.status = 503
    assert switch.turn(T0 + 4 * M).delivered == 0
    receiver.status = 200
    assert switch.turn(T0 + 4 * M + 10 * S).delivered == 1
    assert len(receiver.messages) == 1


def test_one_dead_address_does_not_keep_the_other_from_its_alarm(engine, settings, receiver):
    all_well(engine, T0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"json://127.0.0.1:{closed.getsockname()[1]}"
        both = settings.model_copy(update={"alarm_urls": (dead, "nonsense", *settings.alarm_urls)})
        assert Switch(both, deadman_policy(both)).turn(T0 + 4 * M).delivered == 1


def test_without_an_address_the_log_is_told(engine, settings, caplog):
    alone = settings.model_copy(update={"alarm_urls": ()})
    all_well(engine, T0)
    found = Switch(alone, deadman_policy(alone)).turn(T0 + 4 * M)
    assert "siklus peringatan tidak berjalan" in caplog.text
    assert found.as_json()["alarms"][0]["told_at"]


def test_what_hangs_outside_is_left_behind():
    assert tell.within(0.1, lambda: threading.Event().wait(5), False) is False
    assert tell.ping("ftp://127.0.0.1") is False


def test_a_look_that_fails_does_not_end_the_loop(monkeypatch, switch):
    stop, looks = threading.Event(), []

    def turn(at):
        looks.append(at)
        if len(looks) == 3:
            stop.set()
        raise RuntimeError("no")

    monkeypatch.setattr(switch, "turn", turn)
    quick = switch.policy.model_copy(update={"check_every_seconds": 0.01})
    switch.policy = quick
    keep_looking(switch, stop=stop, clock=lambda: T0)
    assert len(looks) == 3


def test_a_full_disk_is_an_alarm(monkeypatch, engine, settings):
    low = deadman_policy(settings).model_copy(update={"disk_free_mb": 1e12})
    all_well(engine, T0)
    found = checks.look(settings, low, T0)
    assert [f.key for f in found.found] == ["disk"]
    assert "jangan hapus arsip" in found.found[0].action


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("check_every_seconds = 10", "check_every_second = 10", "check_every_second",
                     id="unknown-key"),
        pytest.param("warning = 10", "warning = 0", "warning", id="no-time-at-all"),
        pytest.param('["cycle"]', '["cycle", "heart"]', "heart", id="required-without-age"),
        pytest.param('author = "Kentongan contributors"', "", "author", id="nobody-signed"),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_refused(tmp_path, old, new, named):
    good = (data_dir() / "policy" / "deadman.toml").read_text(encoding="utf-8")
    assert old in good
    path = tmp_path / "mine.toml"
    path.write_text(good.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError, match=named):
        deadman_policy(Settings(deadman_policy=path))


# --- heartbeats --------------------------------------------------------------------------


def test_an_older_beat_does_not_replace_a_newer_one(engine):
    beat(engine, "cycle", T0)
    beat(engine, "cycle", T0 - M)
    assert beats(engine)[0].at == T0
    beat(engine, "cycle", T0 + timedelta(days=900))
    beat(engine, "cycle", T0 + M)
    assert beats(engine)[0].at == T0 + M, "a beat of a wrong clock does not stay for years"


def test_a_pulse_ends_in_order_and_survives_a_dead_database(settings, engine, caplog):
    with pulse(settings.resolved_database_url, "web") as heart:
        assert heart.beat("web", T0)
        assert not heart.beat("web", T0 + S), "closer than two seconds"
        assert [b.name for b in beats(engine)] == ["web"]
    assert beats(engine) == ()
    with pulse(f"sqlite:///{settings.home}", "web") as heart:
        assert not heart.beat("web", T0)
    assert "heartbeat of web" in caplog.text


def test_a_replay_does_not_hide_that_the_cycle_stopped(engine):
    now = datetime.now(UTC).replace(microsecond=0)
    beat_if_present(engine, "cycle", now - M)
    for days in (-400, 400):
        beat_if_present(engine, "cycle", now + timedelta(days=days))
    assert beats(engine)[0].at == now - M


# --- the process -------------------------------------------------------------------------


def test_the_command_starts_fast_and_small_and_without_airflow(settings, engine):
    """1 s of CPU and 80 MB are the promise for one look; the best of three."""
    program = (
        "import sys, resource\n"
        "from console.cli.app import app\n"
        "try: app(['deadman', '--once', '--json'], prog_name='kentongan')\n"
        "except SystemExit: pass\n"
        "heavy = {'airflow', 'pandas', 'numpy', 'xarray', 'fastapi', 'httpx', 'apprise'}\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "status = open('/proc/self/status').read().split('VmHWM:')[1].split()\n"
        "found = [used.ru_utime + used.ru_stime, int(status[0]) // 1024]\n"
        "print(found + sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    own = {"KENTONGAN_HOME": str(settings.home), "KENTONGAN_SOURCES": '["bmkg-nowcast"]'}
    found = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **own},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)["monitor"] == "not configured"
        found.append(json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"')))
    assert min(seconds for seconds, *_ in found) < 1.0
    assert min(mb for _, mb, *_ in found) < 80
    assert found[0][2:] == []
