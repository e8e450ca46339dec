"""What is counted: days, hours, visits, countries and analyses; and who asked for a job."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    """New tables and an empty column: code that knows nothing of them runs on, uncounted."""
    op.add_column("jobs", sa.Column("correlation_id", sa.String(128), nullable=True))
    _make_days()
    _make_hours()
    _make_visits()
    _make_analyses()


def downgrade() -> None:
    """All that was counted is forgotten."""
    op.drop_index("ix_usage_analyses_day", "usage_analyses")
    for table in (
        "usage_analyses",
        "usage_countries",
        "usage_visits",
        "usage_hours",
        "usage_days",
    ):
        op.drop_table(table)
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("correlation_id")


def _make_days() -> None:
    op.create_table(
        "usage_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("analyses", sa.Integer(), nullable=False),
        sa.Column("unkept", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("processing_us", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("server_errors", sa.Integer(), nullable=False),
        sa.Column("response_us", sa.BigInteger(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_usage_days"),
    )


def _make_hours() -> None:
    op.create_table(
        "usage_hours",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("server_errors", sa.Integer(), nullable=False),
        sa.Column("up", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", name="pk_usage_hours"),
    )


def _make_visits() -> None:
    op.create_table(
        "usage_visits",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("day", "digest", name="pk_usage_visits"),
    )
    op.create_table(
        "usage_countries",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "country", name="pk_usage_countries"),
    )


def _make_analyses() -> None:
    op.create_table(
        "usage_analyses",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("age_years", sa.Integer(), nullable=False),
        sa.Column("category_known", sa.Boolean(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=True),
        sa.Column("terms", sa.JSON(), nullable=True),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.Column("domain_matched", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_usage_analyses_day", "usage_analyses", ["day"])
