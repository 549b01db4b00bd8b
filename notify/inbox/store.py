"""Messages that came in, kept before anybody is told that we have them.

One row for each message of a carrier, however often it hands it over. The sender is sealed and
found by a blind index; the text stands cleaned for people, with its bytes beside where they differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from kentongan.db import inbound, insert_ignore
from kentongan.sealing import Keys, blind, seal, unseal
from kentongan.times import require_aware
from kentongan.transactions import writing
from notify.channels.channel import InboundMessage
from notify.channels.chat.addresses import TELEGRAM, is_telegram
from notify.firewall.answers import sealed_for
from notify.firewall.clearance import number
from notify.inbox.cleaning import raw, shown
from notify.inbox.duty import people_on_duty
from notify.inbox.policy import InboxPolicy, inbox_policy

NEW, DONE, FAILED = "new", "done", "failed"
_SENDER_CHARS = 40
_KEY_CHARS = 120
_TOLD_DIGITS = 7
"""An id with so many of a number's last digits tells it."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as the handlers get it."""

    inbound_id: int
    route: str
    sender: str
    """E.164 (`+62…`); what a carrier gave where it is no phone number."""
    sender_blind: str
    """As `contacts.blind` of the same number."""
    text: str
    """Cleaned, at most 1,600 characters."""
    received_at: datetime
    flood: bool = False
    """Above the limits: it is handled and gets no answer."""


def keep(
    engine: Engine, keys: Keys, message: InboundMessage, *, policy: InboxPolicy | None = None
) -> int | None:
    """Store a message; its id, or None where it was known.

    It returns after the commit, so whoever called may acknowledge.

    Raises:
        SQLAlchemyError: it could not be stored; nothing may be acknowledged.
    """
    with writing(engine) as connection:
        return keep_in(connection, keys, message, policy=policy)


def keep_in(
    connection: Connection,
    keys: Keys,
    message: InboundMessage,
    *,
    policy: InboxPolicy | None = None,
) -> int | None:
    """As `keep`, within a transaction that writes; nothing is kept before its commit."""
    values = _values(keys, message)
    sender = sender_of(message.sender, medium=message.medium)
    at, limits = message.received_at, policy or inbox_policy()
    values["flood"] = _is_flood(connection, values, at, limits, sender=sender)
    row = insert_ignore(connection, inbound).returning(inbound.c.id)
    found: int | None = connection.execute(row, values).scalar()
    return found


def _values(keys: Keys, message: InboundMessage) -> dict[str, object]:
    sender = sender_of(message.sender, medium=message.medium)
    index = blind(keys, sender)
    provider_key = _provider_key(keys, message, sender)
    return {
        "route": message.route,
        "provider_key": provider_key,
        "sender_sealed": seal(keys, sender, owner=sealed_for(message.route, provider_key)),
        "sender_blind": index,
        "text": shown(message.text),
        "raw": raw(message.text),
        "received_at": precise(message.received_at),
        "state": NEW,
    }


def sender_of(text: str, *, medium: str = "sms") -> str:
    """Who sent it, in one spelling: `+62…`; a name (`TELKOMSEL`) as it is, bounded.

    Anybody may choose a name as sender of an SMS: none of them is an address of a chat.
    """
    found = number(shown(text)[:_SENDER_CHARS])
    return found if medium == TELEGRAM or not is_telegram(found) else found.replace(":", " ")


def _provider_key(keys: Keys, message: InboundMessage, sender: str) -> str:
    """The carrier's id; where it gives none, a keyed hash of sender, text and minute.

    Keyed, because numbers are few enough to be tried out against a plain hash. So is an id that is
    too long, holds what no id has, or holds the number.
    """
    given = message.provider_key
    is_plain = len(given) <= _KEY_CHARS and given.isascii() and given.isprintable()
    if given and is_plain and sender.lstrip("+")[-_TOLD_DIGITS:] not in given:
        return given
    minute = precise(message.received_at)[:16]
    parts = ("id", given) if given else ("content", sender, minute, message.text)
    joined = "\n".join(parts).encode("utf-8", errors="replace").decode()
    return f"kept-{blind(keys, joined, purpose='inbound')}"


def open_sender(keys: Keys, *, route: str, provider_key: str, sealed: str) -> str:
    """The number.

    Raises:
        RuleViolation: another key, another row, or changed bytes.
    """
    return unseal(keys, sealed, owner=sealed_for(route, provider_key))


def precise(at: datetime) -> str:
    """`2026-09-24T07:35:00.123456Z`."""
    return require_aware(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _is_flood(
    connection: Connection,
    values: dict[str, object],
    at: datetime,
    policy: InboxPolicy,
    *,
    sender: str,
) -> bool:
    """Three small queries, each by an index, however many rows there are.

    Whoever has a marked message waiting has the next one marked too: messages of one sender are
    handled in their order. Somebody on duty with thirty tasks writes more than a resident may.
    """
    mine = inbound.c.sender_blind == values["sender_blind"]
    since = precise(at - timedelta(minutes=policy.sender_minutes))
    recent = select(inbound.c.state, inbound.c.flood).where(mine, inbound.c.received_at > since)
    newest_first = recent.order_by(inbound.c.received_at.desc()).limit(policy.most_of_one)
    found = connection.execute(newest_first).all()
    if len(found) >= policy.sender_messages:
        index = str(values["sender_blind"])
        if len(found) >= policy.most_of_one or not people_on_duty(connection, sender, index):
            return True
    if any(row.flood and row.state == NEW for row in found):
        return True
    newest = select(func.max(inbound.c.id)).scalar_subquery()
    before = (
        select(inbound.c.received_at)
        .where(inbound.c.id <= newest - policy.all_messages_per_minute)
        .order_by(inbound.c.id.desc())
        .limit(1)
    )
    earlier = connection.execute(before).scalar()
    return earlier is not None and earlier > precise(at - timedelta(minutes=1))
