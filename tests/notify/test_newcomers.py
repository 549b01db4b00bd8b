"""Who comes to a village while a warning holds there is told it, once, and nobody else twice."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from kentongan.db import contacts, outbox, recipients, segments
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.registry.leaving import erase, stop
from notify.registry.people import Person, Via, enrol, prepare
from notify.sending.filling import fill
from tests.crash.homes import VILLAGES, Home, now, phone

NEW = "+6281399990001"
LAST = VILLAGES[9]


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home")
    yield made
    made.close()


def sign_up(home, number, village, language="id"):
    """By SMS: the person's own word."""
    person = Person(number, village, text_version="sms-2026-11", language=language)
    with writing(home.engine) as connection:
        ready = [prepare(home.keys, person)]
        [done] = enrol(connection, ready, via=Via.SMS, at=now())
    return done.recipient_id


def told(home, at=None):
    """Person -> messages, with every row made."""
    while fill(home.engine, at=at or now(), limit=10_000):
        pass
    with home.engine.connect() as connection:
        rows = connection.execute(select(outbox.c.recipient_id, outbox.c.route)).all()
    assert {row.route for row in rows} <= {"sms"}, "to real people of a real home"
    return Counter(row.recipient_id for row in rows)


def test_somebody_who_signs_up_during_a_warning_is_told_once(home):
    home.register(40)
    home.warn()
    assert set(told(home).values()) == {1}
    someone = sign_up(home, NEW, VILLAGES[3])
    assert told(home)[someone] == 1
    sign_up(home, NEW, VILLAGES[3])
    found = told(home)
    assert len(found) == 41 and set(found.values()) == {1}


def test_on_postgresql_beside_a_dispatcher_that_makes_rows(postgres, tmp_path):
    """Sign-ups in the same villages, from two sides, while rows are made: nobody is passed by."""
    made = Home(tmp_path / "home", postgres.url(postgres._create()))
    made.register(300)
    made.warn()
    over = threading.Event()

    def make_rows():
        while not over.is_set():
            fill(made.engine, at=now(), limit=7)

    def join(first):
        for n in range(first, first + 15):
            sign_up(made, f"+62813999{n:05d}", VILLAGES[n % 10])

    sender = threading.Thread(target=make_rows)
    sides = [threading.Thread(target=join, args=(first,)) for first in (0, 100)]
    for one in (sender, *sides):
        one.start()
    for one in sides:
        one.join()
    over.set()
    sender.join()
    found = told(made)
    assert len(found) == 330 and set(found.values()) == {1}
    made.close()


def test_as_many_come_as_go(home):
    home.register(20)
    home.warn()
    told(home)
    with writing(home.engine) as connection:
        stop(
            connection, home.keys, f"+{phone('p-000003')}", via=Via.SMS, at=now(), actor="recipient"
        )
    someone = sign_up(home, NEW, VILLAGES[3])
    assert told(home)[someone] == 1


def test_a_village_where_nobody_was_registered_at_the_release(home):
    home.register(9)
    home.warn()
    with home.engine.connect() as connection:
        known = connection.execute(select(segments.c.adm4_code)).scalars().all()
    assert LAST not in known
    someone = sign_up(home, NEW, LAST)
    assert told(home)[someone] == 1


def test_who_moves_behind_the_cursor_of_the_new_village(home):
    """From a village whose turn has not come to one whose turn is past their id."""
    home.register(3000)
    home.warn()
    with writing(home.engine) as connection:  # as if the segments had been cut in their middle
        connection.execute(delete(outbox))
        connection.execute(update(segments).values(state=0, cursor="", rows=0))
        connection.execute(
            update(segments).where(segments.c.adm4_code == VILLAGES[1]).values(cursor="p-002001")
        )
    sign_up(home, f"+{phone('p-000000')}", VILLAGES[1])
    found = told(home)
    assert len(found) == 3000 and set(found.values()) == {1}


def test_who_comes_back_after_a_stop_is_told_what_holds(home):
    home.register(10)
    with writing(home.engine) as connection:
        stop(
            connection, home.keys, f"+{phone('p-000003')}", via=Via.SMS, at=now(), actor="recipient"
        )
    home.warn()
    assert "p-000003" not in told(home)
    assert sign_up(home, f"+{phone('p-000003')}", VILLAGES[3]) == "p-000003"
    assert told(home)["p-000003"] == 1


def test_nobody_is_told_of_what_ended_or_is_past(home):
    home.register(10)
    ref = home.warn()
    told(home)
    home.cancel(ref)
    before = told(home)
    someone = sign_up(home, NEW, VILLAGES[3])
    assert told(home) == before and someone not in before


def test_nobody_elsewhere_is_told(home):
    home.register(10)
    home.warn(codes=VILLAGES[:5])
    before = told(home)
    sign_up(home, NEW, LAST)
    assert told(home) == before


def test_of_a_warning_that_grew_the_words_that_were_said_there_last(home):
    from kentongan.decision import Action

    home.register(10)
    home.warn(level=3, codes=VILLAGES[:5])
    second = home.warn(level=4, codes=VILLAGES[:3], action=Action.UPDATE)
    told(home)
    someone = sign_up(home, NEW, VILLAGES[1])
    told(home)
    with home.engine.connect() as connection:
        query = select(outbox.c.alert_version).where(outbox.c.recipient_id == someone)
        assert connection.execute(query).scalars().all() == [second.identifier]


def test_erased_or_without_contact_while_their_row_waits(home):
    home.register(10)
    home.warn()
    with writing(home.engine) as connection:
        erase(connection, "p-000001", at=now(), actor="siti", why="asked")
        connection.execute(delete(contacts).where(contacts.c.recipient_id == "p-000002"))
        connection.execute(
            update(recipients).where(recipients.c.recipient_id == "p-000003").values(active=False)
        )
    from notify.firewall.inspection import Origins, inspect
    from notify.registry.addresses import SMS, addresses_of

    with writing(home.engine) as connection:
        connection.execute(update(outbox).values(state=int(OutboxState.LEASED), route="operator"))
        ids = list(connection.execute(select(outbox.c.id)).scalars())
    found = inspect(
        home.engine, "operator", ids, Origins(),
        book=lambda connection, people, _: addresses_of(connection, home.keys, people, SMS),
    )  # fmt: skip
    assert len(found.passed) == 7 and not found.breaches
    assert sorted(map(len, found.stopped.values())) == [1, 1, 1]


def test_past_its_end_nobody_is_told(home):
    home.register(10)
    home.warn(hours=0.5, at=now() - timedelta(minutes=5))
    before = told(home)
    person = Person(NEW, VILLAGES[3], text_version="sms-2026-11")
    later = now() + timedelta(hours=1)
    with writing(home.engine) as connection:
        enrol(connection, [prepare(home.keys, person)], via=Via.SMS, at=later)
    assert told(home, later) == before
