"""How many messages a minute the inbox takes: `python -m benchmarks.inbox [NUMBER]`.

Stored one by one as channels do, handled one by one with an answer each, and taken by the web
hooks over one socket. Each store is a commit with `synchronous=FULL`.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from console.web import create_app
from kentongan.db import make_engine
from kentongan.migrate import migrate
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from notify.channels.channel import InboundMessage
from notify.inbox.handling import Handled, work
from notify.inbox.store import keep

HOOK = "secret-part-of-a-benchmark"
ROUTES = """
[[route]]
kind = "http"
route = "gateway"
channel = "sms"
url = "https://gateway.example.invalid/send"
json_body = { to = "{to}", text = "{text}" }
hook_file = "hook"
[route.hooks]
messages = { sender = "from", text = "text", id = "id" }
from_networks = ["127.0.0.1"]
per_second = 100000
"""
CLIENTS = 16


def main(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "hook").write_text(HOOK)
        (home / "hook").chmod(0o600)
        (home / "routes.toml").write_text(ROUTES)
        settings = Settings(home=home, routes=home / "routes.toml")
        engine, keys = make_engine(settings.resolved_database_url), secrets_key(settings)
        migrate(engine)
        _tell("stored", number, _timed(lambda: _store(engine, keys, number)))
        _tell("handled with an answer", number, _timed(lambda: _handle(engine, keys, number)))
        few = number // 5
        _tell("taken by web hooks", few, _with_web(settings, few))
        engine.dispose()


def _store(engine: Any, keys: Any, number: int) -> None:
    at = datetime.now(UTC)
    for i in range(number):
        sender = f"+62812{i % 5000:08}"
        came = at + timedelta(milliseconds=30 * i)  # below the limit of all: none is marked
        keep(engine, keys, InboundMessage("sms-c", f"id-{i}", sender, "LAPOR banjir", came))


def _handle(engine: Any, keys: Any, number: int) -> None:
    def handler(_connection: Any, _message: Any, *, at: datetime) -> Handled:  # noqa: ARG001
        return Handled("report", "L-1", "Laporan Anda diterima, nomor L-1.")

    done = work(engine, keys, (handler,), at=datetime.now(UTC), limit=number)
    assert done["report"] == number, done


def _with_web(settings: Settings, number: int) -> float:
    app = create_app(settings, clock=lambda: datetime.now(UTC))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/hooks/gateway/{HOOK}/inbound"

    def send(first: int) -> None:
        with httpx.Client(timeout=30) as http:
            for i in range(first, number, CLIENTS):
                asked = {"from": f"62813{i:08}", "text": "LAPOR", "id": f"w{i}"}
                assert http.get(url, params=asked).status_code == 202

    def all_of_them() -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, range(CLIENTS)))

    took = _timed(all_of_them)
    server.should_exit = True
    thread.join()
    listener.close()
    return took


def _timed(act: Any) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _tell(what: str, number: int, took: float) -> None:
    print(f"{what:<24} {number:>7,} in {took:6.1f} s  {number / took:7,.0f}/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
