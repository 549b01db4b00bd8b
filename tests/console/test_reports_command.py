"""`kentongan reports` from a call to its end."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from console.cli.app import app

NUMBER = "081234567890"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))

    def call(*words, code=0):
        found = CliRunner().invoke(app, ["reports", *words])
        assert found.exit_code == code, found.output
        return found.output

    return call


def test_a_call_from_its_entry_to_its_end(run):
    text = f"=1+1 ibu saya tertimbun longsor, hub {NUMBER}"
    place = "desa sukamaju kec cianjur"
    added = run("add", text, "--place", place, "--from", NUMBER, "--as", "Dewi", "--json")
    case = json.loads(added)["case"]
    table = run("list")
    assert "3 CALL 112/BPBD" in table and "Sukamaju, Kec.Cianjur" in table and NUMBER not in table
    sheet = run("list", "--csv").splitlines()[1]
    assert sheet.startswith(case) and ",\"'=1+1" in sheet and NUMBER not in sheet
    shown = run("show", case.lower())
    assert "danger +4.0: tertimbun" in shown and "62812****890" in shown and NUMBER not in shown
    run("route", case, "command-centre", "--as", "Dewi")
    run("take", case, "--as", "Dewi")
    closed = run("close", case, "useful", "--as", "Dewi", "--note", "Tim sudah di lokasi.")
    assert "1 could not be" in closed
    found = json.loads(run("list", "--state", "closed", "--json"))
    assert found["counts"]["closed"] == 1 and found["cases"][0]["taken_by"] == "Dewi"
    assert "No case." in run("overdue")
    run("list", "--state", "nothing", code=2)
    run("close", case, "maybe", "--as", "Dewi", code=2)
