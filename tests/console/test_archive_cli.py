"""`kentongan archive` as an operator types it, on an archive that was really polled."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli.archive import group
from ingest.play.feedserver import FeedServer
from ingest.run import IngestContext, poll
from kentongan.db import make_engine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.store import Store

FEEDS = Path(__file__).parents[1] / "fixtures" / "feeds"
AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
THIN_ALL = """
author = "tests"
date = 2026-11-22
thinned_kinds = ["satellite_image"]
[default]
keep_all_days = 1
keep_hourly_days = 0
keep_daily_days = 0
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path, _env_file=None)
    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    with FeedServer(FEEDS) as server:
        context = IngestContext(
            settings.with_feed_server(server.url), engine, Store(str(tmp_path / "archive"))
        )
        for source_id in ("himawari-rp", "bmkg-nowcast"):
            poll(source_id, at=AT, context=context)
    engine.dispose()
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))
    monkeypatch.setattr("console.cli.archive.now", lambda: datetime(2030, 1, 1, tzinfo=UTC))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def archive(home):
    runner = CliRunner()
    return lambda *words: runner.invoke(group, list(words))


def files(home):
    return sorted(path for path in (home / "archive").rglob("*") if path.is_file())


def test_list_by_source_and_time(archive, home):
    image = (home / "archive" / "himawari-rp").rglob("*")
    (name,) = [path.name for path in image if path.is_file()]
    listed = archive("list", "--source", "himawari-rp")
    assert listed.exit_code == 0
    (line,) = listed.stdout.splitlines()
    assert line.startswith("2026-11-20T07:25:00Z  himawari-rp")
    assert name[:16] in line
    every = json.loads(archive("list", "--json").stdout)["documents"]
    assert len(every) == len(files(home))
    (one,) = [document for document in every if document["source_id"] == "himawari-rp"]
    assert (one["sha256"], one["seen"], one["thinned_at"]) == (name, 1, None)
    later = archive("list", "--since", "2026-11-20T07:26:00Z", "--json")
    assert json.loads(later.stdout) == {"documents": []}
    until = archive("list", "--until", "2026-11-20T07:25:00Z", "--json")
    assert len(json.loads(until.stdout)["documents"]) == len(every)
    wrong = archive("list", "--source", "bmkg-vulkan")
    assert wrong.exit_code == 2
    assert "expected one of bmkg-inatews" in wrong.stderr.replace("\n", " ")


def test_show_gives_the_very_bytes_and_how_they_came(archive, home):
    original = (FEEDS / "himawari-rp.png").read_bytes()
    (path,) = [p for p in files(home) if "himawari-rp" in str(p)]
    assert archive("show", path.name[:12]).stdout_bytes == original
    meta = json.loads(archive("show", path.name, "--meta").stdout)
    (reception,) = meta["receptions"]
    assert reception["headers"]["content-type"] == "image/png"
    assert reception["http_status"] == 200


@pytest.mark.parametrize("what", ["0123", "zzzzzzzzzz", "0" * 64, "0" * 65])
def test_show_of_what_is_not_there_is_an_error(archive, what):
    done = archive("show", what)
    assert done.exit_code == 1
    assert "archive list" in str(done.exception)


def test_verify_names_changed_missing_and_foreign_bytes(archive, home):
    assert archive("verify").exit_code == 0
    changed, missing, *_ = files(home)
    changed.chmod(0o644)
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    missing.unlink()
    (home / "archive" / "evil.txt").write_text("x", encoding="utf-8")
    done = archive("verify", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [found[k] for k in ("changed", "missing", "foreign")] == [
        [str(changed.relative_to(home / "archive"))],
        [str(missing.relative_to(home / "archive"))],
        ["evil.txt"],
    ]
    assert found["holds"] is False
    lines = archive("verify").stdout.splitlines()
    assert lines[-1].startswith(
        f"{found['files']} documents read, 1 changed, 1 missing, 1 foreign, 0 unlogged"
    )


def test_a_document_that_no_poll_wrote_down_is_no_loss(archive, home):
    Store(str(home / "archive")).write(
        "himawari-rp/2026/11/21/2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        b"foo",
    )
    done = archive("verify", "--json")
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["unlogged"]) == 1


def test_thin_deletes_by_policy_and_verify_knows(archive, home):
    """The dead links' 404 bodies are no evidence; everything else is, or is the newest."""
    (home / "all.toml").write_text(THIN_ALL, encoding="utf-8")
    before = len(files(home))
    told = json.loads(archive("thin", "--policy", "all.toml", "--dry-run", "--json").stdout)
    assert (told["documents"], len(files(home))) == (1, before)
    then = json.loads(
        archive("thin", "--policy", "all.toml", "--at", "2026-11-20T07:25:00Z", "--json").stdout
    )
    assert then["documents"] == 0, "by then it was fresh"
    done = json.loads(archive("thin", "--policy", "all.toml", "--json").stdout)
    assert (done["documents"], done["bytes"]) == (1, told["bytes"])
    assert len(files(home)) == before - 1
    checked = json.loads(archive("verify", "--json").stdout)
    assert (checked["holds"], checked["thinned"]) == (True, 1)


def test_thin_refuses_a_time_to_come(archive):
    done = archive("thin", "--at", "2099-01-01T00:00:00Z")
    assert done.exit_code == 2
    assert "not old yet" in done.stderr.replace("\n", " ")


def test_thin_refuses_a_policy_that_is_wrong(archive, home):
    (home / "bad.toml").write_text(THIN_ALL + "keep_weeks = 3\n", encoding="utf-8")
    done = archive("thin", "--policy", "bad.toml")
    assert done.exit_code == 1
    assert "keep_weeks" in str(done.exception)


def test_the_policy_that_is_delivered_runs(archive, home):
    before = files(home)
    done = archive("thin", "--dry-run")
    assert done.exit_code == 0
    assert "Documents would be deleted: " in done.stdout
    assert files(home) == before
