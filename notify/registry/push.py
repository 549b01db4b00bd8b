"""Subscribers of Web Push: an address of their browser and a village, no name, no number.

Shape of a subscription: W3C Push API, `{"endpoint", "keys": {"p256dh", "auth"}}`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update

from kentongan.codes import adm_level
from kentongan.db import consents, contacts, recipients
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.times import iso
from notify.registry.addresses import WEBPUSH, blind_address, require_index, seal_address
from notify.registry.people import Basis, Role, Via, new_id
from notify.registry.policy import consent_text
from notify.sending.newcomers import tell_newcomers

MAX_ENDPOINT = 2_048
_POINT_BYTES = 65
"""An uncompressed point of P-256: 0x04 and two coordinates."""
_SECRET_BYTES = 16


def checked(subscription: Mapping[str, Any], hosts: Sequence[str]) -> dict[str, Any]:
    """A subscription with nothing in it but what is needed.

    Args:
        hosts: where an endpoint may lead; `*.` before a name: to hosts below it. One with a port
            (`127.0.0.1:8090`) may be plain http: for tests.

    Raises:
        RuleViolation: another shape, another host.
    """
    endpoint, keys = subscription.get("endpoint"), subscription.get("keys")
    if not isinstance(endpoint, str) or len(endpoint) > MAX_ENDPOINT:
        raise RuleViolation(f"push subscription: endpoint of at most {MAX_ENDPOINT} characters")
    if not isinstance(keys, Mapping):
        raise RuleViolation("push subscription: expected keys p256dh and auth")
    _check_host(endpoint, hosts)
    point, secret = _bytes(keys, "p256dh"), _bytes(keys, "auth")
    if len(point) != _POINT_BYTES or point[0] != 4 or len(secret) != _SECRET_BYTES:
        raise RuleViolation("push subscription: keys of another length than RFC 8291 asks for")
    return {"endpoint": endpoint, "keys": {"p256dh": keys["p256dh"], "auth": keys["auth"]}}


def _check_host(endpoint: str, hosts: Sequence[str]) -> None:
    try:
        parts = urlsplit(endpoint)
        known = any(_is_under(parts.hostname or "", parts.netloc, host) for host in hosts)
    except ValueError:
        raise RuleViolation("push subscription: the endpoint is no address") from None
    plain = parts.scheme == "http" and ":" in parts.netloc and parts.netloc in hosts
    if not known or not (parts.scheme == "https" or plain) or "@" in parts.netloc:
        raise RuleViolation(
            f"push subscription: endpoint at {parts.hostname!r}, expected https at one of "
            f"{', '.join(hosts)} (data/policy/registry.toml)"
        )


def _is_under(name: str, netloc: str, host: str) -> bool:
    if host.startswith("*."):
        return name.endswith(host[1:])
    return host in (name, netloc)


def _bytes(keys: Mapping[str, Any], name: str) -> bytes:
    text = keys.get(name)
    if not isinstance(text, str) or len(text) > 200:
        raise RuleViolation(f"push subscription: expected {name} in base64url")
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except ValueError:
        raise RuleViolation(f"push subscription: {name} is no base64url") from None


def subscribe_push(
    connection: Connection,
    keys: Keys,
    subscription: Mapping[str, Any],
    *,
    adm4_code: str,
    language: str,
    text_version: str,
    at: datetime,
) -> str:
    """Register a browser, or give it another village; its recipient id.

    Args:
        subscription: of `checked`.

    Raises:
        RuleViolation: no village code, or no consent text of that version.
        DataError: as `adm_level`.
    """
    consent_text(text_version, WEBPUSH)
    require_index(connection, keys)
    if adm_level(adm4_code) != 4:
        raise RuleViolation(f"area {adm4_code}: expected the code of a village")
    blind = blind_address(keys, str(subscription["endpoint"]))
    known = _by_blind(connection, blind)
    made = known or new_id()
    sealed = seal_address(keys, made, WEBPUSH, json.dumps(subscription, separators=(",", ":")))
    if known is None:
        _add(connection, made, sealed, blind, adm4_code, language, at)
    else:
        _change(connection, made, sealed, adm4_code, language)
    row = {"recipient_id": made, "basis": str(Basis.CONSENT), "act": "given",
           "text_version": text_version, "via": str(Via.WEB), "at": iso(at)}  # fmt: skip
    connection.execute(insert(consents), row)
    tell_newcomers(connection, (adm4_code,), at=at)
    return made


def _by_blind(connection: Connection, blind: str) -> str | None:
    query = select(contacts.c.recipient_id).where(
        contacts.c.channel == WEBPUSH, contacts.c.blind == blind
    )
    return connection.execute(query).scalar()


def _add(
    connection: Connection,
    recipient_id: str,
    sealed: str,
    blind: str,
    adm4_code: str,
    language: str,
    at: datetime,
) -> None:
    person = {
        "recipient_id": recipient_id, "role": str(Role.RESIDENT), "adm4_code": adm4_code,
        "address": "", "language": language, "synthetic": False, "by_sms": False,
        "by_push": True, "active": True, "created_at": iso(at),
    }  # fmt: skip
    connection.execute(insert(recipients), person)
    contact = {
        "recipient_id": recipient_id, "channel": WEBPUSH, "sealed": sealed, "blind": blind,
        "added_at": iso(at),
    }  # fmt: skip
    connection.execute(insert(contacts), contact)


def _change(
    connection: Connection, recipient_id: str, sealed: str, adm4_code: str, language: str
) -> None:
    mine = (contacts.c.recipient_id == recipient_id) & (contacts.c.channel == WEBPUSH)
    connection.execute(update(contacts).where(mine).values(sealed=sealed))
    connection.execute(
        update(recipients)
        .where(recipients.c.recipient_id == recipient_id)
        .values(adm4_code=adm4_code, language=language, active=True)
    )


def drop_push(connection: Connection, recipient_id: str, *, at: datetime) -> bool:
    """Forget a browser whose push service answered 404 or 410, or that unsubscribed.

    A browser's address is made anew each time, so no tombstone stays. Returns whether it was there.
    """
    mine = (contacts.c.recipient_id == recipient_id) & (contacts.c.channel == WEBPUSH)
    if connection.execute(delete(contacts).where(mine)).rowcount == 0:
        return False
    row = {"recipient_id": recipient_id, "basis": str(Basis.CONSENT), "act": "withdrawn",
           "text_version": "", "via": str(Via.WEB), "at": iso(at)}  # fmt: skip
    connection.execute(insert(consents), row)
    connection.execute(
        update(recipients).where(recipients.c.recipient_id == recipient_id).values(by_push=False)
    )
    alone = recipients.c.recipient_id.not_in(select(contacts.c.recipient_id))
    connection.execute(
        delete(recipients).where(
            recipients.c.recipient_id == recipient_id, recipients.c.synthetic.is_(False), alone
        )
    )
    return True


def drop_endpoint(connection: Connection, keys: Keys, endpoint: str, *, at: datetime) -> bool:
    """The same for a browser that says its own address."""
    found = _by_blind(connection, blind_address(keys, endpoint))
    return found is not None and drop_push(connection, found, at=at)
