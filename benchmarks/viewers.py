"""200 people watch the command centre: how long after a change all of them have seen it.

One server process and this one, which reads all connections, share the machine's cores. A change a
second: a report comes in (a case). Each viewer hears of it over its stream and reads the state of
the map again. `faces.viewers` is a regional event, `faces.viewers-national` one of 55,000 villages.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
from sqlalchemy import Engine, insert

from benchmarks.harness import Bench, Result, within
from kentongan.db import case_steps, cases, make_engine, warning_states, warnings
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.times import iso

VIEWERS = 200
CHANGES = 20
EVERY_S = 1.0
FOLLOWED_S = 2.0
"""Demanded of the command centre: a change is seen within this by all."""
PATIENCE_S = 120.0
REGION, NATION = 1_600, 55_000
"""Villages: Flores with its coasts, and more than any event on record."""
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def serve(home: str, port: str) -> None:
    """The server's own process."""
    from console.web import create_app
    from console.web.serving import Server

    app = create_app(Settings(_env_file=None, home=Path(home)), clock=lambda: AT)
    Server(app, host="127.0.0.1", port=int(port)).run()


@dataclass
class Seen:
    """Seconds from the write, of every viewer and change."""

    told: list[float] = field(default_factory=list)
    followed: list[float] = field(default_factory=list)
    bytes: int = 0
    reads: int = 0


def regional() -> Iterator[Result]:
    yield from _measured("faces.viewers", REGION, reuse=False)


def national() -> Iterator[Result]:
    yield from _measured("faces.viewers-national", NATION, reuse=True)


def _measured(bench: str, villages: int, *, reuse: bool) -> Iterator[Result]:
    """`reuse`: viewers name the levels of areas that they have, as the map does."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        engine = _made(home, villages)
        with _server(home) as (port, process):
            before = process.cpu_times()
            start = time.perf_counter()
            seen = asyncio.run(_watched(engine, port, reuse=reuse))
            took = time.perf_counter() - start
            after, rss = process.cpu_times(), process.memory_info().rss
        engine.dispose()
    cpu = (after.user + after.system - before.user - before.system) / took
    note = (
        f"{VIEWERS} viewers, {CHANGES} changes, {villages} villages; told "
        f"{_percentiles(seen.told)} ms; followed {_percentiles(seen.followed)} ms "
        f"(p50, p95, slowest); {seen.bytes / seen.reads / 1e3:.0f} KB each; "
        f"server {cpu:.0%} of a core, {rss / 1e6:.0f} MB"
    )
    worst = max(seen.followed)
    yield within(bench, worst, "s", at_most=FOLLOWED_S, seconds=took, note=note)


def _percentiles(seconds: list[float]) -> str:
    cut = statistics.quantiles(seconds, n=20)
    return f"{cut[9] * 1e3:.0f}, {cut[18] * 1e3:.0f}, {max(seconds) * 1e3:.0f}"


# --- the server ---------------------------------------------------------------------------


def _made(home: Path, villages: int) -> Engine:
    """A home with one warning in force."""
    from risk.layers.layerset import load_layers

    layers = load_layers("").villages.iloc[-villages:]
    people = layers["people"].tolist()
    codes = layers["adm4_code"].tolist()
    row = {
        "warning_id": "w-shaking-made", "version": 1, "event_id": "shaking-made",
        "hazard_id": "shaking", "level": 4, "expires": iso(AT + timedelta(hours=6)),
    }  # fmt: skip
    body = {
        **row, "title": "Gempa", "status": "Exercise",
        "levels": {code: 2 + number % 3 for number, code in enumerate(codes)},
        "exposure": {c: (n, n // 5) for c, n in zip(codes, people, strict=True)},
        "exposed_people": sum(people), "uncovered_people": sum(people) // 5,
    }  # fmt: skip
    engine = make_engine(f"sqlite:///{home / 'kentongan.sqlite'}")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(insert(warnings).values(
            **row, msg_type="Alert", cap_status="Exercise", all_clear=False,
            content_hash="0" * 64, created_at=iso(AT), body=body,
        ))  # fmt: skip
        for state in ("draft", "approved", "released"):
            said = {"warning_id": row["warning_id"], "version": 1, "actor": "bench"}
            connection.execute(insert(warning_states).values(**said, state=state, at=iso(AT)))
    return engine


@contextmanager
def _server(home: Path) -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "benchmarks.viewers", str(home), str(port)]
    with subprocess.Popen(command) as server:
        try:
            _wait(port)
            yield port, psutil.Process(server.pid)
        finally:
            server.terminate()


def _wait(port: int) -> None:
    """Until it answers, with everything loaded that the first viewer needs."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            path = "/centre/map/state.json"
            httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60).raise_for_status()
        except httpx.ConnectError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"no server on port {port} within 60 s")


