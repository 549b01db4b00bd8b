"""Warnings, their release and their bytes."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kentongan.tables.base import BIG, metadata

warnings = Table(
    "warnings",
    metadata,
    Column("warning_id", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("event_id", String(80), nullable=False),
    Column("hazard_id", String(20), nullable=False),
    Column("msg_type", String(10), nullable=False),
    Column("cap_status", String(10), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("all_clear", Boolean, nullable=False, default=False),
    Column("content_hash", String(64), nullable=False),
    Column("created_at", String(20), nullable=False),
    Column("expires", String(20), nullable=False),
    Column("body", JSON, nullable=False),  # notify.warning.WarningBody
)

warning_states = Table(
    "warning_states",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("warning_id", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", String(20), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    ForeignKeyConstraint(["warning_id", "version"], ["warnings.warning_id", "warnings.version"]),
    UniqueConstraint("warning_id", "version", "state"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("warning_id", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("at", String(20), nullable=False),
    Column("kind", String(12), nullable=False, default="approve"),  # author, break-glass, review
    Column("binding", String(64)),  # over all that goes out: notify.release.binding
    Column("reason", Text, nullable=False, default=""),
    Index("approvals_by_version", "warning_id", "version"),
)

releases = Table(
    "releases",
    metadata,
    Column("warning_id", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("how", String(12), nullable=False),  # policy, approved, break-glass
    Column("binding", String(64), nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("provinces", JSON, nullable=False),  # two digits each
    Column("at", String(20), nullable=False),
    Column("review_by", String(20)),  # of a break-glass: when the second look is due
    Index("releases_by_time", "at"),
    ForeignKeyConstraint(["warning_id", "version"], ["warnings.warning_id", "warnings.version"]),
)

holds = Table(
    "holds",
    metadata,
    Column("warning_id", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("reason", Text, nullable=False),  # the quota that it went over
    Column("at", String(20), nullable=False),
)

sop_ticks = Table(
    "sop_ticks",
    metadata,
    Column("warning_id", String(100), primary_key=True),
    Column("step_id", String(60), primary_key=True),
    Column("at", String(20), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("note", Text, nullable=False, default=""),
)

alerts = Table(
    "alerts",
    metadata,
    Column("identifier", String(120), primary_key=True),
    Column("warning_id", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sender", String(120), nullable=False),
    Column("sent", String(30), nullable=False),
    Column("expires", String(30), nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("unsigned_sha256", String(64)),  # of the same document without its signature
    UniqueConstraint("warning_id", "version"),
)
