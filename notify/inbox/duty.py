"""Whose number it is, where it is that of somebody on duty."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from kentongan.db import contacts, recipients
from notify.channels.chat.addresses import CHATS
from notify.firewall.clearance import is_synthetic

_DUTY = recipients.c.role.in_(("coordinator", "official")) & recipients.c.active
# Made once: each message asks one of them.
_MADE_UP = (
    select(recipients.c.recipient_id)
    .where(_DUTY, recipients.c.synthetic, recipients.c.address == bindparam("sender"))
    .order_by(recipients.c.recipient_id)
)
_REGISTERED = (
    select(recipients.c.recipient_id)
    .join(contacts, contacts.c.recipient_id == recipients.c.recipient_id)
    .where(_DUTY, contacts.c.channel.in_(("sms", *CHATS)), contacts.c.blind == bindparam("blind"))
    .order_by(recipients.c.recipient_id)
)


def people_on_duty(connection: Connection, sender: str, sender_blind: str) -> list[str]:
    """Coordinators and officials behind a number or chat; made-up ones are known by the number
    itself."""
    if is_synthetic(sender):
        return list(connection.execute(_MADE_UP, {"sender": sender}).scalars())
    return list(connection.execute(_REGISTERED, {"blind": sender_blind}).scalars())
