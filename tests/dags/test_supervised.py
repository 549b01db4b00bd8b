"""What `kentongan up` starts, refuses and leaves behind, without Airflow."""

from __future__ import annotations

import configparser
import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kentongan.errors import SettingsError
from kentongan.settings import Settings
from orchestration.airflow.environment import airflow_environment, kentongan_variables
from orchestration.airflow.leftovers import MARK, end_leftovers, leftovers
from orchestration.airflow.readiness import (
    HANGS_AFTER_S,
    START_ALLOWANCE_S,
    Readiness,
    unhealthy,
)
from orchestration.airflow.supervised import configuration, programs, require_free

NAMES = [
    "api-server", "scheduler", "dag-processor", "triggerer", "watch", "dispatcher", "web",
    "deadman",
]  # fmt: skip


def read(folder: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    found = programs(Path("/opt/my env/bin"))
    parser.read_string(configuration(found, folder=folder, control=folder / "c.sock"))
    return parser


def test_every_program_is_restarted_and_stopped_with_its_children():
    parser = read(Path("/home/x"))
    assert parser["group:kentongan"]["programs"].split(",") == NAMES
    for name in NAMES:
        section = parser[f"program:{name}"]
        assert section["autorestart"] == "true"
        assert section["stopasgroup"] == section["killasgroup"] == "true"
        assert section["stdout_logfile"].endswith(f"/{name}.log")


def test_commands_survive_spaces_and_percent_signs():
    parser = read(Path("/home/100%"))
    command = shlex.split(parser["program:scheduler"]["command"])
    assert command == ["/opt/my env/bin/airflow", "scheduler", "--skip-serve-logs"]
    assert parser["supervisord"]["pidfile"] == "/home/100%%/supervisord.pid"


def test_supervisor_is_reached_by_a_socket_file_only():
    parser = read(Path("/home/x"))
    assert "inet_http_server" not in parser
    assert parser["unix_http_server"]["chmod"] == "0700"


def test_log_servers_stay_off():
    commands = {p.name: p.command for p in programs(Path("/b"))}
    for name in ("scheduler", "triggerer"):
        assert "--skip-serve-logs" in commands[name]


def test_programs_can_be_left_out_by_name_only():
    assert [p.name for p in programs(Path("/b"), NAMES[4:])] == NAMES[:4]
    with pytest.raises(SettingsError, match="wacht: unknown; known are api-server"):
        programs(Path("/b"), ["wacht"])


def test_a_taken_port_is_refused_with_the_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} .* choose another with --api-port"):
            require_free(port, "Airflow's API server", "choose another with --api-port")
    require_free(port, "Airflow's API server", "choose another with --api-port")


def test_airflow_gets_its_own_home_and_loopback_only(tmp_path):
    inherited = {
        "PATH": "/bin",
        "AIRFLOW_HOME": "/somebody/else",
        "AIRFLOW__API__HOST": "0.0.0.0",  # noqa: S104 - what must not be taken over
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "example.org",
    }
    found = airflow_environment(Settings(home=tmp_path), api_port=4711, inherited=inherited)
    assert found["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:4711/execution/"
    assert found["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert found["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert "PYTHONDONTWRITEBYTECODE" not in found
    assert (Path(found["AIRFLOW__CORE__DAGS_FOLDER"]) / "quakes.py").is_file()


def test_children_read_the_same_settings(monkeypatch, tmp_path):
    settings = Settings(home=tmp_path, test_numbers=("+999001",), http_timeout_s=2.5)
    for name, value in kentongan_variables(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_leftovers_are_ended_by_their_mark_alone():
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    mine = subprocess.Popen(sleep, env={**os.environ, MARK: "run-1"}, start_new_session=True)
    other = subprocess.Popen(sleep, env={**os.environ, MARK: "run-2"})
    try:
        wait_until(lambda: len(leftovers("run-1")) == 1)
        assert end_leftovers("run-1") == 1
        assert leftovers("run-1") == []
        assert other.poll() is None
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()


def wait_until(done, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


HEALTHY = {
    n: {"status": "healthy"} for n in ("metadatabase", "scheduler", "triggerer", "dag_processor")
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(HEALTHY, set(), id="all-well"),
        pytest.param({}, {"metadatabase"}, id="no-answer-speaks-against-the-api-server"),
        pytest.param(HEALTHY | {"triggerer": {"status": "unhealthy"}}, {"triggerer"}, id="one"),
        pytest.param(HEALTHY | {"scheduler": None}, {"scheduler"}, id="not-there"),
    ],
)
def test_unhealthy_components_are_named(document, expected):
    assert unhealthy(document) == expected


def readiness(**given) -> Readiness:
    return Readiness(Path("/nowhere"), 1, 2, print, **given)


def test_a_component_that_hangs_is_named_once_in_a_while():
    watch = readiness(ready=True)
    assert watch.hanging({"triggerer"}, 1000.0) == []
    assert watch.hanging({"triggerer"}, 999.0 + HANGS_AFTER_S) == []
    assert watch.hanging({"triggerer"}, 1000.0 + HANGS_AFTER_S) == ["triggerer"]
    assert watch.hanging({"triggerer"}, 1010.0 + HANGS_AFTER_S) == []


def test_a_recovered_component_starts_its_clock_anew():
    watch = readiness(ready=True)
    watch.hanging({"scheduler"}, 0.0)
    watch.hanging(set(), 60.0)
    assert watch.hanging({"scheduler"}, HANGS_AFTER_S + 1) == []


def test_a_slow_start_is_not_a_hang():
    watch = readiness(_started=0.0)
    watch.hanging({"triggerer"}, 1.0)
    assert watch.hanging({"triggerer"}, START_ALLOWANCE_S - 1) == []
    assert watch.hanging({"triggerer"}, START_ALLOWANCE_S + 1) == ["triggerer"]
