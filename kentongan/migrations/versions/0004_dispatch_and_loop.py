"""Registry of recipients, segments and receipts, steps of tasks, the inbox.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_PARTS_OF_OUTBOX = {
    "outbox_ready": (["route", "prio", "turn", "due", "id"], "state = 0"),
    "outbox_busy": (["route"], "state IN (1, 2)"),
    "outbox_accepted": (["not_after"], "state = 3 AND route <> 'recorder'"),
    "outbox_by_provider": (["route", "provider_id_norm"], "provider_id_norm IS NOT NULL"),
}
_RECIPIENTS_BY_AREA = [
    "adm4_code", "role", "recipient_id", "language", "active", "by_sms", "by_push", "synthetic",
]  # fmt: skip
_ADDED = {
    "messages": ("parts",),
    "outbox": ("provider_id_norm", "area_code", "turn", "sent_at", "final_at"),
    "recipients": ("by_sms", "by_push", "active", "created_at"),
    "tasks": ("fence", "assigned_to", "due_at", "escalation", "people_done"),
}


def upgrade() -> None:
    _people()
    _sending()
    _tasks()
    _inbox()
    op.create_table(
        "decided",
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("inputs", sa.String(length=64), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("at"),
    )


def _people() -> None:
    op.create_table(
        "consents",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("recipient_id", sa.String(length=40), nullable=False),
        sa.Column("basis", sa.String(length=12), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False),
        sa.Column("text_version", sa.String(length=40), nullable=False),
        sa.Column("via", sa.String(length=12), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consents_by_recipient", "consents", ["recipient_id", "id"])
    op.create_table(
        "contacts",
        sa.Column("recipient_id", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("blind", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("recipient_id", "channel"),
        sa.UniqueConstraint("channel", "blind"),
    )
    op.create_table(
        "opt_outs",
        sa.Column("blind", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("blind", "channel"),
    )
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("seen_at", sa.String(length=20), nullable=False),
        sa.Column("ends_at", sa.String(length=20), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("session_hash"),
    )
    op.create_index("sessions_by_account", "sessions", ["account_id"])
    op.create_table(
        "sign_ups",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("blind", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("adm4_code", sa.String(length=13), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("text_version", sa.String(length=40), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("until", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sign_ups_by_blind", "sign_ups", ["blind", "kind", "id"])
    op.create_index("sign_ups_by_end", "sign_ups", ["until"])
    op.create_table(
        "limits",
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("window", sa.String(length=13), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "who", "window"),
    )
    op.add_column(
        "recipients", sa.Column("by_sms", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column(
        "recipients", sa.Column("by_push", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column(
        "recipients", sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column("recipients", sa.Column("created_at", sa.String(length=20)))
    op.drop_index("recipients_by_area", "recipients")
    op.create_index("recipients_by_area", "recipients", _RECIPIENTS_BY_AREA)


def _sending() -> None:
    op.create_table(
        "receipts_early",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("route", sa.String(length=20), nullable=False),
        sa.Column("provider_id_norm", sa.String(length=80), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("receipts_early_by_id", "receipts_early", ["route", "provider_id_norm"])
    op.create_table(
        "route_state",
        sa.Column("route", sa.String(length=20), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("closed_until", sa.String(length=27), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("route"),
    )
    op.create_table(
        "segments",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("alert_version", sa.String(length=120), nullable=False),
        sa.Column("message_id", sa.String(length=160), nullable=False),
        sa.Column("adm4_code", sa.String(length=13), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("prio", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("not_after", sa.String(length=20), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("cursor", sa.String(length=40), nullable=False),
        sa.Column("upto", sa.String(length=40), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=160), nullable=False),
        sa.Column("to_public", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("alert_version", "adm4_code", "channel", "language", "source"),
    )
    op.create_index("segments_by_message", "segments", ["message_id"])
    op.create_index("segments_open", "segments", ["state", "prio", "rows", "id"])
    op.create_table(
        "spend",
        sa.Column("route", sa.String(length=20), nullable=False),
        sa.Column("hour", sa.String(length=13), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("route", "hour"),
    )
    op.add_column(
        "messages", sa.Column("parts", sa.SmallInteger(), server_default="1", nullable=False)
    )
    op.add_column("outbox", sa.Column("provider_id_norm", sa.String(length=80)))
    op.add_column(
        "outbox", sa.Column("area_code", sa.String(length=13), server_default="", nullable=False)
    )
    op.add_column("outbox", sa.Column("sent_at", sa.String(length=27)))
    op.add_column("outbox", sa.Column("final_at", sa.String(length=27)))
    op.add_column("outbox", sa.Column("turn", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("outbox_ready", "outbox")
    op.drop_index("outbox_by_message", "outbox")
    op.create_index("outbox_by_message", "outbox", ["message_id", "recipient_id"])
    for name, (columns, where) in _PARTS_OF_OUTBOX.items():
        part = sa.text(where)
        op.create_index(name, "outbox", columns, sqlite_where=part, postgresql_where=part)


def _tasks() -> None:
    op.create_table(
        "duty_posts",
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("area_code", sa.String(length=8), nullable=False),
        sa.Column("recipient_id", sa.String(length=40), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("role", "area_code", "recipient_id"),
    )
    op.create_table(
        "escalations",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("task_id", sa.String(length=20), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("to_id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "fence", "step"),
    )
    op.create_table(
        "link_uses",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("fence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", "act", "fence"),
    )
    op.create_table(
        "task_steps",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("task_id", sa.String(length=20), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("via", sa.String(length=12), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "cause"),
        sa.UniqueConstraint("task_id", "fence"),
    )
    op.add_column("tasks", sa.Column("fence", sa.Integer(), server_default="0", nullable=False))
    op.add_column("tasks", sa.Column("assigned_to", sa.String(length=40)))
    op.add_column("tasks", sa.Column("due_at", sa.String(length=20)))
    op.add_column(
        "tasks", sa.Column("escalation", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column("tasks", sa.Column("people_done", sa.Integer()))
    op.create_index("tasks_by_coordinator", "tasks", ["coordinator_id", "state"])
    op.create_index("tasks_by_state", "tasks", ["state", "due_at"])


def _inbox() -> None:
    op.create_table(
        "case_steps",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("case_steps_by_case", "case_steps", ["case_id", "id"])
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("adm4_code", sa.String(length=13), nullable=True),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("opened_at", sa.String(length=27), nullable=False),
        sa.Column("due_at", sa.String(length=27), nullable=False),
        sa.Column("taken_by", sa.String(length=80), nullable=True),
        sa.Column("closed_at", sa.String(length=27), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("warning_id", sa.String(length=100), nullable=True),
        sa.Column("stance", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index("cases_by_place", "cases", ["adm4_code", "opened_at"])
    op.create_index("cases_by_state", "cases", ["state", "due_at"])
    op.create_table(
        "inbound",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("route", sa.String(length=20), nullable=False),
        sa.Column("provider_key", sa.String(length=120), nullable=False),
        sa.Column("sender_sealed", sa.Text(), nullable=False),
        sa.Column("sender_blind", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("flood", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.String(length=27), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("ref", sa.String(length=120), nullable=False),
        sa.Column("handled_at", sa.String(length=27), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("route", "provider_key"),
    )
    op.create_index("inbound_by_sender", "inbound", ["sender_blind", "received_at"])
    op.create_index("inbound_by_state", "inbound", ["state", "flood", "id"])
    op.create_table(
        "nonces",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("nonce", sa.String(length=120), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("scope", "nonce"),
    )
    op.create_table(
        "reports",
        sa.Column("report_id", sa.String(length=40), nullable=False),
        sa.Column("inbound_id", _BIG, nullable=True),
        sa.Column("via", sa.String(length=12), nullable=False),
        sa.Column("caller_blind", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.String(length=27), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("place_text", sa.Text(), nullable=False),
        sa.Column("adm4_code", sa.String(length=13), nullable=True),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("prank", sa.Float(), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("report_id"),
    )
    op.create_index("reports_by_caller", "reports", ["caller_blind", "received_at"])
    op.create_index("reports_by_case", "reports", ["case_id"])
    op.create_index("reports_by_place", "reports", ["adm4_code", "received_at"])
    op.create_index("reports_by_state", "reports", ["state", "received_at"])
    op.create_table(
        "reputation",
        sa.Column("caller_blind", sa.String(length=64), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("useful", sa.Integer(), nullable=False),
        sa.Column("pranks", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("caller_blind"),
    )


def downgrade() -> None:
    for table in (
        "reputation", "reports", "nonces", "inbound", "case_steps", "cases", "link_uses",
        "escalations", "task_steps", "spend", "segments", "route_state", "receipts_early",
        "sessions", "sign_ups", "limits", "opt_outs", "contacts", "consents", "decided",
        "duty_posts",
    ):  # fmt: skip
        op.drop_table(table)
    for index, table in (
        ("tasks_by_state", "tasks"), ("tasks_by_coordinator", "tasks"),
        ("recipients_by_area", "recipients"), ("outbox_by_message", "outbox"),
        *((name, "outbox") for name in _PARTS_OF_OUTBOX),
    ):  # fmt: skip
        op.drop_index(index, table)
    op.create_index("recipients_by_area", "recipients", ["adm4_code", "role"])
    op.create_index("outbox_by_message", "outbox", ["message_id"])
    op.create_index("outbox_ready", "outbox", ["state", "route", "prio", "due", "id"])
    for table, columns in _ADDED.items():
        for column in columns:
            op.drop_column(table, column)
