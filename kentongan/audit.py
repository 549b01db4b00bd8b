"""The audit chain: each row holds the hash of the row before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text

from kentongan.db import audit
from kentongan.times import iso

GENESIS = "0" * 64


def canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(prev: str, seq: int, at: str, actor: str, action: str, body: str) -> str:
    return hashlib.sha256("\n".join((prev, str(seq), at, actor, action, body)).encode()).hexdigest()


def append(
    connection: Connection, *, at: datetime, actor: str, action: str, body: Mapping[str, Any]
) -> str:
    """Add one row inside the caller's transaction; returns its hash."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7521001)"))
    last = connection.execute(
        select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    ).first()
    seq, prev = (last.seq + 1, last.hash) if last else (1, GENESIS)
    row = {"at": iso(at), "actor": actor, "action": action, "body": canonical(body)}
    digest = _hash(prev, seq, **row)
    connection.execute(audit.insert().values(seq=seq, prev=prev, hash=digest, **row))
    return digest


def first_broken(connection: Connection) -> int | None:
    """The first row whose hash does not fit; None if the whole chain holds."""
    prev, expected = GENESIS, 1
    for row in connection.execute(select(audit).order_by(audit.c.seq)):
        found = _hash(row.prev, row.seq, row.at, row.actor, row.action, row.body)
        if row.seq != expected or row.prev != prev or row.hash != found:
            return int(row.seq)
        prev, expected = row.hash, expected + 1
    return None
