"""What people send us: kept before it is acknowledged, then read, routed and answered."""

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
)

from kentongan.tables.base import BIG, metadata

inbound = Table(
    "inbound",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("route", String(20), nullable=False),
    Column("provider_key", String(120), nullable=False),  # its id, or a hash of what came when
    Column("sender_sealed", Text, nullable=False),
    Column("sender_blind", String(64), nullable=False),
    Column("text", Text, nullable=False),  # cleaned and cut, for people to read
    Column("raw", Text),  # base64 of its bytes, where it is not what `text` shows
    Column("flood", Boolean, nullable=False, default=False),  # above the limits: not answered
    Column("received_at", String(27), nullable=False),
    Column("state", String(12), nullable=False, default="new"),  # new, done, failed
    Column("kind", String(12), nullable=False, default=""),  # registry, reply, report, noise
    Column("ref", String(120), nullable=False, default=""),  # task, case … that it became
    Column("handled_at", String(27)),
    Column("detail", Text, nullable=False, default=""),
    UniqueConstraint("route", "provider_key"),
    Index("inbound_by_state", "state", "flood", "id"),
    Index("inbound_by_sender", "sender_blind", "received_at"),
)

nonces = Table(
    "nonces",
    metadata,
    Column("scope", String(40), primary_key=True),
    Column("nonce", String(120), primary_key=True),
    Column("at", String(20), nullable=False),
)

reports = Table(
    "reports",
    metadata,
    Column("report_id", String(40), primary_key=True),
    Column("inbound_id", BIG),
    Column("via", String(12), nullable=False),  # sms, web, voice
    Column("caller_blind", String(64), nullable=False, default=""),
    Column("received_at", String(27), nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String(5), nullable=False, default=""),
    Column("category", String(40), nullable=False, default=""),
    Column("reasons", JSON, nullable=False),  # why this category, place, score
    Column("place_text", Text, nullable=False, default=""),
    Column("adm4_code", String(13)),
    Column("urgency", SmallInteger, nullable=False, default=0),  # 3: danger to life
    Column("prank", Float, nullable=False, default=0.0),  # 0..1
    Column("case_id", String(40)),
    Column("state", String(12), nullable=False),  # new, asked, routed, closed, noise
    Index("reports_by_case", "case_id"),
    Index("reports_by_caller", "caller_blind", "received_at"),
    Index("reports_by_state", "state", "received_at"),
    Index("reports_by_place", "adm4_code", "received_at"),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", String(40), primary_key=True),
    Column("category", String(40), nullable=False),
    Column("adm4_code", String(13)),
    Column("urgency", SmallInteger, nullable=False),
    Column("unit", String(40), nullable=False),  # of the routing file
    Column("state", String(12), nullable=False),  # open, taken, closed
    Column("opened_at", String(27), nullable=False),
    Column("due_at", String(27), nullable=False),
    Column("taken_by", String(80)),
    Column("closed_at", String(27)),
    Column("outcome", Text, nullable=False, default=""),
    Column("warning_id", String(100)),  # that it supports or questions
    Column("stance", String(12), nullable=False, default=""),  # supports, questions
    Index("cases_by_state", "state", "due_at"),
    Index("cases_by_place", "adm4_code", "opened_at"),
)

case_steps = Table(
    "case_steps",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("case_id", String(40), nullable=False),
    Column("at", String(27), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("act", String(20), nullable=False),  # opened, joined, routed, taken, answered, closed
    Column("note", Text, nullable=False, default=""),
    Index("case_steps_by_case", "case_id", "id"),
)

reputation = Table(
    "reputation",
    metadata,
    Column("caller_blind", String(64), primary_key=True),
    Column("reports", Integer, nullable=False, default=0),
    Column("useful", Integer, nullable=False, default=0),
    Column("pranks", Integer, nullable=False, default=0),
    Column("updated_at", String(27), nullable=False),
)
