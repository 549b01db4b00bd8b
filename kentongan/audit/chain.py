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


def row_hash(prev: str, seq: int, at: str, actor: str, action: str, body: str) -> str:
    """Of every field but itself. No field but the last holds a line break, so none can be
    shifted into the next."""
    fields = (prev, str(seq), at, actor, action, body)
    return hashlib.sha256("\n".join(fields).encode()).hexdigest()


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
    row = {
        "at": iso(at),
        "actor": _one_line(actor),
        "action": _one_line(action),
        "body": canonical(body),
    }
    digest = row_hash(prev, seq, **row)
    connection.execute(audit.insert().values(seq=seq, prev=prev, hash=digest, **row))
    return digest


def _one_line(text_: str) -> str:
    return " ".join(text_.split())
