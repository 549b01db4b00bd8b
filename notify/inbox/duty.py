"""Whose number it is, where it is that of somebody on duty."""

from __future__ import annotations

from sqlalchemy import Connection, select

from kentongan.db import contacts, recipients
from notify.channels.chat.addresses import CHATS
from notify.firewall.clearance import is_synthetic


def people_on_duty(connection: Connection, sender: str, sender_blind: str) -> list[str]:
    """Coordinators and officials behind a number or chat; made-up ones are known by the number
    itself."""
    duty = recipients.c.role.in_(("coordinator", "official")) & recipients.c.active
    if is_synthetic(sender):
        query = select(recipients.c.recipient_id).where(
            duty, recipients.c.synthetic, recipients.c.address == sender
        )
    else:
        query = (
            select(recipients.c.recipient_id)
            .join(contacts, contacts.c.recipient_id == recipients.c.recipient_id)
            .where(duty, contacts.c.channel.in_(("sms", *CHATS)), contacts.c.blind == sender_blind)
        )
    return list(connection.execute(query.order_by(recipients.c.recipient_id)).scalars())
