"""Releases that are still to come, as far as their migrations go."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.storage import revision, schema

EXPAND = """
    with op.batch_alter_table("drawings") as drawings:
        drawings.add_column(sa.Column("note_{number}", sa.String(64), nullable=True))
    op.create_table("shelf_{number}", sa.Column("id", sa.Integer(), primary_key=True))
"""
CONTRACT = """
    with op.batch_alter_table("drawings") as drawings:
        drawings.drop_column("category")
"""
REVISION = '''"""A step that is yet to come."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None
phase = "{phase}"


def upgrade() -> None:{body}

def downgrade() -> None:
    raise NotImplementedError
'''


@contextmanager
def later_release(folder: Path, head: str, *phases: str) -> Iterator[str]:
    """Within it the code knows a revision more for each phase; the newest is what it is given."""
    migrations = folder / "migrations"
    shutil.copytree(schema.MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    before = head
    for number, phase in enumerate(phases):
        body = (EXPAND if phase == "expand" else CONTRACT).format(number=number)
        text = REVISION.format(revision=f"later_{number}", before=before, phase=phase, body=body)
        (migrations / "versions" / f"later_{number}.py").write_text(text)
        before = f"later_{number}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", migrations)
        later = (f"later_{number}" for number in range(len(phases)))
        patch.setattr(revision, "REVISIONS", (*revision.REVISIONS, *later))
        yield before
