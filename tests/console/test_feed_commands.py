"""`feeds`, `feeds drift`, `quarantine`, `record`, `feed-server`, `deadman` as a user calls them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from console.cli.app import app
from ingest.play.feedserver import FeedServer
from kentongan.settings import Settings
from kentongan.times import iso
from orchestration.airflow.environment import kentongan_variables
from orchestration.steps import poll_sources

FEEDS = Path(__file__).parents[1] / "fixtures" / "feeds"
NOW = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
QUAKES = "/DataMKG/TEWS/gempaterkini.json"


@pytest.fixture
def call(capsys):
    """`call("feeds", "--json")` → (status, standard output, standard error)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = 0
        try:
            app(list(arguments), prog_name="kentongan")
        except SystemExit as end:
            status = int(end.code or 0)
        seen = capsys.readouterr()
        return status, seen.out, seen.err

    return run


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with one poll of quakes, one of which is refused, and one field that is new."""
    folder = tmp_path / "feeds" / "DataMKG" / "TEWS"
    folder.mkdir(parents=True)
    good = (FEEDS / "gempaterkini.json").read_text(encoding="utf-8")
    bad = good.replace('"-7.55,108.90"', '"108.90,-7.55"').replace('"Jam"', '"Baru": "", "Jam"', 1)
    (folder / "gempaterkini.json").write_text(bad, encoding="utf-8")
    for name in ("autogempa", "gempadirasakan"):
        (folder / f"{name}.json").write_bytes((FEEDS / f"{name}.json").read_bytes())
    with FeedServer(tmp_path / "feeds") as server:
        settings = Settings(home=tmp_path / "home", sources=("bmkg-quakes",))
        settings = settings.with_feed_server(server.url)
        for name, value in kentongan_variables(settings).items():
            monkeypatch.setenv(name, value)
        poll_sources(settings, ["bmkg-quakes"], NOW)
        yield settings


def test_feeds_as_a_table_and_as_a_document(call, home):
    at = iso(NOW + timedelta(minutes=1))
    status, out, _ = call("feeds", "--at", at)
    assert status == 0
    assert "1 of 1 feeds tell what they should" in out
    assert re.search(r"In quarantine: bmkg-quakes 1; see: kentongan quarantine list", out)
    assert "Not configured, nothing expected: " in out
    document = json.loads(call("feeds", "--at", at, "--json")[1])
    quakes = next(f for f in document["feeds"] if f["source_id"] == "bmkg-quakes")
    assert (quakes["state"], quakes["blind_since"], quakes["tier"]) == ("fresh", None, "warning")
    assert {p["name"] for p in quakes["parts"]} >= {QUAKES}
    assert document["quarantine"] == {"bmkg-quakes": 1}


def test_drift_names_the_new_field(call, home):
    status, out, _ = call("feeds", "drift")
    assert status == 0
    assert re.search(r"bmkg-quakes +/DataMKG/TEWS/gempaterkini.json +\S*Baru +unknown", out)
    document = json.loads(call("feeds", "drift", "--json")[1])
    assert [f["kind"] for f in document["fields"]] == ["unknown"]


def test_quarantine_is_listed_shown_retried_and_dismissed(call, home):
    _, out, _ = call("quarantine", "list")
    number = re.search(r"^ *(\d+) +bmkg-quakes", out, re.MULTILINE)[1]
    _, out, _ = call("quarantine", "show", number)
    assert "108.90,-7.55" in out
    status, out, _ = call("quarantine", "retry", "--all", "--by", "Rina", "--json")
    assert status == 1, "the reader is still the same"
    assert json.loads(out)["retried"][0]["state"] == "open"
    status, out, _ = call("quarantine", "dismiss", number, "--by", "Rina", "--reason", "slip")
    assert (status, out.strip()) == (0, f"dismissed: {number}")
    assert call("quarantine", "list")[1].strip() == "Nothing waits in quarantine."
    assert json.loads(call("quarantine", "list", "--all", "--json")[1])["quarantine"]
    assert call("audit", "verify")[0] == 0


def test_record_from_the_archive_and_play_it(call, home, tmp_path):
    target = str(tmp_path / "rec")
    window = ("--from", iso(NOW - timedelta(hours=1)), "--to", iso(NOW + timedelta(hours=1)))
    status, out, _ = call("record", target, *window)
    assert status == 0
    assert "1 steps, 3 payloads" in out
    assert f"kentongan run --scenario {target}" in out
    status, out, _ = call("run", "--scenario", target, "--json")
    assert status == 0
    document = json.loads(out)
    assert document["re_creation"] is True
    assert document["title"].startswith("Rekaman")
    assert document["feeds"][0]["received"] > 0


def test_record_live_polls_and_writes(call, home, tmp_path):
    status, out, err = call("record", str(tmp_path / "rec"), "--for", "0.03", "--json")
    assert status == 0
    assert json.loads(out)["payloads"] == 3
    assert "Recording bmkg-quakes" in err


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["record", "x", "--from", "2026-11-20T07:25:00Z"], id="from-without-to"),
        pytest.param(["record", "x", "--source", "nasa"], id="unknown-source"),
        pytest.param(["feed-server", ".", "--speed", "10"], id="no-scenario"),
        pytest.param(["quarantine", "retry", "--by", "Rina"], id="retry-of-nothing"),
        pytest.param(["quarantine", "dismiss", "1", "--by", "Rina"], id="no-reason"),
        pytest.param(["deadman", "--json"], id="json-of-a-process"),
    ],
)
def test_wrong_use_is_status_2(call, home, arguments):
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert err


def test_a_recording_holds_no_address_and_no_header(call, home, tmp_path):
    target = tmp_path / "rec"
    window = ("--from", iso(NOW - timedelta(hours=1)), "--to", iso(NOW + timedelta(hours=1)))
    call("record", str(target), *window)
    text = (target / "scenario.toml").read_text(encoding="utf-8")
    assert "http" not in text
    assert "header" not in text


def test_feed_server_plays_a_scenario_ten_times_as_fast(tmp_path):
    (tmp_path / "a.json").write_text("1", encoding="utf-8")
    (tmp_path / "b.json").write_text("2", encoding="utf-8")
    (tmp_path / "scenario.toml").write_text(
        'title = "t"\nre_creation = true\n'
        '[[step]]\nat = 2026-11-20T07:00:00Z\nserve = { "/x" = "a.json" }\n'
        '[[step]]\nat = 2026-11-20T07:00:10Z\nserve = { "/x" = "b.json" }\n',
        encoding="utf-8",
    )
    command = [str(Path(sys.executable).parent / "kentongan"), "feed-server", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--speed", "10"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())[0]
        assert "10 times as fast" in process.stderr.readline()
        assert httpx.get(f"{url}/x", trust_env=False).text == "1"
        assert process.stderr.readline().startswith("2026-11-20T07:00:10Z")
        assert httpx.get(f"{url}/x", trust_env=False).text == "2"
        assert "last step" in process.stderr.readline()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        process.stderr.close()
