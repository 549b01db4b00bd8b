"""A reply that comes in is seen in the task within a second, by a watch that runs."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from kentongan.db import inbound, messages, outbox, tasks
from kentongan.sealing import secrets_key
from notify.channels.channel import InboundMessage
from notify.inbox.store import keep
from orchestration.hearing import hear, something_came
from orchestration.steps import loop_in
from orchestration.watch import _listen


def came(context, text, sender, key="m-1", at=None):
    at = at or datetime.now(UTC)
    message = InboundMessage("kannel", key, sender, text, at)
    return keep(context.engine, secrets_key(context.settings), message)


def asked(context):
    query = select(tasks).where(tasks.c.state == "sent").order_by(tasks.c.task_id)
    with context.engine.connect() as connection:
        return connection.execute(query).mappings().first()


def number_of(context, person):
    from kentongan.db import recipients

    query = select(recipients.c.address).where(recipients.c.recipient_id == person)
    with context.engine.connect() as connection:
        return connection.execute(query).scalar()


def test_a_yes_after_cianjur_is_a_step_and_an_answer(play):
    context, _ = play("cianjur", 1)
    task = asked(context)
    at = datetime(2022, 11, 21, 6, 30, tzinfo=UTC)
    assert not something_came(context.engine)
    came(context, f"siap {task['task_id']}", number_of(context, task["coordinator_id"]), at=at)
    assert something_came(context.engine)
    done = loop_in(context, at + timedelta(seconds=1))
    assert done["heard"] == {"reply": 1}
    with context.engine.connect() as connection:
        query = select(tasks.c.state).where(tasks.c.task_id == task["task_id"])
        assert connection.execute(query).scalar() == "accepted"
        said = connection.execute(
            select(messages.c.text, outbox.c.state)
            .join(outbox, outbox.c.message_id == messages.c.message_id)
            .where(messages.c.purpose == "answer")
        ).one()
    assert said.text.startswith(f"LATIHAN. Terima kasih, tugas {task['task_id']}")
    assert hear(context, at) == {}


def test_a_watch_that_runs_sees_it_within_a_second(play):
    context, _ = play("cianjur", 1)
    task = asked(context)
    stop = threading.Event()
    at = datetime(2022, 11, 21, 6, 30, tzinfo=UTC)
    ear = threading.Thread(target=_listen, args=(context.settings, stop, lambda: at))
    ear.start()
    try:
        time.sleep(1.5)  # it opens its home first
        came(context, f"YA {task['task_id']}", number_of(context, task["coordinator_id"]), at=at)
        ends = time.monotonic() + 20
        while something_came(context.engine) and time.monotonic() < ends:
            time.sleep(0.02)
    finally:
        stop.set()
        ear.join(timeout=30)
    with context.engine.connect() as connection:
        query = select(tasks.c.state).where(tasks.c.task_id == task["task_id"])
        assert connection.execute(query).scalar() == "accepted"
        assert connection.execute(select(inbound.c.state)).scalars().all() == ["done"]


def test_a_text_for_nobody_is_kept_as_unread(play):
    context, _ = play("cianjur", 1)
    came(context, "halo", "+99912345")
    hear(context, datetime.now(UTC))
    with context.engine.connect() as connection:
        row = connection.execute(select(inbound)).mappings().one()
    assert row["state"] == "done" and row["detail"]
