"""Heads of the audit chain, signed with Ed25519 and written where an intruder may not reach.

A chain of hashes shows that something was changed, as long as its newest hash is known from
elsewhere: whoever can write the database can also make the whole chain anew. So its head is signed
again and again, kept in `audit_heads`, appended to `home`/audit/heads.log, and sent to the copies
that the operator names (a file on another host, or syslog).

What is signed: the canonical JSON of `seq`, `hash` and `at` after `PURPOSE`.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, select

from kentongan.audit.chain import canonical
from kentongan.db import audit, audit_heads, insert_ignore
from kentongan.errors import SettingsError
from kentongan.keyfiles import key_file
from kentongan.settings import Settings
from kentongan.times import iso
from kentongan.transactions import writing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

log = logging.getLogger(__name__)

PURPOSE = b"kentongan audit head 1\n"
EVERY = timedelta(minutes=1)
SYSLOG_PORT = 514
_SYSLOG_NOTICE = 13 * 8 + 5
"""Facility 13 (log audit), severity 5 (notice): RFC 5424, tables 1 and 2."""


@dataclass(frozen=True)
class Head:
    """One signed head; as JSON, one line of `heads.log`."""

    seq: int
    hash: str
    at: str
    key_id: str
    signature: str

    @property
    def signed(self) -> bytes:
        return signed_bytes(self.seq, self.hash, self.at)

    @property
    def line(self) -> str:
        return canonical(asdict(self))


def signed_bytes(seq: int, digest: str, at: str) -> bytes:
    return PURPOSE + canonical({"seq": seq, "hash": digest, "at": at}).encode()


def audit_key(settings: Settings) -> Ed25519PrivateKey:
    """The key of `KENTONGAN_AUDIT_KEY`; else that of the home, made on first use.

    Raises:
        SettingsError: no readable Ed25519 key in PEM without a password.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = settings.audit_key or settings.home.resolve() / "keys" / "audit.pem"
    pem = key_file(path, make=None if settings.audit_key else _new_key)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"audit key {path}: no PEM key without a password: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"audit key {path}: expected Ed25519, found {type(key).__name__}; make one with: "
            "openssl genpkey -algorithm ed25519"
        )
    return key


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def raw(key: Ed25519PublicKey) -> str:
    """The 32 bytes of a public key in hex: its id."""
    return key.public_bytes_raw().hex()


def public_pem(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives import serialization

    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


def public_key(path: Path) -> Ed25519PublicKey:
    """A public key out of a PEM file.

    Raises:
        SettingsError: not readable, or another kind of key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"public key {path}: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(f"public key {path}: expected Ed25519, found {type(key).__name__}")
    return key


def sign_head(
    engine: Engine,
    at: datetime,
    key: Ed25519PrivateKey,
    *,
    every: timedelta = timedelta(0),
) -> Head | None:
    """Sign the newest row; None where nothing was added, or the last head is younger than `every`.

    A head dated later than `at` (the clock jumped back) hinders nothing.
    """
    key_id = raw(key.public_key())
    with writing(engine) as connection:
        newest = connection.execute(
            select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
        ).first()
        before = last_head(connection)
        if newest is None or (before is not None and before.seq >= newest.seq):
            return None
        if before is not None and iso(at - every) < before.at <= iso(at):
            return None
        stamp = iso(at)
        signature = key.sign(signed_bytes(newest.seq, newest.hash, stamp)).hex()
        head = Head(int(newest.seq), newest.hash, stamp, key_id, signature)
        connection.execute(insert_ignore(connection, audit_heads).values(**asdict(head)))
        return head


def last_head(connection: Connection) -> Head | None:
    row = connection.execute(
        select(audit_heads).order_by(audit_heads.c.seq.desc()).limit(1)
    ).first()
    return Head(**row._mapping) if row else None


def keep(head: Head, home: Path, copies: Sequence[str] = ()) -> list[str]:
    """Append the head to `home`/audit/heads.log and to each copy; which of them failed, and why.

    Args:
        copies: paths of files, or `syslog://host:port` (UDP, RFC 5424).
    """
    troubles = []
    for place in (str(home / "audit" / "heads.log"), *copies):
        try:
            _append(place, head)
        except OSError as error:
            troubles.append(f"audit head {head.seq} not written to {place}: {error}")
            log.warning("%s", troubles[-1])
    return troubles


def _append(place: str, head: Head) -> None:
    if place.startswith("syslog://"):
        _to_syslog(place, head)
        return
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(head.line + "\n")
        file.flush()
        os.fsync(file.fileno())


def _to_syslog(place: str, head: Head) -> None:
    parts = urlsplit(place)
    text = f"<{_SYSLOG_NOTICE}>1 {head.at} {socket.gethostname()} kentongan - - - {head.line}"
    address = (parts.hostname or "localhost", parts.port or SYSLOG_PORT)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(text.encode(), address)


def sign_and_keep(
    engine: Engine, settings: Settings, at: datetime, *, every: timedelta = timedelta(0)
) -> list[str]:
    """What a cycle does at its end. Returns troubles; none of them stops a warning."""
    with engine.connect() as connection:
        grown = _has_grown(connection)
    if not grown:
        return []
    head = sign_head(engine, at, audit_key(settings), every=every)
    return keep(head, settings.home.resolve(), settings.audit_copies) if head else []


def _has_grown(connection: Connection) -> bool:
    newest = connection.execute(select(audit.c.seq).order_by(audit.c.seq.desc()).limit(1)).scalar()
    head = last_head(connection)
    return newest is not None and (head is None or head.seq < newest)


def read_log(path: Path) -> list[Head]:
    """Heads of a `heads.log` (a line of syslog may have words in front).

    Raises:
        SettingsError: not readable, or a line is no head.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"heads {path}: {error.strerror}") from error
    return [_head(line, f"{path} line {n}") for n, line in enumerate(lines, 1) if line.strip()]


def _head(line: str, where: str) -> Head:
    try:
        values = json.loads(line[line.index("{") :])
        return Head(int(values.pop("seq")), **{name: str(value) for name, value in values.items()})
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"heads {where}: no head of an audit chain: {line[:60]!r}") from error
