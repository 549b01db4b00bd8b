"""From a quake on the feed to rows in the outbox: in one process, by Airflow, by the watcher.

The Airflow of these tests is the real one: scheduler, triggerer, DAG processor and API
server, as `kentongan up` runs them. Latencies are printed; run pytest with -s to see them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from ingest.play.feedserver import FeedServer
from kentongan.settings import Settings
from orchestration.airflow.environment import kentongan_variables

HERE = Path(__file__).parent
DAGS = HERE.parents[1] / "dags"
PROMISED_S = 30.0
"""From publication to the first row of the outbox."""

MONTHS = ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"]
EMPTY_RSS = (
    '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
    "<title>Peringatan Dini Cuaca</title><link>https://www.bmkg.go.id</link>"
    "<description>-</description></channel></rss>"
)


def quake(origin: datetime, magnitude: float, place: str) -> dict[str, str]:
    """One quake near Cianjur in the schema of TEWS, 10 km deep; of our own making."""
    local = origin + timedelta(hours=7)
    return {
        "Tanggal": f"{local.day:02d} {MONTHS[local.month - 1]} {local.year}",
        "Jam": f"{local:%H:%M:%S} WIB",
        "DateTime": origin.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "Coordinates": "-6.84,107.05",
        "Lintang": "6.84 LS",
        "Bujur": "107.05 BT",
        "Magnitude": f"{magnitude:.1f}",
        "Kedalaman": "10 km",
        "Wilayah": place,
        "Potensi": "Gempa ini dirasakan untuk diteruskan pada masyarakat",
        "Dirasakan": "III Cianjur",
    }


class Feeds:
    """A folder under BMKG's paths that a feed server shows; what is put there is published."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        old = quake(datetime.now(UTC) - timedelta(days=2), 3.1, "7 km BaratDaya Kab. Cianjur")
        self.latest = [old]
        self._put("alerts/nowcast/id", EMPTY_RSS)
        self._publish()

    def happen(self, magnitude: float = 6.0) -> None:
        """A quake of one minute ago appears in all three lists."""
        origin = datetime.now(UTC) - timedelta(minutes=1)
        self.latest.insert(0, quake(origin, magnitude, "10 km BaratDaya Kab. Cianjur"))
        self._publish()

    def _publish(self) -> None:
        documents = {"gempaterkini": self.latest, "gempadirasakan": self.latest}
        for name, found in {**documents, "autogempa": self.latest[0]}.items():
            body = json.dumps({"Infogempa": {"gempa": found}})
            self._put(f"DataMKG/TEWS/{name}.json", body)

    def _put(self, path: str, body: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_text(body, encoding="utf-8")
        part.rename(target)


def rows(home: Path, table: str) -> int:
    """Rows of a table of Kentongan's database; 0 while there is none."""
    path = home / "kentongan.sqlite"
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
            return 0
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def wait_until(done: Callable[[], object], seconds: float, story: Callable[[], str]) -> float:
    """Seconds until `done`; fails with the story when that takes too long."""
    started = time.monotonic()
    while not done():
        waited = time.monotonic() - started
        assert waited < seconds, f"not within {seconds:.0f} s\n{story()}"
        time.sleep(0.05)
    return time.monotonic() - started


def tails(folder: Path, lines: int = 40) -> str:
    """The ends of all logs below a folder."""
    texts = {p: p.read_text(errors="replace").splitlines() for p in sorted(folder.rglob("*.log"))}
    return "\n".join(f"=== {p.name}\n" + "\n".join(t[-lines:]) for p, t in texts.items())


@pytest.fixture()
def feeds(tmp_path: Path) -> Iterator[tuple[Feeds, str]]:
    with served(tmp_path) as given:
        yield given


@contextmanager
def served(root: Path) -> Iterator[tuple[Feeds, str]]:
    feeds = Feeds(root / "feeds")
    with FeedServer(feeds.folder) as server:
        yield feeds, server.url


def test_the_quake_dag_fills_the_outbox(airflow_python, feeds, tmp_path):
    told, url = feeds
    told.happen()
    settings = Settings(home=tmp_path / "home").with_feed_server(url)
    report = airflow_python(
        "dag_run_report.py", str(DAGS), "quakes", **kentongan_variables(settings)
    )
    assert report["state"] == "success", airflow_python.out[-40_000:]
    assert report["tasks"].pop("failed") == "skipped"
    assert set(report["tasks"].values()) == {"success"}
    assert rows(settings.home, "warnings") == 1
    assert rows(settings.home, "outbox") > 0
    assert list((settings.home / "maps").glob("*.html"))


@dataclass
class Running:
    """A started `kentongan up` or `kentongan watch`."""

    process: subprocess.Popen[bytes]
    root: Path
    feeds: Feeds

    @property
    def home(self) -> Path:
        return self.root / "home"

    def said(self) -> str:
        return (self.root / "said.log").read_text()

    def story(self) -> str:
        return tails(self.root)

    def latency(self, magnitude: float) -> float:
        """Seconds from publication to the first new row of the outbox."""
        before = rows(self.home, "outbox")
        self.feeds.happen(magnitude)
        return wait_until(lambda: rows(self.home, "outbox") > before, 120, self.story)

    def component(self, name: str) -> int | None:
        """Process id of one of the supervised programs."""
        supervisor = psutil.Process(int((self.home / "airflow/supervisord.pid").read_text()))
        return next((p.pid for p in supervisor.children() if name in arguments(p)), None)


def arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def of_run(home: Path) -> list[psutil.Process]:
    """Processes whose environment names this home."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("KENTONGAN_HOME") == str(home):
                found.append(process)
    return found


@contextmanager
def running(root: Path, feeds: Feeds, url: str, command: Sequence[str]) -> Iterator[Running]:
    """A program of ours with `root`/home and these feeds, ended afterwards."""
    settings = Settings(home=root / "home").with_feed_server(url)
    environment = {**os.environ, **kentongan_variables(settings)}
    with (root / "said.log").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        try:
            yield Running(process, root, feeds)
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Prints a measured figure into the report of the run."""
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\n  {text}\n")

    return line


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, ports, tell) -> Iterator[Running]:
    """Airflow alone: the watcher would be first, and the latency not Airflow's."""
    root = tmp_path_factory.mktemp("airflow-live")
    with served(root) as (feeds, url):
        chosen = [str(root / "home"), url, *map(str, ports), "watch", "web"]
        command = [sys.executable, str(HERE / "up_program.py"), *chosen]
        with running(root, feeds, url, command) as given:
            seconds = wait_until(lambda: "is ready" in given.said(), 240, given.story)
            tell(f"Airflow: ready {seconds:.1f} s after the start")
            # The first poll takes the old quake for history; the measured one is news.
            wait_until(lambda: rows(given.home, "records") > 0, 90, given.story)
            yield given


