"""Signing in: where a session came from, passwords of an admin's making, sign-in elsewhere.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts",
        sa.Column("password_initial", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "sessions", sa.Column("via", sa.String(length=12), server_default="", nullable=False)
    )
    op.add_column(
        "sessions", sa.Column("network", sa.String(length=64), server_default="", nullable=False)
    )
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "kind", "value"),
    )
    op.create_index("identities_by_account", "identities", ["account_id"])


def downgrade() -> None:
    op.drop_index("identities_by_account", "identities")
    op.drop_table("identities")
    op.drop_column("sessions", "network")
    op.drop_column("sessions", "via")
    op.drop_column("accounts", "password_initial")
