"""The migrated schema is the one the tables describe, and can be checked and undone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, inspect, select, text

from app.errors import ConfigurationError, StorageBusy
from app.storage.database import Database
from app.storage.schema import (
    REVISIONS,
    Standing,
    alembic_config,
    changing,
    check_schema,
    find_revision,
    find_standing,
    migrate,
    take_back,
)
from app.storage.tables import Base, Drawing, EnvironmentStamp
from tests.support.faults.disks import impatient, locked
from tests.support.stores.databases import (
    JOURNALS,
    ON_POSTGRESQL,
    Kind,
    NewPlace,
    Place,
    a_row,
    open_database,
)
from tests.support.stores.migrations import later_release
from tests.support.stores.schemas import portable, reflected

EACH_JOURNAL = pytest.mark.parametrize("kind", JOURNALS)


@pytest.fixture(params=[*JOURNALS, ON_POSTGRESQL])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with closing(place.open()) as database:
        if place.journal != "auto":
            with database.reading() as tx:
                assert tx.scalar(text("PRAGMA journal_mode")) == place.journal
        yield database


def table_names(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def empty(database: Database) -> None:
    """Take every table away again, as only a developer does."""
    with changing(database) as connection:
        command.downgrade(alembic_config(connection), "base")


def test_the_migrated_schema_is_the_one_the_tables_describe(database: Database) -> None:
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_schema_is_the_same_however_it_was_made(
    database: Database, new_place: NewPlace
) -> None:
    """Property 9: columns, types, nullability, defaults, keys, indexes and constraints."""
    migrate(database)
    with closing(new_place().open()) as made:
        with made.writer.begin() as connection:
            Base.metadata.create_all(connection)
        assert reflected(made) == reflected(database)
    assert table_names(database) - {"alembic_version"} == set(Base.metadata.tables)


@pytest.mark.parametrize("kind", [ON_POSTGRESQL])
def test_the_schema_is_the_same_on_either_kind_of_database(
    database: Database, tmp_path: Path
) -> None:
    """Property 9 again, at each revision: a database may be taken back to it."""
    migrate(database)
    with open_database(tmp_path) as other:
        assert portable(database) == portable(other)
        for revision in reversed(REVISIONS[:-1]):
            take_back(database, revision)
            take_back(other, revision)
            assert portable(database) == portable(other)


def test_migrations_can_be_undone_and_done_again(database: Database) -> None:
    migrate(database)
    empty(database)
    assert table_names(database) == {"alembic_version"}
    migrate(database)
    assert table_names(database) == {"alembic_version", *Base.metadata.tables}
    check_schema(database)


def test_the_code_names_the_revisions_that_there_are(database: Database) -> None:
    with database.engine.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
    newest_first = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(newest_first)) == REVISIONS


def test_rows_outlive_a_step_back_and_the_way_forward(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.add(a_row(category="house"))
    take_back(database, "0001")
    assert (find_revision(database), find_standing(database)) == ("0001", Standing.OLDER)
    assert "jobs" not in table_names(database)
    with pytest.raises(ConfigurationError, match="older schema 0001; run sketchnorm migrate"):
        check_schema(database)
    migrate(database)
    check_schema(database)
    with database.reading() as tx:
        assert tx.scalars(select(Drawing.category)).all() == ["house"]


@pytest.mark.parametrize("revision", [REVISIONS[-1], "9999", "base", "", "-1", "head"])
def test_there_is_no_way_back_to_what_is_not_before(database: Database, revision: str) -> None:
    migrate(database)
    with pytest.raises(ConfigurationError, match="cannot be taken back"):
        take_back(database, revision)
    check_schema(database)


def test_an_empty_database_cannot_be_taken_back(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="cannot be taken back"):
        take_back(database, "0001")


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.add(a_row())
    migrate(database)
    with database.reading() as tx:
        assert tx.scalar(select(func.count()).select_from(Drawing)) == 1
        assert tx.scalars(select(EnvironmentStamp.environment)).all() == ["local"]


def test_a_database_without_tables_is_refused_with_the_command_to_run(
    database: Database,
) -> None:
    with pytest.raises(ConfigurationError, match="run sketchnorm migrate"):
        check_schema(database)


@pytest.mark.parametrize(
    ("phases", "standing"),
    [
        (["expand"], Standing.ONE_AHEAD),
        (["contract"], Standing.AHEAD),
        (["expand", "expand"], Standing.AHEAD),
        (["expand", "contract"], Standing.AHEAD),
        (["contract", "expand"], Standing.AHEAD),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else value.name,
)
def test_a_schema_one_expand_step_ahead_is_accepted_and_no_other(
    database: Database, tmp_path: Path, phases: list[str], standing: Standing
) -> None:
    migrate(database)
    with later_release(tmp_path, REVISIONS[-1], *phases) as newest:
        migrate(database)
        assert find_revision(database) == newest
        assert find_standing(database) is Standing.CURRENT
    assert find_standing(database) is standing
    if standing is Standing.ONE_AHEAD:
        check_schema(database)
        return
    with pytest.raises(ConfigurationError, match="newer version"):
        check_schema(database)


def test_a_later_schema_that_says_nothing_is_refused(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(text("DROP TABLE schema_compatibility"))
    with pytest.raises(ConfigurationError, match="newer version"):
        check_schema(database)


def test_a_database_of_a_newer_version_is_refused_and_not_touched(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (check_schema, migrate, lambda database: take_back(database, "0001")):
        with pytest.raises(ConfigurationError, match="newer version"):
            refused(database)
    assert find_revision(database) == "9999"


@EACH_JOURNAL
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


def test_a_change_that_rows_do_not_fit_is_undone_and_says_so(database: Database) -> None:
    migrate(database)
    with database.writing() as tx:
        tx.add_all([a_row(category="house"), a_row(category="house")])
    index = text("CREATE UNIQUE INDEX one_of_each ON drawings (category)")
    refused = pytest.raises(ConfigurationError, match="does not fit what is in the database")
    with refused, changing(database) as connection:
        connection.execute(index)
    with database.writing() as tx:
        tx.execute(text("DELETE FROM drawings"))
    with changing(database) as connection:
        connection.execute(index)


@EACH_JOURNAL
def test_a_migration_says_what_is_wrong_with_the_disk(database: Database) -> None:
    migrate(database)
    with locked(database), pytest.raises(StorageBusy) as met, changing(impatient(database)):
        pass
    assert str(met.value) == "The database could not be migrated and is as it was."
    assert "locked by another writer" in met.value.advice


@EACH_JOURNAL
def test_foreign_keys_hold_again_after_a_migration(database: Database) -> None:
    migrate(database)
    with database.reading() as tx:
        assert tx.scalar(text("PRAGMA foreign_keys")) == 1
