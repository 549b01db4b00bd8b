"""Nobody stays in a tsunami zone that was drawn after the team was asked."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.db import audit, messages, outbox, tasks
from kentongan.decision import Action
from kentongan.plan import Plan, PlannedTask
from kentongan.times import iso
from kentongan.types import HazardId, OutboxState, TaskKind
from notify.channels.recorder import Recorder
from notify.life import active_warnings
from notify.sending.dispatch import dispatch
from notify.tasks.recall import NO_ENTRY, recall
from notify.tasks.store import store_plan
from notify.tasks.texts import TaskPlace, recall_sms, shortened, task_sms
from notify.wording.gsm7 import fits_one_part

DRY, WET, SHELTER = "75.04.09.2001", "75.02.07.2001", "53.07.01.2001"
SHELTERS = pd.DataFrame(
    {"shelter_id": ["s-1"], "name": ["Balai Desa Maumere (sintetis)"], "adm4_code": [SHELTER]}
)


def planned(code: str, **changes) -> PlannedTask:
    values = {
        "kind": TaskKind.ASSESS, "adm4_code": code, "level": 3, "people": 1200,
        "unmet_people": 0, "team_id": f"t-{code}", "coordinator_id": "c-75.02",
        "shelter_id": None, "eta_min": 24.6, "mobilisation_min": 30,
    }  # fmt: skip
    return PlannedTask(**{**values, **changes})


class Coast:
    """A quake with two teams on their way; then a tsunami zone over one of their villages."""

    def __init__(self, world) -> None:
        self.world = world
        self.quake = world.publish(Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING).ref
        self.ids = self.plan()

    def plan(self, *wanted: PlannedTask, ref=None, minutes: float = 0) -> list[str]:
        wanted = wanted or (planned(WET), planned(DRY, coordinator_id="c-75.04"))
        plan = Plan(tasks=wanted, unmet_people=0)
        at = self.world.at + timedelta(minutes=minutes)
        areas = self.world.areas
        return store_plan(
            self.world.engine, ref or self.quake, plan, areas=areas, at=at, shelters=SHELTERS
        )

    def tsunami(self, levels, action=Action.ALERT, minutes: float = 2, **more):
        at = self.world.at + timedelta(minutes=minutes)
        return self.world.publish(action, levels, hazard=HazardId.TSUNAMI, at=at, **more)

    def recall(self, minutes: float = 2) -> list[str]:
        at, world = self.world.at + timedelta(minutes=minutes), self.world
        held = active_warnings(world.engine, at)
        return recall(world.engine, held, areas=world.areas, shelters=SHELTERS, at=at)

    def task(self, task_id: str) -> dict:
        (row,) = [r for r in self.world.rows(tasks) if r["task_id"] == task_id]
        return row

    def sms(self, word: str) -> list[dict]:
        return [m for m in self.world.rows(messages) if word in m["text"]]


@pytest.fixture
def coast(world) -> Coast:
    return Coast(world)


def test_a_team_in_a_zone_that_is_drawn_later_is_called_back(coast):
    zone = coast.tsunami({WET: 3}).ref
    assert coast.recall() == [coast.ids[0]]
    row = coast.task(coast.ids[0])
    assert (row["state"], row["team_id"], row["eta_min"]) == ("planned", None, None)
    assert (row["coordinator_id"], row["unmet_people"]) == ("c-75.02", 1200)
    assert row["body"]["recalled_team"] == f"t-{WET}" and row["body"]["note"] == NO_ENTRY
    assert row["body"]["recalled_at"] == iso(coast.world.at + timedelta(minutes=2))
    assert coast.task(coast.ids[1])["state"] == "sent"

    (message,) = coast.sms("BATAL TUGAS")
    assert message["text"] == (
        f"LATIHAN. BATAL TUGAS {coast.ids[0]}: zona tsunami. Tarik tim dari Ds.Desa Mananggu 1, "
        f"Kec.Mananggu, Kab. Boalemo SEKARANG, jangan masuk sebelum PD-4. Balas: YA {coast.ids[0]}"
    )
    assert fits_one_part(message["text"])
    (sent,) = [o for o in coast.world.rows(outbox) if o["message_id"] == message["message_id"]]
    assert (sent["recipient_id"], sent["route"]) == ("c-75.02", "recorder")
    assert sent["alert_version"] == f"{zone.identifier}/recall/{coast.ids[0]}"
    others = [o["prio"] for o in coast.world.rows(outbox) if o["id"] != sent["id"]]
    assert sent["prio"] < min(others)


def test_it_is_written_down_once(coast):
    coast.tsunami({WET: 2})
    coast.recall()
    before = [coast.world.rows(t) for t in (tasks, messages, outbox, audit)]
    assert coast.recall(minutes=3) == []
    assert [coast.world.rows(t) for t in (tasks, messages, outbox, audit)] == before
    (row,) = [r for r in before[3] if r["action"] == "task.recall"]
    (line,) = json.loads(row["body"])["tasks"]
    assert (line["task_id"], line["team_id"]) == (coast.ids[0], f"t-{WET}")


def test_a_team_that_said_yes_is_called_back_and_one_that_is_done_is_not(coast):
    for state, found in (("accepted", [0]), ("done", []), ("declined", [])):
        with coast.world.engine.begin() as connection:
            connection.execute(tasks.update().values(state=state))
        if state == "accepted":
            coast.tsunami({WET: 4})
        assert coast.recall() == [coast.ids[i] for i in found]
        coast.plan(minutes=3)


def test_a_growing_zone_calls_back_what_it_reaches(coast):
    coast.tsunami({WET: 2})
    assert coast.recall() == [coast.ids[0]]
    coast.tsunami({WET: 2, DRY: 2}, Action.UPDATE, minutes=9)
    assert coast.recall(minutes=9) == [coast.ids[1]]


def test_a_shelter_inside_the_zone_is_left(coast):
    elsewhere = coast.tsunami({"75.02.08.2001": 3}).ref
    waits = planned(
        "75.02.08.2001", kind=TaskKind.RECEIVE, shelter_id="s-1", team_id="t-9", after="PD-4"
    )
    (task_id,) = coast.plan(waits, ref=elsewhere)
    assert coast.recall() == []
    coast.tsunami({"75.02.08.2001": 3, SHELTER: 2}, Action.UPDATE, minutes=9)
    assert coast.recall(minutes=9) == [task_id]
    (message,) = coast.sms("BATAL TUGAS")
    assert "Balai Desa Maumere, " in message["text"] and message["area_code"] == SHELTER


def test_an_end_a_past_end_and_a_cancel_call_nobody_back(coast, world):
    coast.tsunami({WET: 3})
    assert coast.recall(minutes=60 * 24) == []
    world.publish(Action.EXPIRE, hazard=HazardId.SHAKING, at=world.at + timedelta(minutes=3))
    assert coast.recall(minutes=4) == [] and coast.task(coast.ids[0])["state"] == "sent"


def test_a_zone_that_pd_4_has_ended_calls_nobody_back(coast):
    coast.tsunami({WET: 3})
    coast.tsunami({}, Action.ALL_CLEAR, minutes=5)
    assert coast.recall(minutes=6) == []


def test_after_pd_4_the_task_is_asked_for_again(coast):
    coast.tsunami({WET: 3})
    coast.recall()
    coast.tsunami({}, Action.ALL_CLEAR, minutes=30)
    assert coast.plan(minutes=31) == coast.ids
    row = coast.task(coast.ids[0])
    assert (row["state"], row["team_id"]) == ("sent", f"t-{WET}")
    assert row["body"]["recalled_team"] == f"t-{WET}" and row["body"]["note"] == ""
    asked = [m for m in coast.sms("TUGAS") if not m["text"].startswith("LATIHAN. BATAL")]
    assert len([m for m in asked if coast.ids[0] in m["text"]]) == 2
    coast.plan(minutes=32)
    assert len(coast.sms("TUGAS")) == 4


def test_a_request_that_still_waits_is_not_sent_after_the_recall(coast, world):
    coast.tsunami({WET: 3})
    coast.recall()
    states = {o["message_id"]: o["state"] for o in world.rows(outbox)}
    asked = f"{coast.quake.identifier}/{coast.ids[0]}"
    assert states[asked] == OutboxState.SUPPRESSED
    assert states[f"{coast.quake.identifier}/{coast.ids[1]}"] == OutboxState.READY
    (row,) = [o for o in world.rows(outbox) if o["message_id"] == asked]
    assert row["final_at"] and row["lease_owner"] is None and row["lease_until"] is None


def test_the_recall_leaves_first(coast, world):
    coast.tsunami({WET: 4})
    coast.recall()
    sent: list[str] = []

    class Listener(Recorder):
        def send(self, messages):
            sent.extend(message.text for message in messages)
            return super().send(messages)

    listener = Listener(world.folder / "recorder")
    dispatch(world.engine, {"recorder": listener}, at=world.at + timedelta(minutes=2))
    assert "BATAL TUGAS" in sent[0] and sum("BATAL TUGAS" in text for text in sent) == 1


def test_nothing_that_is_not_actual_calls_back_a_real_team(coast, world):
    with world.engine.begin() as connection:
        for row in connection.execute(tasks.select()).mappings().all():
            real = {**row["body"], "status": "Actual"}
            change = tasks.update().where(tasks.c.task_id == row["task_id"])
            connection.execute(change.values(body=real))
    coast.tsunami({WET: 4})
    assert coast.recall() == []


def test_a_village_that_the_layer_set_has_lost_stops_no_recall(coast, world):
    coast.tsunami({WET: 3})
    world.areas = world.areas[world.areas["adm4_code"] != WET]
    assert coast.recall() == [coast.ids[0]]
    assert WET in coast.sms("BATAL TUGAS")[0]["text"]


def test_pd_4_reaches_every_coordinator_who_was_told(coast, world):
    """By readiness, by a task from elsewhere, or by a recall."""
    with world.engine.begin() as connection:
        connection.execute(tasks.update().values(coordinator_id="c-75.04"))
    first = coast.tsunami({WET: 3}).ref
    coast.recall()
    waits = planned(WET, kind=TaskKind.RECEIVE, team_id="t-9", coordinator_id="c-53.07")
    coast.plan(waits, ref=first, minutes=3)
    world.send(world.at + timedelta(minutes=4))
    told = world.reached(version=1, role="coordinator")
    assert {"c-75.02", "c-75.04", "c-53.07"} <= told
    coast.tsunami({}, Action.ALL_CLEAR, minutes=30)
    ends = [m["message_id"] for m in world.rows(messages) if m["purpose"] == "all-clear"]
    reached = [o["recipient_id"] for o in world.rows(outbox) if o["message_id"] in ends]
    people = sorted(r for r in reached if r.startswith("c-"))
    assert people == ["c-53.07", "c-75.02", "c-75.04"]


@given(
    village=st.text(max_size=90), district=st.text(max_size=90), shelter=st.text(max_size=90),
    status=st.sampled_from(["Actual", "Exercise", "Test"]),
)  # fmt: skip
def test_every_recall_is_one_part_with_number_and_command(village, district, shelter, status):
    place = TaskPlace(village, "Kelurahan", district, "Kab. Contoh")
    text = recall_sms("T1234567", place, shelter=shelter, status=status)
    assert fits_one_part(text) and "BATAL TUGAS T1234567" in text and "SEKARANG" in text
    assert text.endswith("jangan masuk sebelum PD-4. Balas: YA T1234567")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Balai Desa Maccinibaji (sintetis)", "Balai Desa Maccinibaji"),
        ("Balai Desa Maccinibaji (Utara Lama)", "Balai Desa Maccinibaji"),
        ("Balai (Lama) Desa Maccinibaji Raya", "Balai (Lama) Desa"),
        ("Gelanggangolahragamahasiswabaru", "Gelanggangolahragamahasi"),
        ("Balai Desa", "Balai Desa"),
    ],
)
def test_a_long_name_is_cut_between_words(name, expected):
    assert shortened(name, 24) == expected


def test_made_up_shelters_give_room_before_places_do():
    task = planned(WET, kind=TaskKind.RECEIVE, people=12_345, shelter_id="s-1")
    place = TaskPlace("Bontosunggu", "Desa", "Bajeng", "Kab. Gowa")
    text = task_sms(
        "T123456", task, place, hazard=HazardId.TSUNAMI,
        shelter="Balai Desa Maccinibaji (sintetis)", status="Exercise",
    )  # fmt: skip
    assert "(" not in text and "Maccinibaji. Jangan masuk" in text and "Bontosunggu" in text
