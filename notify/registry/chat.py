"""Chats of people by duty: on which a task reaches them beside SMS, and from which they answer.

The operator says whose chat it is: after the person wrote to us from it (`from_message`), or by its
number. An address belongs to one person.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select

from kentongan import audit
from kentongan.db import contacts, inbound
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.times import iso
from kentongan.transactions import writing
from notify.channels.chat.addresses import CHATS, TELEGRAM, WHATSAPP, is_telegram, telegram_address
from notify.inbox.store import open_sender
from notify.registry import leaving
from notify.registry.addresses import blind_address, require_index, seal_address
from notify.registry.numbers import Refused, mobile_number
from notify.registry.people import Role

ACTION = "recipient.chat"


def chat_address(channel: str, text: str) -> str:
    """An address of a chat in its one spelling.

    Raises:
        RuleViolation: none of this channel; a number is named by its mask alone.
    """
    if channel == TELEGRAM:
        return telegram_address(text.strip())
    if channel != WHATSAPP:
        raise RuleViolation(f"chat {channel!r}: expected one of {', '.join(CHATS)}")
    found = mobile_number(text, foreign=True)
    if isinstance(found, Refused):
        raise RuleViolation(f"number {found.line}")
    return found


def join(
    engine: Engine,
    keys: Keys,
    recipient_id: str,
    channel: str,
    address: str,
    *,
    at: datetime,
    actor: str,
) -> None:
    """Register a chat of somebody, instead of the one that they had on this channel.

    Args:
        address: from `chat_address` or `address_of_message`.

    Raises:
        RuleViolation: nobody of that id, a resident, one who stopped, or somebody else's chat.
    """
    with writing(engine) as connection:
        require_index(connection, keys)
        found = leaving.by_id(connection, recipient_id)
        if found is None or found.role not in (Role.COORDINATOR, Role.OFFICIAL):
            raise RuleViolation(
                f"recipient {recipient_id}: expected somebody by duty; chats are for people of "
                "Tagana and officials alone"
            )
        if not found.active:
            raise RuleViolation(f"recipient {recipient_id}: has stopped; nothing is sent to them")
        index = blind_address(keys, address)
        owner = _owner(connection, channel, index)
        if owner not in (None, recipient_id):
            raise RuleViolation(f"this {channel} chat is registered for {owner}; leave it first")
        _drop(connection, recipient_id, channel)
        sealed = seal_address(keys, recipient_id, channel, address)
        row = {"recipient_id": recipient_id, "channel": channel, "sealed": sealed,
               "blind": index, "added_at": iso(at)}  # fmt: skip
        connection.execute(insert(contacts), row)
        body = {"recipient": recipient_id, "channel": channel, "act": "join"}
        audit.append(connection, at=at, actor=actor, action=ACTION, body=body)


def leave(engine: Engine, recipient_id: str, channel: str, *, at: datetime, actor: str) -> bool:
    """Forget a chat; whether there was one."""
    with writing(engine) as connection:
        gone = _drop(connection, recipient_id, channel)
        if gone:
            body = {"recipient": recipient_id, "channel": channel, "act": "leave"}
            audit.append(connection, at=at, actor=actor, action=ACTION, body=body)
    return gone


def chats_of(connection: Connection, recipient_id: str) -> list[str]:
    """Channels on which somebody has a chat."""
    query = select(contacts.c.channel).where(
        contacts.c.recipient_id == recipient_id, contacts.c.channel.in_(CHATS)
    )
    return sorted(connection.execute(query).scalars())


def address_of_message(connection: Connection, keys: Keys, inbound_id: int) -> tuple[str, str]:
    """(channel, address) of whoever wrote a message of the inbox.

    Raises:
        RuleViolation: no such message, or it does not open.
    """
    row = connection.execute(select(inbound).where(inbound.c.id == inbound_id)).first()
    if row is None or not row.sender_sealed:
        raise RuleViolation(f"message {inbound_id}: none of that number in the inbox, or forgotten")
    sender = open_sender(
        keys, route=row.route, provider_key=row.provider_key, sealed=row.sender_sealed
    )
    if is_telegram(sender):
        return TELEGRAM, sender
    return WHATSAPP, chat_address(WHATSAPP, sender)


def _owner(connection: Connection, channel: str, index: str) -> str | None:
    query = select(contacts.c.recipient_id).where(
        contacts.c.channel == channel, contacts.c.blind == index
    )
    found: str | None = connection.execute(query).scalar()
    return found


def _drop(connection: Connection, recipient_id: str, channel: str) -> bool:
    mine = (contacts.c.recipient_id == recipient_id) & (contacts.c.channel == channel)
    return connection.execute(delete(contacts).where(mine)).rowcount > 0
