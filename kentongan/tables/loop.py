"""Tasks of Tagana: each step that one takes is a row."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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
    Column("fence", Integer, nullable=False, default=0),  # number of the newest step
    Column("assigned_to", String(40)),  # recipient_id; none: the coordinator
    Column("due_at", String(20)),  # when silence escalates next
    Column("escalation", SmallInteger, nullable=False, default=0),
    Column("people_done", Integer),
    UniqueConstraint("warning_id", "kind", "adm4_code"),
    Index("tasks_by_state", "state", "due_at"),
    Index("tasks_by_coordinator", "coordinator_id", "state"),
)

task_steps = Table(
    "task_steps",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("task_id", String(20), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", String(27), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("via", String(12), nullable=False),  # system, sms, link, operator
    Column("people", Integer),
    Column("note", Text, nullable=False, default=""),
    Column("cause", String(120), nullable=False),  # what made it: the same cause is one step
    UniqueConstraint("task_id", "fence"),
    UniqueConstraint("task_id", "cause"),
)

escalations = Table(
    "escalations",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("task_id", String(20), nullable=False),
    Column("step", SmallInteger, nullable=False),
    Column("what", String(20), nullable=False),  # repeat, next-channel, deputy, …
    Column("to_id", String(40), nullable=False, default=""),
    Column("at", String(20), nullable=False),
    Column("fence", Integer, nullable=False),
    UniqueConstraint("task_id", "fence", "step"),
)

link_uses = Table(
    "link_uses",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("act", String(20), primary_key=True),
    Column("fence", Integer, primary_key=True, autoincrement=False),
    Column("at", String(27), nullable=False),
)

duty_posts = Table(
    "duty_posts",
    metadata,
    Column("role", String(16), primary_key=True),  # deputy, regency, province, command-centre, bpbd
    Column("area_code", String(8), primary_key=True),  # regency or province; empty: the nation
    Column("recipient_id", String(40), primary_key=True),
    Column("rank", SmallInteger, nullable=False, default=1),  # the lowest is asked first
)
