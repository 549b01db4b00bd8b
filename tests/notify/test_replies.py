"""Replies by plain SMS: read, tied to the right task, answered once."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.db import inbound, messages, outbox, recipients, task_steps, tasks
from kentongan.decision import Action
from kentongan.plan import Plan
from kentongan.sealing import Keys
from kentongan.transactions import writing
from kentongan.types import HazardId
from notify.channels.channel import InboundMessage
from notify.inbox.handling import work
from notify.inbox.store import keep
from notify.life import active_warnings
from notify.replies import words
from notify.replies.grammar import Meaning, read_reply
from notify.replies.handler import Replies
from notify.replies.help import PassOn
from notify.tasks.duty import ensure_synthetic_posts
from notify.tasks.escalation import escalate
from notify.tasks.ids import check_digit
from notify.tasks.store import store_plan
from notify.wording.gsm7 import fits_one_part
from tests.notify.test_tasks import planned

KEYS = Keys((b"k" * 32,))
COORDINATOR, OTHER, DEPUTY = "+9997502", "+9995307", "+999917502"
NUMBER = "48217" + check_digit("48217")


@pytest.mark.parametrize(
    ("text", "meaning", "people"),
    [
        ("YA", Meaning.ACCEPT, None),
        ("Siap, T-{n} laksanakan", Meaning.ACCEPT, None),
        ("oke siap", Meaning.ACCEPT, None),
        ("nggih", Meaning.ACCEPT, None),
        ("iya bisa {n}", Meaning.ACCEPT, None),
        ("TIDAK", Meaning.DECLINE, None),
        ("gak bisa", Meaning.DECLINE, None),
        ("tdk sanggup ke {n}", Meaning.DECLINE, None),
        ("belum bisa", Meaning.DECLINE, None),
        ("otw", Meaning.DEPART, None),
        ("siap berangkat", Meaning.DEPART, None),
        ("sudah di lokasi", Meaning.ARRIVE, None),
        ("SELESAI 118", Meaning.FINISH, 118),
        ("118 selesai {n}", Meaning.FINISH, 118),
        ("Selesia T{n} 1.118 jiwa", Meaning.FINISH, 1118),
        ("selesai, 118 orang, 3 luka", Meaning.FINISH, None),
        ("T{n}SELESAI118", Meaning.FINISH, 118),
        ("BANTUAN", Meaning.HELP, None),
        ("selesai separuh, butuh perahu", Meaning.HELP, None),
        ("{n}", Meaning.NUMBER, None),
        ("ya tidak", Meaning.UNCLEAR, None),
        ("belum sampai", Meaning.UNCLEAR, None),
        ("👍", Meaning.UNCLEAR, None),
        ("", Meaning.UNCLEAR, None),
        ("=cmd|'/c calc'!A0", Meaning.UNCLEAR, None),
    ],
)
def test_what_a_reply_says(text, meaning, people):
    reply = read_reply(text.format(n=NUMBER))
    assert (reply.meaning, reply.people) == (meaning, people)
    assert reply.task_ids == ((f"T{NUMBER}",) if "{n}" in text else ())


def test_numbers_with_gaps_and_numbers_that_are_none():
    assert read_reply(f"YA {NUMBER[:2]} {NUMBER[2:4]} {NUMBER[4:]}").task_ids == (f"T{NUMBER}",)
    wrong = NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10)
    assert read_reply(f"YA T{wrong}").wrong_ids == (wrong,)
    assert read_reply("YA 081234567890").task_ids == ()
    assert read_reply("SELESAI 12500").people == 12500


@given(st.text(max_size=1600))
def test_no_text_breaks_the_reader(text):
    reply = read_reply(text)
    assert reply.people is None or reply.people >= 0


class Loop:
    """A night with tasks, and an inbox."""

    def __init__(self, world, count=1):
        self.world, self.engine = world, world.engine
        self.ref = world.publish(Action.ALERT, world.levels("75", 4), hazard=HazardId.SHAKING).ref
        codes = world.codes("75.02")[:count]
        plan = Plan(tasks=tuple(planned(c, level=4) for c in codes), unmet_people=0)
        self.ids = store_plan(world.engine, self.ref, plan, areas=world.areas, at=world.at)
        ensure_synthetic_posts(world.engine, ["75.02"])
        self.numbers = itertools.count(1)

    def says(self, text, sender=COORDINATOR, minutes=1.0, key=None):
        """One message in, handled; the answer that goes back."""
        at = self.world.at + timedelta(minutes=minutes)
        key = key or f"m-{next(self.numbers)}"
        keep(self.engine, KEYS, InboundMessage("kannel", key, sender, text, at))
        passing = PassOn(self.world.areas)
        work(self.engine, KEYS, [Replies(helped=passing)], at=at)
        newest = max((r["id"] for r in self.world.rows(inbound)), default=0)
        said = [r for r in self.world.rows(messages) if r["message_id"].endswith(f"/{newest}")]
        return said[-1]["text"] if said else None

    def state(self, which=0):
        return next(r for r in self.world.rows(tasks) if r["task_id"] == self.ids[which])


@pytest.fixture
def loop(world):
    return Loop(world)


def test_from_yes_to_118_people(loop):
    assert "Anda terima" in loop.says("siap")
    assert loop.state()["state"] == "accepted"
    assert "Hati-hati" in loop.says("otw", minutes=5)
    assert "di lokasi" in loop.says("tiba", minutes=20)
    assert loop.says("SELESAI 118", minutes=50).endswith("selesai, 118 orang. Terima kasih.")
    row = loop.state()
    assert (row["state"], row["people_done"]) == ("done", 118)
    notes = [r["note"] for r in loop.world.rows(task_steps)]
    assert notes == ["", "siap", "otw", "tiba", "SELESAI 118"]


def test_every_answer_is_one_sms_with_its_mark(world):
    loop = Loop(world, count=3)
    one, two, three = loop.ids
    texts = ["ya", "👍", "YA T999999", "YA T48217", "BANTUAN", one, "ya tidak"]
    for text in (*texts, f"SELESAI {two}", f"TIDAK {three}", f"GAGAL {two}"):
        said = loop.says(text)
        assert said is not None and said.startswith("LATIHAN. ") and fits_one_part(said), text


def test_a_number_that_misses_its_check_digit_is_asked_back(loop):
    wrong = loop.ids[0][:-1] + str((int(loop.ids[0][-1]) + 1) % 10)
    said = loop.says(f"YA {wrong}")
    assert f"Maksud Anda {loop.ids[0]}?" in said and loop.state()["state"] == "sent"


def test_several_open_tasks_are_asked_back(world):
    loop = Loop(world, count=3)
    said = loop.says("YA")
    assert said.startswith("LATIHAN. Tugas yang mana?")
    assert all(task_id in said for task_id in loop.ids)
    loop.says(f"YA {loop.ids[1]}")
    assert [loop.state(n)["state"] for n in range(3)] == ["sent", "accepted", "sent"]
    assert "selesai, 7 orang" in loop.says("SELESAI 7")


def test_two_numbers_are_asked_back(world):
    loop = Loop(world, count=2)
    assert "Tugas yang mana?" in loop.says(f"YA {loop.ids[0]} {loop.ids[1]}")


def test_who_is_not_asked_has_no_say(loop):
    assert "tidak diberikan kepada nomor ini" in loop.says(f"YA {loop.ids[0]}", sender=OTHER)
    assert "tidak diberikan" in loop.says(f"YA {loop.ids[0]}", sender="+999123")
    assert loop.says("YA", sender="+999123") is None
    assert loop.state()["state"] == "sent"


def test_the_same_message_twice_is_one_step_and_one_answer(loop):
    loop.says("YA", key="carrier-7")
    loop.says("YA", key="carrier-7")
    assert len(loop.world.rows(task_steps)) == 2
    assert sum(r["alert_version"].startswith("answer") or "inbound" in r["recipient_id"]
               for r in loop.world.rows(outbox)) == 1  # fmt: skip


def test_a_deputy_accepts_and_the_first_is_told_so(loop):
    loop.says("TIDAK", minutes=1)
    at = loop.world.at + timedelta(minutes=1)
    held = active_warnings(loop.engine, at)
    escalate(loop.engine, held, at=at, areas=loop.world.areas)
    assert "Anda terima" in loop.says("YA", sender=DEPUTY, minutes=2)
    assert loop.state()["assigned_to"] == "o-deputy-75.02"
    late = loop.says(f"YA {loop.ids[0]}", minutes=3)
    assert "sudah diterima orang lain" in late
    assert loop.state()["assigned_to"] == "o-deputy-75.02"


def test_a_post_that_was_told_may_take_the_task_over(loop):
    for minutes in (3, 4, 6, 8, 10):
        at = loop.world.at + timedelta(minutes=minutes)
        escalate(loop.engine, active_warnings(loop.engine, at), at=at, areas=loop.world.areas)
    assert "Anda terima" in loop.says(f"YA {loop.ids[0]}", sender="+999927502", minutes=11)
    assert loop.state()["assigned_to"] == "o-regency-75.02"


def test_help_reaches_the_duty_post(loop):
    loop.says("YA")
    said = loop.says("BANTUAN butuh perahu karet 2", minutes=9)
    assert "diteruskan ke posko" in said
    (passed,) = [r for r in loop.world.rows(messages) if "/help" in r["message_id"]]
    assert "butuh perahu karet 2" in passed["text"] and fits_one_part(passed["text"])
    (row,) = [r for r in loop.world.rows(outbox) if r["message_id"] == passed["message_id"]]
    assert row["recipient_id"] == "o-regency-75.02"
    assert loop.state()["state"] == "accepted"


def test_late_words_change_nothing(loop):
    loop.says("SELESAI 118")
    assert "sudah tercatat selesai" in loop.says(f"TIDAK {loop.ids[0]}", minutes=9)
    assert loop.state()["people_done"] == 118
    assert "120 orang" in loop.says(f"SELESAI {loop.ids[0]} 120", minutes=10)  # counted again
    assert loop.state()["people_done"] == 120


def test_a_long_text_of_a_volunteer_is_left_to_the_reports(loop):
    assert loop.says("air naik cepat di RT 3 dekat jembatan, banyak warga di atap") is None


def test_real_numbers_are_known_by_their_blind_index(loop):
    from kentongan.db import contacts
    from kentongan.sealing import blind

    number = "+6281234567890"
    with writing(loop.engine) as connection:
        connection.execute(
            recipients.update()
            .where(recipients.c.recipient_id == "c-75.02")
            .values(synthetic=False, address="")
        )
        connection.execute(
            contacts.insert().values(
                recipient_id="c-75.02", channel="sms", sealed="x", blind=blind(KEYS, number),
                added_at="2026-09-24T00:00:00Z",
            )
        )  # fmt: skip
    assert loop.says("YA", sender="0812-3456-7890")
    assert loop.state()["state"] == "accepted"


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("373010", "T371010"),  # one digit
        ("731010", "T371010"),  # two neighbours exchanged
        ("37100", "T371010"),  # one left out
        ("480175", None),
    ],
)
def test_a_slip_is_asked_back_with_the_task_of_theirs_that_is_near(wrong, meant):
    said = words.unknown(wrong, ["T218374", "T371010", "T463493"])
    assert said.startswith(f"Nomor tugas {wrong} tidak dikenal.")
    assert (f"Maksud Anda {meant}?" in said) is (meant is not None)
    assert meant is not None or "Maksud" not in said
