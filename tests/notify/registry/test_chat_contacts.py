"""Chats in the registry: of people by duty alone, one person each, sealed, gone when they go."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from kentongan.db import audit, contacts, inbound
from kentongan.errors import RuleViolation
from kentongan.transactions import writing
from notify.channels.channel import InboundMessage
from notify.inbox.store import keep
from notify.registry import chat, leaving
from notify.registry.addresses import addresses_of
from tests.notify.registry.conftest import AT, NUMBER, Role

CHAT, OTHER = "telegram:123456789", "telegram:987654321"


@pytest.fixture
def coordinator(put):
    done = put(NUMBER, role=Role.COORDINATOR, text_version="", recipient_id="KO-32.04-1")
    return done.recipient_id


@pytest.fixture
def join(engine, keys):
    def join(who, channel="telegram", address=CHAT):
        chat.join(engine, keys, who, channel, address, at=AT, actor="desk")

    return join


def test_a_chat_is_sealed_found_and_replaced(engine, keys, coordinator, join):
    join(coordinator)
    join(coordinator, "whatsapp", NUMBER)
    join(coordinator, address=OTHER)
    with engine.connect() as connection:
        assert chat.chats_of(connection, coordinator) == ["telegram", "whatsapp"]
        found = addresses_of(connection, keys, [coordinator], "telegram")
        rows = str(connection.execute(select(contacts)).all())
        told = str(connection.execute(select(audit.c.body)).all())
    assert found == {coordinator: OTHER}
    assert "123456789" not in rows + told and "987654321" not in rows + told
    assert chat.leave(engine, coordinator, "telegram", at=AT, actor="desk")
    assert not chat.leave(engine, coordinator, "telegram", at=AT, actor="desk")


def test_residents_strangers_and_those_who_stopped_have_none(engine, keys, put, coordinator, join):
    resident = put("+6281234567899").recipient_id
    for who in (resident, "nobody"):
        with pytest.raises(RuleViolation, match="by duty"):
            join(who)
    second = put("+6281234567898", role=Role.COORDINATOR, text_version="",
                 recipient_id="KO-32.04-2").recipient_id  # fmt: skip
    join(coordinator)
    with pytest.raises(RuleViolation, match="registered for KO-32"):
        join(second)


def test_erasing_somebody_takes_chat_and_words(engine, keys, coordinator, join):
    join(coordinator)
    keep(engine, keys, InboundMessage("tg", "update-1", CHAT, "YA", AT, medium="telegram"))
    with engine.begin() as connection:
        connection.execute(inbound.update().values(state="done"))
    with writing(engine) as connection:
        leaving.erase(connection, coordinator, at=AT, actor="desk", why="left")
    with engine.connect() as connection:
        assert connection.execute(select(contacts)).all() == []
        row = connection.execute(select(inbound)).one()
    assert (row.text, row.sender_sealed) == ("", "")


def test_the_address_of_whoever_wrote(engine, keys, coordinator):
    first = keep(engine, keys, InboundMessage("tg", "u-1", CHAT, "halo", AT, medium="telegram"))
    second = keep(engine, keys, InboundMessage("wa", "w-1", NUMBER, "halo", AT))
    third = keep(engine, keys, InboundMessage("sms", "s-1", CHAT, "halo", AT))
    with engine.connect() as connection:
        assert chat.address_of_message(connection, keys, first) == ("telegram", CHAT)
        assert chat.address_of_message(connection, keys, second) == ("whatsapp", NUMBER)
        for wrong in (third, 99):
            with pytest.raises(RuleViolation):
                chat.address_of_message(connection, keys, wrong)


@pytest.mark.parametrize(
    ("channel", "text"), [("whatsapp", "x"), ("whatsapp", ""), ("telegram", "-100"), ("sms", "1")]
)
def test_what_is_no_address(channel, text):
    with pytest.raises(RuleViolation):
        chat.chat_address(channel, text)


def test_whatsapp_is_known_by_its_number():
    assert chat.chat_address("whatsapp", "0812-3456-7890") == NUMBER
