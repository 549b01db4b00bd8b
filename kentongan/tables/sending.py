"""Who is told, and what became of each message."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from kentongan.tables.base import BIG, metadata

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
    Column("parts", SmallInteger, nullable=False, default=1),  # segments of an SMS
    Index("messages_by_warning", "warning_id", "version"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
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
    Column("provider_id_norm", String(80)),  # as the route's receipts write it
    Column("area_code", String(13), nullable=False, default=""),  # the village, or the regency
    Column("turn", Integer, nullable=False, default=0),  # its place within its area: fair shares
    Column("sent_at", String(27)),  # put on the wire
    Column("final_at", String(27)),  # delivered, failed, unknown, expired or suppressed
    Column("last_error", Text),
    UniqueConstraint("alert_version", "recipient_id", "channel", "part"),
    Index("outbox_by_message", "message_id", "recipient_id"),
)
_PARTS_OF_OUTBOX = {
    "outbox_ready": (("route", "prio", "turn", "due", "id"), "state = 0"),
    "outbox_busy": (("route",), "state IN (1, 2)"),
    "outbox_accepted": (("not_after",), "state = 3 AND route <> 'recorder'"),
    "outbox_by_provider": (("route", "provider_id_norm"), "provider_id_norm IS NOT NULL"),
}
"""Indexes over the few rows that are asked for: a row leaves them as soon as it is done with."""
for _name, (_columns, _where) in _PARTS_OF_OUTBOX.items():
    Index(
        _name, *(outbox.c[_column] for _column in _columns),
        sqlite_where=text(_where), postgresql_where=text(_where),
    )  # fmt: skip

# Written out, not bound: a database uses an index over a part only for a query that names it so.
is_ready = outbox.c.state == literal_column("0")
is_busy = outbox.c.state.in_([literal_column("1"), literal_column("2")])
"""Leased or on the wire."""
is_with_carrier = (outbox.c.state == literal_column("3")) & (
    outbox.c.route != literal_column("'recorder'")
)
"""A carrier took it and has not told what became of it."""

switches = Table(
    "switches",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("name", String(40), nullable=False),  # dispatch, or dispatch:<route>
    Column("is_open", Boolean, nullable=False),  # the newest row of a name holds
    Column("at", String(20), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Index("switches_by_name", "name", "id"),
)

segments = Table(
    "segments",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("alert_version", String(120), nullable=False),
    Column("message_id", String(160), nullable=False),
    Column("adm4_code", String(13), nullable=False),
    Column("channel", String(12), nullable=False),
    Column("language", String(5), nullable=False),
    Column("prio", SmallInteger, nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("not_after", String(20), nullable=False),
    Column("state", SmallInteger, nullable=False, default=0),  # kentongan.types.SegmentState
    Column("cursor", String(40), nullable=False, default=""),  # last recipient that has a row
    Column("upto", String(40), nullable=False, default=""),  # last one of the chunk being made
    Column("rows", Integer, nullable=False, default=0),  # recipients up to the cursor
    Column("people", Integer, nullable=False, default=0),  # at release; of an end at most
    # Of an end: the earlier message whose recipients it goes to; empty: the village's residents.
    Column("source", String(160), nullable=False, default=""),
    Column("to_public", Boolean, nullable=False, default=False),  # not to the recorder
    UniqueConstraint("alert_version", "adm4_code", "channel", "language", "source"),
    Index("segments_open", "state", "prio", "rows", "id"),
    Index("segments_by_message", "message_id"),
)

receipts_early = Table(
    "receipts_early",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("route", String(20), nullable=False),
    Column("provider_id_norm", String(80), nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("at", String(27), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Index("receipts_early_by_id", "route", "provider_id_norm"),
)

route_state = Table(
    "route_state",
    metadata,
    Column("route", String(20), primary_key=True),
    Column("rate", Float, nullable=False),  # messages a second now; falls when throttled
    Column("failures", Integer, nullable=False, default=0),  # since the last success
    Column("closed_until", String(27)),  # not tried before
    Column("reason", Text, nullable=False, default=""),
    Column("at", String(27), nullable=False),
)

spend = Table(
    "spend",
    metadata,
    Column("route", String(20), primary_key=True),
    Column("hour", String(13), primary_key=True),  # 2026-11-22T09
    Column("messages", Integer, nullable=False, default=0),
    Column("cost", Float, nullable=False, default=0.0),  # rupiah, by the route's price
)
