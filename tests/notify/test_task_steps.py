"""Steps of a task: fenced, once for each cause, and never out of what is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.db import make_engine, metadata, task_steps, tasks
from kentongan.errors import DataError
from kentongan.task_life import FREE, HELD, OVER, TABLE, WAITING, TaskState, TaskTrigger, after
from kentongan.transactions import writing
from notify.tasks.steps import Word, begin, steps_of, take, task

T0 = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
ROW = {
    "task_id": "T482173", "warning_id": "w-x", "version": 1, "kind": "assess",
    "adm4_code": "32.03.01.2001", "level": 4, "people": 120, "team_id": "t-1",
    "coordinator_id": "c-1", "shelter_id": None, "eta_min": 10.0, "unmet_people": 0,
    "state": "sent", "created_at": "2026-11-22T08:00:00Z", "body": {}, "fence": 0,
    "escalation": 0,
}  # fmt: skip
T = TaskTrigger


@pytest.fixture
def engine(tmp_path):
    made = make_engine(f"sqlite:///{tmp_path / 'k.sqlite'}")
    metadata.create_all(made)
    with writing(made) as connection:
        connection.execute(tasks.insert(), [ROW])
        begin(connection, [ROW], T0)
    yield made
    made.dispose()


def say(engine, trigger, cause, *, minutes=1, **more):
    word = Word(trigger, T0 + timedelta(minutes=minutes), "c-1", "sms", cause, **more)
    with writing(engine) as connection:
        return take(connection, "T482173", word)


def test_from_a_request_to_118_people_brought_to_safety(engine):
    for cause, trigger in enumerate((T.RECEIVE, T.ACCEPT, T.DEPART, T.ARRIVE)):
        assert say(engine, trigger, f"inbound/{cause}").changed
    done = say(engine, T.FINISH, "inbound/9", people=118)
    assert (done.before, done.now) == (TaskState.ON_SITE, TaskState.DONE)
    with engine.connect() as connection:
        row = task(connection, "T482173")
        steps = steps_of(connection, "T482173")
    assert (row["state"], row["people_done"], row["fence"]) == ("done", 118, 5)
    assert [s["state"] for s in steps] == [
        "sent", "received", "accepted", "en-route", "on-site", "done",
    ]  # fmt: skip


def test_the_same_message_twice_is_one_step(engine):
    assert say(engine, T.ACCEPT, "inbound/7").changed
    again = say(engine, T.ACCEPT, "inbound/7", minutes=5)
    assert again.repeated and not again.changed
    with engine.connect() as connection:
        assert len(steps_of(connection, "T482173")) == 2


def test_a_word_that_fits_no_more_is_kept_and_changes_nothing(engine):
    say(engine, T.FINISH, "inbound/1", people=118)
    late = say(engine, T.ACCEPT, "inbound/2", note="siap")
    assert not late.changed and late.now is TaskState.DONE
    with engine.connect() as connection:
        assert [s["note"] for s in steps_of(connection, "T482173")] == ["", "", "siap"]


def test_an_end_recalls_what_is_not_done(engine):
    say(engine, T.ACCEPT, "inbound/1")
    assert say(engine, T.END, "end/w-x/2").now is TaskState.RECALLED
    assert not say(engine, T.ARRIVE, "inbound/3").changed


def test_no_task_of_that_number(engine):
    with pytest.raises(DataError, match="T000000"), writing(engine) as connection:
        take(connection, "T000000", Word(T.ACCEPT, T0, "c-1", "sms", "inbound/1"))


def test_two_schedulers_write_two_steps_and_no_fence_twice(engine):
    def run(name):
        for number in range(10):
            say(engine, T.ACCEPT if number % 2 else T.DECLINE, f"{name}/{number}")

    both = [Thread(target=run, args=(name,)) for name in ("a", "b")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    with engine.connect() as connection:
        steps = steps_of(connection, "T482173")
        row = task(connection, "T482173")
    assert [s["fence"] for s in steps] == list(range(21)) and row["fence"] == 20
    assert steps[-1]["state"] == row["state"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TaskTrigger), st.integers(0, 5)), max_size=25))
def test_whatever_is_said_the_steps_follow_the_table(words):
    made = make_engine("sqlite://")
    metadata.create_all(made)
    with made.begin() as connection:
        connection.execute(tasks.insert(), [ROW])
        begin(connection, [ROW], T0)
        said = {}
        for trigger, cause in words:
            before = TaskState(task(connection, "T482173")["state"])
            found = take(connection, "T482173", Word(trigger, T0, "c-1", "sms", f"c/{cause}"))
            if cause in said:
                assert found.repeated and found.now is before
            else:
                assert found.now is (after(before, trigger) or before)
            said[cause] = trigger
        row = task(connection, "T482173")
        states = connection.execute(task_steps.select()).mappings().all()
    assert row["fence"] == len(said) == len(states) - 1
    made.dispose()


def test_what_is_over_stays_over_and_every_state_can_be_left_otherwise():
    for state in TaskState:
        leads = {new for (old, _), new in TABLE.items() if old is state and new is not state}
        again = {TaskState.SENT} if state is TaskState.RECALLED else set()
        assert (leads == again) == (state in OVER)
    assert not (WAITING & HELD or HELD & FREE or WAITING & FREE)
    for state in HELD | WAITING:
        assert after(state, TaskTrigger.END) is TaskState.RECALLED