def test_airflow_brings_a_quake_into_the_outbox(airflow, tell):
    seconds = airflow.latency(6.0)
    tell(f"Airflow: {seconds:.1f} s from publication to the first row of the outbox")
    assert seconds < PROMISED_S, airflow.story()
    assert rows(airflow.home, "warnings") == 1


def test_airflow_listens_on_loopback_only(airflow):
    listening = {
        connection.laddr.ip
        for process in of_run(airflow.home)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_the_components_beat_for_the_dead_mans_switch(airflow):
    path = airflow.home / "kentongan.sqlite"

    def names() -> set[str]:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            return {row[0] for row in connection.execute("SELECT name FROM heartbeats")}

    expected = {"up", "scheduler", "triggerer", "dag-processor", "cycle"}
    wait_until(lambda: names() >= expected, 60, airflow.story)


def test_a_killed_scheduler_comes_back(airflow):
    before = airflow.component("scheduler")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: airflow.component("scheduler") not in (None, before), 30, airflow.story)


def test_nothing_is_left_after_the_stop(airflow, ports, tell):
    assert len(of_run(airflow.home)) > 4
    started = time.monotonic()
    airflow.process.send_signal(signal.SIGINT)
    assert airflow.process.wait(timeout=60) == 0, airflow.story()
    tell(f"Airflow: stopped after {time.monotonic() - started:.1f} s")
    assert of_run(airflow.home) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", ports[0])) != 0


def test_the_watcher_brings_a_quake_into_the_outbox(tmp_path, feeds, tell):
    command = [str(Path(sys.executable).parent / "kentongan"), "watch"]
    with running(tmp_path, *feeds, command) as given:
        # The first cycle loads the layers and takes the old quake for history.
        wait_until(lambda: rows(given.home, "records") > 0, 60, given.story)
        time.sleep(8)
        seconds = given.latency(6.0)
        tell(f"watch: {seconds:.1f} s from publication to the first row of the outbox")
        assert seconds < PROMISED_S, given.story()
