"""Kill each component with -9 and time the alarm that it raises.

    python -m benchmarks.kill_alarms             feed server, web, dispatcher, watcher, database
    python -m benchmarks.kill_alarms --airflow   scheduler and switch of a whole `kentongan up`

Everything is real: processes of ours, a feed server, Apprise, an HTTP receiver, all on
127.0.0.1 and in a folder of their own. The thresholds are short (`POLICY`); with those of
`data/policy/deadman.toml` an alarm comes later by the difference.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

POLICY = """
author = "the campaign"
date = 2026-11-22
check_every_seconds = 0.5
repeat_after_minutes = 30
recovered_after_seconds = 2
ping_every_seconds = 1
database_silent_seconds = 2
outbox_wait_seconds = 60
clock_ahead_seconds = 120
disk_free_mb = 1
switch_off_minutes = 5
draft_minutes = 5
required_heartbeats = ["cycle"]
[heartbeat_max_age_seconds]
cycle = {cycle}
watch = {beat}
dispatch = {beat}
web = {beat}
up = 20
scheduler = 20
triggerer = 40
dag-processor = 60
[feed_blind_minutes]
warning = 0.05
support = 60
"""
RSS = (
    '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
    "<title>Peringatan Dini Cuaca</title><link>https://www.bmkg.go.id</link>"
    "<description>-</description><lastBuildDate>{built}</lastBuildDate></channel></rss>"
)


@dataclass(frozen=True)
class Told:
    """One alarm that reached the receiver."""

    component: str
    how: str
    seconds: float
    """From the kill to the alarm at the receiver."""
    text: str


@dataclass
class Receiver:
    """Takes alarms and the pings of the outside monitor."""

    messages: list[str] = field(default_factory=list)
    pings: int = 0

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.messages.append(f"{document['title']}\n{document['message']}")
                self.answer()

            def do_GET(self) -> None:
                outer.pings += 1
                self.answer()

            def answer(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def line(self, text: str) -> str | None:
        """The first line told that holds `text`."""
        lines = (line for message in self.messages for line in message.splitlines())
        return next((line for line in lines if text in line), None)


@dataclass
class Set:
    """Programs of ours with one home and one environment."""

    root: Path
    receiver: Receiver
    environment: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / "home"

    def start(self, name: str, *arguments: str) -> None:
        command = [str(Path(sys.executable).parent / "kentongan"), *arguments]
        with (self.root / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env=self.environment
            )

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()

    def end(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=60)
            process.kill()

    def logs(self) -> str:
        parts = [f"== {p.name}\n{p.read_text()[-1500:]}" for p in self.root.glob("*.log")]
        return "\n".join([*parts, *self.receiver.messages])

    def beats(self) -> set[str]:
        with closing(sqlite3.connect(self.home / "kentongan.sqlite", timeout=30)) as connection:
            try:
                return {row[0] for row in connection.execute("SELECT name FROM heartbeats")}
            except sqlite3.OperationalError:
                return set()

    def wait(self, done: Callable[[], object], seconds: float, what: str) -> float:
        """Seconds until `done`.

        Raises:
            RuntimeError: it takes longer.
        """
        started = time.monotonic()
        while not done():
            if time.monotonic() - started > seconds:
                raise RuntimeError(f"{what}: not within {seconds:.0f} s\n{self.logs()}")
            time.sleep(0.05)
        return time.monotonic() - started

    def told(self, component: str, how: str, text: str, act: Callable[[], None]) -> Told:
        """Do something bad and wait for the alarm that names it."""
        act()
        seconds = self.wait(lambda: self.receiver.line(text), 120, f"alarm of {component}")
        return Told(component, how, seconds, self.receiver.line(text) or "")


@contextmanager
def programs(root: Path, *, cycle_s: float, beat_s: float = 5.0) -> Iterator[Set]:
    """A home with feeds of now and short thresholds; what was started ends with the block."""
    receiver, port = Receiver(), free_port()
    (root / "home").mkdir(parents=True)
    (root / "policy.toml").write_text(POLICY.format(cycle=cycle_s, beat=beat_s), encoding="utf-8")
    _feeds(root / "feeds")
    bases = ("DATA", "WWW", "API", "INATEWS", "SATELLITE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KENTONGAN_")} | {
        **{f"KENTONGAN_BMKG_{base}_URL": f"http://127.0.0.1:{port}" for base in bases},
        "KENTONGAN_HOME": str(root / "home"),
        "KENTONGAN_SOURCES": '["bmkg-quakes", "bmkg-nowcast"]',
        "KENTONGAN_DEADMAN_POLICY": str(root / "policy.toml"),
        "KENTONGAN_ALARM_URLS": json.dumps([f"json://127.0.0.1:{receiver.port}/"]),
        "KENTONGAN_MONITOR_URL": f"http://127.0.0.1:{receiver.port}/ping",
    }
    found = Set(root, receiver, environment)
    try:
        found.start("feed-server", "feed-server", str(root / "feeds"), "--port", str(port))
        yield found
    finally:
        found.end()
        receiver.server.shutdown()
        receiver.server.server_close()


def _feeds(folder: Path) -> None:
    """An empty nowcast list built now, and one old quake of our own making."""
    now = datetime.now(UTC)
    origin = (now - timedelta(days=2)).astimezone(UTC) + timedelta(hours=7)
    quake = {
        "Tanggal": f"{origin:%d} {_MONTHS[origin.month - 1]} {origin:%Y}",
        "Jam": f"{origin:%H:%M:%S} WIB",
        "DateTime": f"{origin - timedelta(hours=7):%Y-%m-%dT%H:%M:%S}+00:00",
        "Coordinates": "-6.84,107.05",
        "Lintang": "6.84 LS",
        "Bujur": "107.05 BT",
        "Magnitude": "3.1",
        "Kedalaman": "10 km",
        "Wilayah": "7 km BaratDaya Kab. Cianjur",
        "Dirasakan": "II Cianjur",
    }
    for name, gempa in (
        ("autogempa", quake),
        ("gempaterkini", [quake]),
        ("gempadirasakan", [quake]),
    ):
        _put(folder / f"DataMKG/TEWS/{name}.json", json.dumps({"Infogempa": {"gempa": gempa}}))
    _put(folder / "alerts/nowcast/id", RSS.format(built=format_datetime(now)))


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"]


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def campaign(root: Path, *, cycle_s: float) -> list[Told]:
    """Without Airflow: each program killed, then the database taken away.

    The alarm of the cycle is waited for where `cycle_s` is below five minutes.
    """
    with programs(root, cycle_s=cycle_s) as run:
        for name in ("watch", "dispatch"):
            run.start(name, name)
        run.start("web", "web", "--port", str(free_port()))
        run.wait(lambda: run.beats() >= {"cycle", "watch", "dispatch", "web"}, 90, "heartbeats")
        run.start("deadman", "deadman")
        run.wait(lambda: run.receiver.pings > 1, 60, "all well")
        if run.receiver.messages:
            raise RuntimeError(f"an alarm while all was well\n{run.logs()}")
        found = [
            run.told("feed-server", "kill -9", "(bmkg-quakes)", lambda: run.kill("feed-server"))
        ]
        found += _together(run)
        if cycle_s < 300:
            found.append(run.told("cycle", "watcher dead", "siklus peringatan", lambda: None))
        path = run.home / "kentongan.sqlite"
        gone = run.home / "moved-away"
        found.append(
            run.told("database", "moved away", "basis data", lambda: path.rename(gone) and None)
        )
        return found


def _together(run: Set) -> list[Told]:
    """Three programs killed at once, each with its own alarm."""
    texts = {"web": "aplikasi web", "dispatch": "pengirim", "watch": "pengamat"}
    started = time.monotonic()
    for name in texts:
        run.kill(name)
    found = []
    for name, text in texts.items():
        run.wait(lambda text=text: run.receiver.line(text), 60, f"alarm of {name}")  # type: ignore[misc]
        seconds = time.monotonic() - started
        found.append(Told(name, "kill -9", seconds, run.receiver.line(text) or ""))
    return found


def airflow_campaign(root: Path) -> list[Told]:
    """A whole `kentongan up`: what supervisor restarts, and what hangs."""
    import psutil

    with programs(root, cycle_s=300, beat_s=20) as run:
        ports = ["--api-port", str(free_port()), "--web-port", str(free_port())]
        run.start("up", "up", *ports)
        run.wait(lambda: "is ready" in (root / "up.log").read_text(), 300, "Airflow")
        run.wait(lambda: run.beats() >= {"scheduler", "triggerer", "cycle"}, 120, "heartbeats")

        def component(name: str) -> psutil.Process | None:
            supervisor = psutil.Process(int((run.home / "airflow/supervisord.pid").read_text()))
            return next((p for p in supervisor.children() if name in _arguments(p)), None)

        found = [_restarted(run, name, component) for name in ("deadman", "watch", "scheduler")]
        scheduler = component("scheduler")
        assert scheduler is not None
        hang = run.told(
            "scheduler", "SIGSTOP (hangs)", "penjadwal Airflow",
            lambda: scheduler.send_signal(signal.SIGSTOP),
        )  # fmt: skip
        scheduler.send_signal(signal.SIGCONT)
        recovered = run.wait(lambda: run.receiver.line("PULIH: penjadwal"), 120, "recovery")
        text = run.receiver.line("PULIH: penjadwal") or ""
        return [*found, hang, Told("scheduler", "SIGCONT", recovered, text)]


def _arguments(process: Any) -> list[str]:
    """Empty for one that has just died."""
    import psutil

    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _restarted(run: Set, name: str, component: Callable[[str], object]) -> Told:
    before = component(name)
    pid = before.pid  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        now = component(name)
        return now is not None and now.pid != pid  # type: ignore[attr-defined]

    seconds = run.wait(is_back, 60, f"restart of {name}")
    return Told(name, "kill -9, supervised", seconds, "restarted by supervisor; no alarm is due")


def report(found: list[Told]) -> str:
    head = f"{'component':<12} {'how':<20} {'seconds':>7}  alarm"
    lines = [f"{t.component:<12} {t.how:<20} {t.seconds:>7.1f}  {t.text[:150]}" for t in found]
    return "\n".join([head, *lines])


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kentongan-kill-") as folder:
        root = Path(folder)
        found = airflow_campaign(root) if "--airflow" in sys.argv else campaign(root, cycle_s=75)
        print(report(found))


if __name__ == "__main__":
    main()
