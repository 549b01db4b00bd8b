"""Into the archive once, unchanged, and with a clear word where the disk does not take it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from ingest.keep.archiving import archived_name, in_archive
from ingest.known import known
from ingest.play.feedserver import FeedServer
from ingest.run import poll
from kentongan.db import feed_log, records
from kentongan.errors import DataError
from kentongan.store import Store, sha256_hex
from kentongan.types import Outcome

RP = "/IMAGE/HIMA/H08_RP_Indonesia.png"
BULLETIN = "/datagempa.json"


def rows(context, source_id):
    query = select(feed_log).where(feed_log.c.source_id == source_id).order_by(feed_log.c.id)
    with context.engine.connect() as connection:
        return connection.execute(query).all()


@pytest.fixture
def feed(feeds, make_context):
    with FeedServer(feeds) as server:
        yield make_context(server.url)


# --- once, and for good -----------------------------------------------------------------


def test_the_same_bytes_are_stored_once_whenever_they_come(serve, feeds, make_context, now):
    """A → B → A on three days: each once, and the first A keeps its day."""
    first = (feeds / "datagempa.json").read_bytes()
    served = {BULLETIN: first}
    context = make_context(serve(served).url)
    for day, body in enumerate([first, first + b"\n", first]):
        served[BULLETIN] = body
        poll("bmkg-inatews", at=now + timedelta(days=day), context=context)
    paths = context.archive.paths("bmkg-inatews")
    assert [p for p in paths if sha256_hex(first) in p] == [
        f"bmkg-inatews/2026/11/20/{sha256_hex(first)}"
    ]
    assert len({path[-64:] for path in paths}) == len(paths), "the 404 beside it too"


def test_a_poll_of_an_earlier_day_finds_its_bytes_again(feed, now):
    poll("himawari-rp", at=now, context=feed)
    poll("himawari-rp", at=now - timedelta(days=2), context=feed)
    (row, _) = rows(feed, "himawari-rp")
    with feed.engine.connect() as connection:
        body = in_archive(connection, feed.archive, "himawari-rp", row.sha256)
    assert sha256_hex(body) == row.sha256


def test_files_are_read_only(feed, now):
    poll("himawari-rp", at=now, context=feed)
    (path,) = feed.archive.paths("himawari-rp")
    assert Path(feed.archive.root, path).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("damage", [b"", b"short"], ids=["emptied", "cut"])
def test_a_file_that_the_disk_cut_short_is_written_again(feed, now, damage):
    poll("himawari-rp", at=now, context=feed)
    (path,) = feed.archive.paths("himawari-rp")
    broken = Path(feed.archive.root, path)
    broken.chmod(0o644)
    broken.write_bytes(damage)
    report = poll("himawari-rp", at=now + timedelta(minutes=1), context=feed)
    assert report.outcome is Outcome.UNCHANGED
    assert sha256_hex(broken.read_bytes()) == broken.name


def test_a_file_with_one_changed_byte_is_never_read_and_is_replaced(feed, now):
    poll("himawari-rp", at=now, context=feed)
    (path,) = feed.archive.paths("himawari-rp")
    broken = Path(feed.archive.root, path)
    body = bytearray(broken.read_bytes())
    body[-20] ^= 1
    broken.chmod(0o644)
    broken.write_bytes(body)
    with feed.engine.connect() as connection, pytest.raises(DataError, match="do not match"):
        in_archive(connection, feed.archive, "himawari-rp", broken.name)
    poll("himawari-rp", at=now + timedelta(minutes=1), context=feed)
    assert [r.http_status for r in rows(feed, "himawari-rp")] == [200, 200]
    assert sha256_hex(broken.read_bytes()) == broken.name


def test_a_process_that_dies_while_writing_leaves_no_half_document(tmp_path):
    code = """
        import os, sys
        from pathlib import Path
        from kentongan.store import Store
        real = os.fsync
        os.fsync = lambda handle: os.kill(os.getpid(), 9)
        Path(sys.argv[1]).mkdir()
        Store(sys.argv[1]).write("doc", b"x" * 100_000)
    """
    run = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "store")]
    assert subprocess.run(run, check=False).returncode == -9
    store = Store(str(tmp_path / "store"))
    assert store.paths() == []
    assert not store.exists("doc")
    assert [p.endswith(".part") for p in store.walk()] == [True]


@pytest.mark.parametrize(
    ("path", "known_name"),
    [
        ("bmkg-quakes/2026/11/20/" + "a" * 64, True),
        ("bmkg-quakes/2026/11/20/" + "A" * 64, False),
        ("bmkg-quakes/2026/11/" + "a" * 64, False),
        ("evil.txt", False),
        ("x/bmkg-quakes/2026/11/20/" + "a" * 64, False),
    ],
)
def test_names_of_documents(path, known_name):
    assert (archived_name(path) is not None) == known_name


# --- what is known of an answer ---------------------------------------------------------


def test_the_log_says_what_was_asked_answered_and_when(feed, now):
    poll("himawari-rp", at=now, context=feed)
    poll("himawari-rp", at=now + timedelta(minutes=1), context=feed)
    first, again = rows(feed, "himawari-rp")
    assert (first.http_status, again.http_status) == (200, 304)
    assert first.request is None
    assert again.request == {"If-None-Match": first.etag}
    assert first.headers["content-type"] == "image/png"
    assert first.headers["etag"] == first.etag
    assert again.etag == first.etag
    assert again.sha256 == first.sha256
    assert 0 <= first.duration_ms < 5000
    assert first.polled_at == "2026-11-20T07:25:00Z"
    assert "2026-11-20T07:25:00.000000Z" <= first.answered_at < "2026-11-20T07:25:05"


# --- a disk that takes nothing more -----------------------------------------------------


def mounted(folder: Path, size: str) -> bool:
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture
def small_disk(tmp_path):
    """The archive's folder on a disk of 64 kB."""
    folder = tmp_path / "archive"
    if os.geteuid() != 0 or not mounted(folder, "64k"):
        pytest.skip("a file system of its own needs root; RLIMIT_FSIZE is tested instead")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_an_alarm_and_nothing_unarchived_is_read(
    small_disk, serve, feeds, draw_rp, make_context, now
):
    big = (feeds / "himawari-rp.png").read_bytes()
    big += bytes(100_000 - len(big)) if len(big) < 100_000 else b""
    served = {RP: big, BULLETIN: (feeds / "datagempa.json").read_bytes()}
    context = make_context(serve(served).url)
    report = poll("himawari-rp", at=now, context=context)
    assert (report.outcome, str(report.state)) == (Outcome.DOWN, "down")
    assert "archive: disk full" in report.detail
    assert report.trouble.startswith("archive: disk full")
    assert known(context.engine, now, kinds=["satellite_image"]) == []
    assert [row.sha256 for row in rows(context, "himawari-rp")] == [None]
    assert list(context.archive.walk()) == [], "no half file keeps the disk full"

    other = poll("bmkg-inatews", at=now, context=context)
    assert (other.outcome, other.trouble) == (Outcome.NEW, ""), "other sources go on"
    served[RP] = (feeds / "himawari-rp.png").read_bytes()[:20_000]
    again = poll("himawari-rp", at=now + timedelta(minutes=1), context=context)
    assert again.trouble == "", "space was found"


