"""Database tables, the same on SQLite (WAL) and PostgreSQL.

Rows of `records`, `warnings`, `warning_states`, `approvals` and `audit` are only ever added, but
for records that make no event: they go with their bytes (`data/policy/retention.toml`).
Times are stored as ISO 8601 text in UTC (`kentongan.times.iso`), so they sort and read alike
on both databases.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)

metadata = MetaData()

_BIG = BigInteger().with_variant(Integer, "sqlite")

bindings = Table(
    "bindings",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", String(40), nullable=False),
)

feed_log = Table(
    "feed_log",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
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

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
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
    Column("id", _BIG, primary_key=True, autoincrement=True),
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

events = Table(
    "events",
    metadata,
    Column("event_id", String(80), primary_key=True),
    Column("hazard_id", String(20), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("valid_from", String(20), nullable=False),
    Column("valid_to", String(20), nullable=False),
    Column("state", String(12), nullable=False),  # active, ended
    Column("field_hash", String(64), nullable=False),
    Column("impact_uri", Text),
    Column("updated_at", String(20), nullable=False),
    Column("body", Text, nullable=False),  # HazardEvent as JSON
)

event_versions = Table(
    "event_versions",
    metadata,
    Column("event_id", String(80), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", String(20), nullable=False),
    Column("field_hash", String(64), nullable=False),
    Column("impact_uri", Text),
    Column("level", SmallInteger, nullable=False),
    Column("method", String(80), nullable=False),
    Column("reason", Text, nullable=False, default=""),  # what made it: solution, grid, felt …
    Column("body", Text, nullable=False),  # HazardEvent as JSON
)

event_runs = Table(
    "event_runs",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
    Column("event_id", String(80), nullable=False),
    Column("at", String(20), nullable=False),
    Column("outcome", String(12), nullable=False),  # seen, missing, blind
    Column("valid_from", String(20), nullable=False),  # how new the knowledge is that was seen
    # adm4_code -> level (>= 2) that this run alone would hold, by the lower thresholds; -1 where
    # the run does not know.
    Column("levels", JSON, nullable=False),
    UniqueConstraint("event_id", "at", "valid_from"),
)

event_links = Table(
    "event_links",
    metadata,
    Column("event_id", String(80), primary_key=True),
    Column("relation", String(16), primary_key=True),  # merged-into, split-from, supersedes
    Column("other_id", String(80), primary_key=True),
    Column("at", String(20), nullable=False),
    Column("reason", Text, nullable=False, default=""),
)

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
    Column("id", _BIG, primary_key=True, autoincrement=True),
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
    Column("id", _BIG, primary_key=True, autoincrement=True),
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

switches = Table(
    "switches",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
    Column("name", String(40), nullable=False),  # dispatch, or dispatch:<route>
    Column("is_open", Boolean, nullable=False),  # the newest row of a name holds
    Column("at", String(20), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Index("switches_by_name", "name", "id"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),  # kentongan.accounts.Role
    Column("areas", JSON, nullable=False),  # prefixes of area codes; empty: the nation
    Column("totp_secret", Text),  # sealed with the key outside the database
    Column("password_hash", Text),
    Column("created_at", String(20), nullable=False),
    Column("disabled_at", String(20)),
)

totp_used = Table(
    "totp_used",
    metadata,
    Column("account_id", String(40), primary_key=True),
    Column("counter", _BIG, primary_key=True, autoincrement=False),  # a code works once
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

recipients = Table(
    "recipients",
    metadata,
    Column("recipient_id", String(40), primary_key=True),
    Column("role", String(12), nullable=False),  # resident, coordinator
    Column("adm4_code", String(13), nullable=False),
    Column("address", Text, nullable=False),
    Column("language", String(5), nullable=False, default="id"),
    Column("synthetic", Boolean, nullable=False, default=True),
    Index("recipients_by_area", "adm4_code", "role"),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", String(160), primary_key=True),
    Column("purpose", String(12), nullable=False),  # alert, all-clear, readiness, task
    Column("warning_id", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("channel", String(12), nullable=False),
    Column("language", String(5), nullable=False),
    Column("area_code", String(13), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("payload", JSON),
    Index("messages_by_warning", "warning_id", "version"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
    Column("alert_version", String(120), nullable=False),
    Column("recipient_id", String(40), nullable=False),
    Column("channel", String(12), nullable=False),
    Column("part", SmallInteger, nullable=False, default=0),
    Column("message_id", String(160), nullable=False),
    Column("route", String(20), nullable=False),
    Column("prio", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False, default=0),
    Column("attempts", SmallInteger, nullable=False, default=0),
    Column("created_at", String(27), nullable=False),
    Column("due", String(20), nullable=False),
    Column("not_after", String(20), nullable=False),
    Column("lease_until", String(20)),
    Column("lease_owner", String(80)),
    Column("provider_id", String(80)),
    Column("last_error", Text),
    UniqueConstraint("alert_version", "recipient_id", "channel", "part"),
    Index("outbox_ready", "state", "route", "prio", "due", "id"),
    Index("outbox_by_message", "message_id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", String(20), primary_key=True),
    Column("warning_id", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("adm4_code", String(13), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("people", Integer, nullable=False),
    Column("team_id", String(40)),
    Column("shelter_id", String(40)),
    Column("coordinator_id", String(40)),
    Column("eta_min", Float),
    Column("unmet_people", Integer, nullable=False, default=0),
    Column("state", String(12), nullable=False),
    Column("created_at", String(20), nullable=False),
    Column("body", JSON, nullable=False),
    UniqueConstraint("warning_id", "kind", "adm4_code"),
)

cycles = Table(
    "cycles",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
    Column("at", String(20), nullable=False),
    Column("document", JSON, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", _BIG, primary_key=True, autoincrement=False),
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
    Column("seq", _BIG, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("at", String(20), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("signature", Text, nullable=False),
)


def make_engine(url: str) -> Engine:
    """An engine; on SQLite in WAL mode, waiting up to 30 s for another writer."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def insert_ignore(engine_or_connection: Any, table: Table) -> Any:
    """`INSERT … ON CONFLICT DO NOTHING` in the dialect of the connection; `rowcount` of its result
    is 1 for a new row and 0 for a known one, on both."""
    if engine_or_connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        # Without the option it is -1 where SQLAlchemy asks for the new key.
        return pg_insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table).on_conflict_do_nothing()
