"""Reach as measured: each person once, at their best; unknown stays unknown."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from kentongan.db import make_engine, outbox, recipients
from kentongan.decision import Action
from kentongan.errors import RuleViolation
from kentongan.types import OutboxState
from notify.sending import broadcast
from notify.sending.broadcast import Broadcasts
from notify.sending.reach import ORDER, Told, measured_reach

PEOPLE = {"75.02.07": 3030, "75.02.08": 2010}
DISTRICTS = ("75.02.07", "75.02.08")


def measured(engine, warning, **options):
    with engine.connect() as connection:
        return measured_reach(connection, warning, **options)


@pytest.fixture
def told(world):
    """An alert for five villages with two made-up residents each."""
    done = world.publish(Action.ALERT, world.levels("75.02", 3))
    assert not done.refused, done
    return done.ref


def villages(world):
    return dict(zip(world.areas["adm4_code"], world.areas["people"].tolist(), strict=True))


def test_before_anything_is_sent_all_wait(world, told):
    found = measured(world.engine, told.warning_id, people=villages(world))
    assert [(a.code, a.people, dict(a.people_told)) for a in found.areas] == [
        ("75.02.07", PEOPLE["75.02.07"], {Told.WAITING: 6}),
        ("75.02.08", PEOPLE["75.02.08"], {Told.WAITING: 4}),
    ]
    assert found.whole.made_up == found.whole.registered == 10
    assert found.whole.registered_share == 0, "the made-up are nobody's share"


def test_the_recorder_reaches_nobody(world, told):
    world.send()
    whole = measured(world.engine, told.warning_id).whole
    assert whole.people_told == {Told.RECORDED: 10}
    assert whole.share(Told.DELIVERED) == whole.share(Told.ACCEPTED) == 0
    assert whole.people is None and whole.registered_share is None
    assert whole.by_channel == {"sms": {Told.RECORDED: 10}, "push": {Told.RECORDED: 10}}


def test_the_best_message_of_a_person_counts(world, told):
    rows = [r for r in world.rows(outbox) if r["recipient_id"] == "r-75.02.07.2001-1"]
    assert {r["channel"] for r in rows} == {"sms", "push"}
    states = {"sms": OutboxState.UNKNOWN, "push": OutboxState.DELIVERED}
    with world.engine.begin() as connection:
        for row in rows:
            change = update(outbox).where(outbox.c.id == row["id"])
            connection.execute(change.values(state=states[row["channel"]], route="x"))
    area = measured(world.engine, told.warning_id).areas[0]
    assert area.people_told == {Told.DELIVERED: 1, Told.WAITING: 5}
    assert area.by_channel["sms"] == {Told.UNKNOWN: 1, Told.WAITING: 5}


def test_who_came_later_has_no_message(world, told):
    row = {
        "recipient_id": "new", "role": "resident", "adm4_code": "75.02.08.2001", "address": "",
        "language": "id", "synthetic": False, "by_sms": True, "by_push": True, "active": True,
    }  # fmt: skip
    with world.engine.begin() as connection:
        connection.execute(
            insert(recipients), [row, {**row, "recipient_id": "off", "active": False}]
        )
    area = measured(world.engine, told.warning_id).areas[1]
    assert area.people_told == {Told.WAITING: 4, Told.NONE: 1} and area.registered == 5
    known = measured(world.engine, told.warning_id, people=villages(world)).areas[1]
    assert known.registered_share == 1 / PEOPLE["75.02.08"]


def test_who_was_erased_and_who_moved_are_still_counted(world, told):
    world.send()
    with world.engine.begin() as connection:
        gone = recipients.c.recipient_id == "r-75.02.07.2001-1"
        connection.execute(delete(recipients).where(gone))
        moved = recipients.c.recipient_id == "r-75.02.07.2001-2"
        connection.execute(update(recipients).where(moved).values(adm4_code="53.07.01.2001"))
    found = measured(world.engine, told.warning_id)
    assert found.whole.registered == 10
    assert {a.code: a.registered for a in found.areas} == {
        "53.07.01": 1, "75.02.07": 5, "75.02.08": 4,
    }  # fmt: skip


def test_sirens_and_apps_of_a_district(world, monkeypatch):
    every = Broadcasts(frozenset({"mqtt", "fcm"}))
    monkeypatch.setattr(broadcast, "broadcasts_of", lambda _: every)
    ref = world.publish(Action.ALERT, world.levels("75.02", 3)).ref
    area = measured(world.engine, ref.warning_id).areas[0]
    assert area.topics == {"mqtt": Told.WAITING, "fcm": Told.WAITING}
    assert set(area.by_channel) == {"sms", "push"}
    world.send()
    assert measured(world.engine, ref.warning_id).areas[0].topics["mqtt"] is Told.RECORDED


def test_of_its_ends(world, told):
    world.send()
    later = world.at + timedelta(minutes=30)
    world.publish(Action.ALL_CLEAR, at=later)
    assert measured(world.engine, told.warning_id, ends=True).whole.people_told == {
        Told.WAITING: 10
    }
    world.send(later)
    assert measured(world.engine, told.warning_id, ends=True).whole.people_told == {
        Told.RECORDED: 10
    }


def test_no_such_warning(world):
    with pytest.raises(RuleViolation, match="none of that name"):
        measured(world.engine, "w-none")


def test_people_of_a_village_that_nobody_counted_are_not_known(world, told):
    known = villages(world)
    del known["75.02.07.2001"]
    found = measured(world.engine, told.warning_id, people=known)
    assert [a.people for a in found.areas] == [None, PEOPLE["75.02.08"]]
    assert found.whole.people is None


def test_any_states_add_up(world, told):
    """Whatever became of each row: each person once, at the best, as counted by hand."""
    world.engine.dispose()
    file = world.engine.url.database
    rows = [(r["id"], r["recipient_id"]) for r in world.rows(outbox) if r["recipient_id"][0] == "r"]
    world.engine.dispose()
    best = {
        OutboxState.DELIVERED: 0, OutboxState.ACCEPTED: 1, OutboxState.UNKNOWN: 2,
        OutboxState.ON_WIRE: 2, OutboxState.READY: 3, OutboxState.LEASED: 3,
        OutboxState.FAILED: 5, OutboxState.EXPIRED: 6, OutboxState.SUPPRESSED: 7,
    }  # fmt: skip

    @settings(max_examples=15)
    @given(st.lists(st.sampled_from(OutboxState), min_size=len(rows), max_size=len(rows)))
    def proof(states):
        copy = f"{file}.copy"
        shutil.copyfile(file, copy)
        engine = make_engine(f"sqlite:///{copy}")
        people: dict[str, int] = {}
        with engine.begin() as connection:
            for (row_id, person), state in zip(rows, states, strict=True):
                change = update(outbox).where(outbox.c.id == row_id)
                connection.execute(change.values(state=state, route="carrier"))
                people[person] = min(people.get(person, 9), best[state])
        whole = measured(engine, told.warning_id).whole
        engine.dispose()
        assert whole.people_told == Counter(ORDER[place] for place in people.values())
        assert whole.registered == len(people)

    proof()


def test_who_is_named_is_no_resident(world, told):
    """Coordinators, tasks and topics are not reach."""
    with world.engine.connect() as connection:
        roles = set(connection.execute(select(recipients.c.role)).scalars())
    assert "coordinator" in roles
    assert measured(world.engine, told.warning_id).whole.registered == 10
