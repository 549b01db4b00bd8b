"""Database tables, the same on SQLite (WAL) and PostgreSQL.

Rows of `records`, `warnings`, `warning_states`, `approvals` and `audit` are only ever added, but
for records that make no event: they go with their bytes (`data/policy/retention.toml`).
Times are stored as ISO 8601 text in UTC (`kentongan.times.iso`), so they sort and read alike
on both databases.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, create_engine, event

from kentongan.tables.base import metadata
from kentongan.tables.events import decided, event_links, event_runs, event_versions, events
from kentongan.tables.feeds import (
    breakers,
    feed_log,
    fields_seen,
    forecast_villages,
    quarantine,
    rate_buckets,
    records,
)
from kentongan.tables.inbox import case_steps, cases, inbound, nonces, reports, reputation
from kentongan.tables.loop import duty_posts, escalations, link_uses, task_steps, tasks
from kentongan.tables.machine import audit, audit_heads, bindings, cycles, heartbeats, leases
from kentongan.tables.people import (
    accounts,
    consents,
    contacts,
    identities,
    limits,
    opt_outs,
    recipients,
    sessions,
    sign_ups,
    totp_used,
)
from kentongan.tables.sending import (
    messages,
    outbox,
    receipts_early,
    route_state,
    segments,
    spend,
    switches,
)
from kentongan.tables.warnings import (
    alerts,
    approvals,
    holds,
    releases,
    sop_ticks,
    warning_states,
    warnings,
)

__all__ = [
    "accounts",
    "alerts",
    "approvals",
    "audit",
    "audit_heads",
    "bindings",
    "breakers",
    "case_steps",
    "cases",
    "consents",
    "contacts",
    "cycles",
    "decided",
    "duty_posts",
    "escalations",
    "event_links",
    "event_runs",
    "event_versions",
    "events",
    "feed_log",
    "fields_seen",
    "forecast_villages",
    "heartbeats",
    "holds",
    "identities",
    "inbound",
    "insert_ignore",
    "leases",
    "limits",
    "link_uses",
    "make_engine",
    "messages",
    "metadata",
    "nonces",
    "opt_outs",
    "outbox",
    "quarantine",
    "rate_buckets",
    "receipts_early",
    "recipients",
    "records",
    "releases",
    "reports",
    "reputation",
    "route_state",
    "segments",
    "sessions",
    "sign_ups",
    "sop_ticks",
    "spend",
    "switches",
    "task_steps",
    "tasks",
    "totp_used",
    "warning_states",
    "warnings",
]


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
    return _ignoring(engine_or_connection.dialect.name, table)


@cache
def _ignoring(dialect: str, table: Table) -> Any:
    """Made once: to make it takes longer than SQLite needs to write the row."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        # Without the option it is -1 where SQLAlchemy asks for the new key.
        return pg_insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table).on_conflict_do_nothing()
