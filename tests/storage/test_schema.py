"""The migrated schema is the one the tables describe, and can be checked and undone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, inspect, select, text

from app.errors import ConfigurationError
from app.storage.database import Database
from app.storage.revision import REVISION, check_schema
from app.storage.schema import alembic_config, changing, migrate
from app.storage.tables import Base, Drawing, EnvironmentStamp
from tests.support.storage import a_drawing, sqlite_url


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(sqlite_url(tmp_path), "local")
    yield database
    database.close()


def table_names(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def downgrade(database: Database) -> None:
    with changing(database) as connection:
        command.downgrade(alembic_config(connection), "base")


def test_the_migrated_schema_is_the_one_the_tables_describe(database: Database) -> None:
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_can_be_undone_and_done_again(database: Database) -> None:
    migrate(database)
    downgrade(database)
    assert table_names(database) == {"alembic_version"}
    migrate(database)
    assert table_names(database) == {"alembic_version", *Base.metadata.tables}
    check_schema(database)


def test_this_version_was_written_for_the_newest_revision(database: Database) -> None:
    with database.engine.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
    assert script.get_current_head() == REVISION


def test_an_older_schema_is_refused_with_the_command_to_run(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(ConfigurationError, match="older schema 0000; run sketchnorm migrate"):
        check_schema(database)


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.add(a_drawing())
    migrate(database)
    with database.reading() as tx:
        assert tx.scalar(select(func.count()).select_from(Drawing)) == 1
        assert tx.scalars(select(EnvironmentStamp.environment)).all() == ["local"]


def test_a_database_without_tables_is_refused_with_the_command_to_run(
    database: Database,
) -> None:
    with pytest.raises(ConfigurationError, match="run sketchnorm migrate"):
        check_schema(database)


def test_a_database_of_a_newer_version_is_refused_and_not_touched(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (check_schema, migrate):
        with pytest.raises(ConfigurationError, match="newer version"):
            refused(database)


def test_a_change_that_leaves_rows_pointing_nowhere_is_undone(database: Database) -> None:
    migrate(database)
    orphan = (
        "INSERT INTO idempotency_keys (key, fingerprint, drawing_id, created_at) "
        "VALUES ('k', 'f', 'missing', '2026-01-01')"
    )
    with pytest.raises(ConfigurationError, match="undone"), changing(database) as connection:
        connection.execute(text(orphan))
    with database.reading() as tx:
        assert tx.scalar(text("SELECT count(*) FROM idempotency_keys")) == 0


def test_foreign_keys_hold_again_after_a_migration(database: Database) -> None:
    migrate(database)
    with database.reading() as tx:
        assert tx.scalar(text("PRAGMA foreign_keys")) == 1
