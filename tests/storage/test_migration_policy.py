"""Each step of the schema says what it is, and an expand step is one."""

# ruff: noqa: S608 - the statements are Python, written into files and never given values

from pathlib import Path

import pytest
from alembic.script import Script

from app.storage.schema import MIGRATIONS
from tests.support.stores.migrations import breaches, operations, scripts

# Nothing came before it, so nothing could be broken by it.
FIRST = "0001"

HEAD = '''"""A step."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
'''
COLUMN = 'sa.Column("c", sa.Integer(){})'
NEW_COLUMN = f'op.add_column("drawings", {COLUMN.format("")}); '
NEW_TABLE = f'op.create_table("shelf", {COLUMN.format("")}); '


OURS = [pytest.param(script, id=script.revision) for script in scripts(MIGRATIONS)]


@pytest.mark.parametrize("script", OURS)
def test_a_revision_does_no_more_than_its_phase_allows(script: Script) -> None:
    phase = script.module.phase
    steps = operations(script)
    assert steps
    assert list(breaches(phase, [] if script.revision == FIRST else steps)) == []


@pytest.mark.parametrize("script", OURS)
def test_revisions_are_one_line_and_not_a_tree(script: Script) -> None:
    assert not script.is_branch_point
    assert not script.is_merge_point


def step_of(folder: Path, upgrade: str) -> Script:
    """A revision that does this."""
    (folder / "versions").mkdir()
    (folder / "env.py").touch()
    (folder / "versions" / "0001.py").write_text(f"{HEAD}    {upgrade}\n")
    (script,) = scripts(folder)
    return script


@pytest.mark.parametrize(
    "upgrade",
    [
        'op.drop_table("drawings")',
        'op.drop_column("drawings", "category")',
        'op.rename_table("drawings", "pictures")',
        'op.alter_column("drawings", "category", new_column_name="subject")',
        'op.alter_column("drawings", "category", nullable=False)',
        'op.alter_column("drawings", "category", type_=sa.Integer())',
        'op.drop_index("ix_drawings_created_at")',
        'op.drop_constraint("ck", "drawings", type_="check")',
        f'op.add_column("drawings", {COLUMN.format(", nullable=False")})',
        'op.create_unique_constraint("uq", "drawings", ["category"])',
        'op.create_check_constraint("ck", "drawings", "age_years > 2")',
        'op.create_foreign_key("fk", "drawings", "jobs", ["category"], ["kind"])',
        'op.create_index("ix", "drawings", ["category"], unique=True)',
        'op.execute("ALTER TABLE drawings DROP COLUMN category")',
        'op.execute(sa.text("\\n  drop table drawings"))',
        'op.execute("/* tidy */ DROP TABLE drawings")',
        'op.execute("-- tidy\\nDROP TABLE drawings")',
        'op.execute("DELETE FROM drawings")',
        "op.execute(\"UPDATE drawings SET category = 'cat' WHERE category IS NULL\")",
        NEW_COLUMN + 'op.execute("UPDATE drawings SET c = 1, category = NULL")',
        NEW_COLUMN + 'op.execute("UPDATE drawings SET c = 1; DELETE FROM drawings")',
        "op.execute(\"INSERT INTO drawings (id) VALUES ('a')\")",
        "op.add_column('drawings', " + COLUMN.format(', sa.CheckConstraint("c > 1")') + ")",
        f'op.add_column("drawings", {COLUMN.format(", unique=True")})',
        "op.add_column('drawings', " + COLUMN.format(', sa.ForeignKey("jobs.id")') + ")",
        'with op.batch_alter_table("drawings") as t: t.drop_column("category")',
        'with op.batch_alter_table("drawings") as t: t.alter_column("category", nullable=False)',
    ],
)
def test_what_the_code_before_would_notice_is_no_expand_step(tmp_path: Path, upgrade: str) -> None:
    steps = operations(step_of(tmp_path, upgrade))
    assert len(list(breaches("expand", steps))) == 1
    assert list(breaches("contract", steps)) == []


@pytest.mark.parametrize(
    "upgrade",
    [
        f'op.create_table("shelf", {COLUMN.format("")}, sa.UniqueConstraint("c"))',
        f'op.add_column("drawings", {COLUMN.format("")})',
        "op.add_column('drawings', " + COLUMN.format(', nullable=False, server_default="1"') + ")",
        'op.create_index("ix", "drawings", ["category"])',
        NEW_COLUMN + 'op.execute("UPDATE drawings SET c = age_years WHERE c IS NULL")',
        NEW_TABLE + 'op.execute("INSERT INTO shelf (c) SELECT id FROM jobs")',
        "op.add_column('drawings', "
        + COLUMN.format(', sa.ForeignKey("jobs.id", ondelete="SET NULL")')
        + ")",
        f'with op.batch_alter_table("drawings") as t: t.add_column({COLUMN.format("")})',
        NEW_TABLE + 'op.create_index("ix", "shelf", ["c"], unique=True)',
    ],
)
def test_what_the_code_before_does_not_notice_is_an_expand_step(
    tmp_path: Path, upgrade: str
) -> None:
    steps = operations(step_of(tmp_path, upgrade))
    assert steps
    assert list(breaches("expand", steps)) == []


def test_a_step_has_to_say_which_it_is() -> None:
    assert list(breaches("", [])) == ["phase is ''; say expand or contract"]