def test_a_full_archive_asks_the_next_addresses_no_more(
    small_disk, serve, feeds, make_context, now
):
    (small_disk / "filler").write_bytes(bytes(64 * 1024))
    paths = ["autogempa", "gempaterkini", "gempadirasakan"]
    served = {f"/DataMKG/TEWS/{name}.json": (feeds / f"{name}.json").read_bytes() for name in paths}
    server = serve(served)
    report = poll("bmkg-quakes", at=now, context=make_context(server.url))
    assert len(server.requests) == 1
    assert report.outcome is Outcome.DOWN
    assert all("archive: disk full" in entry.detail for entry in report.entries)


POLL_WITH_LIMITS = """
    import json, resource, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from ingest.run import IngestContext, poll
    from kentongan.db import make_engine
    from kentongan.migrate import migrate
    from kentongan.settings import Settings
    from kentongan.store import Store

    home, url, source_id, limit = sys.argv[1:]
    settings = Settings(home=Path(home), _env_file=None).with_feed_server(url)
    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    engine.dispose()
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    context = IngestContext(settings, engine, Store(home + "/archive"))
    at = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
    reports = [poll(name, at=at, context=context).to_json() for name in source_id.split(",")]
    print(json.dumps(reports))
"""


def polls_with_limit(home, url, sources, limit):
    arguments = [str(home), url, sources, str(limit)]
    code = textwrap.dedent(POLL_WITH_LIMITS)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_document_larger_than_the_system_allows(serve, make_context, tmp_path, now):
    """RLIMIT_FSIZE above what the database needs and below the document."""
    body = bytes(3_000_000)
    url = serve({RP: body}).url
    (report,) = polls_with_limit(tmp_path, url, "himawari-rp", 2_500_000)
    assert report["outcome"] == "down"
    assert report["trouble"].startswith("archive: file larger than this system allows")
    assert list(Store(str(tmp_path / "archive")).walk()) == []


def test_a_database_that_cannot_grow_stops_no_poll(feeds, tmp_path):
    """Nothing can be noted any more: each poll says so and the next one goes on."""
    with FeedServer(feeds) as server:
        reports = polls_with_limit(tmp_path, server.url, "himawari-rp,bmkg-quakes", 4096)
    assert [report["outcome"] for report in reports] == ["down", "down"]
    assert all(report["trouble"] for report in reports)


def test_a_full_database_is_said_in_one_line(feed, now):
    """SQLite's own "database or disk is full", by its page limit."""

    def no_growth(connection, _record):
        connection.execute("PRAGMA max_page_count=1")

    event.listen(feed.engine, "connect", no_growth)
    feed.engine.dispose()
    for length in (3000, 300, 3):
        while _fits(feed.engine, length):
            pass
    report = poll("himawari-rp", at=now, context=feed)
    assert report.outcome is Outcome.DOWN
    assert report.trouble.startswith("database: database or disk is full")
    assert "\n" not in report.trouble
    with feed.engine.connect() as connection:
        assert connection.execute(select(records)).all() == []


def _fits(engine, length):
    row = {"source_id": "x", "url": "x" * length, "polled_at": "", "outcome": "new"}
    try:
        with engine.begin() as connection:
            connection.execute(feed_log.insert().values(row))
    except OperationalError:
        return False
    return True


# --- what an unchanged poll costs -------------------------------------------------------


@pytest.mark.parametrize(
    "source_id", ["bmkg-inatews", "bmkg-quakes", "bmkg-nowcast", "himawari-rp", "bmkg-forecast"]
)
def test_a_poll_in_which_nothing_changed_costs_little(feed, now, source_id):
    import time

    spent = []
    for second in range(8):
        started = time.process_time()
        poll(source_id, at=now + timedelta(seconds=second), context=feed, wanted=["33.01.01.2001"])
        spent.append(time.process_time() - started)
    assert sorted(spent[2:])[3] < 0.05, "50 ms of CPU, our feed server's share included"
