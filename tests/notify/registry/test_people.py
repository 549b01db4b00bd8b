"""Who is registered, by what right; leaving for good; nothing readable in the tables."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text, update

from kentongan import audit
from kentongan.db import audit as audit_table
from kentongan.db import consents, contacts, duty_posts, inbound, opt_outs, outbox, recipients
from kentongan.errors import DataError, RuleViolation, SettingsError
from kentongan.sealing import Keys, blind, seal
from kentongan.transactions import writing
from notify.firewall.answers import sealed_for
from notify.registry import leaving, office
from notify.registry.addresses import addresses_of
from notify.registry.people import Outcome, Person, Role, Via, prepare
from notify.tasks.duty import appoint
from tests.notify.registry.conftest import AT, AWAY, HOME, NUMBER, TEXT
from tests.peers.postgres import BOTH


def addresses(engine, keys, *ids, channel="sms"):
    with engine.connect() as connection:
        return addresses_of(connection, keys, ids, channel)


@BOTH
def test_a_person_is_reached_by_the_id_and_stands_nowhere_readable(engine, keys, put):
    done = put()
    assert done.outcome is Outcome.ADDED
    assert addresses(engine, keys, done.recipient_id, "nobody") == {done.recipient_id: NUMBER}
    assert addresses(engine, keys, done.recipient_id, channel="webpush") == {}
    assert addresses(engine, keys) == {}
    with engine.connect() as connection:
        dump = [
            str(row)
            for table in ("recipients", "contacts", "consents", "audit")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    assert not any("81234567890" in row for row in dump)


@BOTH
def test_the_same_number_is_the_same_person(engine, put, count):
    first = put()
    assert put().outcome is Outcome.KNOWN
    moved = put(area=AWAY)
    assert (moved.recipient_id, moved.outcome) == (first.recipient_id, Outcome.CHANGED)
    assert count(recipients) == count(contacts) == 1 and count(consents) == 2
    with engine.connect() as connection:
        assert connection.execute(select(recipients.c.adm4_code)).scalar() == AWAY


def test_a_list_changes_nothing_that_a_person_said(put):
    put(via=Via.SMS)
    assert put(area=AWAY, via=Via.IMPORT).outcome is Outcome.OWN_CHOICE
    assert put(via=Via.IMPORT, text_version="warga-en-2026-11").outcome is Outcome.KNOWN
    assert put(area=AWAY, via=Via.SMS).outcome is Outcome.CHANGED


def test_a_number_has_one_role(put):
    put(role=Role.COORDINATOR, recipient_id="K-7", text_version="SK-1")
    assert put(via=Via.SMS).outcome is Outcome.OTHER_ROLE
    taken = put("+6281234567891", role=Role.COORDINATOR, recipient_id="K-7", text_version="SK-1")
    assert taken.outcome is Outcome.ID_TAKEN


@BOTH
def test_a_real_coordinator_takes_the_place_of_a_made_up_one(engine, keys, put, count):
    made_up = {"recipient_id": "K-7", "role": "coordinator", "adm4_code": HOME,
               "address": "+9991", "synthetic": True}  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(recipients), made_up)
    assert addresses(engine, keys, "K-7") == {"K-7": "+9991"}
    put(role=Role.COORDINATOR, recipient_id="K-7", text_version="SK-1")
    assert addresses(engine, keys, "K-7") == {"K-7": NUMBER} and count(recipients) == 1


@BOTH
def test_who_stopped_comes_back_by_their_own_word_alone(engine, keys, put):
    done = put()
    with writing(engine) as connection:
        leaving.stop(connection, keys, NUMBER, via=Via.SMS, at=AT, actor="recipient")
    assert addresses(engine, keys, done.recipient_id) == {}
    assert put().outcome is Outcome.OPTED_OUT
    assert put(via=Via.IMPORT).outcome is Outcome.OPTED_OUT
    assert put(via=Via.SMS).outcome is Outcome.RETURNED
    assert addresses(engine, keys, done.recipient_id) == {done.recipient_id: NUMBER}
    assert put(area=AWAY, via=Via.SMS).outcome is Outcome.CHANGED


def test_a_number_that_nobody_registered_can_stop_too(engine, keys, put):
    with writing(engine) as connection:
        assert leaving.stop(connection, keys, NUMBER, via=Via.SMS, at=AT, actor="x") is None
    assert put(via=Via.IMPORT).outcome is Outcome.OPTED_OUT


def test_a_person_by_duty_does_not_stop_by_sms(engine, keys, put):
    put(role=Role.OFFICIAL, text_version="SK-1")
    with pytest.raises(RuleViolation, match="by duty"), writing(engine) as connection:
        leaving.stop(connection, keys, NUMBER, via=Via.SMS, at=AT, actor="recipient")
    assert office.stop(engine, keys, NUMBER, at=AT, actor="ani") == "62812****890"


def received(engine, keys, provider_key="m-1", state="done"):
    row = {"route": "gw", "provider_key": provider_key, "text": "banjir di rumah saya",
           "sender_sealed": seal(keys, NUMBER, owner=sealed_for("gw", provider_key)),
           "sender_blind": blind(keys, NUMBER), "received_at": "2026-11-22T08:00:00.000000Z",
           "state": state, "kind": "report"}  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(inbound), row)


@BOTH
def test_everything_of_a_person_is_handed_out_and_then_destroyed(engine, keys, put, count):
    done = put()
    received(engine, keys)
    row = {"alert_version": "w/1", "recipient_id": done.recipient_id, "channel": "sms", "part": 0,
           "message_id": "m", "route": "recorder", "state": 4, "attempts": 1, "prio": 1,
           "created_at": "x", "due": "x", "not_after": "x", "area_code": ""}  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(outbox), row)
    told = office.export(engine, keys, done.recipient_id, at=AT, actor="ani")
    assert told["contacts"][0]["address"] == NUMBER
    assert told["consents"][0]["text_version"] == TEXT
    assert told["received"][0]["text"] == "banjir di rumah saya"
    assert [m["message_id"] for m in told["messages"]] == ["m"]
    json.dumps(told)

    office.erase(engine, done.recipient_id, at=AT, actor="ani", why="asked by letter")
    assert count(recipients) == count(contacts) == 0 and count(opt_outs) == 1
    with engine.connect() as connection:
        assert connection.execute(select(inbound.c.text, inbound.c.sender_sealed)).one() == ("", "")
        said = connection.execute(select(consents.c.act).order_by(consents.c.id)).scalars().all()
        kept = connection.execute(select(audit_table.c.action, audit_table.c.body)).all()
        assert audit.first_broken(connection) is None
    assert said == ["given", "withdrawn"]
    assert [row.action for row in kept] == ["recipient.export", "recipient.erase"]
    assert not any("81234567890" in row.body for row in kept)
    assert put(via=Via.IMPORT).outcome is Outcome.OPTED_OUT
    assert put(via=Via.SMS).outcome is Outcome.RETURNED
    with pytest.raises(RuleViolation, match="none of that id"):
        office.erase(engine, done.recipient_id, at=AT, actor="ani", why="again")


def test_a_contact_that_was_moved_or_changed_reaches_nobody(engine, keys, put, caplog):
    one, two = put(), put("+6281234567891")
    with writing(engine) as connection:
        sealed = connection.execute(
            select(contacts.c.sealed).where(contacts.c.recipient_id == one.recipient_id)
        ).scalar_one()
        connection.execute(
            update(contacts)
            .where(contacts.c.recipient_id == two.recipient_id)
            .values(sealed=sealed)
        )
    found = addresses(engine, keys, one.recipient_id, two.recipient_id)
    assert found == {one.recipient_id: NUMBER}
    assert two.recipient_id in caplog.text and "81234567890" not in caplog.text
    assert addresses(engine, keys, two.recipient_id) == {}


def test_another_index_key_lets_nobody_in_or_out(engine, keys):
    office.register(engine, keys, Person(NUMBER, HOME), at=AT, actor="ani")
    other = Keys((bytes(32),))
    with pytest.raises(SettingsError, match="last line"):
        office.register(engine, other, Person("+6281234567891", HOME), at=AT, actor="ani")
    with pytest.raises(SettingsError, match="last line"):
        office.stop(engine, other, NUMBER, at=AT, actor="ani")
    turned = Keys((bytes(32), *keys.secrets))
    assert office.stop(engine, turned, NUMBER, at=AT, actor="ani") == "62812****890"


def test_a_lost_key_stops_sending_instead_of_dropping_people(engine, put):
    done = put()
    with pytest.raises(SettingsError, match="not in the secrets key file"):
        addresses(engine, Keys((bytes(32),)), done.recipient_id)


@pytest.mark.parametrize(
    ("person", "told"),
    [
        (Person(NUMBER, "32.04.12"), "code of a village"),
        (Person(NUMBER, ""), "dotted Kemendagri code"),
        (Person(NUMBER, HOME, language="Bahasa"), "language"),
        (Person(NUMBER, HOME, recipient_id="../../x"), "id"),
    ],
)
def test_a_person_without_area_or_language_is_refused(keys, person, told):
    with pytest.raises((RuleViolation, DataError), match=told):
        prepare(keys, person)


def test_an_official_who_is_erased_holds_no_post_any_more(engine, keys, put, count):
    done = put(role=Role.COORDINATOR, recipient_id="K-7", text_version="SK-1")
    with writing(engine) as connection:
        appoint(connection, "K-7", "deputy", HOME)
    assert office.export(engine, keys, "K-7", at=AT, actor="ani")["posts"][0]["role"] == "deputy"
    office.erase(engine, done.recipient_id, at=AT, actor="ani", why="left")
    assert count(duty_posts) == 0


@BOTH
def test_a_list_shows_masks_and_no_made_up_people(engine, keys, put):
    put()
    put("+6281234567891", role=Role.OFFICIAL, text_version="SK-1", area=AWAY)
    with writing(engine) as connection:
        made_up = {"recipient_id": "r-1", "role": "resident", "adm4_code": HOME, "synthetic": True}
        connection.execute(insert(recipients), made_up)
    shown = office.listed(engine, keys, limit=10)
    assert [one.number for one in shown] == ["62812****891", "62812****890"]
    assert len(office.listed(engine, keys, area="32.04", limit=10)) == 2
    assert office.listed(engine, keys, area="3", limit=10) == []
    assert len(office.listed(engine, keys, role=Role.OFFICIAL, limit=10)) == 1
    assert office.whose(engine, keys, "0812-3456-7890").adm4_code == HOME
    with pytest.raises(RuleViolation, match=r"62812\*\*\*\*899"):
        office.whose(engine, keys, "+6281234567899")


def test_an_operator_is_told_why_somebody_is_not_taken(engine, keys, put):
    with writing(engine) as connection:
        leaving.stop(connection, keys, NUMBER, via=Via.SMS, at=AT, actor="recipient")
    with pytest.raises(RuleViolation, match=r"62812\*\*\*\*890: opted out"):
        office.register(engine, keys, Person(NUMBER, HOME), at=AT, actor="ani")
    assert office.stopped_since(engine, keys, NUMBER) == "2026-11-22T09:00:00Z"
    later = AT + timedelta(days=1)
    fine = office.register(engine, keys, Person("+6281234567891", HOME), at=later, actor="ani")
    assert fine.outcome is Outcome.ADDED
