"""Tasks: a number that survives a typing error, one request each, the unmet need first."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.db import messages, outbox, tasks
from kentongan.decision import Action
from kentongan.errors import DataError, RuleViolation
from kentongan.plan import Plan, PlannedTask
from kentongan.types import HazardId, Mode, TaskKind
from notify.tasks.ids import candidate, check_digit, read_task_id
from notify.tasks.listing import (
    UNASSIGNED,
    by_coordinator,
    safe_cell,
    task_lines,
    task_list_csv,
    task_list_html,
)
from notify.tasks.store import store_plan
from notify.wording.gsm7 import fits_one_part


def planned(code: str = "75.02.07.2001", **changes) -> PlannedTask:
    values = {
        "kind": TaskKind.ASSESS, "adm4_code": code, "level": 3, "people": 1200,
        "unmet_people": 0, "team_id": "t-1", "coordinator_id": "c-75.02", "shelter_id": "s-1",
        "eta_min": 24.6, "mobilisation_min": 30,
    }  # fmt: skip
    return PlannedTask(**{**values, **changes})


@pytest.fixture
def released(world):
    return world.publish(Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING).ref


def keep(world, ref, *wanted: PlannedTask) -> list[str]:
    plan = Plan(tasks=wanted, unmet_people=sum(t.unmet_people for t in wanted))
    return store_plan(world.engine, ref, plan, areas=world.areas, at=world.at)


def sms(world) -> list[dict]:
    return [row for row in world.rows(messages) if row["purpose"] == "task"]


def test_damm_2004_published_example():
    assert check_digit("572") == "4"


@given(st.from_regex(r"[0-9]{5,7}", fullmatch=True), st.data())
def test_one_wrong_digit_or_two_exchanged_are_found(digits, data):
    number = digits + check_digit(digits)
    assert read_task_id(f"t {number}") == f"T{number}"
    place = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert read_task_id(number[:place] + wrong + number[place + 1 :]) is None
    place = min(place, len(number) - 2)
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert swapped == number or read_task_id(swapped) is None


@given(st.integers(0, 23))
def test_numbers_are_the_same_each_time_and_valid(attempt):
    number = candidate("w-1", "assess", "75.02.07.2001", attempt=attempt)
    assert number == candidate("w-1", "assess", "75.02.07.2001", attempt=attempt)
    assert read_task_id(number) == number and len(number) == 7 + attempt // 8


def test_a_plan_becomes_rows_and_one_sms_for_each_task_with_a_team(world, released):
    ids = keep(world, released, planned(), planned("75.02.08.2001", team_id=None, unmet_people=900))
    rows = {row["task_id"]: row for row in world.rows(tasks)}
    assert list(rows) == ids or set(rows) == set(ids)
    assert [rows[i]["state"] for i in ids] == ["sent", "planned"]
    (message,) = sms(world)
    assert fits_one_part(message["text"])
    assert message["text"].startswith(f"LATIHAN. TUGAS {ids[0]}: ")
    assert message["text"].endswith(f"Balas: YA {ids[0]} / TIDAK {ids[0]}")
    assert "Kec.Mananggu" in message["text"] and "1.200 jiwa" in message["text"]
    (row,) = [r for r in world.rows(outbox) if r["message_id"] == message["message_id"]]
    assert (row["recipient_id"], row["route"]) == ("c-75.02", "recorder")


def test_the_same_plan_twice_changes_nothing(world, released):
    first = keep(world, released, planned(), planned("75.02.08.2001"))
    before = [world.rows(t) for t in (tasks, messages, outbox)]
    assert keep(world, released, planned(), planned("75.02.08.2001")) == first
    assert [world.rows(t) for t in (tasks, messages, outbox)] == before


def test_a_later_version_keeps_numbers_and_teams_and_asks_a_team_that_was_missing(world, released):
    first = keep(world, released, planned(), planned("75.02.08.2001", team_id=None))
    update = world.publish(
        Action.UPDATE, world.levels("75", 4), hazard=HazardId.SHAKING,
        at=world.at + timedelta(minutes=5),
    ).ref  # fmt: skip
    again = keep(
        world, update, planned(level=4, people=1500, team_id="t-9"), planned("75.02.08.2001")
    )
    assert again == first and len(sms(world)) == 2
    rows = {row["task_id"]: row for row in world.rows(tasks)}
    assert (rows[first[0]]["people"], rows[first[0]]["level"]) == (1500, 4)
    assert rows[first[0]]["team_id"] == "t-1" and rows[first[1]]["state"] == "sent"


def test_what_somebody_has_answered_is_not_touched(world, released):
    (task_id,) = keep(world, released, planned())
    with world.engine.begin() as connection:
        connection.execute(tasks.update().values(state="accepted"))
    keep(world, released, planned(people=99, team_id="t-2"))
    (row,) = world.rows(tasks)
    assert (row["people"], row["team_id"], row["task_id"]) == (1200, "t-1", task_id)


def test_no_task_from_a_draft_and_none_in_an_unknown_village(world, released, actual):
    with pytest.raises(DataError, match=r"99\.99"):
        keep(world, released, planned("99.99.99.2001"))
    world.policy = actual
    ref = world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL,
        event_id="shaking-2",
    ).ref  # fmt: skip
    with pytest.raises(RuleViolation, match="released warnings only"):
        keep(world, ref, planned())
    assert world.rows(tasks) == []


def test_a_number_that_is_taken_is_passed_by(world, released, monkeypatch):
    numbers = ["T000000", "T000013"]
    monkeypatch.setattr("notify.tasks.store.candidate", lambda *_a, attempt: numbers[attempt % 2])
    assert keep(world, released, planned(), planned("75.02.08.2001")) == ["T000000", "T000013"]


def test_receive_tasks_say_where_not_to_go(world):
    ref = world.publish(Action.ALERT, world.levels("53", 4), hazard=HazardId.TSUNAMI).ref
    keep(
        world, ref,
        planned("53.07.01.2001", kind=TaskKind.RECEIVE, coordinator_id="c-53.07", after="PD-4"),
    )  # fmt: skip
    (message,) = sms(world)
    assert "Jangan masuk zona tsunami" in message["text"]


@pytest.fixture
def lines(world, released):
    keep(
        world, released,
        planned("75.02.07.2001", level=3, people=100),
        planned("75.02.07.2002", level=4, people=50),
        planned("75.02.07.2003", level=4, people=500, note="=HYPERLINK(\"x\")"),
        planned("75.02.08.2001", level=3, people=700, team_id=None, coordinator_id=None,
                unmet_people=700),
    )  # fmt: skip
    return task_lines(world.engine, "w-shaking-1", world.areas)


def test_the_list_is_by_level_then_people_and_split_by_coordinator(lines):
    assert [(line.level, line.people) for line in lines] == [(4, 500), (4, 50), (3, 700), (3, 100)]
    split = by_coordinator(lines)
    assert {k: len(v) for k, v in split.items()} == {"c-75.02": 3, UNASSIGNED: 1}


def test_the_page_opens_with_the_unmet_need_and_loads_nothing(lines, at):
    page = task_list_html("Tugas <Boalemo>", lines, at=at, name="Pak & Bu")
    body = page.split("<body>")[1]
    assert body.strip().startswith("<p class='need'>LATIHAN. BELUM TERTOLONG: 700 jiwa, 1 tugas")
    assert "Tugas &lt;Boalemo&gt;" in page and "Pak &amp; Bu" in page and "@media print" in page
    assert not re.search(r"(src|href)=|https?://|@import|url\(", page)


def test_the_csv_opens_with_the_unmet_need_and_runs_no_formula(lines):
    rows = list(csv.reader(io.StringIO(task_list_csv(lines))))
    assert rows[0][0].startswith("LATIHAN. BELUM TERTOLONG: 700 jiwa")
    assert rows[1][0] == "Nomor" and len(rows) == 2 + len(lines)
    assert any(cell == '\'=HYPERLINK("x")' for cell in rows[2])


@given(st.text(max_size=20))
def test_no_cell_starts_a_formula(text):
    cell = safe_cell(text)
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")
    assert cell.lstrip()[:1] not in ("=", "+", "-", "@")


def test_an_empty_list_is_a_page_too(at):
    assert "BELUM TERTOLONG: 0 jiwa" in task_list_html("x", [], at=at)
