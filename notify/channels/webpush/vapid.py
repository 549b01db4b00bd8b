"""Who we are to push services (RFC 8292): one key for all of them, a token for each."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kentongan.errors import SettingsError
from kentongan.keyfiles import key_file

_LIFE = timedelta(hours=12)
"""Of a token; RFC 8292, 2 allows 24 h, and clocks differ."""
_RENEW = timedelta(hours=1)
_KEPT = 1000
"""Tokens in memory; there are a handful of push services, unless somebody makes them up."""


def make_key() -> bytes:
    """A new private key on P-256, PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Vapid:
    """The key of one route, and tokens that it signed."""

    def __init__(self, path: Path, contact: str) -> None:
        """
        Raises:
            SettingsError: no such file, or no key on P-256.
        """
        self._signer = _signer(key_file(path, make=None), path)
        self._contact = contact
        self._tokens: dict[str, tuple[datetime, str]] = {}

    @property
    def public_key(self) -> str:
        """What a page passes to `PushManager.subscribe` as `applicationServerKey`."""
        from cryptography.hazmat.primitives import serialization

        point = self._signer.public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return urlsafe_b64encode(point).rstrip(b"=").decode()

    def authorization(self, origin: str, at: datetime) -> str:
        """The header for one push service; signed anew every half day."""
        ends, value = self._tokens.get(origin, (at, ""))
        if value and at + _RENEW <= ends <= at + _LIFE:
            return value
        ends = at + _LIFE
        claims = {"sub": self._contact, "aud": origin, "exp": int(ends.timestamp())}
        value = str(self._signer.sign(claims)["Authorization"])
        if len(self._tokens) >= _KEPT:
            self._tokens.clear()
        self._tokens[origin] = (ends, value)
        return value


def _signer(pem: bytes, path: Path) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from py_vapid import Vapid02  # type: ignore[import-untyped]

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"key {path}: expected a PEM key without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise SettingsError(f"key {path}: expected a key on curve P-256; run: kentongan push keys")
    # Claims are ours: its own check of the contact knows fewer addresses than RFC 8292.
    return Vapid02(key, conf={"no-strict": True})
