"""Silence escalates by itself, once for each rung, and somebody's word ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kentongan.db import escalations, messages, outbox, recipients, tasks
from kentongan.decision import Action
from kentongan.errors import RuleViolation, SettingsError
from kentongan.escalation_policy import EscalationPolicy, Rung, load_escalation_policy
from kentongan.plan import Plan
from kentongan.task_life import TaskTrigger
from kentongan.transactions import writing
from kentongan.types import HazardId, OutboxState
from notify.life import active_warnings
from notify.tasks.assign import assign
from notify.tasks.duty import appoint, ensure_synthetic_posts, holder
from notify.tasks.escalation import escalate, unanswered
from notify.tasks.received import note_received
from notify.tasks.steps import Word, take
from notify.tasks.store import store_plan
from notify.wording.gsm7 import fits_one_part
from tests.notify.test_tasks import planned

VILLAGE = "75.02.07.2001"


@pytest.fixture
def night(world):
    """A task of level 4, asked at `world.at`, with all posts held by made-up people."""
    ref = world.publish(Action.ALERT, world.levels("75", 4), hazard=HazardId.SHAKING).ref
    ensure_synthetic_posts(world.engine, ["75.02"])
    return Night(world, ref)


class Night:
    def __init__(self, world, ref):
        self.world, self.ref, self.engine = world, ref, world.engine
        self.ids = self.plan(planned(level=4))

    def plan(self, *wanted):
        plan = Plan(tasks=wanted, unmet_people=0)
        return store_plan(self.engine, self.ref, plan, areas=self.world.areas, at=self.world.at)

    def later(self, minutes):
        at = self.world.at + timedelta(minutes=minutes)
        held = active_warnings(self.engine, at)
        return [
            (str(one.rung), one.to_id)
            for one in escalate(self.engine, held, at=at, areas=self.world.areas)
        ]

    def say(self, trigger, minutes, cause="inbound/1", task=None):
        at = self.world.at + timedelta(minutes=minutes)
        word = Word(trigger, at, "c-75.02", "sms", cause)
        with writing(self.engine) as connection:
            return take(connection, task or self.ids[0], word)

    def row(self):
        return next(r for r in self.world.rows(tasks) if r["task_id"] == self.ids[0])

    def texts(self):
        made = [r for r in self.world.rows(messages) if r["purpose"] == "task"]
        return [r["text"] for r in made if r["text"].count("TUGAS") and "/e" in r["message_id"]]


def test_the_whole_ladder_of_level_4(night):
    assert night.later(2) == []
    assert night.later(3) == [("repeat", "c-75.02")]
    assert night.later(4) == [("next-channel", "c-75.02")]
    assert night.later(5) == []
    assert night.later(6) == [("deputy", "o-deputy-75.02")]
    assert night.later(8) == [("coordinator", "")]  # was asked first
    assert night.later(10) == [("regency", "o-regency-75.02")]
    assert night.later(15) == [("province", "o-province-75")]
    assert night.later(20) == [("command-centre", "o-command-centre")]
    assert night.later(60) == []
    assert night.row()["assigned_to"] == "o-deputy-75.02" and night.row()["state"] == "sent"
    assert [r["what"] for r in night.world.rows(escalations)] == list(map(str, Rung))
    for text in night.texts():
        assert fits_one_part(text) and text.startswith("LATIHAN. ")
    at = night.world.at + timedelta(minutes=60)
    (left,) = unanswered(night.engine, active_warnings(night.engine, at))
    assert left["task_id"] == night.ids[0]


def test_twice_in_a_moment_or_by_two_schedulers_is_once(night):
    assert night.later(3) and night.later(3) == []
    sent = len(night.world.rows(outbox))
    night.later(3)
    assert len(night.world.rows(outbox)) == sent


def test_a_yes_ends_the_climb(night):
    night.later(3)
    night.say(TaskTrigger.ACCEPT, 4)
    assert night.later(30) == []
    assert night.row()["state"] == "accepted"


def test_a_no_asks_the_deputy_at_once(night):
    night.say(TaskTrigger.DECLINE, 1)
    assert night.later(1) == [("deputy", "o-deputy-75.02")]
    night.say(TaskTrigger.DECLINE, 2, "inbound/2")
    assert night.later(2) == [("deputy", ""), ("coordinator", ""), ("regency", "o-regency-75.02")]


def test_where_nobody_holds_a_post_the_next_one_follows_at_once(night):
    with writing(night.engine) as connection:
        gone = recipients.c.recipient_id.in_(["o-deputy-75.02", "o-regency-75.02"])
        connection.execute(recipients.update().where(gone).values(active=False))
    night.later(3)
    night.later(4)
    assert night.later(10)[:2] == [("deputy", ""), ("coordinator", "")]
    assert night.later(10) == []
    assert night.later(15) == [("province", "o-province-75")]


def test_after_an_outage_there_is_time_to_answer_between_the_rungs(night):
    assert night.later(45) == [("repeat", "c-75.02")]
    assert night.later(45.5) == []
    assert night.later(46) == [("next-channel", "c-75.02")]
    assert night.later(47) == [("deputy", "o-deputy-75.02")]


def test_who_has_many_tasks_gets_one_message_that_counts_them(world, night):
    codes = [code for code in world.levels("75", 4) if code != VILLAGE][:5]
    night.plan(planned(level=4), *(planned(code, level=4) for code in codes))
    assert len(night.later(3)) == 1 + len(codes)
    mine = [r["text"] for r in world.rows(messages) if "/escalation/" in r["message_id"]]
    assert len(mine) == 1 and fits_one_part(mine[0])
    assert mine[0].startswith(f"LATIHAN. {1 + len(codes)} TUGAS belum dijawab 3 mnt, Kab. Boalemo")


def test_an_ended_warning_escalates_nothing(night):
    held = active_warnings(night.engine, night.world.at + timedelta(hours=90))
    assert held == []


def test_a_post_is_for_people_who_serve(world):
    with writing(world.engine) as connection:
        resident = connection.execute(
            recipients.select().where(recipients.c.role == "resident")
        ).first()
    person = resident.recipient_id if resident else "nobody"
    with writing(world.engine) as connection:
        with pytest.raises(RuleViolation, match="expected a coordinator or an official"):
            appoint(connection, person, "regency", VILLAGE)
        with pytest.raises(RuleViolation, match="expected one of"):
            holder(connection, "king", VILLAGE)


@pytest.mark.parametrize("minutes", [-1, 0, 500])
def test_a_ladder_that_does_not_rise_is_refused(minutes):
    good = load_escalation_policy().model_dump(mode="json")
    good["minutes"]["4"]["repeat" if minutes != 500 else "deputy"] = minutes
    with pytest.raises((ValueError, SettingsError), match="rising"):
        EscalationPolicy.model_validate(
            {**good, "minutes": {int(level): ladder for level, ladder in good["minutes"].items()}}
        )


def test_a_receipt_says_that_the_telephone_has_it_and_nothing_more(night):
    at = night.world.at + timedelta(minutes=1)
    held = active_warnings(night.engine, at)
    assert note_received(night.engine, held, at=at) == []
    with writing(night.engine) as connection:
        mine = outbox.c.message_id.contains(f"/{night.ids[0]}")
        connection.execute(outbox.update().where(mine).values(state=OutboxState.DELIVERED))
    assert note_received(night.engine, held, at=at) == night.ids
    assert note_received(night.engine, held, at=at) == []
    assert night.row()["state"] == "received"
    assert night.later(3) == [("repeat", "c-75.02")]


def test_a_person_gives_it_to_somebody_else(night):
    night.say(TaskTrigger.ACCEPT, 1)
    at = night.world.at + timedelta(minutes=5)
    given = {"at": at, "actor": "Siti", "areas": night.world.areas}
    assert assign(night.engine, night.ids[0], "c-75.04", **given).now == "sent"
    row = night.row()
    assert (row["state"], row["assigned_to"]) == ("sent", "c-75.04")
    asked = [r for r in night.world.rows(outbox) if r["recipient_id"] == "c-75.04"]
    assert any(night.ids[0] in r["message_id"] for r in asked)
    with pytest.raises(RuleViolation, match="nobody of id"):
        assign(night.engine, night.ids[0], "x", **given)
    night.say(TaskTrigger.FINISH, 9, "inbound/7")
    with pytest.raises(RuleViolation, match="is done"):
        assign(night.engine, night.ids[0], "c-75.02", **given)


def test_a_task_that_was_recalled_is_asked_again_when_its_warning_goes_on(night):
    from notify.tasks.steps import steps_of

    night.say(TaskTrigger.END, 5, "end/1")
    assert night.row()["state"] == "recalled"
    assert night.plan(planned(level=4)) == night.ids
    assert night.row()["state"] == "sent" and night.row()["assigned_to"] == "c-75.02"
    with night.engine.connect() as connection:
        states = [s["state"] for s in steps_of(connection, night.ids[0])]
    assert states == ["sent", "recalled", "sent"]
