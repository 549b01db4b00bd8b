"""Feeds: what was asked and answered, shared limits, quarantine, fields, heartbeats."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _answers()
    _shared_between_processes()
    _quarantine()
    _fields_and_villages()


def _answers() -> None:
    op.add_column(
        "feed_log",
        sa.Column("is_link", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("feed_log", sa.Column("request", sa.JSON()))
    op.add_column("feed_log", sa.Column("headers", sa.JSON()))
    op.add_column("feed_log", sa.Column("duration_ms", sa.Integer()))
    op.add_column("feed_log", sa.Column("last_modified", sa.Text()))
    op.add_column("feed_log", sa.Column("answered_at", sa.String(length=27)))
    op.add_column("feed_log", sa.Column("thinned_at", sa.String(length=20)))
    # The newest good answer and the first reception are found without looking at all others.
    op.drop_index("feed_log_by_url", "feed_log")
    columns = ["source_id", "url", "outcome", "polled_at", "id"]
    op.create_index("feed_log_by_url", "feed_log", columns)
    op.drop_index("feed_log_by_bytes", "feed_log")
    op.create_index("feed_log_by_bytes", "feed_log", ["source_id", "sha256", "polled_at"])
    # The nowcast's documents are the only links that the first schema knew.
    op.execute(
        "UPDATE feed_log SET is_link = (1 = 1) "
        "WHERE source_id = 'bmkg-nowcast' AND url LIKE '%_alert.xml'"
    )


def _shared_between_processes() -> None:
    op.create_table(
        "rate_buckets",
        sa.Column("host", sa.String(length=120), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("host"),
    )
    op.create_table(
        "breakers",
        sa.Column("host", sa.String(length=120), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.String(length=20)),
        sa.Column("retry_at", sa.String(length=20)),
        sa.Column("retry_clock", sa.Float()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("until", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("source_id", sa.String(length=40), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("first_at", sa.String(length=20), nullable=False),
        sa.Column("last_at", sa.String(length=20), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("resolved_at", sa.String(length=20)),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id", "url", "item"),
    )
    op.create_index("quarantine_by_state", "quarantine", ["state", "source_id", "last_at"])


def _fields_and_villages() -> None:
    op.create_table(
        "fields_seen",
        sa.Column("source_id", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("field", sa.String(length=160), nullable=False),
        sa.Column("is_known", sa.Boolean(), nullable=False),
        sa.Column("first_at", sa.String(length=20), nullable=False),
        sa.Column("last_at", sa.String(length=20), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "document", "field"),
    )
    op.create_table(
        "forecast_villages",
        sa.Column("adm4_code", sa.String(length=13), nullable=False),
        sa.Column("asked_as", sa.String(length=13), nullable=False),
        sa.Column("asked_at", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("answered_at", sa.String(length=20)),
        sa.Column("analysis_time", sa.String(length=20)),
        sa.PrimaryKeyConstraint("adm4_code"),
    )
    op.create_index("forecast_villages_by_age", "forecast_villages", ["asked_at"])


def downgrade() -> None:
    for table in (
        "forecast_villages",
        "fields_seen",
        "quarantine",
        "heartbeats",
        "leases",
        "breakers",
        "rate_buckets",
    ):
        op.drop_table(table)
    op.drop_index("feed_log_by_bytes", "feed_log")
    op.create_index("feed_log_by_bytes", "feed_log", ["source_id", "sha256"])
    op.drop_index("feed_log_by_url", "feed_log")
    op.create_index("feed_log_by_url", "feed_log", ["source_id", "url", "id"])
    for column in (
        "thinned_at",
        "answered_at",
        "last_modified",
        "duration_ms",
        "headers",
        "request",
        "is_link",
    ):
        op.drop_column("feed_log", column)
