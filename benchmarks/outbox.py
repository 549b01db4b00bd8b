"""The outbox with a million recipients, on SQLite and PostgreSQL; beside two task queues.

`BENCH_PEOPLE` changes the number; `CELERY_PYTHON` names an interpreter that has `celery[redis]`,
which does not stand in this project's environment (`uv venv celery && uv pip install --python
celery/bin/python "celery[redis]<5.7"`); a `redis-server` is started beside it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Bench, Result, not_measured, run_process, times_faster, within
from benchmarks.outbox_made import AT, PEOPLE, Base, Wire, base, drafted, let_out, taken_back

if TYPE_CHECKING:
    from notify.sending.dispatch import RouteRun

ENGINES = ("sqlite", "postgresql")
FIRST_S = 1.0
FILL_S = {"sqlite": 12.0, "postgresql": 45.0}
"""Of a million; of fewer in proportion."""
CLAIMS = {"sqlite": 14_000.0, "postgresql": 8_000.0}
RECEIPTS = {"sqlite": 50_000.0, "postgresql": 9_000.0}
MEMORY_MB = 300.0
CORRECTION_S = 2.0
WORKERS = {"sqlite": 1, "postgresql": 2}
_CLAIMED = 40_000
_RECEIPTS = 100_000
_JOBS = 2_000


def at_least(bench: str, value: float, floor: float, note: str) -> Result:
    return Result(bench, value, "/s", None, None, None, floor, value >= floor, note)


def outbox() -> Iterator[Result]:
    """From release to receipts; one worker on SQLite, two on PostgreSQL."""
    for name in ENGINES:
        with base(name) as made:
            if made is None:
                yield not_measured(f"dispatch.outbox.{name}", "no PostgreSQL server")
                continue
            yield from _measured(made)


def _measured(made: Base) -> Iterator[Result]:
    ref = drafted(made, made.codes, "thunderstorm-bench", 2)
    started = time.perf_counter()
    times: list[float] = []
    wire = Wire(lambda _: times.append(time.perf_counter() - started))
    told = let_out(made, ref).messages
    written = time.perf_counter() - started
    run_of(made, wire).sends_batch()
    note = f"{told} people, {len(made.codes)} villages; released and filled after {written:.2f} s"
    yield within(
        f"dispatch.first_message.{made.name}", times[0], "s", at_most=FIRST_S, seconds=times[0],
        note=note,
    )  # fmt: skip
    yield from _filled(made, told)
    yield _claimed(made)
    yield _receipts(made)
    yield _memory(made)


def run_of(made: Base, wire: Wire, **changes: Any) -> RouteRun:
    from notify.sending.dispatch import RouteRun

    return RouteRun(made.engine, "recorder", wire, **{"clock": lambda: AT, **changes})


def _filled(made: Base, told: int) -> Iterator[Result]:
    """Rows for everybody while another worker sends."""
    from notify.sending.filling import fill

    done = threading.Event()
    wire = Wire()

    def send() -> None:
        run = run_of(made, wire, owner="sender")
        while not done.is_set() and run.sends_batch():
            pass

    sender = threading.Thread(target=send)
    started = time.perf_counter()
    sender.start()
    while fill(made.engine, at=AT):
        pass
    taken = time.perf_counter() - started
    done.set()
    sender.join()
    most = FILL_S[made.name] * told / 1_000_000
    note = f"{told / taken:,.0f} rows/s, while {wire.count} messages were sent"
    yield within(f"dispatch.fill.{made.name}", taken, "s", at_most=most, seconds=taken, note=note)


def _claimed(made: Base) -> Result:
    """Leased and put on the wire, each durable, in batches of 500."""
    from kentongan.transactions import writing
    from notify.sending.claim import Want, claim, put_on_wire

    workers = WORKERS[made.name]

    def work(name: str) -> None:
        want, left = Want("recorder", name), _CLAIMED // workers
        while left > 0:
            with writing(made.engine) as connection:
                ids = claim(connection, want, limit=500, now=AT)
            with writing(made.engine) as connection:
                put_on_wire(connection, ids, want, now=AT)
            left -= len(ids) or left

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(workers)]
    started = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    rate = _CLAIMED / (time.perf_counter() - started)
    name = f"dispatch.claim_mark.{made.name}"
    return at_least(name, rate, CLAIMS[made.name], f"{workers} worker(s), batches of 500")


def _receipts(made: Base) -> Result:
    from sqlalchemy import text

    from kentongan.types import OutboxState
    from notify.channels.channel import DeliveryReport
    from notify.sending.receipts import record

    number = min(_RECEIPTS, PEOPLE // 2)
    named = "UPDATE outbox SET provider_id_norm = 'p' || id, state = 3 WHERE id <= :n"
    with made.engine.begin() as connection:
        connection.execute(text(named), {"n": number})
        ids = list(connection.execute(
            text("SELECT provider_id_norm FROM outbox WHERE provider_id_norm IS NOT NULL")
        ).scalars())  # fmt: skip
    start = AT + timedelta(minutes=1)
    reports = [
        DeliveryReport("recorder", one, OutboxState.DELIVERED, start + timedelta(seconds=n // 5000))
        for n, one in enumerate(ids)
    ]
    started = time.perf_counter()
    counted = record(made.engine, reports, at=AT)
    rate = len(reports) / (time.perf_counter() - started)
    assert counted.applied == len(ids), counted
    return at_least(
        f"dispatch.receipts.{made.name}", rate, RECEIPTS[made.name], "2,000 a transaction"
    )


_SENDER = """
import sys
from benchmarks.outbox_made import AT, Wire
from kentongan.db import make_engine
from notify.sending.dispatch import RouteRun
run = RouteRun(make_engine(sys.argv[1]), "recorder", Wire(), clock=lambda: AT)
for _ in range(40):
    run.sends_batch()
