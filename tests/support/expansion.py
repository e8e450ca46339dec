"""What an expand step may do: only that which code of the revision before does not notice."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import AbstractOperations, Operations, ops
from alembic.script import Script, ScriptDirectory

WORDS_OF_SCHEMA = re.compile(r"\s*(?:alter|drop|create|rename|pragma|vacuum)\b", re.IGNORECASE)
FORBIDDEN = (
    ops.DropTableOp,
    ops.DropColumnOp,
    ops.DropConstraintOp,
    ops.DropIndexOp,
    ops.RenameTableOp,
    ops.AlterColumnOp,
)


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
    new = {step.table_name for step in steps if isinstance(step, ops.CreateTableOp)}
    for step in steps:
        reason = _reason(step, new)
        if reason is not None:
            yield f"{type(step).__name__}: {reason}"


def _reason(step: ops.MigrateOperation, new: set[str]) -> str | None:
    if isinstance(step, FORBIDDEN):
        return "takes away or changes what the code before knows"
    if isinstance(step, ops.AddColumnOp):
        column = step.column
        needed = not column.nullable and column.server_default is None
        return "the code before gives this column no value" if needed else None
    if isinstance(step, ops.ExecuteSQLOp):
        return "write changes of the schema as operations" if _is_ddl(step) else None
    binding = isinstance(step, ops.AddConstraintOp) or (
        isinstance(step, ops.CreateIndexOp) and step.unique
    )
    if binding and _table(step) not in new:
        return "the code before may write what this refuses"
    return None


def _is_ddl(step: ops.ExecuteSQLOp) -> bool:
    return WORDS_OF_SCHEMA.match(str(step.sqltext)) is not None


def _table(step: ops.MigrateOperation) -> object:
    name = "source_table" if isinstance(step, ops.CreateForeignKeyOp) else "table_name"
    return getattr(step, name)
