"""Secrets in the database, sealed by a key outside it: AES-256-GCM (NIST SP 800-38D).

A sealed text is `v1:` and base64 of nonce (12 bytes) and ciphertext with its tag. The name of whom
it belongs to is authenticated with it, so a secret that is moved to another row does not open.
"""

from __future__ import annotations

import base64
import secrets

from kentongan.errors import RuleViolation, SettingsError
from kentongan.keyfiles import key_file
from kentongan.settings import Settings

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1:"


def secrets_key(settings: Settings) -> bytes:
    """The key of `KENTONGAN_SECRETS_KEY`; else that of the home, made on first use.

    Raises:
        SettingsError: no readable key of 32 bytes in base64.
    """
    path = settings.secrets_key or settings.home.resolve() / "keys" / "secrets.key"
    text = key_file(path, make=None if settings.secrets_key else _new_key)
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"secrets key {path}: expected {KEY_BYTES} bytes in base64; make one with: "
            "openssl rand -base64 32"
        )
    return key


def _new_key() -> bytes:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"


def seal(key: bytes, secret: str, *, owner: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, secret.encode(), owner.encode())
    return _VERSION + base64.b64encode(nonce + sealed).decode()


def unseal(key: bytes, sealed: str, *, owner: str) -> str:
    """The secret.

    Raises:
        RuleViolation: another key, another owner, or changed bytes.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
        plain = AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode())
    except (InvalidTag, ValueError) as error:
        raise RuleViolation(
            f"the secret of {owner} does not open: the secrets key is another one, or the row was "
            "changed; restore the key, or give a new code: kentongan accounts totp"
        ) from error
    return plain.decode()
