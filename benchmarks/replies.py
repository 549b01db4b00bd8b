"""10,000 replies by SMS in a minute without loss, and from a reply to its visible state.

40,000 members of the registry with sealed numbers; 2,500 of them have a task and say YA, JALAN,
TIBA and SELESAI. Stored one by one as channels do (a commit with `synchronous=FULL` each), while
the ear of the watch reads them in a thread of its own, answers each and writes each step.

    python -m benchmarks replies
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Bench, Result

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from kentongan.sealing import Keys
    from kentongan.settings import Settings

MEMBERS, TASKS = 40_000, 2_500
WORDS = ("YA {t}", "JALAN {t}", "TIBA {t}", "SELESAI {t} 118")
LOOKS = 20
"""Replies whose way is timed one by one."""
PER_MINUTE, WITHIN_S = 10_000, 1.0
_AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
_REGENCY = "32.03"


def number_of(member: int) -> str:
    return f"+62812{member:08}"


def task_of(member: int) -> str:
    from notify.tasks.ids import check_digit

    return f"T{member:06}{check_digit(f'{member:06}')}"


def bench() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder, _centre(Path(folder)) as (engine, keys, settings):
        total = TASKS * len(WORDS)
        with _ear(settings):
            took = _timed(lambda: _all_of_them(engine, keys))
        lost = total - _ended(engine)
        steps = _steps(engine)
        assert (lost, steps) == (0, total), (lost, steps)
        rate = total / took * 60
        note = f"{total} kept, answered and written as steps, none lost; {MEMBERS} members"
        yield Result(
            "replies.minute", rate, "replies/min", took, None, None, PER_MINUTE,
            rate >= PER_MINUTE, note,
        )  # fmt: skip
        with _ear(settings):
            ways = [_one_way(engine, keys, TASKS + n) for n in range(LOOKS)]
        middle, worst = statistics.median(ways), max(ways)
        yield Result(
            "replies.visible", worst, "s", middle, None, None, WITHIN_S, worst < WITHIN_S,
            f"the slowest of {LOOKS} alone; median {middle:.2f} s",
        )  # fmt: skip


def _timed(act: Any) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _all_of_them(engine: Engine, keys: Keys) -> None:
    for turn, words in enumerate(WORDS):
        for member in range(TASKS):
            said = words.format(t=task_of(member))
            # Spread over time, below the limit of all messages: none is marked as a flood.
            at = _AT + timedelta(milliseconds=25 * (turn * TASKS + member))
            _say(engine, keys, member, f"{turn}-{member}", said, at)
    while _ended(engine) < TASKS * len(WORDS):
        time.sleep(0.01)


def _one_way(engine: Engine, keys: Keys, member: int) -> float:
    """Seconds from the message to the state of its task."""
    from sqlalchemy import select

    from kentongan.db import tasks

    query = select(tasks.c.state).where(tasks.c.task_id == task_of(member))
    time.sleep(0.37)  # not in step with the ear
    start = time.perf_counter()
    later = _AT + timedelta(minutes=30, seconds=member)
    _say(engine, keys, member, f"one-{member}", f"YA {task_of(member)}", later)
    while True:
        with engine.connect() as connection:
            if connection.execute(query).scalar() == "accepted":
                return time.perf_counter() - start
        time.sleep(0.005)


def _say(engine: Engine, keys: Keys, member: int, key: str, text: str, at: datetime) -> None:
    from notify.channels.channel import InboundMessage
    from notify.inbox.store import keep

    keep(engine, keys, InboundMessage("sms-a", key, number_of(member), text, at))


def _ended(engine: Engine) -> int:
    from sqlalchemy import func, select

    from kentongan.db import inbound

    query = select(func.count()).where(inbound.c.state == "done", inbound.c.kind == "reply")
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def _steps(engine: Engine) -> int:
    from sqlalchemy import func, select

    from kentongan.db import task_steps

    query = select(func.count()).where(task_steps.c.via == "sms")
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


@contextmanager
def _ear(settings: Settings) -> Iterator[None]:
    """The thread of the watch that reads what comes in."""
    from orchestration.watch import _listen

    stop = threading.Event()
    thread = threading.Thread(target=_listen, args=(settings, stop, lambda: _AT))
    thread.start()
    time.sleep(3)  # it opens its home first
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)


@contextmanager
def _centre(home: Path) -> Iterator[tuple[Engine, Keys, Settings]]:
    from kentongan.db import make_engine
    from kentongan.migrate import migrate
    from kentongan.sealing import secrets_key
    from kentongan.settings import Settings

    settings = Settings(home=home, _env_file=None)  # type: ignore[call-arg]
    engine, keys = make_engine(settings.resolved_database_url), secrets_key(settings)
    migrate(engine)
    _fill(engine, keys)
    try:
        yield engine, keys, settings
    finally:
        engine.dispose()


def _fill(engine: Engine, keys: Keys) -> None:
    from kentongan.db import contacts, recipients, tasks
    from kentongan.sealing import blind, seal
    from notify.tasks.steps import begin

    people = [
        {"recipient_id": f"K-{m:05}", "role": "coordinator", "adm4_code": f"{_REGENCY}.01.2001",
         "address": "", "synthetic": False}
        for m in range(MEMBERS)
    ]  # fmt: skip
    numbers = [
        {"recipient_id": f"K-{m:05}", "channel": "sms", "added_at": "2026-11-22T00:00:00Z",
         "sealed": seal(keys, number_of(m), owner=f"K-{m:05}"), "blind": blind(keys, number_of(m))}
        for m in range(MEMBERS)
    ]  # fmt: skip
    rows = [_task(m) for m in range(TASKS + LOOKS)]
    with engine.begin() as connection:
        connection.execute(recipients.insert(), people)
        connection.execute(contacts.insert(), numbers)
        connection.execute(tasks.insert(), rows)
        begin(connection, rows, _AT)


def _task(member: int) -> dict[str, Any]:
    return {
        "task_id": task_of(member), "warning_id": "w-bench", "version": 1, "kind": "assess",
        "adm4_code": f"{_REGENCY}.{member // 90 + 10:02}.2{member % 90:03}", "level": 3,
        "people": 500, "team_id": f"TG-{member}", "shelter_id": None,
        "coordinator_id": f"K-{member:05}", "eta_min": 10.0, "unmet_people": 0, "state": "sent",
        "created_at": "2026-11-22T05:55:00Z", "assigned_to": f"K-{member:05}",
        "body": {"asked_at": "2026-11-22T05:55:00Z", "mobilisation_min": 10},
    }  # fmt: skip


BENCHES: dict[str, Bench] = {"replies": bench}
