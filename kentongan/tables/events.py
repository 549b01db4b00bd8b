"""What is happening, and each change of what is known of it."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, SmallInteger, String, Table, Text, UniqueConstraint

from kentongan.tables.base import BIG, metadata

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
    Column("id", BIG, primary_key=True, autoincrement=True),
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

decided = Table(
    "decided",
    metadata,
    Column("at", String(20), primary_key=True),
    Column("inputs", String(64), nullable=False),  # of what was known when it decided
    Column("answers", JSON, nullable=False),  # what the cycle said
)
