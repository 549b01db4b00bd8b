from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ingest.health import feed_health
from ingest.known import known, read_payload
from ingest.registry import SOURCES, configured
from ingest.run import poll
from ingest.wire.folder import FILES_PER_POLL, list_folder, local_folder
from kentongan.db import feed_log
from kentongan.errors import SourceDown
from kentongan.settings import Settings
from kentongan.store import sha256_hex
from kentongan.types import FeedState, Outcome

NAME = "H08_B13_Indonesia_202611200710.nc"
INFO = SOURCES["himawari-b13"].info
AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
WRITTEN = AT - timedelta(minutes=5)


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def context(make_context, inbox):
    return make_context("http://127.0.0.1:9", himawari_b13_url=str(inbox))


def put(folder, name, payload, written=WRITTEN):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(payload)
    os.utime(path, (written.timestamp(), written.timestamp()))
    return path


@pytest.fixture
def frame(feeds):
    return (feeds / NAME).read_bytes()


def ask(context, at=AT):
    return poll("himawari-b13", at=at, context=context)


def rows(context):
    with context.engine.connect() as connection:
        return connection.execute(select(feed_log).order_by(feed_log.c.id)).all()


def health(context, at):
    return next(h for h in feed_health(context.engine, at) if h.source_id == "himawari-b13")


@pytest.mark.parametrize(
    ("base", "folder"),
    [
        ("/data/b13", "/data/b13"),
        ("data/b13", "data/b13"),
        ("file:///data/b13", "/data/b13"),
        ("file:///data/b%2013", "/data/b 13"),
        ("https://example.org/b13", None),
        ("http://127.0.0.1:80", None),
        ("ftp://example.org/jma", None),
    ],
)
def test_what_is_a_folder(base, folder):
    found = local_folder(base)
    assert (found and str(found)) == folder


def test_a_file_is_archived_then_read_once(context, inbox, frame):
    put(inbox, NAME, frame)
    first = ask(context)
    assert (first.outcome, first.new_records, first.state) == (Outcome.NEW, 1, FeedState.FRESH)
    (record,) = known(context.engine, AT, kinds=["satellite_grid"])
    with context.engine.connect() as connection:
        kept = read_payload(connection, context.archive, "himawari-b13", record.sha256)
    assert kept == frame
    assert record.sha256 == sha256_hex(frame)
    file, folder = rows(context)
    assert (file.url, folder.url) == (f"{inbox}/{NAME}", str(inbox))
    assert file.etag == f"{len(frame)}-{(inbox / NAME).stat().st_mtime_ns}"
    again = ask(context, AT + timedelta(minutes=1))
    assert (again.outcome, again.new_records, again.state) == (
        Outcome.UNCHANGED,
        0,
        FeedState.FRESH,
    )
    assert len(rows(context)) == 3


def test_a_file_that_grew_is_read_again(context, inbox, frame):
    put(inbox, NAME, frame[:2000])
    assert ask(context).outcome is Outcome.MALFORMED
    assert ask(context, AT + timedelta(minutes=1)).state is FeedState.MALFORMED
    put(inbox, NAME, frame, AT + timedelta(minutes=1))
    report = ask(context, AT + timedelta(minutes=2))
    assert (report.outcome, report.state) == (Outcome.NEW, FeedState.FRESH)


def test_a_refused_file_is_not_read_again_and_stays_named(context, inbox):
    put(inbox, NAME, b"\x89HDF\r\n\x1a\n" + bytes(500))
    ask(context)
    before = len(rows(context))
    report = ask(context, AT + timedelta(minutes=10))
    assert len(rows(context)) == before + 1
    assert report.outcome is Outcome.MALFORMED
    assert NAME in report.detail


def test_a_file_still_being_written_waits(context, inbox, frame):
    put(inbox, NAME, frame, AT - timedelta(seconds=1))
    report = ask(context)
    assert report.new_records == 0
    assert "1 files changed after" in report.detail
    assert ask(context, AT + timedelta(seconds=1)).outcome is Outcome.NEW


def test_files_of_the_future_are_not_yet_known(context, inbox, frame):
    put(inbox, NAME, frame, AT + timedelta(days=300))
    report = ask(context)
    assert (report.outcome, report.state) == (Outcome.DOWN, FeedState.DOWN)
    assert "changed after" in report.detail


