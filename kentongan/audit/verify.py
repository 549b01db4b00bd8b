"""Is the audit whole? Names the first row that is not, what it should be and what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from kentongan.audit.chain import GENESIS, row_hash
from kentongan.db import audit, audit_heads

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from kentongan.audit.heads import Head

_BATCH = 5_000
_SHOWN = 300
"""Characters of a changed row in a message."""


@dataclass(frozen=True)
class Break:
    """The first place where the audit is not what was written."""

    seq: int
    what: str
    """altered, missing, out of order, cut off, made anew, forged head, lost head."""
    expected: str
    found: str

    def __str__(self) -> str:
        return f"row {self.seq}: {self.what}; expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class Proof:
    rows: int
    heads: int
    """Signed ones that were looked at."""
    signed_up_to: int
    """Rows after it rest on the chain alone: nobody has signed them yet."""
    broken: Break | None


def verify(
    connection: Connection,
    *,
    keys: Sequence[Ed25519PublicKey] = (),
    kept: Iterable[Head] = (),
) -> Proof:
    """Walk the chain and its heads.

    Args:
        keys: public keys whose heads count; a head by any other key is forged. None: signatures
            are not looked at, hashes of heads still are.
        kept: heads from a log outside the database.
    """
    heads, broken_heads = _heads(connection, keys, kept)
    rows, last, broken = _walk(connection, {head.seq: head for head in heads})
    newest = max((head.seq for head in heads), default=0)
    if broken is None and newest > last:
        head = next(h for h in heads if h.seq == newest)
        expected = f"rows up to {newest}, whose hash was signed at {head.at}"
        broken = Break(last + 1, "cut off", expected, f"the chain ends at row {last}")
    found = [b for b in (broken, *broken_heads) if b is not None]
    first = min(found, key=lambda b: b.seq, default=None)
    return Proof(rows=rows, heads=len(heads), signed_up_to=min(newest, last), broken=first)


def first_broken(connection: Connection) -> int | None:
    """The first row that does not fit its chain; None if the whole chain holds."""
    broken = verify(connection).broken
    return broken.seq if broken else None


def _walk(connection: Connection, heads: Mapping[int, Head]) -> tuple[int, int, Break | None]:
    """Rows looked at, the newest of them, and the first that is broken."""
    prev, seq, count = GENESIS, 0, 0
    rows = connection.execution_options(yield_per=_BATCH).execute(
        select(audit).order_by(audit.c.seq)
    )
    for row in rows:
        count += 1
        broken = _broken(row, seq + 1, prev) or _against_head(row, heads.get(row.seq))
        if broken:
            return count, seq, broken
        prev, seq = row.hash, row.seq
    return count, seq, None


def _broken(row: Row[Any], seq: int, prev: str) -> Break | None:
    if row.seq != seq:
        what = "missing" if row.seq > seq else "out of order"
        return Break(min(row.seq, seq), what, f"row {seq}", f"row {row.seq}")
    found = row_hash(row.prev, row.seq, row.at, row.actor, row.action, row.body)
    if row.prev != prev:
        return Break(seq, "out of order", f"prev {prev}", f"prev {row.prev}")
    if row.hash != found:
        said = f"{row.at} {row.actor} {row.action} {row.body}"[:_SHOWN]
        return Break(seq, "altered", f"hash {row.hash}", f"{found} of: {said}")
    return None


def _against_head(row: Row[Any], head: Head | None) -> Break | None:
    if head is None or head.hash == row.hash:
        return None
    expected = f"hash {head.hash}, signed at {head.at}"
    return Break(int(row.seq), "made anew", expected, f"hash {row.hash}")


def _heads(
    connection: Connection, keys: Sequence[Ed25519PublicKey], kept: Iterable[Head]
) -> tuple[list[Head], list[Break]]:
    """Heads that count, and those that are forged, changed or lost."""
    from kentongan.audit.heads import Head

    rows = connection.execute(select(audit_heads).order_by(audit_heads.c.seq))
    stored = [Head(**row._mapping) for row in rows]
    known = {key.public_bytes_raw().hex(): key for key in keys}
    genuine, broken = [], []
    for head in [*stored, *kept]:
        reason = _forged(head, known) if keys else ""
        if reason:
            broken.append(Break(head.seq, "forged head", "a signature by the audit key", reason))
        else:
            genuine.append(head)
    have = {head.seq for head in stored}
    for head in genuine:
        if head.seq not in have:
            expected = f"the head signed at {head.at}, as the log has it"
            broken.append(Break(head.seq, "lost head", expected, "none in audit_heads"))
    return genuine, broken


def _forged(head: Head, known: Mapping[str, Ed25519PublicKey]) -> str:
    """Why a head does not count; empty where it does."""
    from cryptography.exceptions import InvalidSignature

    if head.key_id not in known:
        return f"one by the unknown key {head.key_id[:16]}"
    try:
        known[head.key_id].verify(bytes.fromhex(head.signature), head.signed)
    except (InvalidSignature, ValueError):
        return f"a head of row {head.seq} at {head.at} that the key did not sign"
    return ""
