"""Life cycle, release, accounts, signed heads of the audit.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _approvals()
    op.add_column("alerts", sa.Column("unsigned_sha256", sa.String(length=64)))
    _events()
    _release()
    _people()
    op.create_table(
        "audit_heads",
        sa.Column("seq", _BIG, autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _approvals() -> None:
    """A person may have to approve again, so (warning, version, actor) is a key no more."""
    op.rename_table("approvals", "approvals_0002")
    op.create_table(
        "approvals",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("warning_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("binding", sa.String(length=64)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="approvals_by_id"),
    )
    op.create_index("approvals_by_version", "approvals", ["warning_id", "version"])
    op.execute(
        "INSERT INTO approvals (warning_id, version, actor, content_hash, at, kind, reason) "
        "SELECT warning_id, version, actor, content_hash, at, 'approve', '' FROM approvals_0002 "
        "ORDER BY at, actor"
    )
    op.drop_table("approvals_0002")


def _events() -> None:
    op.create_table(
        "event_versions",
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("field_hash", sa.String(length=64), nullable=False),
        sa.Column("impact_uri", sa.Text()),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "version"),
    )
    op.create_table(
        "event_runs",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("valid_from", sa.String(length=20), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "at", "valid_from"),
    )
    op.create_table(
        "event_links",
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("relation", sa.String(length=16), nullable=False),
        sa.Column("other_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "relation", "other_id"),
    )


def _release() -> None:
    op.create_table(
        "releases",
        sa.Column("warning_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("how", sa.String(length=12), nullable=False),
        sa.Column("binding", sa.String(length=64), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("provinces", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("review_by", sa.String(length=20)),
        sa.PrimaryKeyConstraint("warning_id", "version"),
        sa.ForeignKeyConstraint(
            ["warning_id", "version"], ["warnings.warning_id", "warnings.version"]
        ),
    )
    op.create_index("releases_by_time", "releases", ["at"])
    op.create_table(
        "holds",
        sa.Column("warning_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("warning_id", "version"),
    )
    op.create_table(
        "switches",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("switches_by_name", "switches", ["name", "id"])
    op.create_index("outbox_by_message", "outbox", ["message_id"])
    op.create_index("messages_by_warning", "messages", ["warning_id", "version"])


def _people() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.Column("totp_secret", sa.Text()),
        sa.Column("password_hash", sa.Text()),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("disabled_at", sa.String(length=20)),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "totp_used",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("counter", _BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "counter"),
    )
    op.create_table(
        "sop_ticks",
        sa.Column("warning_id", sa.String(length=100), nullable=False),
        sa.Column("step_id", sa.String(length=60), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("warning_id", "step_id"),
    )


def downgrade() -> None:
    for table in (
        "audit_heads",
        "sop_ticks",
        "totp_used",
        "accounts",
        "switches",
        "holds",
        "releases",
        "event_links",
        "event_runs",
        "event_versions",
    ):
        op.drop_table(table)
    op.drop_index("outbox_by_message", "outbox")
    op.drop_index("messages_by_warning", "messages")
    op.drop_column("alerts", "unsigned_sha256")
    op.rename_table("approvals", "approvals_0003")
    op.create_table(
        "approvals",
        sa.Column("warning_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("warning_id", "version", "actor", name="approvals_by_actor"),
    )
    op.execute(
        "INSERT INTO approvals SELECT warning_id, version, actor, content_hash, MAX(at) "
        "FROM approvals_0003 GROUP BY warning_id, version, actor, content_hash"
    )
    op.drop_table("approvals_0003")