def test_other_names_links_pipes_and_folders_are_left_alone(inbox, tmp_path, frame):
    secret = put(tmp_path, "secret_B13_Indonesia_1.nc", frame)
    put(inbox, "notes.txt", b"x")
    put(inbox, f"2026/11/{NAME}", frame)
    (inbox / "out_B13_Indonesia_.nc").symlink_to(secret)
    (inbox / "up").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(inbox / "pipe_B13_Indonesia_.nc")
    (inbox / "dir_B13_Indonesia_.nc").mkdir()
    found = list_folder(inbox, INFO, AT)
    assert [file.path for file in found.files] == [f"/2026/11/{NAME}"]
    assert found.links == 1


def test_a_file_swapped_for_a_link_is_not_followed(context, inbox, tmp_path, frame, monkeypatch):
    from ingest.wire import folder as module

    secret = put(tmp_path, "secret", frame)
    put(inbox, NAME, frame)
    listed = module.list_folder(inbox, INFO, AT)
    (inbox / NAME).unlink()
    (inbox / NAME).symlink_to(secret)
    monkeypatch.setattr(module, "list_folder", lambda *_: listed)
    report = ask(context)
    assert report.outcome is Outcome.DOWN
    assert "cannot be read" in report.detail


def test_a_file_too_large_is_not_read(context, inbox):
    path = put(inbox, NAME, b"")
    with path.open("r+b") as file:
        file.truncate(INFO.max_bytes + 1)
    os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    report = ask(context)
    assert report.outcome is Outcome.MALFORMED
    assert "expected at most" in report.detail


def test_a_web_page_saved_as_data_is_blocked(context, inbox):
    put(inbox, NAME, b"<!doctype html><title>Laman Diblokir</title>")
    assert ask(context).outcome is Outcome.BLOCKED


@pytest.mark.parametrize("base", ["/no/such/folder", "file:///no/such/folder", ""])
def test_a_folder_that_is_not_there_is_down(make_context, base):
    context = make_context("http://127.0.0.1:9", himawari_b13_url=base)
    report = ask(context)
    assert (report.outcome, report.state) == (Outcome.DOWN, FeedState.DOWN)
    assert ("see that it exists" in report.detail) or (
        "KENTONGAN_HIMAWARI_B13_URL" in report.detail
    )


def test_an_empty_folder_of_a_feed_that_must_advance_is_down(context):
    report = ask(context)
    assert (report.outcome, report.state) == (Outcome.DOWN, FeedState.DOWN)
    assert "no file named" in report.detail


def test_a_source_not_made_for_folders_says_so(tmp_path):
    with pytest.raises(SourceDown, match="http"):
        list_folder(tmp_path, SOURCES["bmkg-nowcast"].info, AT)


def test_what_goes_on_now_never_waits_behind_a_backlog(context, inbox):
    count = FILES_PER_POLL + 3
    for number in range(count):
        name = f"H08_B13_Indonesia_2026112006{number:02}.nc"
        put(inbox, name, b"no data", WRITTEN - timedelta(minutes=count - number))
    report = ask(context)
    read = [row.url[-15:-3] for row in rows(context)[:-1]]
    assert read == [f"2026112006{n:02}" for n in range(3, count)]
    assert "3 older files wait" in report.detail
    ask(context, AT + timedelta(minutes=1))
    later = [row.url[-15:-3] for row in rows(context)[FILES_PER_POLL + 1 : -1]]
    assert later == ["202611200600", "202611200601", "202611200602"]


def test_a_folder_in_which_nothing_new_arrives_is_frozen(context, inbox, frame):
    put(inbox, NAME, frame)
    ask(context)
    late = AT + timedelta(hours=2)
    assert ask(context, late).state is FeedState.FROZEN
    assert health(context, late).newest == datetime(2026, 11, 20, 7, 10, tzinfo=UTC)
    (inbox / NAME).unlink()
    assert ask(context, late + timedelta(minutes=1)).state is FeedState.DOWN


def test_only_what_is_configured_is_polled(tmp_path):
    assert "himawari-b13" not in configured(Settings(home=tmp_path))
    assert "himawari-b13" in configured(Settings(home=tmp_path, himawari_b13_url="x"))


def test_a_file_that_cannot_be_archived_is_an_alarm_and_is_not_read(context, inbox, frame):
    put(inbox, NAME, frame)
    place = context.archive.root
    (inbox.parent / "nothing").write_bytes(b"a file where the archive should be")
    (inbox.parent / "nothing").rename(place)
    report = ask(context)
    assert report.trouble.startswith("archive: ")
    assert report.received == 0
    Path(place).unlink()
    assert ask(context, AT + timedelta(minutes=1)).received == 1
