"""The rung `next-channel` takes the chat that somebody has, and their word from there counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from kentongan.db import contacts, inbound, messages, outbox, recipients, tasks
from kentongan.sealing import Keys
from notify.channels.channel import InboundMessage
from notify.inbox.handling import work
from notify.inbox.store import keep
from notify.life import active_warnings
from notify.registry.addresses import blind_address, seal_address
from notify.replies.handler import Replies
from notify.tasks.escalation import escalate
from tests.notify.test_escalation import night  # noqa: F401 fixture

KEYS = Keys((b"k" * 32,))
PERSON, CHAT, NUMBER = "c-75.02", "telegram:123456789", "+6281234567890"


def give(engine, channel, address):
    row = {
        "recipient_id": PERSON, "channel": channel, "added_at": "2026-11-22T08:00:00Z",
        "sealed": seal_address(KEYS, PERSON, channel, address),
        "blind": blind_address(KEYS, address),
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(contacts).values(**row))


def rows_of(engine, channel):
    with engine.connect() as connection:
        query = select(outbox, messages.c.text, messages.c.payload).join(
            messages, messages.c.message_id == outbox.c.message_id
        )
        mine = (outbox.c.channel == channel) & (messages.c.purpose == "task")
        return connection.execute(query.where(mine)).mappings().all()


@pytest.mark.parametrize("channels", [("telegram",), ("whatsapp",), ("telegram", "whatsapp")])
def test_the_next_channel_is_the_chat_that_they_have(night, channels):  # noqa: F811
    for channel in channels:
        give(night.engine, channel, CHAT if channel == "telegram" else NUMBER)
    night.later(3)
    assert night.later(4) == [("next-channel", PERSON)]
    best = "whatsapp" if "whatsapp" in channels else "telegram"
    [row] = rows_of(night.engine, best)
    assert "BELUM DIJAWAB" in row["text"] and night.ids[0] in row["text"]
    assert row["payload"] is None and row["recipient_id"] == PERSON
    assert row["route"] == "recorder"  # an exercise reaches nobody
    assert rows_of(night.engine, "push") == []


def test_a_chat_without_a_route_is_passed_by(night):  # noqa: F811
    give(night.engine, "telegram", CHAT)
    night.later(3)
    at = night.world.at + timedelta(minutes=4)
    held = active_warnings(night.engine, at)
    [one] = escalate(night.engine, held, at=at, areas=night.world.areas, chats=("whatsapp",))
    assert (one.to_id, one.channel) == (PERSON, "push")
    assert len(rows_of(night.engine, "push")) == 1 and rows_of(night.engine, "telegram") == []


def test_without_chat_and_push_nobody_is_reached(night):  # noqa: F811
    with night.engine.begin() as connection:
        connection.execute(
            update(recipients).where(recipients.c.recipient_id == PERSON).values(by_push=False)
        )
    night.later(3)
    assert night.later(4) == [("next-channel", "")]


def answer_by_chat(engine, at, text, *, sender=CHAT, medium="telegram", key="u-1"):
    keep(engine, KEYS, InboundMessage("tg", key, sender, text, at, medium=medium))
    work(engine, KEYS, (Replies(),), at=at)
    with engine.connect() as connection:
        return connection.execute(select(tasks.c.state)).scalars().first()


def test_yes_by_telegram_accepts_and_is_answered_there(night):  # noqa: F811
    with night.engine.begin() as connection:
        connection.execute(
            update(recipients).where(recipients.c.recipient_id == PERSON)
            .values(synthetic=False, address="")
        )  # fmt: skip
    give(night.engine, "telegram", CHAT)
    at = night.world.at + timedelta(minutes=5)
    assert answer_by_chat(night.engine, at, f"YA {night.ids[0]}") == "accepted"
    with night.engine.connect() as connection:
        query = select(outbox).where(outbox.c.alert_version.startswith("answer/"))
        [row] = connection.execute(query).all()
    assert (row.channel, row.route) == ("telegram", "recorder")
    answer_by_chat(night.engine, at, f"YA {night.ids[0]}")  # the same call of the service again
    with night.engine.connect() as connection:
        assert len(connection.execute(select(inbound)).all()) == 1


@pytest.mark.parametrize(
    ("sender", "medium"),
    [("telegram:5", "telegram"), (CHAT, "sms"), ("123456789", "sms"), ("+123456789", "sms")],
)
def test_nobody_else_accepts_for_them(night, sender, medium):  # noqa: F811
    give(night.engine, "telegram", CHAT)
    at = night.world.at + timedelta(minutes=5)
    said = f"YA {night.ids[0]}"
    assert answer_by_chat(night.engine, at, said, sender=sender, medium=medium) == "sent"