# --- the viewers --------------------------------------------------------------------------


Wrote = dict[int, float]
"""Number of a change -> when it was written."""


async def _watched(engine: Engine, port: int, *, reuse: bool) -> Seen:
    seen, wrote = Seen(), Wrote()
    joined = asyncio.Semaphore(0)
    viewers = [
        asyncio.create_task(_viewer(port, seen, wrote, joined, reuse=reuse)) for _ in range(VIEWERS)
    ]
    for _ in viewers:
        await joined.acquire()
    await asyncio.sleep(2)
    for number in range(1, CHANGES + 1):
        wrote[number] = await asyncio.to_thread(_change, engine, number)
        await asyncio.sleep(EVERY_S)
    await asyncio.wait_for(asyncio.gather(*viewers), PATIENCE_S)
    return seen


def _change(engine: Engine, number: int) -> float:
    at = iso(AT)
    with engine.begin() as connection:
        connection.execute(insert(cases).values(
            case_id=f"K{number:05}", category="flood", adm4_code="96.01.01.1001", urgency=2,
            unit="bpbd", state="open", opened_at=at, due_at=at,
        ))  # fmt: skip
        connection.execute(insert(case_steps).values(
            case_id=f"K{number:05}", at=at, actor="bench", act="opened"
        ))  # fmt: skip
    return time.perf_counter()


async def _viewer(
    port: int, seen: Seen, wrote: Wrote, joined: asyncio.Semaphore, *, reuse: bool
) -> None:
    """Hears of changes and reads the state after each, over a second connection."""
    stream, out = await asyncio.open_connection("127.0.0.1", port)
    out.write(_request("/centre/stream"))
    asking, ask = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    have, followed, _ = await _state(asking, ask, "")
    joined.release()
    while followed < CHANGES:
        if await stream.readline() != b"event: reports\n":
            continue
        told = time.perf_counter()
        _, found, size = await _state(asking, ask, have if reuse else "")
        now = time.perf_counter()
        # One event may stand for several changes, where this machine is slower than they come.
        seen.told += [told - wrote[k] for k in range(followed + 1, found + 1)]
        seen.followed += [now - wrote[k] for k in range(followed + 1, found + 1)]
        seen.bytes += size
        seen.reads += 1
        followed = max(followed, found)
    for writer in (out, ask):
        writer.close()


def _request(path: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"
    return head.encode()


async def _state(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, have: str
) -> tuple[str, int, int]:
    """Name of the levels of areas, how many reports there are, bytes on the wire."""
    writer.write(_request(f"/centre/map/state.json?have={have}"))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    packed = await reader.readexactly(size)
    name, reports = _read(packed)
    return name, reports, size


_known: dict[bytes, tuple[str, int]] = {}


def _read(packed: bytes) -> tuple[str, int]:
    """200 viewers get the same bytes: they are read once, so that this process is not measured."""
    import gzip

    key = packed[-8:] + packed[10:40]
    if key not in _known:
        found = json.loads(gzip.decompress(packed))
        _known[key] = found["areas"], len(found["reports"])
    return _known[key]


BENCHES: dict[str, Bench] = {"faces.viewers": regional, "faces.viewers-national": national}

if __name__ == "__main__":
    serve(*sys.argv[1:3])