"""


def _memory(made: Base) -> Result:
    """Of a process that sends from the whole queue."""
    peak = run_process([sys.executable, "-c", _SENDER, made.url], {}).peak_mb
    return within(
        f"dispatch.memory.{made.name}", peak, "MB", at_most=MEMORY_MB, seconds=0.0,
        note="20,000 sent out of the whole queue",
    )  # fmt: skip


# --- a blast with something more urgent, and a recall, in its middle -----------------------


class Line:
    """What happened when, seconds since the release of the blast."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.told: list[tuple[float, str]] = []
        self.sent: dict[str, int] = {}
        self.first: dict[str, float] = {}
        self.batches: list[str] = []

    def now(self) -> float:
        return time.perf_counter() - self.started

    def say(self, what: str) -> float:
        self.told.append((self.now(), what))
        return self.told[-1][0]

    def window(self, messages: Any) -> None:
        for message in messages:
            key = f"{message.warning_id.removeprefix('w-')} v{message.version}"
            if key not in self.first:
                self.first[key] = self.say(f"first message of {key}")
            self.sent[key] = self.sent.get(key, 0) + 1
        self.batches.append(f"{messages[0].warning_id} v{messages[0].version}")


def timeline() -> Iterator[Result]:
    """A blast; after 3 s an Awas for one village; after 6 s the blast is taken back."""
    for name in ENGINES:
        with base(name) as made:
            if made is None:
                yield not_measured(f"dispatch.timeline.{name}", "no PostgreSQL server")
                continue
            yield from _timeline(made)


def _timeline(made: Base) -> Iterator[Result]:
    from notify.sending.outbox import clear_waiting

    blast = drafted(made, made.codes[1:], "thunderstorm-blast", 2)
    urgent = drafted(made, made.codes[:1], "thunderstorm-awas", 4)
    line, stop = Line(), threading.Event()
    wire = Wire(line.window)

    def send() -> None:
        run = run_of(made, wire, clock=lambda: AT + timedelta(seconds=line.now()))
        while not stop.is_set():
            if not run.sends_batch():
                time.sleep(0.02)

    let_out(made, blast)
    line.say("blast released")
    sender = threading.Thread(target=send)
    sender.start()
    _until(line, 3.0)
    before = len(line.batches)
    let_out(made, urgent)
    released = line.say("Awas released")
    batches_then = len(line.batches)
    _until(line, 6.0)
    end = taken_back(made, blast.warning_id, AT + timedelta(seconds=6))
    asked = line.say("blast taken back")
    let_out(made, end, at=AT + timedelta(seconds=6), urgent=True)
    line.say("its end released")
    clear_waiting(made.engine, end)
    line.say("what waited of it is cleared")
    owed = line.sent["thunderstorm-blast v1"]
    while line.sent.get("thunderstorm-blast v2", 0) < owed and line.now() < 120:
        time.sleep(0.05)
        owed = line.sent["thunderstorm-blast v1"]
    line.say("everybody told has the correction")
    stop.set()
    sender.join()
    for when, what in line.told:
        print(f"{made.name:>10} {when:7.2f} s  {what}", file=sys.stderr)
    for key, number in line.sent.items():
        print(f"{made.name:>10}            {number} messages of {key}", file=sys.stderr)
    after = line.batches.index(f"{urgent.warning_id} v1") - batches_then
    first = line.first["thunderstorm-awas v1"]
    yield Result(
        f"dispatch.urgent_batches.{made.name}", max(0, after), "batches", first - released, None,
        None, 2, after <= 2, f"batches of the blast between its release and its first message; "
        f"{before} before",
    )  # fmt: skip
    taken = line.first["thunderstorm-blast v2"] - asked
    reached = line.sent["thunderstorm-blast v1"]
    answered = line.sent["thunderstorm-blast v2"]
    exact = "exactly those told" if reached == answered else f"{reached} told, {answered} corrected"
    yield within(
        f"dispatch.correction.{made.name}", taken, "s", at_most=CORRECTION_S, seconds=taken,
        note=exact,
    )  # fmt: skip


