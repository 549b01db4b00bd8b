"""Where people are reached: numbers and subscriptions, sealed in `contacts`.

What is sealed belongs to one person and one channel; moved to another row it does not open. A
made-up person (`+999…`) has no contact: the address stands in `recipients` as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from kentongan.db import bindings, contacts, insert_ignore, recipients
from kentongan.errors import RuleViolation, SettingsError
from kentongan.sealing import Keys, blind, key_of, seal, unseal

log = logging.getLogger(__name__)

SMS = "sms"
WEBPUSH = "webpush"


def owner_of(recipient_id: str, channel: str) -> str:
    """What is authenticated beside a sealed contact."""
    return f"{recipient_id}/{channel}"


def seal_address(keys: Keys, recipient_id: str, channel: str, address: str) -> str:
    return seal(keys, address, owner=owner_of(recipient_id, channel))


def unseal_address(keys: Keys, recipient_id: str, channel: str, sealed: str) -> str:
    """The address.

    Raises:
        RuleViolation: another key, another person's row, or changed bytes.
    """
    return unseal(keys, sealed, owner=owner_of(recipient_id, channel))


def blind_address(keys: Keys, address: str) -> str:
    """Index of an address: a number in E.164, the endpoint of a push subscription."""
    return blind(keys, address)


def require_index(connection: Connection, keys: Keys) -> None:
    """See that the index key is the one that the registry was begun with.

    With another one nobody would be found again: who stopped would be told, who is registered
    would be registered twice. Called in a transaction that writes.

    Raises:
        SettingsError: it is another one.
    """
    name, mark = "registry-index", blind(keys, "registry", purpose="index check")[:40]
    query = select(bindings.c.value).where(bindings.c.name == name)
    found = connection.execute(query).scalar()
    if found is None:
        row = {"name": name, "value": mark}
        connection.execute(insert_ignore(connection, bindings), row)
    elif found != mark:
        raise SettingsError(
            "the last line of the secrets key file is not the one that the registry was begun "
            "with: nobody in it would be found again; restore the file from a backup"
        )


def addresses_of(
    connection: Connection, keys: Keys, recipient_ids: Sequence[str], channel: str
) -> dict[str, str]:
    """Addresses of those of these people who are active and have one on this channel.

    One query and one decryption each: a batch of 500 takes milliseconds. A contact that does not
    open is left out and named in the log by its person's id.

    Raises:
        SettingsError: nothing in the batch opens, because a key of the file is missing.
    """
    if not recipient_ids:
        return {}
    found: dict[str, str] = {}
    closed: dict[str, str] = {}
    for row in connection.execute(_rows(recipient_ids, channel)):
        if row.sealed is None:
            if row.synthetic and row.address:
                found[row.recipient_id] = row.address
            continue
        try:
            address = unseal_address(keys, row.recipient_id, channel, row.sealed)
        except RuleViolation as error:
            log.error("%s", error)  # noqa: TRY400 its trace tells nothing
            closed[row.recipient_id] = row.sealed
        else:
            found[row.recipient_id] = address
    if closed and not found:
        _require_a_known_key(keys, closed)
    return found


def _rows(recipient_ids: Sequence[str], channel: str) -> Any:
    mine = (contacts.c.recipient_id == recipients.c.recipient_id) & (contacts.c.channel == channel)
    return (
        select(
            recipients.c.recipient_id,
            recipients.c.address,
            recipients.c.synthetic,
            contacts.c.sealed,
        )
        .select_from(recipients.outerjoin(contacts, mine))
        .where(recipients.c.recipient_id.in_(recipient_ids), recipients.c.active)
    )


def _require_a_known_key(keys: Keys, closed: dict[str, str]) -> None:
    strange = sorted({key_of(sealed) for sealed in closed.values()} - keys.ids)
    if strange:
        raise SettingsError(
            f"contacts of {len(closed)} people are sealed by the key {', '.join(strange)}, which "
            "is not in the secrets key file; restore it from a backup: without it nobody of them "
            "can be reached"
        )
