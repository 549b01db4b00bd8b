"""A local server of recorded payloads under BMKG's own paths, for tests, scenarios and drills.

Listens on 127.0.0.1 only, answers every request on its own thread, knows ETags.
"""

from __future__ import annotations

import csv
import hashlib
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from kentongan.errors import SettingsError
from kentongan.scenario import Scenario, Step

NO_ANSWER = 0
"""A status that stands for silence: the connection is closed without a word."""
_TYPES = {
    ".json": "application/json",
    ".xml": "application/xml",
    ".png": "image/png",
    ".html": "text/html; charset=utf-8",
}


@dataclass(frozen=True)
class Payload:
    """What an address answers; `status` other than 200 comes without a document."""

    body: bytes = b""
    content_type: str = "application/octet-stream"
    status: int = 200

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


_T = TypeVar("_T")
Routes = Callable[[str], Payload | None]


class FeedServer:
    """Serves a folder, or whatever a function from path to payload says.

    In a folder, `paths.csv` (bmkg_path,file) says what is where; without it files lie by path.

        with FeedServer(folder) as server:
            settings = settings.with_feed_server(server.url)
    """

    def __init__(self, source: Path | Routes, port: int = 0) -> None:
        self.requests: list[str] = []
        """Paths asked for, in order."""
        routes = folder_routes(source) if isinstance(source, Path) else source
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.routes = routes
        self._server.log = self.requests
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="feed-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class ScenarioServer(FeedServer):
    """Serves a scenario as it stands at one of its steps; begins before the first: nothing."""

    def __init__(self, scenario: Scenario, port: int = 0) -> None:
        self.scenario = scenario
        self._routes: Mapping[str, Payload] = {}
        super().__init__(lambda path: find_route(self._routes, path), port)

    def show(self, step_index: int) -> None:
        """Serve what steps 0 … `step_index` have put up and not yet replaced."""
        self._routes = step_routes(self.scenario, step_index)


class TimedServer(ScenarioServer):
    """Serves a scenario with its own timing: an hour of it lasts an hour divided by `speed`."""

    def __init__(
        self, scenario: Scenario, *, start: datetime, speed: float = 1.0, port: int = 0
    ) -> None:
        self.begin, self.speed = start, speed
        self._shown = -1
        super().__init__(scenario, port)
        self.advance(0.0)

    def instant(self, elapsed_s: float) -> datetime:
        """The scenario's time after so many real seconds."""
        return self.begin + timedelta(seconds=elapsed_s * self.speed)

    def advance(self, elapsed_s: float) -> list[Step]:
        """Put up what is due after so many real seconds; returns the steps that came new."""
        now = self.instant(elapsed_s)
        due = sum(step.at <= now for step in self.scenario.steps)
        new = list(self.scenario.steps[self._shown + 1 : due])
        if new:
            self._shown = due - 1
            self.show(self._shown)
        return new

    @property
    def is_over(self) -> bool:
        """Whether the last step is up; it stays."""
        return self._shown == len(self.scenario.steps) - 1


def step_routes(scenario: Scenario, step_index: int) -> dict[str, Payload]:
    """Address → payload after a step: later steps replace what earlier ones served or failed."""
    routes: dict[str, Payload] = {}
    for step in scenario.steps[: step_index + 1]:
        for path, name in step.serve.items():
            routes[path] = _load(scenario.folder / name)
        for path, status in step.fail.items():
            routes[path] = Payload(status=status)
    return routes


def folder_routes(folder: Path) -> Routes:
    """Raises:
    SettingsError: no such folder, or a row of `paths.csv` names no file.
    """
    if not folder.is_dir():
        raise SettingsError(f"feed server: no folder {folder}")
    table = folder / "paths.csv"
    if not table.is_file():
        return lambda path: _file_below(folder, path)
    with table.open(encoding="utf-8", newline="") as lines:
        rows = {row["bmkg_path"]: folder / row["file"] for row in csv.DictReader(lines)}
    missing = sorted(str(file) for file in rows.values() if not file.is_file())
    if missing:
        raise SettingsError(f"feed server: {table} names files that are not there: {missing}")
    return lambda path: _load_if(find_route(rows, path))


def find_route(routes: Mapping[str, _T], path: str) -> _T | None:
    """By path with query; else by path alone, so that cache busters do not matter."""
    found = routes.get(path)
    return found if found is not None else routes.get(path.partition("?")[0])


def _load_if(file: Path | None) -> Payload | None:
    return _load(file) if file else None


def _load(file: Path) -> Payload:
    return Payload(file.read_bytes(), _TYPES.get(file.suffix, "application/octet-stream"))


def _file_below(folder: Path, path: str) -> Payload | None:
    root = folder.resolve()
    file = (root / path.partition("?")[0].lstrip("/")).resolve()
    return _load(file) if file.is_relative_to(root) and file.is_file() else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    routes: Routes
    log: list[str]

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of our own name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.log.append(self.path)
        payload = self.server.routes(self.path)
        if payload is None:
            payload = Payload(b'{"message":"Data not found","statusCode":404}', status=404)
        if payload.status == NO_ANSWER:
            self.close_connection = True
            return
        if payload.status == 200 and self.headers.get("If-None-Match") == payload.etag:
            self._answer(304, payload, b"")
        else:
            self._answer(payload.status, payload, payload.body)

    def _answer(self, status: int, payload: Payload, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", payload.content_type)
        self.send_header("Content-Length", str(len(body)))
        if status in (200, 304):
            self.send_header("ETag", payload.etag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: requests are listed in `FeedServer.requests`."""
