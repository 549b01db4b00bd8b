"""For makers of sirens and displays: what to believe of a message, and when to sound.

Needs `cryptography` alone, so this file can be taken as it is. A message is a JSON object

    {"alert": "<JSON text>", "key_id": "<16 hexadecimal digits>", "signature": "<base64>"}

The signature is Ed25519 (RFC 8032) over the UTF-8 bytes of the text in `alert`, to the letter: a
receiver never writes that text anew. Five rules, in this order, and what breaks one is as if it had
never come:

1. the signature is by a key that was put into the device, never by one out of a message;
2. the text's `topic` is the one it came on: a message for one district says nothing in another;
3. `status` is `Actual`; a siren has no drills but those that people start at it;
4. `sequence` is not below the highest seen of this warning (replay). The same one twice is one;
5. `expires` is ahead.

A device sounds while a believed alert has not expired and no end came. Silence comes by a signed
`ended` or by `expires`, never by an empty message and never by a lost connection. After connecting
it waits `SETTLE_S` before it acts, so that of messages that queued up only the newest state counts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SETTLE_S = 1.0
LARGEST = 16_384
"""Bytes of a message; what is longer is none of ours."""


class Verdict(StrEnum):
    NEW = "new"
    SAME = "same"
    EMPTY = "empty"
    TAMPERED = "tampered"
    ELSEWHERE = "elsewhere"
    DRILL = "drill"
    REPLAY = "replay"
    EXPIRED = "expired"


@dataclass(frozen=True)
class State:
    """What is known of one warning here."""

    sequence: int
    ended: bool
    level: int
    expires: datetime
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Language -> title and body."""


class Unbelievable(Exception):
    """Not signed by our key, or not a message of ours."""


def verify(payload: bytes, key: Ed25519PublicKey) -> dict[str, Any]:
    """The alert inside, if `key` signed it.

    Raises:
        Unbelievable: in every other case.
    """
    if len(payload) > LARGEST:
        raise Unbelievable("too long")
    try:
        envelope = json.loads(payload)
        text, signature = envelope["alert"], envelope["signature"]
        key.verify(base64.b64decode(signature, validate=True), text.encode())
        alert = json.loads(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unbelievable("not a message of ours") from error
    except (InvalidSignature, binascii.Error) as error:
        raise Unbelievable("the signature does not fit") from error
    if not isinstance(alert, dict):
        raise Unbelievable("not a message of ours")
    return alert


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 digits of the SHA-256 of the 32 bytes of the public key; to tell keys apart, never
    to trust one."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


class Receiver:
    """The memory of one device. Keep `sequences()` over a restart."""

    def __init__(self, key: Ed25519PublicKey, sequences: dict[str, int] | None = None) -> None:
        self._key = key
        self._highest = dict(sequences or {})
        self._states: dict[str, State] = {}

    def take(self, topic: str, payload: bytes, at: datetime) -> Verdict:
        """Believe a message or not; a believed one becomes the state of its warning."""
        if not payload:
            return Verdict.EMPTY
        try:
            alert = verify(payload, self._key)
            warning, state = _read(alert)
        except (Unbelievable, ValueError, TypeError, KeyError):
            return Verdict.TAMPERED
        if alert.get("topic") != topic:
            return Verdict.ELSEWHERE
        if alert.get("status") != "Actual":
            return Verdict.DRILL
        return self._keep(warning, state, at)

    def _keep(self, warning: str, state: State, at: datetime) -> Verdict:
        highest = self._highest.get(warning, -1)
        if state.sequence < highest:
            return Verdict.REPLAY
        if state.expires <= at:
            return Verdict.EXPIRED
        if state.sequence == highest and warning in self._states:
            return Verdict.SAME
        self._highest[warning] = state.sequence
        self._states[warning] = state
        return Verdict.NEW

    def sounding(self, at: datetime, from_level: int = 3) -> list[State]:
        """Why the device sounds now, the gravest first; empty: it is silent."""
        found = [
            one
            for one in self._states.values()
            if not one.ended and one.level >= from_level and one.expires > at
        ]
        return sorted(found, key=lambda one: -one.level)

    def sequences(self) -> dict[str, int]:
        return dict(self._highest)


def _read(alert: dict[str, Any]) -> tuple[str, State]:
    """
    Raises:
        ValueError, TypeError, KeyError: a field is missing or of another kind.
    """
    expires = datetime.fromisoformat(alert["expires"])
    sequence, level, texts = alert["sequence"], alert["level"], alert["texts"]
    if expires.tzinfo is None or type(sequence) is not int or type(level) is not int:
        raise ValueError("sequence, level and expires")
    if not isinstance(alert["warning_id"], str) or not isinstance(texts, dict):
        raise TypeError("warning_id and texts")
    if alert["state"] not in ("alert", "ended"):
        raise ValueError("state")
    return alert["warning_id"], State(sequence, alert["state"] == "ended", level, expires, texts)
