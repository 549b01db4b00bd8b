"""What a siren gets: the alert as text, signed. `receiver.py` is the other side."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kentongan.errors import DataError, SettingsError
from kentongan.keyfiles import key_file
from kentongan.times import iso
from notify.channels.channel import Outgoing
from notify.channels.mqtt.receiver import LARGEST, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ADDRESS = re.compile(r"id/\d{2}/\d{2}/\d{2}")
_WARNING = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FROM_PAYLOAD = ("identifier", "hazard", "onset", "url", "cap_sha256")


def make_key() -> bytes:
    """A new private key, PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_key(path: Path) -> Ed25519PrivateKey:
    """
    Raises:
        SettingsError: no such file, or no Ed25519 key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(key_file(path, make=None), password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"key {path}: expected a PEM key without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"key {path}: expected Ed25519; run: kentongan push keys --mqtt")
    return key


def topic_of(message: Outgoing, prefix: str) -> str:
    """`ews/v1/id/75/02/07/alert/w-…`: one retained message for each district and warning, so that
    the end of a flood never takes the place of a tsunami.

    Raises:
        DataError: no address of a district.
    """
    if not _ADDRESS.fullmatch(message.address) or not _WARNING.fullmatch(message.warning_id):
        raise DataError("siren: expected an address such as id/75/02/07")
    return f"{prefix}/{message.address}/alert/{message.warning_id}"


def envelope(message: Outgoing, topic: str, end: datetime, key: Ed25519PrivateKey) -> bytes:
    """The signed message, at most `LARGEST` bytes.

    Raises:
        DataError: it is longer.
    """
    payload = message.payload or {}
    texts = payload.get("texts") or {"id": {"title": message.text, "body": message.text}}
    alert = {
        "topic": topic,
        "warning_id": message.warning_id,
        "sequence": message.version,
        "state": payload.get("state", "alert"),
        "status": message.cap_status,
        "level": payload.get("level", message.level),
        "expires": iso(end),
        "texts": texts,
        **{name: payload[name] for name in _FROM_PAYLOAD if name in payload},
    }
    text = json.dumps(alert, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    text = text.encode("utf-8", errors="replace").decode()
    signed = {
        "alert": text,
        "key_id": key_id(key.public_key()),
        "signature": base64.b64encode(key.sign(text.encode())).decode(),
    }
    found = json.dumps(signed, ensure_ascii=False).encode()
    if len(found) > LARGEST:
        raise DataError(f"siren: {len(found)} bytes, at most {LARGEST} go")
    return found
