"""`kentongan tasks show | progress | say | duty` as an operator sees them."""

from __future__ import annotations

import json
import shutil

import pytest

from console.cli.app import app
from kentongan.db import make_engine, tasks
from kentongan.errors import KentonganError
from kentongan.settings import Settings


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    from ingest.play.feedserver import ScenarioServer
    from orchestration.context import open_context
    from orchestration.cycle import run_cycle
    from orchestration.scenarios import find

    home = tmp_path_factory.mktemp("night")
    scenario = find("cianjur")
    with ScenarioServer(scenario) as server:
        server.show(1)
        settings = Settings(_env_file=None).with_feed_server(server.url, home=home)
        with open_context(settings, live=False, re_creation=True) as context:
            run_cycle(context, scenario.steps[1].at)
    return home


@pytest.fixture
def run(night, tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    shutil.copytree(night, home)
    monkeypatch.setenv("KENTONGAN_HOME", str(home))
    engine = make_engine(Settings(_env_file=None, home=home).resolved_database_url)
    with engine.connect() as connection:
        task = connection.execute(tasks.select().where(tasks.c.state == "sent")).mappings().first()
    engine.dispose()

    def command(*words: str) -> tuple[int, str, str]:
        status, refusal = 0, ""
        try:
            app([word.format(**task) for word in words], prog_name="kentongan")
        except SystemExit as end:
            status = int(end.code or 0)
        except KentonganError as error:
            status, refusal = 1, str(error)
        out, err = capsys.readouterr()
        return status, out, err + refusal

    return command


def test_what_somebody_says_by_telephone_is_a_step(run):
    status, out, _ = run("tasks", "say", "{task_id}", "accept", "--as", "Siti", "--for", "c-1")
    assert status == 0 and "sent -> accepted" in out
    _, out, _ = run("tasks", "show", "{task_id}")
    assert "accepted by Siti (operator)" in out and "asked: c-1" in out
    _, out, _ = run("tasks", "show", "{task_id}", "--json")
    assert json.loads(out)["task"]["state"] == "accepted"


def test_progress_counts_villages(run):
    run("tasks", "say", "{task_id}", "finish", "--as", "Siti", "--for", "c-1", "--people", "118")
    status, out, _ = run("tasks", "progress", "{warning_id}")
    assert status == 0 and "1 cleared" in out.splitlines()[0] and "118 brought to safety" in out


def test_posts_are_listed_given_and_taken(run):
    _, out, _ = run("tasks", "duty", "list")
    assert "command-centre  nation" in out
    status, out, _ = run(
        "tasks", "duty", "add", "{coordinator_id}", "regency", "--as", "Siti", "--area", "32.03"
    )
    assert status == 0 and out.startswith("regency 32.03")
    _, out, _ = run("tasks", "duty", "list", "--json")
    assert len(json.loads(out)["regency"]["32.03"]) == 2
    status, out, _ = run(
        "tasks", "duty", "remove", "{coordinator_id}", "regency", "--as", "Siti", "--area", "32.03"
    )
    assert status == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tasks", "show", "T123"), "last digit fits"),
        (("tasks", "say", "{task_id}", "dance", "--as", "x", "--for", "c"), "expected --as"),
        (("tasks", "duty", "add", "nobody", "regency", "--as", "x", "--area", "32.03"), "nobody"),
        (("tasks", "duty", "add", "nobody", "regency", "--as", "x"), "--area code of 5"),
        (("tasks", "duty", "add", "nobody", "king", "--as", "x"), "expected one of"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, words, said):
    status, out, err = run(*words)
    assert status == 1 and not out and said in err and "Traceback" not in err
