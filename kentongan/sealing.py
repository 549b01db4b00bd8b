"""Secrets in the database, sealed by keys outside it: AES-256-GCM (NIST SP 800-38D).

A sealed text is `v2:`, the id of its key, `:`, and base64 of nonce (12 random bytes) and ciphertext
with its tag; texts of `v1:` have no id and open with any key of the file. To whom a text belongs is
authenticated with it, so one that is moved to another row does not open.

What must be found without being opened has a blind index: HMAC-SHA256 (RFC 2104) under a key
derived for that purpose (HKDF, RFC 5869). Phone numbers are few enough to be tried out one by one,
so a plain hash would hide nothing.

The file holds one key a line, base64 of 32 bytes: the first seals, all of them open, and from the
last one the indexes are derived. An index cannot be made anew for people who left and whose number
is destroyed, so the last line stays for ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kentongan.errors import RuleViolation, SettingsError
from kentongan.keyfiles import key_file, replace_key_file
from kentongan.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
ID_CHARS = 8
_NONCE_BYTES = 12
_PLAIN = "v1:"
_NAMED = "v2:"


@dataclass(frozen=True)
class Keys:
    """The keys of one installation, the sealing one first; never printed."""

    secrets: tuple[bytes, ...]
    path: Path | None = field(default=None, compare=False)
    """Read again when a text names a key that came after this program had started."""

    def __post_init__(self) -> None:
        if not self.secrets or any(len(key) != KEY_BYTES for key in self.secrets):
            raise SettingsError(f"secrets keys: expected one or more of {KEY_BYTES} bytes each")

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._ciphers)})"

    @property
    def newest_id(self) -> str:
        return key_id(self.secrets[0])

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self._ciphers)

    @cached_property
    def _ciphers(self) -> dict[str, AESGCM]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return {key_id(key): AESGCM(key) for key in self.secrets}

    @cached_property
    def _derived(self) -> dict[str, bytes]:
        return {}

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose; the same after a rotation."""
        if purpose not in self._derived:
            self._derived[purpose] = _hkdf(self.secrets[-1], f"kentongan {purpose}".encode())
        return self._derived[purpose]

    def candidates(self, sealed: str) -> tuple[str, list[AESGCM]]:
        """The base64 of a sealed text, and the ciphers that may open it."""
        if not sealed.startswith(_NAMED):
            return sealed.removeprefix(_PLAIN), list(self._ciphers.values())
        name, _, body = sealed.removeprefix(_NAMED).partition(":")
        if name not in self._ciphers and self.path is not None:
            self._read_again(self.path)
        return body, [self._ciphers[name]] if name in self._ciphers else []

    def _read_again(self, path: Path) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            found = _keys_of(path.read_bytes(), path)
        except (OSError, SettingsError):
            return  # what does not open is said by whoever asked
        self._ciphers.update({key_id(key): AESGCM(key) for key in found})

    @property
    def cipher(self) -> AESGCM:
        return self._ciphers[self.newest_id]


def key_id(key: bytes) -> str:
    """Which key it is, without telling the key."""
    return hashlib.sha256(b"kentongan key id\n" + key).hexdigest()[:ID_CHARS]


def _hkdf(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) without salt, one block of output."""
    extracted = hmac.new(bytes(KEY_BYTES), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def secrets_path(settings: Settings) -> Path:
    return settings.secrets_key or settings.home.resolve() / "keys" / "secrets.key"


def secrets_key(settings: Settings) -> Keys:
    """The keys of `KENTONGAN_SECRETS_KEY`; else those of the home, made on first use.

    Raises:
        SettingsError: a line is no key of 32 bytes in base64.
    """
    path = secrets_path(settings)
    text = key_file(path, make=None if settings.secrets_key else _new_file)
    return Keys(_keys_of(text, path), path)


def _keys_of(text: bytes, path: Path) -> tuple[bytes, ...]:
    return tuple(_read(line, path) for line in text.split() or [b""])


def _read(line: bytes, path: Path) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"secrets key {path}: expected {KEY_BYTES} bytes in base64, one key a line; make one "
            "with: openssl rand -base64 32"
        )
    return key


def _new_file() -> bytes:
    return as_file([secrets.token_bytes(KEY_BYTES)])


def add_key(settings: Settings) -> Keys:
    """The keys with a new one in front, in the file of the home.

    Raises:
        SettingsError: the operator keeps the keys, or the file cannot be written.
    """
    if settings.secrets_key is not None:
        raise SettingsError(
            f"secrets key {settings.secrets_key}: it is the operator's; put a new first line into "
            "it (openssl rand -base64 32), keep the others, and run this again"
        )
    keys = secrets_key(settings)
    replace_key_file(
        secrets_path(settings), as_file([secrets.token_bytes(KEY_BYTES), *keys.secrets])
    )
    return secrets_key(settings)


def as_file(keys: Iterable[bytes]) -> bytes:
    """The bytes of a file of keys, the sealing one first."""
    return b"".join(base64.b64encode(key) + b"\n" for key in keys)


def seal(keys: Keys, secret: str, *, owner: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = keys.cipher.encrypt(nonce, secret.encode(), owner.encode())
    return f"{_NAMED}{keys.newest_id}:{base64.b64encode(nonce + sealed).decode()}"


def unseal(keys: Keys, sealed: str, *, owner: str) -> str:
    """The secret.

    Raises:
        RuleViolation: another key, another owner, or changed bytes.
    """
    from cryptography.exceptions import InvalidTag

    body, ciphers = keys.candidates(sealed)
    try:
        raw = base64.b64decode(body, validate=True)
    except ValueError:
        raw = b""
    for cipher in ciphers:
        try:
            plain = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode())
            return plain.decode()
        except (InvalidTag, ValueError):
            continue
    raise RuleViolation(
        f"the secret of {owner} does not open: the secrets key is another one, or the row was "
        "changed; restore the key, or give a new secret"
    )


def key_of(sealed: str) -> str:
    """The id of the key that sealed it; empty where it is not named."""
    return sealed.removeprefix(_NAMED).partition(":")[0] if sealed.startswith(_NAMED) else ""


def blind(keys: Keys, text: str, *, purpose: str = "contact") -> str:
    """Index of a text that stands sealed beside it: 64 hex digits."""
    return hmac.new(keys.derived(purpose), text.encode(), hashlib.sha256).hexdigest()
