"""Going again: BERHENTI, erasure, and everything that is known of one person for that person.

What stays of somebody is a keyed hash among `opt_outs`, so that no list brings them back, and lines
of `consents` and of the audit under an id that leads nowhere any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from kentongan import audit
from kentongan.db import (
    consents,
    contacts,
    duty_posts,
    inbound,
    insert_ignore,
    opt_outs,
    outbox,
    recipients,
    sign_ups,
)
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.times import iso
from notify.registry.addresses import SMS, blind_address, require_index, unseal_address
from notify.registry.numbers import masked
from notify.registry.people import Role, Via, chunks

STOPPED, ERASED = "stop", "erased"


@dataclass(frozen=True, slots=True)
class Registered:
    """One row of the registry, without number."""

    recipient_id: str
    role: str
    adm4_code: str
    language: str
    active: bool
    synthetic: bool
    created_at: str | None


def by_number(connection: Connection, keys: Keys, number: str) -> Registered | None:
    """Whose number this is.

    Args:
        number: E.164, of `numbers.mobile_number`.
    """
    query = _row().join(contacts, contacts.c.recipient_id == recipients.c.recipient_id)
    blind = blind_address(keys, number)
    found = connection.execute(query.where(contacts.c.channel == SMS, contacts.c.blind == blind))
    row = found.mappings().first()
    return Registered(**row) if row else None


def by_id(connection: Connection, recipient_id: str) -> Registered | None:
    found = connection.execute(_row().where(recipients.c.recipient_id == recipient_id))
    row = found.mappings().first()
    return Registered(**row) if row else None


def _row() -> Any:
    return select(
        recipients.c.recipient_id, recipients.c.role, recipients.c.adm4_code,
        recipients.c.language, recipients.c.active, recipients.c.synthetic,
        recipients.c.created_at,
    )  # fmt: skip


def stop(
    connection: Connection, keys: Keys, number: str, *, via: Via, at: datetime, actor: str
) -> Registered | None:
    """Nothing is sent to this number any more, and no list brings it back.

    It holds for a number that nobody registered too. The second time changes nothing.

    Returns:
        Whose number it is; None: nobody's.

    Raises:
        RuleViolation: a person by duty said so themselves: their tasks end by their office.
    """
    require_index(connection, keys)
    found = by_number(connection, keys, number)
    if found is not None and found.role != Role.RESIDENT and via in (Via.SMS, Via.WEB):
        raise RuleViolation(f"{found.recipient_id} is registered by duty; their office ends it")
    blind = blind_address(keys, number)
    row = {"blind": blind, "channel": SMS, "at": iso(at), "reason": STOPPED}
    new = connection.execute(insert_ignore(connection, opt_outs), row).rowcount > 0
    connection.execute(delete(sign_ups).where(sign_ups.c.blind == blind))
    if found is not None and found.active:
        _withdraw(connection, found, via=via, at=at)
        connection.execute(
            update(recipients)
            .where(recipients.c.recipient_id == found.recipient_id)
            .values(active=False)
        )
    if new or (found is not None and found.active):
        body = {"recipient": found.recipient_id if found else None, "via": str(via)}
        audit.append(connection, at=at, actor=actor, action="recipient.stop", body=body)
    return found


def _withdraw(connection: Connection, found: Registered, *, via: Via, at: datetime) -> None:
    basis = "consent" if found.role == Role.RESIDENT else "duty"
    connection.execute(
        insert(consents).values(
            recipient_id=found.recipient_id, basis=basis, act="withdrawn", text_version="",
            via=str(via), at=iso(at),
        )
    )  # fmt: skip


def erase(connection: Connection, recipient_id: str, *, at: datetime, actor: str, why: str) -> None:
    """Destroy a person's row, contacts, waiting sign-ups, and the texts that they sent.

    Args:
        why: in one line, for the audit; never a number.

    Raises:
        RuleViolation: there is none of that id.
    """
    found = by_id(connection, recipient_id)
    if found is None:
        raise RuleViolation(f"recipient {recipient_id}: none of that id; see: recipients list")
    if found.active:
        _withdraw(connection, found, via=Via.OPERATOR, at=at)
    erase_many(connection, [recipient_id], at=at, reason=ERASED)
    body = {"recipient": recipient_id, "why": why}
    audit.append(connection, at=at, actor=actor, action="recipient.erase", body=body)


def erase_many(
    connection: Connection, recipient_ids: Sequence[str], *, at: datetime, reason: str
) -> int:
    """The same for many, without a line of audit each; the caller writes one for all."""
    gone = 0
    for chunk in chunks(recipient_ids):
        blinds = list(
            connection.execute(
                select(contacts.c.blind, contacts.c.channel).where(
                    contacts.c.recipient_id.in_(chunk)
                )
            )
        )
        stones = [
            {"blind": row.blind, "channel": SMS, "at": iso(at), "reason": reason}
            for row in blinds
            if row.channel == SMS
        ]
        if stones:
            connection.execute(insert_ignore(connection, opt_outs), stones)
        numbers = [stone["blind"] for stone in stones]
        connection.execute(delete(sign_ups).where(sign_ups.c.blind.in_(numbers)))
        forget_texts(connection, inbound.c.sender_blind.in_([row.blind for row in blinds]))
        for table in (contacts, duty_posts):
            connection.execute(delete(table).where(table.c.recipient_id.in_(chunk)))
        where = recipients.c.recipient_id.in_(chunk)
        gone += connection.execute(delete(recipients).where(where)).rowcount
    return gone


def forget_texts(connection: Connection, which: Any) -> int:
    """Take number and words out of what was received and handled; that something came, and when,
    stays."""
    still = or_(inbound.c.sender_sealed != "", inbound.c.text != "")
    values = {
        "sender_sealed": "", "sender_blind": "", "text": "", "raw": None, "detail": "",
    }  # fmt: skip
    handled = inbound.c.state != "new"
    statement = update(inbound).where(which, still, handled).values(**values)
    return connection.execute(statement).rowcount


def export(connection: Connection, keys: Keys, recipient_id: str) -> dict[str, Any]:
    """All that is kept of one person, in the clear: for that person alone.

    Raises:
        RuleViolation: there is none of that id, or a contact does not open.
    """
    found = by_id(connection, recipient_id)
    if found is None:
        raise RuleViolation(f"recipient {recipient_id}: none of that id; see: recipients list")
    rows = (
        connection.execute(select(contacts).where(contacts.c.recipient_id == recipient_id))
        .mappings()
        .all()
    )
    return {
        "recipient_id": recipient_id,
        "role": found.role,
        "adm4_code": found.adm4_code,
        "language": found.language,
        "active": found.active,
        "registered_at": found.created_at,
        "contacts": [
            {
                "channel": row["channel"],
                "address": unseal_address(keys, recipient_id, row["channel"], row["sealed"]),
                "added_at": row["added_at"],
            }
            for row in rows
        ],
        "consents": history(connection, recipient_id),
        "posts": _posts(connection, recipient_id),
        "messages": _messages(connection, recipient_id),
        "received": _received(connection, [row["blind"] for row in rows]),
    }


def history(connection: Connection, recipient_id: str) -> list[dict[str, Any]]:
    """What they agreed to and withdrew, the oldest first."""
    columns = (
        consents.c.basis, consents.c.act, consents.c.text_version, consents.c.via, consents.c.at,
    )  # fmt: skip
    query = select(*columns).where(consents.c.recipient_id == recipient_id)
    return [dict(row) for row in connection.execute(query.order_by(consents.c.id)).mappings()]


def _posts(connection: Connection, recipient_id: str) -> list[dict[str, Any]]:
    query = select(duty_posts.c.role, duty_posts.c.area_code, duty_posts.c.rank)
    rows = connection.execute(query.where(duty_posts.c.recipient_id == recipient_id))
    return [_plain(row) for row in rows.mappings()]


def _messages(connection: Connection, recipient_id: str) -> list[dict[str, Any]]:
    query = (
        select(outbox.c.message_id, outbox.c.channel, outbox.c.state, outbox.c.sent_at)
        .where(outbox.c.recipient_id == recipient_id)
        .order_by(outbox.c.id)
    )
    return [_plain(row) for row in connection.execute(query).mappings()]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _received(connection: Connection, blinds: Sequence[str]) -> list[dict[str, Any]]:
    query = (
        select(inbound.c.received_at, inbound.c.kind, inbound.c.text)
        .where(inbound.c.sender_blind.in_(blinds))
        .order_by(inbound.c.id)
    )
    return [_plain(row) for row in connection.execute(query).mappings()] if blinds else []


def masked_numbers(
    connection: Connection, keys: Keys, recipient_ids: Sequence[str]
) -> dict[str, str]:
    """What a list may show of people's numbers: `62812****890`.

    Raises:
        RuleViolation: a contact does not open.
    """
    found: dict[str, str] = {}
    for chunk in chunks(recipient_ids):
        query = select(contacts.c.recipient_id, contacts.c.sealed).where(
            contacts.c.channel == SMS, contacts.c.recipient_id.in_(chunk)
        )
        for row in connection.execute(query):
            number = unseal_address(keys, row.recipient_id, SMS, row.sealed)
            found[row.recipient_id] = masked(number)
    return found
