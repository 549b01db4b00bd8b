"""`kentongan sop`: what a duty officer reads and types."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from console.cli.app import app
from kentongan.db import alerts, make_engine, warning_states, warnings
from kentongan.migrate import migrate
from kentongan.settings import Settings

RUNNER = CliRunner()
WARNING = "w-tsunami-1"
AT = "2026-09-24T07:10:00Z"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with one released tsunami warning at level 4."""
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))
    engine = make_engine(Settings(_env_file=None).resolved_database_url)
    migrate(engine)
    one = {"warning_id": WARNING, "version": 1}
    with engine.begin() as connection:
        connection.execute(
            warnings.insert().values(
                **one, event_id="tsunami-1", hazard_id="tsunami", msg_type="Alert",
                cap_status="Exercise", level=4, content_hash="", created_at=AT, expires=AT, body={},
            )
        )  # fmt: skip
        connection.execute(
            alerts.insert().values(
                **one, identifier="a", sender="s", sent=AT, expires=AT, path="", sha256=""
            )
        )
        state = {"state": "released", "at": AT, "actor": "kentongan", "reason": ""}
        connection.execute(warning_states.insert().values(**one, **state))
    engine.dispose()
    return tmp_path


def run(*arguments: str) -> str:
    done = RUNNER.invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("home")
def test_from_the_list_to_the_tick():
    shown = run("sop", "show", WARNING, "--at", "2026-09-24T07:14:00Z")
    assert "OVERDUE since 2026-09-24 14.12 WIB: tsunami-naik-segera" in shown
    assert "until 2026-09-24 14.20 WIB: periksa-pengiriman" in shown
    assert "Serahkan ke 112, 115 bila" in shown and "have not" not in shown
    assert "the ministry has not signed them" in shown
    told = run("sop", "tick", WARNING, "tsunami-naik-segera", "--as", "Ani", "--note", "toa, radio")
    assert "tsunami-naik-segera: done by Ani, " in told
    document = json.loads(run("sop", "show", WARNING, "--json"))
    (done,) = [step for step in document["steps"] if step["done_by"]]
    assert (done["step"], done["note"], done["role"]) == (
        "tsunami-naik-segera", "toa, radio", "koordinator-tagana",
    )  # fmt: skip
    assert document["unconfirmed"] is True


@pytest.mark.usefixtures("home")
def test_what_is_late_is_listed_with_its_warning():
    late = run("sop", "overdue", "--at", "2026-09-24T07:12:30Z")
    assert f"{WARNING} baca-peringatan" in late and "periksa-pengiriman" not in late
    assert run("sop", "overdue", "--at", AT).startswith("no step is overdue")
    assert json.loads(run("sop", "overdue", "--at", AT, "--json"))["steps"] == []


def test_the_bundled_folder_is_sound():
    assert "tsunami: level 2" in run("sop", "check")