def _until(line: Line, moment: float) -> None:
    time.sleep(max(0.0, moment - line.now()))


# --- beside task queues --------------------------------------------------------------------


def queues() -> Iterator[Result]:
    """The same work, a message that is taken, sent to nobody and written down, by others."""
    with base("postgresql", people=50_000) as made:
        if made is None:
            yield not_measured("dispatch.queues", "no PostgreSQL server")
            return
        let_out(made, drafted(made, made.codes, "thunderstorm-bench", 2))
        wire = Wire()
        run = run_of(made, wire)
        started = time.perf_counter()
        while wire.count < 10_000 and run.sends_batch():
            pass
        ours = (time.perf_counter() - started) / wire.count
        yield _procrastinate(made, ours)
        yield _celery(made, ours)


def _procrastinate(made: Base, ours: float) -> Result:
    try:
        import procrastinate
    except ImportError:
        return not_measured("dispatch.procrastinate", "procrastinate is not installed")
    import asyncio
    import logging

    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    conninfo = f"host={made.url.partition('host=')[2]} user=postgres dbname=postgres"
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo))

    @app.task
    async def tell(recipient: str) -> str:
        return recipient

    async def work() -> float:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            jobs: list[Any] = [{"recipient": str(n)} for n in range(_JOBS)]
            await tell.batch_defer_async(*jobs)
            started = time.perf_counter()
            await app.run_worker_async(wait=False, concurrency=20, install_signal_handlers=False)
            return (time.perf_counter() - started) / _JOBS

    peer = asyncio.run(work())
    return times_faster(
        "dispatch.procrastinate", ours, f"procrastinate {procrastinate.__version__}", peer,
        at_least=20.0, note=f"{1 / ours:,.0f} and {1 / peer:,.0f} messages/s on PostgreSQL",
    )  # fmt: skip


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """A Redis of our own that writes down what it is given (appended, to disk each second)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir()
    server = subprocess.Popen(
        ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder),
         "--appendonly", "yes", "--save", ""], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def _celery(made: Base, ours: float) -> Result:
    python = os.environ.get("CELERY_PYTHON", "")
    if not python:
        return not_measured("dispatch.celery", "CELERY_PYTHON names no interpreter with Celery")
    if shutil.which("redis-server") is None:
        return not_measured("dispatch.celery", "no redis-server")
    script = Path(__file__).with_name("celery_peer.py")
    with _redis(made.folder / "redis") as broker:
        done = subprocess.run(
            [python, str(script), broker, str(_JOBS)], capture_output=True, text=True,
            check=False, timeout=600,
        )  # fmt: skip
    if done.returncode or not done.stdout.strip():
        why = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
        return not_measured("dispatch.celery", why[:200])
    version, per_job = done.stdout.split()[-2:]
    peer = float(per_job)
    return times_faster(
        "dispatch.celery", ours, f"celery {version}, Redis as broker and for results", peer,
        at_least=None, note=f"{1 / ours:,.0f} and {1 / peer:,.0f} messages/s; a task a message, "
        "worker at its defaults; Redis writes to disk each second, ours before each answer",
    )  # fmt: skip


BENCHES: dict[str, Bench] = {
    "dispatch.outbox": outbox,
    "dispatch.timeline": timeline,
    "dispatch.queues": queues,
}
