"""What the admin has set."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    """A new table only: code that knows nothing of it goes on with what it would say unset."""
    op.create_table(
        "configuration",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_configuration"),
        sa.CheckConstraint("id = 1", name=op.f("ck_configuration_single_row")),
    )


def downgrade() -> None:
    """All is as if nothing had been set."""
    op.drop_table("configuration")
