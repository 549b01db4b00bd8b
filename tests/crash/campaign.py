"""Kill the dispatcher with -9 again and again in a blast, and count what was lost and what doubled.

The carrier is the SMSC of `tests/peers`, a process of its own that writes down each message before
it answers; the books are the dispatcher's database. A message is lost if the SMSC never had it, and
doubled as often as the SMSC had it more than once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from kentongan.db import heartbeats, outbox
from kentongan.tables.sending import is_busy
from kentongan.types import OutboxState
from notify.dispatcher.progress import queue_of
from tests.crash.homes import Home, phone
from tests.peers.smsc import Smsc

ROOT = Path(__file__).parents[2]
WINDOW = 20
BOUNDARIES = (
    "starting", "between batches", "leased, not marked", "marked, not sent", "on the wire",
    "sent, answers not written",
)  # fmt: skip


@dataclass
class Tally:
    """Of one engine."""

    engine: str
    window: int
    kills: int = 0
    messages: int = 0
    lost: int = 0
    doubled: int = 0
    at: Counter[str] = field(default_factory=Counter)
    """Boundary -> kills there."""
    doubt: Counter[str] = field(default_factory=Counter)
    """Boundary -> messages that the carrier had and the books did not know."""
    worst: int = 0
    """Most of them after one kill."""

    def as_json(self) -> str:
        names = ("engine", "kills", "messages", "lost", "doubled", "window")
        return json.dumps({name: getattr(self, name) for name in names})

    def table(self) -> str:
        head = f"{'killed while':28}{'kills':>7}{'in doubt':>10}"
        rows = [f"{b:28}{self.at[b]:>7}{self.doubt[b]:>10}" for b in BOUNDARIES]
        return "\n".join([head, *rows, f"at most {self.worst} in doubt after one kill"])


@contextmanager
def nursery(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.nursery"], env=environment, cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as mother:  # fmt: skip
        assert mother.stdout is not None and mother.stdin is not None
        assert mother.stdout.readline() == "ready\n"
        try:
            yield mother
        finally:
            mother.stdin.close()


def born(mother: subprocess.Popen[str]) -> int:
    assert mother.stdin is not None and mother.stdout is not None
    mother.stdin.write("start\n")
    mother.stdin.flush()
    return int(mother.stdout.readline())


def end(pid: int, number: int = signal.SIGKILL, within: float = 20.0) -> None:
    """Send the signal and wait until the process is gone."""
    os.kill(pid, number)
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.005)
    raise AssertionError(f"process {pid} is still there {within} s after signal {number}")


def campaign(home: Home, smsc: Smsc, *, name: str, kills: int, seed: int, longest: float) -> Tally:
    """
    Args:
        longest: seconds that a dispatcher sends at most.
    """
    tally, rng = Tally(name, WINDOW), random.Random(seed)  # noqa: S311 - moments, no secrets
    with nursery(home.environment) as mother:
        for _ in range(kills):
            seen = len(smsc.accepted())
            pid = born(mother)
            _live(rng, smsc, longest)
            end(pid)
            tally.kills += 1
            smsc.until(lambda stats: stats["open"] == 0)  # it has read what was on its way
            _note(tally, home, smsc.accepted()[seen:], pid)
        pid = born(mother)
        drain(home)
        end(pid, signal.SIGTERM, within=60)
    _judge(tally, home, smsc)
    return tally


def _live(rng: random.Random, smsc: Smsc, longest: float) -> None:
    """Until a random moment: one in five while it starts, the others while it sends."""
    if rng.random() < 0.2:
        time.sleep(rng.uniform(0.0, 0.3))
        return
    size, limit = _size(smsc), time.monotonic() + 5.0
    while _size(smsc) == size and time.monotonic() < limit:
        time.sleep(0.002)
    time.sleep(rng.uniform(0.0, longest))


def _size(smsc: Smsc) -> int:
    return smsc.log.stat().st_size if smsc.log.exists() else 0


def _note(tally: Tally, home: Home, arrived: list[dict[str, Any]], pid: int) -> None:
    """Where the process died, by what it left in the books and what the carrier had of it."""
    there = {row["destination"] for row in arrived}
    query = select(outbox.c.state, outbox.c.recipient_id).where(
        is_busy, outbox.c.lease_owner.endswith(f":{pid}")
    )
    with home.engine.connect() as connection:
        busy = connection.execute(query).all()
        started = pid in connection.execute(select(heartbeats.c.pid)).scalars().all()
    on_wire = [phone(r.recipient_id) for r in busy if r.state == OutboxState.ON_WIRE]
    sent = sum(number in there for number in on_wire)
    if on_wire and sent == 0:
        where = "marked, not sent"
    elif on_wire:
        where = "on the wire" if sent < len(on_wire) else "sent, answers not written"
    elif busy:
        where = "leased, not marked"
    else:
        where = "between batches" if started or arrived else "starting"
    tally.at[where] += 1
    tally.doubt[where] += sent
    tally.worst = max(tally.worst, sent)


def waiting(home: Home) -> int:
    return queue_of(home.engine, datetime.now(UTC)).waiting


def drain(home: Home, within: float = 120.0) -> None:
    """Until nothing waits, is leased or on the wire any more."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        states = home.states()
        if not waiting(home) and not states["leased"] + states["on_wire"] + states["ready"]:
            return
        time.sleep(0.1)
    raise AssertionError(f"not empty after {within} s: {home.states()}")


def _judge(tally: Tally, home: Home, smsc: Smsc) -> None:
    texts = home.texts()
    wanted = {(phone(r["recipient_id"]), texts[r["message_id"]]) for r in home.rows()}
    had = Counter((row["destination"], row["text"]) for row in smsc.accepted())
    tally.messages = len(wanted)
    tally.lost = len(wanted - set(had))
    tally.doubled = sum(number - 1 for number in had.values())
    assert set(had) <= wanted, "the carrier had a message that nobody wrote"
