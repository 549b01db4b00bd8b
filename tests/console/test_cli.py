"""The command as a user starts it: quick help, exit status, one JSON document."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CAP = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a b</identifier></alert>
"""


@pytest.fixture
def kentongan(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    command = shutil.which("kentongan", path=str(Path(sys.executable).parent))
    assert command, "the command is not installed in this environment"

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        own = {"KENTONGAN_HOME": str(tmp_path / "home"), **variables}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("KENTONGAN_")}
        return subprocess.run(
            [command, *arguments],
            env=environment | own,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_help_is_quick(kentongan):
    """0.5 s is the promise; the best of three leaves a busy machine a chance."""

    def seconds() -> float:
        started = time.monotonic()
        assert kentongan("--help").returncode == 0
        return time.monotonic() - started

    assert min(seconds() for _ in range(3)) < 0.5


def test_the_command_imports_nothing_heavy():
    heavy = "{'pandas', 'numpy', 'xarray', 'sqlalchemy', 'fastapi', 'pydantic', 'folium', 'rich'}"
    code = f"import sys, console.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["run", "--at", "2026-09-24T07:35:00"], id="naive-at"),
        pytest.param(["run", "--at", "yesterday"], id="no-time"),
        pytest.param(["run", "--source", "nasa"], id="unknown-source"),
        pytest.param(["run", "--scenario", "all", "--at", "2026-09-24T07:35:00Z"], id="both"),
        pytest.param(["run", "--scenario", "atlantis"], id="unknown-scenario"),
        pytest.param(["cap", "check", "missing.xml"], id="no-file"),
        pytest.param(["explode"], id="no-command"),
        pytest.param([], id="nothing"),
    ],
)
def test_wrong_use_is_status_2_and_says_so_on_standard_error(kentongan, arguments):
    done = kentongan(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        pytest.param({"KENTONGAN_MODE": "war"}, "KENTONGAN_MODE", id="mode"),
        pytest.param({"KENTONGAN_LOG_LEVEL": "loud"}, "KENTONGAN_LOG_LEVEL", id="log-level"),
        pytest.param({"KENTONGAN_DATABASE_URL": "sqlite:////"}, "DATABASE_URL", id="database"),
        pytest.param({"KENTONGAN_DATABASE_URL": "nonsense"}, "DATABASE_URL", id="database-url"),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_1(kentongan, variables, named):
    done = kentongan("feeds", **variables)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert named in done.stderr
    assert done.stdout == ""


def test_feeds_of_a_new_installation(kentongan):
    done = kentongan("feeds", "--at", "2026-09-24T07:35:00Z", "--json")
    document = json.loads(done.stdout)
    assert document["at"] == "2026-09-24T07:35:00Z"
    assert {feed["state"] for feed in document["feeds"]} <= {"unknown", "unconfigured"}
    assert done.stderr == ""


def test_no_open_warning_is_no_all_clear(kentongan):
    done = kentongan("warning", "list")
    assert done.returncode == 0
    assert "not an all-clear" in done.stdout


def test_an_unknown_warning_is_one_line(kentongan):
    done = kentongan("warning", "show", "w-none")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kentongan: warning 'w-none'")


def test_a_bad_cap_document_is_judged(kentongan, tmp_path):
    (tmp_path / "bad.xml").write_text(CAP, encoding="utf-8")
    done = kentongan("cap", "check", "bad.xml", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert document["valid"] is False
    assert document["files"][0]["findings"]


def test_audit_and_archive_of_a_new_installation_hold(kentongan):
    assert "audit chain holds: 0 rows" in kentongan("audit", "verify").stdout
    assert "0 documents read, 0 changed, 0 missing" in kentongan("archive", "verify").stdout


def test_a_scenario_prints_one_document_and_its_traces_can_be_verified(kentongan, tmp_path):
    done = kentongan("run", "--scenario", "cianjur", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["scenario"] == "cianjur"
    assert len(document["steps"]) == 5
    assert {w["status"] for step in document["steps"] for w in step["warnings"]} == {"Exercise"}
    assert Path(document["outputs"]["map"]).is_file()

    home = str(tmp_path / "home" / "scenarios" / "cianjur")
    assert kentongan("audit", "verify", KENTONGAN_HOME=home).returncode == 0
    assert kentongan("archive", "verify", KENTONGAN_HOME=home).returncode == 0
    shown = kentongan("tasks", "list", "--json", KENTONGAN_HOME=home)
    assert json.loads(shown.stdout)["tasks"] == []
    changed = next(p for p in Path(home, "archive").rglob("*") if p.is_file())
    changed.chmod(0o644)
    changed.write_bytes(b"{}")
    broken = kentongan("archive", "verify", KENTONGAN_HOME=home)
    assert broken.returncode == 1
    assert f"changed: {changed.relative_to(Path(home, 'archive'))}" in broken.stdout
