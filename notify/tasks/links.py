"""The signed link to one's tasks: short enough for an SMS, no login, of use to nobody else.

    key (1 byte) | person (6) | hours since 1970 at which it ends (3) | HMAC-SHA256, cut (9)

as 26 characters of base64url (RFC 4648). 72 bits of a MAC cannot be guessed over the network; the
person is a keyed hash, so a link tells nobody a name. It shows and, where a button is pressed,
acts; opening it acts on nothing, because scanners and previews open links too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.times import require_aware

VALID = timedelta(hours=48)
"""A response lasts days; each new message carries a fresh link. Unconfirmed."""
CHARS = 26
_KEY, _PERSON, _HOUR, _MAC = 1, 6, 3, 9
_PURPOSE = "task link"


class Fault(StrEnum):
    FORGED = "forged"
    """Not one of ours, or changed."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Opened:
    person: bytes
    """What `person_mark` gives for the person whom it is for."""
    ends: datetime


def person_mark(keys: Keys, recipient_id: str) -> bytes:
    return _mac(keys, b"person", recipient_id.encode())[:_PERSON]


def link_token(keys: Keys, recipient_id: str, *, at: datetime) -> str:
    """The last part of a link for one person; the same all through an hour."""
    hours = int(require_aware(at + VALID).timestamp() // 3600)
    body = _key_byte(keys) + person_mark(keys, recipient_id) + hours.to_bytes(_HOUR)
    return base64.urlsafe_b64encode(body + _mac(keys, body)[:_MAC]).decode().rstrip("=")


def open_token(keys: Keys, token: str, *, at: datetime) -> Opened | Fault:
    """Whom a link is for; compared in constant time."""
    raw = _raw(token)
    if raw is None:
        return Fault.FORGED
    body, mac = raw[:-_MAC], raw[-_MAC:]
    if not hmac.compare_digest(_mac(keys, body)[:_MAC], mac):
        return Fault.FORGED
    hours = int.from_bytes(body[_KEY + _PERSON :])
    ends = datetime.fromtimestamp(hours * 3600, UTC)
    return Fault.ENDED if at >= ends else Opened(body[_KEY : _KEY + _PERSON], ends)


def whose(keys: Keys, opened: Opened, people: Iterable[str]) -> str:
    """The person of a link among those who have tasks.

    Raises:
        RuleViolation: none of them; their tasks are gone.
    """
    for person in people:
        if hmac.compare_digest(person_mark(keys, person), opened.person):
            return person
    raise RuleViolation("the link's person has no task any more")


def _raw(token: str) -> bytes | None:
    if len(token) != CHARS or not token.isascii():
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "==")
    except ValueError:
        return None
    whole = len(raw) == _KEY + _PERSON + _HOUR + _MAC
    same = base64.urlsafe_b64encode(raw).decode().rstrip("=") == token
    return raw if whole and same else None


def _key_byte(keys: Keys) -> bytes:
    """Names the key for a reader of two installations; the MAC decides."""
    return hashlib.sha256(keys.derived(_PURPOSE)).digest()[:_KEY]


def _mac(keys: Keys, *parts: bytes) -> bytes:
    return hmac.new(keys.derived(_PURPOSE), b"\n".join(parts), hashlib.sha256).digest()
