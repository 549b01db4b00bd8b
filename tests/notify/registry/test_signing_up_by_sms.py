"""DAFTAR, BERHENTI, INFO: forgiving of spelling, sure of the village, short in answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from kentongan.db import contacts, inbound, limits, opt_outs, recipients, sign_ups
from kentongan.transactions import writing
from notify.channels.channel import InboundMessage
from notify.firewall.answers import refusal
from notify.firewall.marks import mark
from notify.inbox.handling import work
from notify.inbox.registry import RegistryCommands
from notify.inbox.store import keep
from notify.registry import replies, waiting
from notify.registry.commands import Command, handle, parsed
from notify.registry.people import Role
from notify.registry.places import Found, Place, Places
from notify.registry.policy import registry_policy
from notify.wording.gsm7 import fits_one_part
from tests.notify.registry.conftest import AT, AWAY, HOME, NUMBER, TEXT
from tests.peers.postgres import BOTH


@pytest.fixture
def send(engine, keys, places):
    """An SMS; a quarter of an hour passes after each."""
    clock = [AT]

    def send(text, sender="081234567890", minutes=15):
        answer = handle(engine, keys, sender, text, clock[0], places)
        clock[0] += timedelta(minutes=minutes)
        return answer

    return send


def areas(engine):
    with engine.connect() as connection:
        return connection.execute(select(recipients.c.adm4_code, recipients.c.active)).all()


@pytest.mark.parametrize(
    "text",
    [
        "DAFTAR 32.04.12.2006", "daftar 3204122006", "Daftar: Citeureup Dayeuhkolot",
        "DAFTAR 40257", "daftar 40258 citeurep", "DAPTAR citerep, kec. dayeuh kolot",
        "daftr Desa Citeureup Kec Dayeuhkolot Kab Bandung", "Dayeuhkolot", "tolong daftar 40257",
        "reg CITEUREUP   DAYEUHKOLOT  BANDUNG", "daftar dayeuhkolot citeureup",
    ],
)  # fmt: skip
def test_a_village_is_found_however_it_is_written(send, engine, text):
    answer = send(text)
    if text == "Dayeuhkolot":
        assert answer is None
        return
    assert answer.command is Command.JOIN and "Citeureup, Kec.Dayeuhkolot" in answer.text
    assert areas(engine) == [(HOME, True)]


@BOTH
def test_an_open_question_is_answered_by_a_digit(send, engine, count):
    asked = send("DAFTAR citeureup")
    assert asked.text.startswith("Desa mana? Balas DAFTAR 1, 2 atau 3: 1 Citeureup")
    assert fits_one_part(asked.text) and areas(engine) == []
    assert "Kec.Dayeuhkolot" in send("2").text
    assert areas(engine) == [(HOME, True)] and count(sign_ups) == 0
    assert send("2") is None


def test_an_answer_to_no_question_is_left_to_others(send):
    assert send("1") is None
    send("DAFTAR citeureup", minutes=61)
    assert send("1") is None


def test_too_many_villages_ask_for_the_district(send, engine):
    assert send("DAFTAR sukamaju").text.startswith("Ada 4 desa bernama")
    assert "Kode pos 40258 punya 4 desa" in send("DAFTAR 40258").text
    assert areas(engine) == []


def test_a_district_alone_is_no_village(send, engine):
    assert "Desa mana?" in send("daftar kec dayeuhkolot").text and areas(engine) == []


@pytest.mark.parametrize(
    "text",
    ["DAFTAR", "DAFTAR xyzzy", "DAFTAR 99.99.99.9999", "DAFTAR 99999", "DAFTAR 9", "DAFTAR ?"],
)
def test_who_is_not_understood_is_told_how(send, engine, text):
    answer = send(text)
    assert "DAFTAR <desa> <kecamatan>" in answer.text and areas(engine) == []


def test_twice_is_once_and_a_move_is_a_move(send, engine, count):
    first = send("DAFTAR 40257")
    assert first.text.startswith("Terdaftar untuk peringatan bencana: Citeureup")
    assert send("DAFTAR 40257").text.startswith("Anda sudah terdaftar")
    assert send("daftar menteng").text.startswith("Desa Anda diubah menjadi Menteng")
    assert count(recipients) == count(contacts) == 1


@BOTH
def test_stop_is_obeyed_beyond_every_limit_and_undone_by_the_person(send, engine, count):
    send("DAFTAR 40257", minutes=0)
    answers = [send("info", minutes=0).text for _ in range(8)]
    assert answers[-1] == "" and answers[0].startswith("Nomor ini terdaftar untuk Citeureup")
    assert send("BERHENTI", minutes=120).text == "" and areas(engine) == [(HOME, False)]
    assert count(opt_outs) == 1
    assert "belum terdaftar" in send("INFO").text
    assert send("DAFTAR 40257").text.startswith("Terdaftar kembali")
    assert areas(engine) == [(HOME, True)] and count(opt_outs) == 0


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("STOP", Command.LEAVE), ("stop.", Command.LEAVE), ("Berhenti!", Command.LEAVE),
        ("brhenti", Command.LEAVE), ("mohon berhenti", Command.LEAVE), ("UNREG", Command.LEAVE),
        ("berhenti jangan kirim sms lagi ke saya", Command.LEAVE),
        ("Berhenti di jembatan, ada longsor di depan", None), ("Banjir tidak berhenti", None),
        ("Longsor di desa Sukamaju", None), ("LAPOR banjir", None), ("SELESAI T4821", None),
        ("YA T4821", None), ("info", Command.STATE), ("Info banjir di jalan raya", None),
        ("", None), ("\x00\x00", None),
    ],
)  # fmt: skip
def test_what_is_meant_for_the_registry(text, command):
    assert parsed(text)[0] is command


def test_services_and_strangers_from_abroad_get_nothing(send, engine):
    assert send("STOP", sender="TELKOMSEL") is None and send("DAFTAR 40257", sender="14045") is None
    assert send("DAFTAR 40257", sender="+6591234567").text == "" and areas(engine) == []


def test_a_person_by_duty_is_sent_to_their_office(send, put, engine):
    put(role=Role.COORDINATOR, recipient_id="K-7", text_version="SK-1")
    for text in ("BERHENTI", "DAFTAR menteng", "INFO"):
        assert "petugas" in send(text).text
    assert areas(engine) == [(HOME, True)]


@BOTH
def test_the_phone_confirms_a_sign_up_of_the_web_and_no_other_phone_does(send, engine, keys):
    from notify.registry.addresses import blind_address

    def wait(number):
        with writing(engine) as connection:
            return waiting.keep(
                connection, keys, number, blind_address(keys, number), adm4_code=AWAY,
                language="jv", text_version=TEXT, at=AT, days=7,
            )  # fmt: skip

    strangers, own = wait(NUMBER), wait(NUMBER)
    assert "Kode tidak cocok" in send(f"DAFTAR {own}", sender="081234567891").text
    assert "Terdaftar untuk" in send(f"DAFTAR {own[:3]} {own[3:]}").text
    assert "Kode tidak cocok" in send(f"DAFTAR {strangers}").text
    with engine.connect() as connection:
        assert connection.execute(select(recipients.c.adm4_code, recipients.c.language)).all() == [
            (AWAY, "jv")
        ]


def test_counts_are_kept_of_hashes_alone(send, engine):
    send("INFO")
    with engine.connect() as connection:
        rows = connection.execute(select(limits)).all()
    assert rows and all("812" not in row.who or len(row.who) == 64 for row in rows)
    assert {len(row.who) for row in rows} == {64}


def test_through_the_inbox_each_message_is_handled_once(engine, keys, places):
    message = InboundMessage("gw", "m-1", "0812-3456-7890", "DAFTAR 40257", AT)
    assert keep(engine, keys, message) and keep(engine, keys, message) is None
    done = work(engine, keys, [RegistryCommands(keys, lambda: places)], at=AT)
    assert dict(done) == {"registry": 1} and areas(engine) == [(HOME, True)]
    with engine.connect() as connection:
        assert connection.execute(select(inbound.c.state, inbound.c.kind)).one() == (
            "done", "registry",
        )  # fmt: skip


FIXED = [replies.HOW_TO, replies.NOT_FOUND, replies.STOPPED, replies.NOT_REGISTERED,
         replies.BY_DUTY, replies.WRONG_CODE, replies.registered_for(None)]  # fmt: skip


@pytest.mark.parametrize("text", FIXED)
def test_fixed_answers_fit_behind_the_mark_of_an_exercise(text):
    for status in ("Actual", "Exercise", "Test"):
        assert refusal(mark(text, status)) == ""


NAMES = st.text("abcdeéñ' -Xyz", min_size=1, max_size=70)


@given(st.builds(Place, st.just(HOME), NAMES, st.just("Desa"), NAMES, NAMES, NAMES),
       st.integers(1, 5), st.sampled_from(["", "40257"]), st.booleans())  # fmt: skip
def test_no_name_is_too_long_for_an_answer(place, near, postal, district):
    found = Found((place,) * near, sure=False, postal=postal, near=near,
                  district=place.district if district else "")  # fmt: skip
    texts = [replies.question(found)[1], replies.registered_for(place)]
    texts += [replies.registered(place, outcome) for outcome in replies._FIRST_WORDS]
    for text in texts:
        assert refusal(mark(text, "Exercise")) == "", text


@given(st.text(max_size=300))
def test_any_text_is_searched_without_harm(text):
    places = Places((Place(HOME, "Citeureup", "Desa", "Dayeuhkolot", "Kota X", "Y"),), {})
    found = places.find(text)
    assert len(found.places) <= 1 and found.near <= len(found.places)


def test_answers_to_one_number_are_limited_by_the_day_too(send):
    rules = registry_policy().sms
    answered = [bool(send("INFO", minutes=60).text) for _ in range(rules.answers_per_day + 2)]
    assert answered.count(True) == rules.answers_per_day
