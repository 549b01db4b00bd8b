"""The outbox loses nothing and doubles nothing in our books, whatever dies on the way."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from kentongan.db import messages, outbox, recipients
from kentongan.decision import Action
from kentongan.errors import DispatchError, RuleViolation
from kentongan.types import HazardId, Mode, OutboxState
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.channels.recorder import Recorder, recorded_counts
from notify.firewall.gate import channels_for
from notify.sending import dispatch as dispatcher
from notify.sending.dispatch import LEASE, dispatch
from notify.sending.outbox import fill_outbox
from notify.sending.recipients import ensure_coordinators, ensure_synthetic
from notify.sending.settle import JITTER
from tests.peers.postgres import BOTH, only_on_sqlite

pytestmark = BOTH


class Tape:
    """A channel that remembers, answers as told, and may die."""

    route = "recorder"

    def __init__(self, *, window: int = 7, die_after: int | None = None, answer=None) -> None:
        self.window, self.die_after = window, die_after
        self.answer = answer or Receipt(Outcome.RECORDED)
        self.sent: list[Outgoing] = []

    def send(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        for message in batch:
            if self.die_after is not None and len(self.sent) >= self.die_after:
                raise RuntimeError("power cut")
            self.sent.append(message)
        return [self.answer] * len(batch)


def counts(world) -> Counter[int]:
    return Counter(row["state"] for row in world.rows(outbox))


@pytest.fixture
def mixed(world):
    """Level 2 and level 4 messages."""
    levels = {**world.levels("75", 2), **world.levels("53", 4)}
    world.publish(Action.ALERT, levels, hazard=HazardId.SHAKING)
    return world


def test_the_most_urgent_go_first_and_everything_goes_once(mixed):
    tape = Tape()
    report = dispatch(mixed.engine, {"recorder": tape}, at=mixed.at, batch=5)
    levels = [message.level for message in tape.sent]
    assert levels == sorted(levels, reverse=True)
    total = len(mixed.rows(outbox))
    assert len({m.outbox_id for m in tape.sent}) == len(tape.sent) == total
    assert report.as_json()["sms"]["recorded"] + report.push["recorded"] == total
    assert counts(mixed) == {OutboxState.ACCEPTED: total}
    assert dispatch(mixed.engine, {"recorder": tape}, at=mixed.at).as_json() == {
        "sms": {"accepted": 0, "recorded": 0}, "push": {},
    }  # fmt: skip


@pytest.mark.parametrize("die_after", [0, 1, 6, 7, 8, 20, 33])
def test_a_crash_loses_none_and_doubles_none_in_our_books(mixed, die_after):
    total = len(mixed.rows(outbox))
    first, second = Tape(die_after=die_after), Tape()
    with pytest.raises(RuntimeError, match="power cut"):
        dispatch(mixed.engine, {"recorder": first}, at=mixed.at, batch=10)
    in_doubt = counts(mixed)[OutboxState.ON_WIRE]
    assert in_doubt <= first.window
    at_once = dispatch(mixed.engine, {"recorder": second}, at=mixed.at)
    assert in_doubt == counts(mixed)[OutboxState.ON_WIRE], "nobody guesses before the lease ends"
    later = dispatch(mixed.engine, {"recorder": second}, at=mixed.at + 2 * LEASE)
    after = counts(mixed)
    assert sum(after.values()) == total
    assert set(after) <= {OutboxState.ACCEPTED, OutboxState.UNKNOWN}
    doubled = Counter(m.outbox_id for m in [*first.sent, *second.sent])
    again = {m.outbox_id: m.level for m in first.sent}
    assert all(again[i] >= 3 for i, n in doubled.items() if n > 1)
    assert sum(n - 1 for n in doubled.values()) <= first.window
    unknown = {r["id"] for r in mixed.rows(outbox) if r["state"] == OutboxState.UNKNOWN}
    assert len(unknown) == later.sms["unknown"] + later.push["unknown"]
    assert set(doubled) | unknown == {row["id"] for row in mixed.rows(outbox)}
    assert at_once.sms["unknown"] == 0


def test_leased_but_never_sent_is_free_again_after_the_lease(mixed):
    with mixed.engine.begin() as connection:
        connection.execute(
            update(outbox).values(
                state=OutboxState.LEASED, lease_until="2026-09-24T07:11:00Z", lease_owner="dead"
            )
        )
    tape = Tape()
    dispatch(mixed.engine, {"recorder": tape}, at=mixed.at)
    assert tape.sent == []
    dispatch(mixed.engine, {"recorder": tape}, at=mixed.at + 2 * LEASE)
    assert len(tape.sent) == len(mixed.rows(outbox))


def test_past_its_end_nothing_is_sent(mixed):
    tape = Tape()
    report = dispatch(mixed.engine, {"recorder": tape}, at=mixed.at + timedelta(hours=5))
    assert tape.sent == []
    assert counts(mixed) == {OutboxState.EXPIRED: len(mixed.rows(outbox))}
    assert report.sms["expired"] > 0 and report.push["expired"] > 0


def test_a_channel_that_certainly_sent_nothing_is_tried_again_later(mixed):
    class Closed(Tape):
        def send(self, batch):
            raise DispatchError("gateway: connection refused")

    total = len(mixed.rows(outbox))
    at = mixed.at
    report = dispatch(mixed.engine, {"recorder": Closed()}, at=at)
    assert report.sms["retried"] + report.push["retried"] == total
    assert counts(mixed) == {OutboxState.READY: total}
    tape = Tape()
    dispatch(mixed.engine, {"recorder": tape}, at=at + timedelta(seconds=3))
    assert tape.sent == []
    for pause in dispatcher.RETRY_AFTER_S:
        at += timedelta(seconds=pause * (1 + JITTER))
        dispatch(mixed.engine, {"recorder": Closed()}, at=at)
    assert counts(mixed) == {OutboxState.FAILED: total}
    assert {row["attempts"] for row in mixed.rows(outbox)} == {6}


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.ACCEPTED, OutboxState.ACCEPTED),
        (Outcome.REFUSED, OutboxState.FAILED),
        (Outcome.UNKNOWN, OutboxState.UNKNOWN),
    ],
)
def test_answers_become_states(mixed, outcome, state):
    dispatch(mixed.engine, {"recorder": Tape(answer=Receipt(outcome, "why"))}, at=mixed.at)
    assert counts(mixed) == {state: len(mixed.rows(outbox))}
    assert {row["last_error"] for row in mixed.rows(outbox)} == {"why"}


def test_a_route_without_a_channel_waits(mixed):
    dispatch(mixed.engine, {}, at=mixed.at)
    assert counts(mixed) == {OutboxState.READY: len(mixed.rows(outbox))}


def test_a_recipient_who_left_is_left_alone(mixed):
    with mixed.engine.begin() as connection:
        connection.execute(recipients.delete().where(recipients.c.adm4_code.like("53%")))
    tape = Tape()
    dispatch(mixed.engine, {"recorder": tape}, at=mixed.at)
    assert not any(m.recipient_id.startswith("r-53") for m in tape.sent)
    assert counts(mixed)[OutboxState.SUPPRESSED] == 9  # eight residents, one coordinator


def test_the_unique_key_holds(mixed):
    row = {k: v for k, v in mixed.rows(outbox)[0].items() if k != "id"}
    with pytest.raises(IntegrityError), mixed.engine.begin() as connection:
        connection.execute(outbox.insert().values(**row))


def test_only_a_released_version_is_filled(world, actual):
    world.policy = actual
    done = world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL
    )
    with pytest.raises(RuleViolation, match="only a released version"):
        fill_outbox(world.engine, done.ref, at=world.at)


def test_the_coordinators_of_every_warned_regency_are_told(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    assert world.reached(version=1, role="coordinator") == {"c-75.02", "c-75.04"}
    world.publish(Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING)
    texts = [r for r in world.rows(messages) if r["purpose"] == "readiness"]
    said = {r["warning_id"]: "Belum ada tugas" in r["text"] for r in texts}
    assert said == {"w-thunderstorm-1": True, "w-shaking-1": False}


def test_residents_are_two_a_village_synthetic_and_the_same_each_time(engine, world):
    codes = world.codes("75.02")
    assert ensure_synthetic(engine, codes) == 2 * len(codes)
    assert ensure_synthetic(engine, codes) == 0
    rows = world.rows(recipients)
    assert all(r["address"].startswith("+999") and r["synthetic"] for r in rows)
    assert len({r["address"] for r in rows}) == len(rows)
    assert "r-75.02.07.2001-1" in {r["recipient_id"] for r in rows}


def test_a_layer_set_with_a_real_number_is_refused(engine, coordinators):
    coordinators.loc[0, "msisdn"] = "+6281234567890"
    with pytest.raises(RuleViolation, match="synthetic") as error:
        ensure_coordinators(engine, coordinators)
    assert "6281234567890" not in str(error.value)


def test_the_recorder_writes_who_what_and_no_number(mixed):
    recorder = Recorder(mixed.folder / "recorder")
    channels = channels_for(mixed.engine, Mode.EXERCISE, live=True, at=mixed.at, recorder=recorder)
    report = dispatch(mixed.engine, channels, at=mixed.at)
    (path,) = sorted(recorder.folder.iterdir())
    assert path.name == "w-shaking-1-v1.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert "+999" not in path.read_text(encoding="utf-8")
    assert all(line["text"].startswith("LATIHAN") for line in lines)
    assert recorded_counts(recorder.folder) == {
        "push": report.push["recorded"], "sms": report.sms["recorded"],
    }  # fmt: skip


def test_fifty_thousand_rows_go_in_seconds(world):
    """Loose bounds, for a busy machine: fill < 5 s, dispatch < 30 s."""
    only_on_sqlite(world.engine)
    done = world.publish(Action.ALERT, world.levels("75.02", 2))
    code = world.codes("75.02")[0]
    with world.engine.begin() as connection:
        connection.execute(
            recipients.insert(),
            [
                {"recipient_id": f"x-{i}", "role": "resident", "adm4_code": code,
                 "address": f"+999{i:09d}", "language": "id", "synthetic": True}
                for i in range(25_000)
            ],
        )  # fmt: skip
    start = time.perf_counter()
    assert fill_outbox(world.engine, done.ref, at=world.at) == 50_000
    filled = time.perf_counter()
    recorder = Recorder(world.folder / "recorder")
    dispatch(world.engine, {"recorder": recorder}, at=world.at)
    assert filled - start < 5 and time.perf_counter() - filled < 30
    with world.engine.connect() as connection:
        left = select(func.count()).where(outbox.c.state != OutboxState.ACCEPTED)
        assert connection.execute(left).scalar() == 0
