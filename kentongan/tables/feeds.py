"""What came in from BMKG."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kentongan.tables.base import BIG, metadata

feed_log = Table(
    "feed_log",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("source_id", String(40), nullable=False),
    Column("url", Text, nullable=False),
    Column("polled_at", String(20), nullable=False),
    Column("http_status", Integer),
    Column("outcome", String(12), nullable=False),
    Column("bytes", Integer, nullable=False, default=0),
    Column("sha256", String(64)),
    Column("etag", Text),
    Column("last_modified", Text),  # as sent: the second validator
    Column("document_time", String(20)),
    Column("received", Integer, nullable=False, default=0),
    Column("quarantined", Integer, nullable=False, default=0),
    Column("detail", Text, nullable=False, default=""),
    Column("is_link", Boolean, nullable=False, default=False),  # found in an index, not its own
    Column("request", JSON),  # conditional headers that were sent; never a key
    Column("headers", JSON),  # of the answer
    Column("duration_ms", Integer),
    Column("answered_at", String(27)),  # our clock when the last byte was in
    Column("thinned_at", String(20)),  # the bytes were deleted by policy then: no loss
    Index("feed_log_by_url", "source_id", "url", "outcome", "polled_at", "id"),
    Index("feed_log_by_time", "source_id", "polled_at"),
    Index("feed_log_by_bytes", "source_id", "sha256", "polled_at"),
)

rate_buckets = Table(
    "rate_buckets",
    metadata,
    Column("host", String(120), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", Float, nullable=False),  # seconds since 1970, of the shared clock
)

breakers = Table(
    "breakers",
    metadata,
    Column("host", String(120), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("opened_at", String(20)),
    Column("retry_at", String(20)),  # by the clock of the polls
    Column("retry_clock", Float),  # the same by the real clock, seconds since 1970
    Column("reason", Text, nullable=False, default=""),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("source_id", String(40), nullable=False),
    Column("url", Text, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the newest such bytes; empty: none came
    Column("item", String(200), nullable=False),  # empty: the whole document
    Column("reason", Text, nullable=False),
    Column("sample", Text, nullable=False, default=""),
    Column("first_at", String(20), nullable=False),
    Column("last_at", String(20), nullable=False),
    Column("seen", Integer, nullable=False, default=1),
    Column("state", String(12), nullable=False, default="open"),  # open, resolved, dismissed
    Column("resolved_at", String(20)),
    Column("note", Text, nullable=False, default=""),
    UniqueConstraint("source_id", "url", "item"),
    Index("quarantine_by_state", "state", "source_id", "last_at"),
)

fields_seen = Table(
    "fields_seen",
    metadata,
    Column("source_id", String(40), primary_key=True),
    Column("document", String(80), primary_key=True),
    Column("field", String(160), primary_key=True),
    Column("is_known", Boolean, nullable=False),
    Column("first_at", String(20), nullable=False),
    Column("last_at", String(20), nullable=False),
    Column("seen", Integer, nullable=False, default=1),
)

forecast_villages = Table(
    "forecast_villages",
    metadata,
    Column("adm4_code", String(13), primary_key=True),
    Column("asked_as", String(13), nullable=False),
    Column("asked_at", String(20), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("answered_at", String(20)),
    Column("analysis_time", String(20)),
    Index("forecast_villages_by_age", "asked_at"),
)

records = Table(
    "records",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("source_id", String(40), nullable=False),
    Column("key", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("document_time", String(20), nullable=False),
    Column("known_at", String(20), nullable=False),
    Column("status", String(10), nullable=False),
    # Older than 60 minutes on the source's first poll ever: known, never announced.
    Column("history", Boolean, nullable=False, default=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("source_id", "key"),
    Index("records_by_kind", "kind", "document_time"),
)
