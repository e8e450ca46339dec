"""Migrations: whether one keeps the rules, and such as are yet to come.

An expand step may do only that which code of the revision before does not notice. A contract step
may do anything.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import AbstractOperations, Operations, ops
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Column, ForeignKeyConstraint

from app.storage import schema

COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
# One statement that fills one column, or a table.
FILLS_COLUMN = re.compile(
    r"update\s+(?P<table>\w+)\s+set\s+(?P<column>\w+)\s*=[^;=]+;?", re.IGNORECASE
)
FILLS_TABLE = re.compile(r"insert\s+into\s+(?P<table>\w+)\b[^;]+;?", re.IGNORECASE)
HARMLESS_ON_DELETE = ("CASCADE", "SET NULL")
FORBIDDEN = (
    ops.DropTableOp,
    ops.DropColumnOp,
    ops.DropConstraintOp,
    ops.DropIndexOp,
    ops.RenameTableOp,
    ops.AlterColumnOp,
)
# What revisions of a later release do, and their files.
EXPAND = """
    with op.batch_alter_table("drawings") as drawings:
        drawings.add_column(sa.Column("note_{number}", sa.String(64), nullable=True))
    op.create_table("shelf_{number}", sa.Column("id", sa.Integer(), primary_key=True))
"""
CONTRACT = """
    with op.batch_alter_table("drawings") as drawings:
        drawings.drop_column("category")
"""
# Ends half-way: a row without its columns, in a table that is there, after a table that is new.
FAILING = """
    op.create_table("shelf_{number}", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO drawings (id) VALUES ('{number}')")
"""
BODIES = {
    "expand": ("expand", EXPAND),
    "contract": ("contract", CONTRACT),
    "failing": ("expand", FAILING),
}
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


def scripts(migrations: Path) -> list[Script]:
    """All revisions in the folder, newest first."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    return list(ScriptDirectory.from_config(config).walk_revisions())


def operations(script: Script) -> list[ops.MigrateOperation]:
    """What the revision's ``upgrade`` would do, in order; nothing is done, and there is no data.

    A step that moves data does so in SQL through ``op.execute``, which is seen here, too.
    """
    seen: list[ops.MigrateOperation] = []

    def note(self: AbstractOperations, operation: ops.MigrateOperation) -> None:
        seen.append(operation)

    context = MigrationContext.configure(dialect_name="sqlite", opts={"as_sql": True})
    with pytest.MonkeyPatch.context() as patch, Operations.context(context):
        patch.setattr(AbstractOperations, "invoke", note)
        script.module.upgrade()
    return seen


def breaches(phase: str, steps: list[ops.MigrateOperation]) -> Iterator[str]:
    """Why these steps may not be called so; a contract step may do anything."""
    if phase not in ("expand", "contract"):
        yield f"phase is {phase!r}; say expand or contract"
    if phase != "expand":
        return
    new = New.of(steps)
    for step in steps:
        reason = _reason(step, new)
        if reason is not None:
            yield f"{type(step).__name__}: {reason}"


@dataclass(frozen=True)
class New:
    """What the code before does not know, and so neither reads nor writes."""

    tables: set[str]
    columns: set[tuple[str, str]]

    @classmethod
    def of(cls, steps: list[ops.MigrateOperation]) -> Self:
        """What these steps bring."""
        return cls(
            {step.table_name for step in steps if isinstance(step, ops.CreateTableOp)},
            {
                (step.table_name, step.column.name)
                for step in steps
                if isinstance(step, ops.AddColumnOp)
            },
        )


@contextmanager
def later_release(folder: Path, head: str, *phases: str) -> Iterator[str]:
    """Within it the code knows a revision more for each kind; the newest is what it is given."""
    migrations = folder / "migrations"
    shutil.copytree(schema.MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    before = head
    for number, kind in enumerate(phases):
        phase, template = BODIES[kind]
        body = template.format(number=number)
        text = REVISION.format(revision=f"later_{number}", before=before, phase=phase, body=body)
        (migrations / "versions" / f"later_{number}.py").write_text(text)
        before = f"later_{number}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", migrations)
        later = (f"later_{number}" for number in range(len(phases)))
        patch.setattr(schema, "REVISIONS", (*schema.REVISIONS, *later))
        yield before


def _reason(step: ops.MigrateOperation, new: New) -> str | None:
    if isinstance(step, FORBIDDEN):
        return "takes away or changes what the code before knows"
    if isinstance(step, ops.AddColumnOp):
        return _reason_of_column(step.column)
    if isinstance(step, ops.ExecuteSQLOp):
        harmless = _fills_what_is_new(str(step.sqltext), new)
        return None if harmless else "SQL may only fill what this step adds, a column at a time"
    binding = isinstance(step, ops.AddConstraintOp) or (
        isinstance(step, ops.CreateIndexOp) and step.unique
    )
    if binding and _table(step) not in new.tables:
        return "the code before may write what this refuses"
    return None


def _reason_of_column(column: Column[Any]) -> str | None:
    if not column.nullable and column.server_default is None:
        return "the code before gives this column no value"
    keys = [key for key in column.foreign_keys if key.ondelete not in HARMLESS_ON_DELETE]
    checks = [one for one in column.constraints if not isinstance(one, ForeignKeyConstraint)]
    if column.unique or keys or checks:
        return "the code before may write, or delete, what this refuses"
    return None


def _fills_what_is_new(sql: str, new: New) -> bool:
    statement = COMMENT.sub(" ", sql).strip()
    filled = FILLS_COLUMN.fullmatch(statement)
    if filled is not None:
        return (filled["table"], filled["column"]) in new.columns or filled["table"] in new.tables
    made = FILLS_TABLE.fullmatch(statement)
    return made is not None and made["table"] in new.tables


def _table(step: ops.MigrateOperation) -> object:
    name = "source_table" if isinstance(step, ops.CreateForeignKeyOp) else "table_name"
    return getattr(step, name)
