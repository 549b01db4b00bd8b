"""A village that its team reports as empty: its text changes, once; its level does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kentongan.db import task_steps, tasks, warning_states
from kentongan.task_life import TaskTrigger
from kentongan.times import iso
from kentongan.transactions import writing
from notify.tasks.ending import end_tasks
from notify.tasks.progress import Progress, counts, progress_of
from notify.tasks.steps import Word, begin, take
from tests.notify.life_centre import CODES, T0, Centre

A, B, C = CODES[:3]
WARNING = "w-flood-1"


@pytest.fixture
def centre(tmp_path):
    made = Centre(tmp_path)
    made.see("flood-1", {A: 3, B: 3, C: 3}, T0)
    made.cycle(T0)
    yield made
    made.engine.dispose()


def add_task(centre, code, number, **changes):
    row = {
        "task_id": f"T48217{number}", "warning_id": WARNING, "version": 1, "kind": "evacuate",
        "adm4_code": code, "level": 3, "people": 1000, "team_id": "t-1", "shelter_id": None,
        "coordinator_id": "c-75.02", "eta_min": 20.0, "unmet_people": 0, "state": "sent",
        "created_at": iso(T0), "body": {"mobilisation_min": 30}, "fence": 0, "escalation": 0,
    }  # fmt: skip
    with writing(centre.engine) as connection:
        connection.execute(tasks.insert(), [{**row, **changes}])
        begin(connection, [row], T0)
    return row["task_id"]


def say(centre, task_id, trigger, minutes, **more):
    at = T0 + timedelta(minutes=minutes)
    word = Word(trigger, at, "c-75.02", "sms", f"inbound/{minutes}", **more)
    with writing(centre.engine) as connection:
        return take(connection, task_id, word)


def progress(centre, minutes):
    found = progress_of(centre.engine, WARNING, T0 + timedelta(minutes=minutes))
    return {code: one.progress for code, one in found.items()}


def test_a_cleared_village_is_told_to_stay_away_and_keeps_its_level(centre):
    task_id = add_task(centre, A, 1)
    say(centre, task_id, TaskTrigger.FINISH, 10, people=980)
    centre.see("flood-1", {A: 3, B: 3, C: 3}, T0 + timedelta(minutes=20))
    centre.cycle(T0 + timedelta(minutes=20))
    told = centre.told("flood-1", 2)
    assert set(told) == {A} and "sudah dievakuasi" in told[A] and "kembali" in told[A]
    assert centre.state("flood-1") == (2, "released", {A: 3, B: 3, C: 3})
    assert "1 village evacuated" in centre.versions("flood-1")[1]["reason"]
    assert centre.cycle(T0 + timedelta(minutes=40)) == []


def test_villages_cleared_one_after_the_other_are_told_together(centre):
    for number, code in enumerate((A, B, C)):
        say(centre, add_task(centre, code, number), TaskTrigger.FINISH, 2 + number)
    centre.cycle(T0 + timedelta(minutes=5))
    assert len(centre.versions("flood-1")) == 1
    centre.cycle(T0 + timedelta(minutes=16))
    assert set(centre.told("flood-1", 2)) == {A, B, C}


def test_what_rises_meanwhile_is_told_as_ever(centre):
    say(centre, add_task(centre, A, 1), TaskTrigger.FINISH, 2)
    centre.see("flood-1", {A: 4, B: 3, C: 3}, T0 + timedelta(minutes=3))
    centre.cycle(T0 + timedelta(minutes=3))
    assert centre.state("flood-1")[2] == {A: 4, B: 3, C: 3}
    assert set(centre.told("flood-1", 2)) == {A}


def test_progress_names_first_what_needs_eyes(centre):
    one, two = add_task(centre, A, 1), add_task(centre, A, 2, kind="assess")
    add_task(centre, B, 3, team_id=None, state="planned")
    assert progress(centre, 5) == {A: Progress.ASKED, B: Progress.OPEN}
    say(centre, one, TaskTrigger.ACCEPT, 6)
    say(centre, two, TaskTrigger.ACCEPT, 7)
    assert progress(centre, 30)[A] is Progress.ACCEPTED
    assert progress(centre, 200)[A] is Progress.STUCK
    say(centre, one, TaskTrigger.FINISH, 201)
    say(centre, two, TaskTrigger.FINISH, 202, people=40)
    found = progress_of(centre.engine, WARNING, T0 + timedelta(minutes=203))
    assert found[A].progress is Progress.CLEARED and found[A].people_done == 40
    assert counts(found)["cleared"] == 1 and counts(found)["open"] == 1


@pytest.mark.parametrize(("end", "left"), [("cancelled", "recalled"), ("expired", "accepted")])
def test_an_end_recalls_what_nobody_has_taken_a_cancel_everything(centre, end, left):
    waiting, held = add_task(centre, A, 1), add_task(centre, B, 2)
    say(centre, held, TaskTrigger.ACCEPT, 1)
    at = T0 + timedelta(minutes=30)
    if end == "cancelled":
        centre.see("flood-1", {}, at, official_end=True)
        with writing(centre.engine) as connection:
            from kentongan.db import alerts, warnings

            row = dict(connection.execute(warnings.select()).mappings().first())
            connection.execute(
                warnings.insert().values(**{**row, "version": 2, "msg_type": "Cancel"})
            )
            alert = dict(connection.execute(alerts.select()).mappings().first())
            connection.execute(
                alerts.insert().values(**{**alert, "version": 2, "identifier": "x-v2"})
            )
    else:
        with writing(centre.engine) as connection:
            connection.execute(
                warning_states.insert().values(
                    warning_id=WARNING, version=1, state="expired", at=iso(at), actor="kentongan"
                )
            )
    recalled = end_tasks(centre.engine, at)
    assert recalled == ([waiting, held] if end == "cancelled" else [waiting])
    states = {row["task_id"]: row["state"] for row in centre.rows(tasks)}
    assert states == {waiting: "recalled", held: left}
    assert end_tasks(centre.engine, at) == []
    assert any(row["note"].startswith("peringatan") for row in centre.rows(task_steps))
