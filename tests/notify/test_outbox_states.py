"""From claimed to its end: claims, answers, receipts, doubt after a crash, other routes."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from kentongan.db import contacts, messages, outbox, receipts_early, recipients
from kentongan.decision import Action
from kentongan.sealing import Keys
from kentongan.transactions import writing
from kentongan.types import HazardId, OutboxState
from notify.channels.channel import DeliveryReport, Outcome, Receipt
from notify.firewall.inspection import NO_CONTACT, OPTED_OUT, Origins, inspect
from notify.registry.addresses import addresses_of, blind_address, seal_address
from notify.sending import claim as claims
from notify.sending.claim import LEASE, Want
from notify.sending.dispatch import dispatch
from notify.sending.outbox import clear_waiting
from notify.sending.receipts import KEPT, Counted, record, sweep, whole_messages
from notify.sending.recovery import NO_RECEIPT, give_up_waiting, recover
from notify.sending.settle import JITTER, RETRY_AFTER_S, settle
from notify.warning import WarningRef
from tests.notify.outbox_made import (
    AT,
    END,
    VILLAGES,
    Tape,
    fill_all,
    message,
    people,
    person,
    release,
    rows,
    run_of,
    states,
)
from tests.peers.postgres import BOTH

pytestmark = BOTH
SECOND = timedelta(seconds=1)
WANT = Want("recorder", "me")


@pytest.fixture
def twenty(engine) -> Engine:
    people(engine, [person(n) for n in range(20)])
    release(engine, message())
    fill_all(engine)
    return engine


def on_wire(engine: Engine, number: int = 20, *, want: Want = WANT, wait=LEASE) -> list[Any]:
    """Rows that are being sent, as what a channel is given."""
    with writing(engine) as connection:
        ids = claims.claim(connection, want, limit=number, now=AT)
        claims.put_on_wire(connection, ids, want, now=AT, wait=wait)
    return [_Sent(row_id) for row_id in ids]


class _Sent:
    """As much of `Outgoing` as settling looks at."""

    def __init__(self, outbox_id: int) -> None:
        self.outbox_id = outbox_id


def answer(engine: Engine, sent: list[Any], *receipts: Receipt, now=AT) -> None:
    each = list(receipts) * (len(sent) if len(receipts) == 1 else 1)
    with writing(engine) as connection:
        settle(connection, "recorder", sent, each, now=now)


def accepted(engine: Engine, number: int = 20) -> list[Any]:
    sent = on_wire(engine, number)
    answer(engine, sent, *[Receipt(Outcome.ACCEPTED, "", f"id-{n}") for n in range(len(sent))])
    return sent


def report(name: str, state: OutboxState = OutboxState.DELIVERED, at=AT) -> DeliveryReport:
    return DeliveryReport("recorder", name, state, at, "said so")


# --- claims -------------------------------------------------------------------------------


def test_two_workers_never_take_the_same_row(twenty):
    taken: list[int] = []

    def work(name: str) -> None:
        want = Want("recorder", name)
        while True:
            with writing(twenty) as connection:
                ids = claims.claim(connection, want, limit=3, now=AT)
            if not ids:
                return
            taken.extend(ids)

    workers = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(taken) == sorted(row["id"] for row in rows(twenty))


def test_a_row_whose_lease_another_worker_has_is_not_put_on_the_wire(twenty):
    with writing(twenty) as connection:
        ids = claims.claim(connection, WANT, limit=5, now=AT)
        connection.execute(update(outbox).where(outbox.c.id == ids[0]).values(lease_owner="b"))
        assert claims.put_on_wire(connection, ids, WANT, now=AT) == set(ids[1:])


def test_rows_of_a_pool_get_the_route_that_takes_them_the_most_urgent_of_both_first(twenty):
    with twenty.begin() as connection:
        ids = list(connection.execute(select(outbox.c.id).order_by(outbox.c.id)).scalars())
        connection.execute(update(outbox).values(route="sms"))
        mine = outbox.c.id.in_(ids[:4])
        connection.execute(update(outbox).where(mine).values(route="telco", prio=5))
    with writing(twenty) as connection:
        want = Want("telco", "me", ("telco", "sms"))
        assert claims.claim(connection, want, limit=6, now=AT) == [*ids[:4], *ids[4:6]]
    assert Counter(row["route"] for row in rows(twenty)) == {"telco": 6, "sms": 14}


def test_given_back_adopted_and_handed_to_another_route(twenty):
    with writing(twenty) as connection:
        ids = claims.claim(connection, WANT, limit=5, now=AT)
        assert claims.give_back(connection, Want("recorder", "other")) == 0
        assert claims.give_back(connection, WANT) == 5
        claims.claim(connection, WANT, limit=5, now=AT)
        assert claims.adopt(connection, "recorder") == 5
    accepted(twenty, 3)
    with writing(twenty) as connection:
        assert claims.reroute(connection, ids, "telco", at=AT) == 2, "never one that was taken"
        assert claims.reroute(connection, ids, "telco", at=END) == 0
    assert Counter(row["route"] for row in rows(twenty)) == {"recorder": 18, "telco": 2}


def test_something_more_urgent_stops_a_batch_between_two_windows(twenty):
    run = run_of(twenty)
    ids = run.claim(10)
    assert not run.is_overtaken(1000)
    run._looked = 0.0
    release(twenty, message("push", prio=0))
    assert run.is_overtaken(1000) and not run.is_overtaken(1000), "looked up twice a second"
    assert run.give_back() == len(ids)


def test_an_end_and_a_worker_that_meet_the_same_rows_do_not_block_each_other(engine):
    people(engine, [person(n, VILLAGES[n % 3]) for n in range(1_500)])
    release(engine, message())
    fill_all(engine, 300)
    failed: list[Exception] = []

    def work() -> None:
        try:
            while ids := run.claim(300):
                run.look(ids)  # no warning stands behind them: each is suppressed
        except Exception as error:  # noqa: BLE001 it is looked at below
            failed.append(error)

    run = run_of(engine)
    worker = threading.Thread(target=work)
    worker.start()
    clear_waiting(engine, WarningRef("w-rain-1", 2, "1" * 64, "cancel"))
    worker.join()
    assert not failed and states(engine) == {"suppressed": 1_500}


# --- answers ------------------------------------------------------------------------------


def test_a_busy_carrier_costs_no_try(twenty):
    sent = on_wire(twenty, 2)
    answer(twenty, sent, Receipt(Outcome.RETRY, "busy", counts=False), Receipt(Outcome.RETRY, "x"))
    by_id = {row["id"]: row for row in rows(twenty)}
    first, second = (by_id[one.outbox_id] for one in sent)
    assert (first["attempts"], second["attempts"]) == (0, 1)
    assert first["state"] == second["state"] == OutboxState.READY
    assert first["due"] > first["created_at"][:19] and first["last_error"] == "busy"


def test_after_the_last_pause_it_has_failed(twenty):
    now = AT
    for pause in (*RETRY_AFTER_S, 0):
        with writing(twenty) as connection:
            ids = claims.claim(connection, WANT, limit=1, now=now)
            claims.put_on_wire(connection, ids, WANT, now=now)
        answer(twenty, [_Sent(ids[0])], Receipt(Outcome.RETRY, "closed"), now=now)
        now += timedelta(seconds=pause * (1 + JITTER) + 1)
        with twenty.begin() as connection:
            others = outbox.c.id != ids[0]
            connection.execute(update(outbox).where(others).values(due="2026-09-24T09:00:00Z"))
    (row,) = [row for row in rows(twenty) if row["id"] == ids[0]]
    assert row["state"] == OutboxState.FAILED and row["attempts"] == 6 and row["final_at"]


def test_an_acceptance_that_comes_after_the_row_was_given_up_stops_a_second_try(twenty):
    sent = on_wire(twenty, 1)
    with twenty.begin() as connection:
        connection.execute(update(outbox).values(state=OutboxState.READY))
    answer(twenty, sent, Receipt(Outcome.ACCEPTED, "", "id-1"))
    assert states(twenty) == {"accepted": 1, "ready": 19}
    answer(twenty, sent, Receipt(Outcome.RETRY, "late"))
    assert states(twenty) == {"accepted": 1, "ready": 19}


# --- receipts -----------------------------------------------------------------------------


def test_receipts_become_states_and_doubles_change_nothing(twenty):
    accepted(twenty)
    first = [report(f"id-{n}") for n in range(10)]
    first += [report(f"id-{n}", OutboxState.FAILED) for n in range(10, 15)]
    assert record(twenty, first, at=AT) == Counted(applied=15)
    assert states(twenty) == {"delivered": 10, "failed": 5, "accepted": 5}
    assert record(twenty, first, at=AT) == Counted(ignored=15)
    contradicting = [report("id-0", OutboxState.FAILED), report("id-1", OutboxState.UNKNOWN)]
    assert record(twenty, contradicting, at=AT) == Counted(ignored=2)
    assert record(twenty, [report("id-12")], at=AT) == Counted(applied=1), "it did arrive"
    found = {row["provider_id"]: row for row in rows(twenty)}
    assert found["id-3"]["final_at"].startswith("2026-09-24T07:10:00")
    assert found["id-3"]["last_error"] == "said so"


def test_a_receipt_before_its_acceptance_is_kept_and_applied_when_it_is_written(twenty):
    sent = on_wire(twenty, 2)
    assert record(twenty, [report("id-1"), report("id-9")], at=AT) == Counted(early=2)
    answer(twenty, sent, *[Receipt(Outcome.ACCEPTED, "", f"id-{n}") for n in range(2)])
    assert states(twenty) == {"delivered": 1, "accepted": 1, "ready": 18}
    assert [row["provider_id_norm"] for row in rows(twenty, receipts_early)] == ["id-9"]
    assert sweep(twenty, at=AT + KEPT + SECOND) == 0 and rows(twenty, receipts_early) == []


def test_a_receipt_written_beside_its_acceptance_is_found_by_the_sweep(twenty):
    accepted(twenty, 1)
    row = {
        "route": "recorder", "provider_id_norm": "id-0", "state": 4,
        "at": "2026-09-24T07:10:00.000000Z", "detail": "",
    }  # fmt: skip
    with twenty.begin() as connection:
        connection.execute(receipts_early.insert().values(**row))
    assert sweep(twenty, at=AT) == 1 and states(twenty)["delivered"] == 1


def test_another_routes_ids_are_others(twenty):
    accepted(twenty, 1)
    strange = DeliveryReport("telco", "id-0", OutboxState.DELIVERED, AT)
    assert record(twenty, [strange], at=AT) == Counted(early=1)
    assert states(twenty)["accepted"] == 1


def test_one_id_given_to_two_messages_takes_a_receipt_each(twenty):
    sent = on_wire(twenty, 2)
    answer(twenty, sent, *[Receipt(Outcome.ACCEPTED, "", "same")] * 2)
    assert record(twenty, [report("same")], at=AT).applied == 1
    assert record(twenty, [report("same"), report("same")], at=AT) == Counted(1, 0, 1)
    assert states(twenty)["delivered"] == 2


def test_a_receipt_of_a_state_that_none_can_have_is_refused(twenty):
    with pytest.raises(ValueError, match="expected delivered, failed or unknown, found ready"):
        record(twenty, [report("id-0", OutboxState.READY)], at=AT)


def test_no_receipt_until_the_end_is_unknown_and_never_failed(twenty):
    accepted(twenty, 4)
    record(twenty, [report("id-0")], at=AT)
    with twenty.begin() as connection:
        connection.execute(update(outbox).values(route="telco"))
    assert give_up_waiting(twenty, at=END - SECOND) == 0
    assert give_up_waiting(twenty, at=END) == 3
    assert states(twenty) == {"delivered": 1, "unknown": 3, "ready": 16}
    assert {row["last_error"] for row in rows(twenty) if row["state"] == 6} == {NO_RECEIPT}
    late = DeliveryReport("telco", "id-2", OutboxState.DELIVERED, END + SECOND)
    assert record(twenty, [late], at=END).applied == 1


def test_a_message_is_delivered_when_all_its_parts_are(engine):
    people(engine, [person(1), person(2), person(3)])
    release(engine, message(text="LATIHAN. " + "Jauhi sungai. " * 15))
    fill_all(engine)
    accepted(engine)
    by_person: dict[str, list[str]] = {}
    for row in rows(engine):
        by_person.setdefault(row["recipient_id"], []).append(row["provider_id"])
    first, second, third = (by_person[f"p-{n:05d}"] for n in (1, 2, 3))
    told = [report(name) for name in (*first, second[0], third[0])]
    record(engine, [*told, report(third[1], OutboxState.FAILED)], at=AT)
    with engine.connect() as connection:
        assert whole_messages(connection, "w-rain-1", 1) == {
            "sms": {OutboxState.DELIVERED: 1, OutboxState.ACCEPTED: 1, OutboxState.FAILED: 1}
        }


# --- doubt after a crash ------------------------------------------------------------------


def test_doubt_waits_for_a_receipt_and_is_then_sent_again_from_level_3(twenty):
    sent = on_wire(twenty, 4, wait=3 * SECOND)
    with twenty.begin() as connection:
        one = outbox.c.id == sent[0].outbox_id
        connection.execute(update(outbox).where(one).values(provider_id_norm="id-0"))
    recover(twenty, at=AT + 2 * SECOND)
    assert states(twenty) == {"on_wire": 4, "ready": 16}
    record(twenty, [report("id-0")], at=AT + 2 * SECOND)
    assert recover(twenty, at=AT + 4 * SECOND) == {}
    assert states(twenty) == {"delivered": 1, "ready": 19}
    assert sum(row["attempts"] for row in rows(twenty)) == 3


def test_below_level_3_doubt_stays_unknown(twenty):
    with twenty.begin() as connection:
        connection.execute(update(messages).values(level=2))
    on_wire(twenty, 4, wait=3 * SECOND)
    assert recover(twenty, at=AT + 4 * SECOND) == {"sms": 4}
    assert states(twenty) == {"unknown": 4, "ready": 16}


# --- addresses and people -----------------------------------------------------------------


def test_sealed_addresses_are_opened_and_who_has_none_any_more_is_stopped(world):
    world.publish(Action.ALERT, world.levels("75.02.07", 3), hazard=HazardId.SHAKING)
    keys = Keys((b"k" * 32,))
    with world.engine.begin() as connection:
        ids = list(connection.execute(select(outbox.c.id).order_by(outbox.c.id)).scalars())
        chosen = [row for row in rows(world.engine) if row["recipient_id"].startswith("r-")]
        sms = [row for row in chosen if row["channel"] == "sms"][:3]
        who = [row["recipient_id"] for row in sms]
        real = recipients.c.recipient_id.in_(who)
        connection.execute(update(recipients).where(real).values(synthetic=False, address=""))
        connection.execute(
            contacts.insert().values(
                recipient_id=who[0], channel="sms", added_at="2026-09-24T07:00:00Z",
                sealed=seal_address(keys, who[0], "sms", "+6281234567890"),
                blind=blind_address(keys, "+6281234567890"),
            )
        )  # fmt: skip
        gone = recipients.c.recipient_id == who[2]
        connection.execute(update(recipients).where(gone).values(active=False))

    def book(connection, people, channel):
        return addresses_of(connection, keys, people, channel)

    found = inspect(world.engine, "test", [row["id"] for row in sms], Origins(), book=book)
    assert [(m.recipient_id, m.address) for m in found.passed] == [(who[0], "+6281234567890")]
    assert found.stopped == {NO_CONTACT: [sms[1]["id"]], OPTED_OUT: [sms[2]["id"]]}
    one = found.passed[0]
    assert one.not_after is not None and (one.part, one.parts) == (0, 1) and one.prio > 0
    none = inspect(world.engine, "test", [sms[0]["id"]], Origins())
    assert none.stopped == {NO_CONTACT: [sms[0]["id"]]} and ids


def test_an_urgent_warning_leaves_within_two_batches_of_a_running_blast(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    batches: list[set[int]] = []

    class Blast(Tape):
        def send(self, batch):
            if len(batches) == 2:
                world.publish(Action.ALERT, world.levels("53", 4), hazard=HazardId.SHAKING)
            batches.append({one.level for one in batch})
            return super().send(batch)

    dispatch(world.engine, {"recorder": Blast(window=3)}, at=world.at, batch=3)
    assert batches[3] == {4} and 2 in batches[-1]
