"""What must hold after any night, whoever answered what: found by looking at the tables alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Engine, func, select

from kentongan.db import inbound, messages, outbox, recipients, task_steps, tasks, warnings
from kentongan.task_life import OVER, TaskState
from kentongan.times import parse_instant
from kentongan.types import HazardId, Level, TaskKind
from notify.firewall.clearance import is_synthetic
from notify.firewall.gate import RECORDER

_ENDS = ("done", "failed")
_TASK = re.compile(r"\bT\d{6,9}\b")
_BACK = re.compile(r"\bBATAL TUGAS\b")


def broken_rules(engine: Engine, shelters: dict[str, str]) -> list[str]:
    """Every rule that does not hold, in words; empty: all do.

    Args:
        shelters: shelter_id -> village.
    """
    return [
        *_every_message_has_one_end(engine),
        *_one_answer_each(engine),
        *_steps_fit(engine),
        *_only_made_up_people(engine),
        *_no_sms_twice(engine),
        *_nobody_into_a_zone(engine, shelters),
    ]


def _rows(engine: Engine, query: Any) -> Sequence[Any]:
    with engine.connect() as connection:
        return connection.execute(query).all()


def _every_message_has_one_end(engine: Engine) -> Iterator[str]:
    query = select(inbound.c.id, inbound.c.state, inbound.c.detail)
    for row in _rows(engine, query):
        if row.state not in _ENDS:
            yield f"message {row.id} is {row.state}: expected done or failed"
        if row.state == "failed":
            yield f"message {row.id} broke a handler: {row.detail}"


def _one_answer_each(engine: Engine) -> Iterator[str]:
    query = (
        select(outbox.c.recipient_id, func.count().label("times"))
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.purpose == "answer")
        .group_by(outbox.c.recipient_id)
        .having(func.count() > 1)
    )
    for row in _rows(engine, query):
        yield f"{row.recipient_id} was answered {row.times} times"


def _steps_fit(engine: Engine) -> Iterator[str]:
    """As many steps as the fence says, the last one is the state, and none leads out of an end."""
    steps: dict[str, list[Any]] = {}
    for step in _rows(engine, select(task_steps).order_by(task_steps.c.fence)):
        steps.setdefault(step.task_id, []).append(step)
    for task in _rows(engine, select(tasks)):
        mine = steps.get(task.task_id, [])
        if [s.fence for s in mine] != list(range(task.fence + 1)):
            yield f"task {task.task_id}: {len(mine)} steps, fence {task.fence}"
        if mine and mine[-1].state != task.state:
            yield f"task {task.task_id} is {task.state}, its last step says {mine[-1].state}"
        for before, after in pairwise(mine):
            if TaskState(before.state) in OVER and after.state != before.state:
                yield f"task {task.task_id} went from {before.state} to {after.state}"


def _only_made_up_people(engine: Engine) -> Iterator[str]:
    query = select(recipients.c.recipient_id, recipients.c.address).where(
        recipients.c.role != "topic"
    )
    for row in _rows(engine, query):
        if not is_synthetic(row.address):
            yield f"{row.recipient_id} has a number that is not made up"
    strange = select(outbox.c.route).where(outbox.c.route != RECORDER).distinct()
    yield from (f"messages went to the route {row.route}" for row in _rows(engine, strange))


def _no_sms_twice(engine: Engine) -> Iterator[str]:
    """A task's texts differ for each step; the same words to one person are one message."""
    query = (
        select(outbox.c.recipient_id, messages.c.text, messages.c.message_id)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.purpose == "task", messages.c.channel == "sms")
    )
    counted = Counter((row.recipient_id, row.text) for row in _rows(engine, query))
    for (person, text), times in counted.items():
        if times > 1 and not _BACK.search(text):
            yield f"{person} got {times} times: {text[:60]}"


# --- nobody is sent into a tsunami zone -------------------------------------------------


def _nobody_into_a_zone(engine: Engine, shelters: dict[str, str]) -> Iterator[str]:
    """Over every message of purpose task: no team asked into a zone that was in force then."""
    zones = _zones(engine)
    if not zones:
        return
    by_id = {row.task_id: row for row in _rows(engine, select(tasks))}
    query = (
        select(messages.c.text, outbox.c.created_at, outbox.c.recipient_id)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.purpose == "task")
    )
    for row in _rows(engine, query):
        if _BACK.search(row.text):
            continue
        forbidden = _in_force(zones, parse_instant(row.created_at))
        for task_id in _TASK.findall(row.text):
            task = by_id.get(task_id)
            if task is not None and _goes_to(task, shelters) in forbidden:
                yield f"{row.recipient_id} was asked into a zone at {row.created_at}: {row.text}"


def _goes_to(task: Any, shelters: dict[str, str]) -> str:
    """Where the team stands: a receiving team at its shelter, all others in the village."""
    if task.kind == TaskKind.RECEIVE:
        return shelters.get(task.shelter_id or "", "")
    return str(task.adm4_code)


def _zones(engine: Engine) -> list[tuple[datetime, frozenset[str]]]:
    """From when on which villages are in a tsunami zone, in the order of time."""
    query = (
        select(warnings.c.created_at, warnings.c.msg_type, warnings.c.all_clear, warnings.c.body)
        .where(warnings.c.hazard_id == str(HazardId.TSUNAMI))
        .order_by(warnings.c.created_at, warnings.c.version)
    )
    found = []
    for row in _rows(engine, query):
        over = row.all_clear or row.msg_type == "Cancel"
        levels = {} if over else row.body["levels"]
        zone = frozenset(code for code, level in levels.items() if level >= Level.WASPADA)
        found.append((parse_instant(row.created_at), zone))
    return found


def _in_force(zones: list[tuple[datetime, frozenset[str]]], at: datetime) -> frozenset[str]:
    before = [zone for begun, zone in zones if begun <= at]
    return before[-1] if before else frozenset()
