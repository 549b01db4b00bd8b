"""How the programs of one home keep out of each other's way; the audit chain."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, String, Table, Text

from kentongan.tables.base import BIG, metadata

bindings = Table(
    "bindings",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", String(40), nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("owner", String(120), nullable=False),
    Column("until", String(27), nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("at", String(20), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", String(120), nullable=False),
    Column("detail", Text, nullable=False, default=""),
)

cycles = Table(
    "cycles",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("at", String(20), nullable=False),
    Column("document", JSON, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("at", String(20), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("at", String(20), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("signature", Text, nullable=False),
)
