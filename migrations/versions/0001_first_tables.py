"""The first tables: drawings, their analyses, repeated requests, the demo and the stamp."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    """Parents before children."""
    _make_drawings()
    _make_analyses()
    _make_idempotency_keys()
    _make_demo_samples()
    _make_environment_stamp()


def downgrade() -> None:
    """Children before parents."""
    for table in TABLES:
        op.drop_table(table)


TABLES = ("environment_stamp", "demo_samples", "idempotency_keys", "analyses", "drawings")


def _make_drawings() -> None:
    op.create_table(
        "drawings",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("age_years", sa.Double(), nullable=False),
        sa.Column("category", sa.String(64), nullable=True),
        sa.Column("picture_key", sa.String(255), nullable=False),
        sa.Column("picture_type", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drawings"),
    )
    op.create_index("ix_drawings_created_at", "drawings", ["created_at"])


def _make_analyses() -> None:
    op.create_table(
        "analyses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("drawing_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bundle_version", sa.String(64), nullable=False),
        sa.Column("bundle_sha256", sa.String(64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("map_key", sa.String(255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_analyses"),
        _of_drawing("analyses", ondelete="CASCADE"),
    )
    op.create_index("ix_analyses_drawing_id", "analyses", ["drawing_id"])


def _make_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("drawing_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency_keys"),
        _of_drawing("idempotency_keys", ondelete="CASCADE"),
    )
    op.create_index("ix_idempotency_keys_drawing_id", "idempotency_keys", ["drawing_id"])
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _make_demo_samples() -> None:
    op.create_table(
        "demo_samples",
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("description", sa.String(2000), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("drawing_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_demo_samples"),
        _of_drawing("demo_samples"),
    )
    op.create_index("ix_demo_samples_drawing_id", "demo_samples", ["drawing_id"])


def _make_environment_stamp() -> None:
    op.create_table(
        "environment_stamp",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("environment", sa.String(32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_environment_stamp"),
        sa.CheckConstraint("id = 1", name=op.f("ck_environment_stamp_single_row")),
    )


def _of_drawing(table: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["drawing_id"], ["drawings.id"], name=f"fk_{table}_drawing_id_drawings", ondelete=ondelete
    )
