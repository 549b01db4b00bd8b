"""A cancel reaches exactly those who got the alert, first of all, and stops what had not left."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from kentongan.db import audit, messages, outbox, recipients
from kentongan.decision import Action
from kentongan.errors import RuleViolation
from kentongan.types import HazardId, Mode, OutboxState, WarningState
from notify import ending, versions
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.release.run import release_and_fill
from notify.sending import told
from notify.sending.dispatch import LEASE, dispatch
from notify.sending.filling import fill
from notify.sending.outbox import clear_waiting, fill_outbox
from notify.sending.switches import stops, throw
from tests.peers.postgres import BOTH, only_on_sqlite

pytestmark = BOTH
MINUTE = timedelta(minutes=1)
WARNING = "w-thunderstorm-1"


class Tape:
    """A recorder that remembers, may stop half-way, and may call somebody before it sends."""

    route = "recorder"

    def __init__(self, *, window: int = 5, until: int | None = None, before: Any = None) -> None:
        self.window, self.until, self.before = window, until, before
        self.sent: list[Outgoing] = []

    def send(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        if self.before is not None:
            self.before(len(self.sent))
        if self.until is not None and len(self.sent) >= self.until:
            raise RuntimeError("power cut")
        self.sent.extend(batch)
        return [Receipt(Outcome.RECORDED)] * len(batch)


def send(world, tape: Tape | None = None, *, at=None, **changes: Any) -> list[Outgoing]:
    tape = tape or Tape()
    dispatch(world.engine, {"recorder": tape}, at=at or world.at, batch=10, **changes)
    return tape.sent


def ask(world, *, actor: str = "ani", at=None, reason: str = "wrong", warning: str = WARNING):
    return ending.cancel(
        world.engine, warning, world.areas, actor=actor, at=at or world.at + MINUTE,
        reason=reason, mode=Mode.EXERCISE, live=True,
    )  # fmt: skip


def let_out(world, ref, *, at=None) -> Any:
    return release_and_fill(
        world.engine, world.store, ref, at=at or world.at + MINUTE, mode=Mode.EXERCISE, live=True,
        policy=world.policy, coordinators=world.coordinators,
    )  # fmt: skip


def cancel(world, *, at=None, **changes: Any) -> Any:
    ref = ask(world, at=at, **changes)
    assert ref is not None
    return let_out(world, ref, at=at)


def keys(sent: Sequence[Outgoing]) -> Counter[tuple[str, str]]:
    return Counter((m.recipient_id, m.channel) for m in sent)


def states(world, version: int) -> Counter[int]:
    query = (
        select(outbox.c.state)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.version == version)
    )
    with world.engine.connect() as connection:
        return Counter(connection.execute(query).scalars())


@pytest.fixture
def half(world):
    """An alert of which fifteen messages left before the power went, the last window in doubt."""
    world.publish(Action.ALERT, world.levels("75", 2))
    tape = Tape(until=15)
    with pytest.raises(RuntimeError, match="power cut"):
        send(world, tape)
    return world, tape.sent


def test_those_who_got_it_and_those_in_doubt_get_the_end_and_nobody_else(half):
    world, sent = half
    with world.engine.connect() as connection:
        query = select(outbox.c.recipient_id, outbox.c.channel)
        doubt = connection.execute(query.where(outbox.c.state == OutboxState.ON_WIRE)).all()
    done = cancel(world)
    expected = keys(sent) + Counter(tuple(row) for row in doubt)
    assert len(doubt) == 5 and done.messages == len(expected) == 20
    answered = [m for m in send(world, at=world.at + MINUTE) if m.version == 2]
    assert keys(answered) == expected
    assert all("DIBATALKAN" in m.text for m in answered if m.channel == "sms")
    found = states(world, 1)
    assert found[OutboxState.READY] == found[OutboxState.LEASED] == 0
    assert found[OutboxState.SUPPRESSED] == sum(found.values()) - 20
    (line,) = [r for r in world.rows(audit) if r["action"] == "warning.ended"]
    body = json.loads(line["body"])
    assert body["told"] == 20 and body["suppressed"] == found[OutboxState.SUPPRESSED]


def test_what_was_in_doubt_is_not_sent_again_after_the_end(half):
    """At level 2 anyway; from level 3 up because its warning is gone."""
    world, _ = half
    with world.engine.begin() as connection:
        connection.execute(update(messages).values(level=4))
    cancel(world)
    later = send(world, at=world.at + 3 * LEASE)
    assert {m.version for m in later} == {2}
    assert states(world, 1)[OutboxState.UNKNOWN] == 5


def test_nobody_was_told_so_nobody_is_told_of_the_end(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    done = cancel(world)
    assert done.alert is not None and done.messages == 0
    assert send(world, at=world.at + MINUTE) == []
    assert set(states(world, 1)) == {OutboxState.SUPPRESSED}
    with world.engine.connect() as connection:
        assert versions.unfinished(connection) == []


def test_who_moved_out_of_the_area_still_gets_the_end(world):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    sent = send(world)
    with world.engine.begin() as connection:
        connection.execute(
            update(recipients)
            .where(recipients.c.role == "resident")
            .values(adm4_code="31.71.01.1001")
        )
    cancel(world)
    assert keys(send(world, at=world.at + MINUTE)) == keys(sent)


def test_a_newcomer_to_the_area_gets_nothing(world):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    send(world)
    with world.engine.begin() as connection:
        row = {"recipient_id": "new", "role": "resident", "adm4_code": world.codes("75.02")[0],
               "address": "+99977", "language": "id", "synthetic": True}  # fmt: skip
        connection.execute(recipients.insert().values(**row))
    cancel(world)
    assert "new" not in {m.recipient_id for m in send(world, at=world.at + MINUTE)}


def test_a_channel_that_carried_nothing_to_somebody_carries_no_end(world):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    with world.engine.begin() as connection:
        connection.execute(
            update(outbox).where(outbox.c.channel == "push").values(state=OutboxState.FAILED)
        )
    send(world)
    cancel(world)
    assert {m.channel for m in send(world, at=world.at + MINUTE)} == {"sms"}


def test_all_versions_count_and_each_person_is_told_once(world):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    first = send(world)
    both = {**world.levels("75.02", 3), **world.levels("75.04", 2)}
    world.publish(Action.UPDATE, both, at=world.at + MINUTE)
    second = send(world, at=world.at + MINUTE)
    cancel(world, at=world.at + 2 * MINUTE)
    answered = keys(send(world, at=world.at + 2 * MINUTE))
    assert set(answered) == set(keys(first)) | set(keys(second))
    assert set(answered.values()) == {1}


def test_an_all_clear_goes_to_those_told_and_leaves_tasks_alone(half):
    world, sent = half
    with world.engine.begin() as connection:
        waiting = select(outbox.c.message_id).where(outbox.c.state == OutboxState.READY).limit(1)
        task = connection.execute(waiting).scalar_one()
        change = update(messages).where(messages.c.message_id == task)
        connection.execute(change.values(purpose="task"))
    world.publish(Action.ALL_CLEAR, at=world.at + MINUTE)
    later = send(world, at=world.at + MINUTE)
    assert {m.message_id for m in later if m.version == 1} == {task}
    assert set(keys(m for m in later if m.version == 2)) >= set(keys(sent))


def test_the_end_leaves_before_everything_else_that_waits(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    send(world)
    world.publish(Action.ALERT, world.levels("53", 4), hazard=HazardId.SHAKING)
    cancel(world)
    order = [(m.warning_id, m.version) for m in send(world, at=world.at + MINUTE)]
    assert order == sorted(order, key=lambda pair: pair != (WARNING, 2))
    urgent = {r["prio"] for r in world.rows(outbox) if r["alert_version"].endswith("v2")}
    assert told.PRIO_CORRECTION < 0 and min(r["prio"] for r in world.rows(outbox)) in urgent | {-1}


def test_urgent_sends_corrections_alone(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    send(world)
    world.publish(Action.ALERT, world.levels("53", 4), hazard=HazardId.SHAKING)
    cancel(world)
    assert {m.version for m in send(world, at=world.at + MINUTE, urgent=True)} == {2}
    assert {m.warning_id for m in send(world, at=world.at + MINUTE)} == {"w-shaking-1"}


def test_a_cancel_while_another_process_sends(world):
    """What is on the wire counts as told; what is leased is taken back under its hands."""
    world.publish(Action.ALERT, world.levels("75", 2))
    done: list[Any] = []

    def interrupt(sent: int) -> None:
        if sent == 10 and not done:
            worker = threading.Thread(target=lambda: done.append(cancel(world)))
            worker.start()
            worker.join()

    tape = Tape(before=interrupt)
    send(world, tape)
    first = [m for m in tape.sent if m.version == 1]
    assert len(first) == 15, "the window that was on the wire went, nothing after it"
    later = [*tape.sent, *send(world, at=world.at + MINUTE)]
    assert keys(m for m in later if m.version == 2) == keys(first)


def test_between_release_and_fill_nothing_more_of_it_leaves(world, monkeypatch):
    world.publish(Action.ALERT, world.levels("75", 2))
    ref = ask(world)

    def crash(*_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("notify.release.run.fill_outbox", crash)
        let_out(world, ref)
    assert send(world, at=world.at + MINUTE) == []
    assert set(states(world, 1)) == {OutboxState.SUPPRESSED}


def test_an_urgent_end_leaves_first_and_nothing_else_leaves_before_the_rest_is_cleared(half):
    world, _ = half
    ref = ask(world)
    done = release_and_fill(
        world.engine, world.store, ref, at=world.at + MINUTE, mode=Mode.EXERCISE, live=True,
        policy=world.policy, coordinators=world.coordinators, urgent=True,
    )  # fmt: skip
    assert done.messages == 20 and states(world, 1)[OutboxState.READY] > 0
    assert {m.version for m in send(world, at=world.at + MINUTE, urgent=True)} == {2}
    assert clear_waiting(world.engine, ref) > 0 and clear_waiting(world.engine, ref) == 0
    assert states(world, 1)[OutboxState.READY] == 0
    assert send(world, at=world.at + MINUTE) == []


def test_a_crash_between_suppress_and_write_leaves_both_undone(half, monkeypatch):
    world, _ = half
    before = states(world, 1)

    def crash(*_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("notify.sending.told.write_rows", crash)
        cancel(world)
    assert states(world, 1) == before and not states(world, 2)
    with world.engine.connect() as connection:
        (ref,) = versions.unfinished(connection)
    assert let_out(world, ref).messages == 20
    assert fill_outbox(world.engine, ref, at=world.at + MINUTE) == 0, "again it adds nothing"


def test_an_alert_that_an_end_overtook_is_never_filled(world, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("notify.release.run.fill_outbox", _die)
        world.publish(Action.ALERT, world.levels("75", 2))
    cancel(world)
    with world.engine.connect() as connection:
        (late,) = versions.unfinished(connection)
    assert late.version == 1
    assert fill_outbox(world.engine, late, at=world.at + MINUTE) == 0
    assert world.rows(outbox) == []
    with world.engine.connect() as connection:
        assert versions.unfinished(connection) == []


def _die(*_args: Any, **_kwargs: Any) -> None:
    raise KeyboardInterrupt


# --- asking for it ------------------------------------------------------------------------


def test_a_draft_is_cancelled_at_once_and_reaches_nobody(world, actual):
    world.policy = actual
    world.publish(Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL)
    done = ending.cancel(
        world.engine, "w-shaking-1", world.areas, actor="ani", at=world.at, reason="x",
        mode=Mode.ACTUAL, live=True,
    )  # fmt: skip
    assert done is None and world.rows(outbox) == []
    with world.engine.connect() as connection:
        assert versions.newest(connection, "w-shaking-1").state == WarningState.CANCELLED


def test_asked_twice_it_is_one_document_with_two_people_behind_it(world, actual):
    world.publish(Action.ALERT, world.levels("75", 2))
    one = ask(world, actor="ani")
    again = ask(world, actor="ani", at=world.at + 2 * MINUTE)
    other = ask(world, actor="budi", at=world.at + 2 * MINUTE)
    assert one == again == other and one.version == 2
    world.policy = actual.model_copy(
        update={"approval": actual.approval.model_copy(update={"valid_minutes": 60.0})}
    )
    done = let_out(world, other, at=world.at + 2 * MINUTE)
    assert done.alert is not None
    with pytest.raises(RuleViolation, match="already"):
        ask(world, actor="citra", at=world.at + 3 * MINUTE)


def test_an_end_that_ran_out_unapproved_can_be_asked_for_again(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    send(world)
    ref = ask(world)
    with world.engine.begin() as connection:
        draft = versions.get(connection, ref.warning_id, ref.version)
        draft.add_state(connection, WarningState.EXPIRED, at=world.at, actor="kentongan")
    again = ask(world, at=world.at + 3 * MINUTE)
    assert again.version == 3
    assert let_out(world, again, at=world.at + 3 * MINUTE).messages > 0


# --- the kill switch ----------------------------------------------------------------------


def stop(world, *, is_open: bool = False, route: str | None = None) -> None:
    throw(world.engine, is_open=is_open, at=world.at, actor="ani", reason="wrong text", route=route)


@pytest.mark.parametrize("route", [None, "recorder"])
def test_a_thrown_switch_leaves_rows_ready_and_says_so(world, route, caplog):
    world.publish(Action.ALERT, world.levels("75", 2))
    stop(world, route=route)
    report = dispatch(world.engine, {"recorder": Tape()}, at=world.at)
    assert set(states(world, 1)) == {OutboxState.READY}
    assert report.stopped["recorder"].actor == "ani" and "stopped by ani" in caplog.text
    assert [s.reason for s in stops(world.engine)] == ["wrong text"]
    stop(world, is_open=True, route=route)
    assert stops(world.engine) == [] and len(send(world)) == len(world.rows(outbox))
    actions = [r["action"] for r in world.rows(audit)]
    assert actions.count("dispatch.stop") == actions.count("dispatch.go") == 1


def test_another_routes_switch_stops_nothing_here_and_all_holds_above_its_own(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    stop(world, route="sms")
    assert send(world)
    world.publish(Action.ALERT, world.levels("53", 2), event_id="thunderstorm-2")
    stop(world)
    stop(world, is_open=True, route="recorder")
    assert send(world) == [] and {s.name for s in stops(world.engine)} == {
        "dispatch", "dispatch:sms",
    }  # fmt: skip


def test_a_running_blast_stops_within_one_window(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    tape = Tape(before=lambda sent: stop(world) if sent == 10 else None)
    send(world, tape)
    assert len(tape.sent) == 15, "the window that was on the wire went, nothing after it"
    assert set(states(world, 1)) == {OutboxState.READY, OutboxState.ACCEPTED}
    stop(world, is_open=True)
    rest = send(world)
    assert set(keys([*tape.sent, *rest]).values()) == {1}


def test_corrections_wait_too_unless_the_policy_lets_them_pass(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    send(world)
    world.publish(Action.ALERT, world.levels("53", 4), hazard=HazardId.SHAKING)
    cancel(world)
    stop(world)
    later = world.at + MINUTE
    assert send(world, at=later) == []
    assert {m.version for m in send(world, at=later, recalls_pass=True)} == {2}
    assert states(world, 2) == {OutboxState.ACCEPTED: sum(states(world, 2).values())}


@pytest.mark.parametrize(
    ("actor", "reason", "route"),
    [("", "x", None), ("ani", " ", None), ("ani", "x", "SMS"), ("ani", "x", "smss")],
)
def test_a_switch_without_name_or_reason_or_of_no_route_is_refused(world, actor, reason, route):
    with pytest.raises(RuleViolation):
        throw(world.engine, is_open=False, at=world.at, actor=actor, reason=reason, route=route)


# --- how long it takes --------------------------------------------------------------------


def test_with_many_rows_waiting_the_first_correction_leaves_at_once(world):
    """Loose, for a busy machine: 40,000 rows < 5 s. `benchmarks recall` has 100,000 and 2 s."""
    only_on_sqlite(world.engine)
    ref = world.publish(Action.ALERT, world.levels("75.02", 2)).ref
    code = world.codes("75.02")[0]
    with world.engine.begin() as connection:
        connection.execute(
            recipients.insert(),
            [
                {"recipient_id": f"x-{i}", "role": "resident", "adm4_code": code,
                 "address": f"+999{i:09d}", "language": "id", "synthetic": True}
                for i in range(20_000)
            ],
        )  # fmt: skip
    assert fill_outbox(world.engine, ref, at=world.at) == 40_000
    while fill(world.engine, at=world.at):
        pass
    with world.engine.begin() as connection:
        half_of_them = outbox.c.recipient_id.in_([f"x-{i}" for i in range(2_000)])
        connection.execute(update(outbox).where(half_of_them).values(state=OutboxState.ACCEPTED))
    asked = ask(world)

    class Stopwatch(Tape):
        def send(self, batch: Sequence[Outgoing]) -> list[Receipt]:
            if not self.sent:
                self.first = time.perf_counter()
            return super().send(batch)

    tape = Stopwatch(window=500)
    started = time.perf_counter()
    let_out(world, asked)
    dispatch(world.engine, {"recorder": tape}, at=world.at + MINUTE, urgent=True)
    assert tape.first - started < 5.0
    assert len(tape.sent) == 4_000
    with world.engine.connect() as connection:
        ready = select(func.count()).where(outbox.c.state == OutboxState.READY)
        assert connection.execute(ready).scalar() == 0
