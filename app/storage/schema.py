"""The schema's revisions, which Alembic keeps in ``migrations/``.

Expand and contract only: while a new version starts, the old one still runs on the new schema.
Each revision says in ``phase`` which of the two it is, and the database says what follows from
that: ``schema_compatibility.oldest_code``.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, delete, insert, inspect
from sqlalchemy.exc import DatabaseError

from app.errors import ConfigurationError, StorageUnavailable
from app.storage import faults, sqlite
from app.storage import revision as revisions
from app.storage.database import Database
from app.storage.revision import current_revision
from app.storage.tables import EnvironmentStamp, SchemaCompatibility, now

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def migrate(database: Database) -> None:
    """Bring the schema to the newest revision and stamp it, all in one transaction."""
    with changing(database) as connection:
        command.upgrade(alembic_config(connection), "head")
        _tell_oldest_code(connection)
        if database.check_stamp(connection) is None:
            row = {"id": 1, "environment": database.environment, "made_at": now()}
            connection.execute(insert(EnvironmentStamp).values(row))


def take_back(database: Database, revision: str) -> None:
    """Undo every revision after ``revision``, in one transaction; what they added is lost."""
    with changing(database) as connection:
        _check_earlier(revision, connection)
        command.downgrade(alembic_config(connection), revision)
        _tell_oldest_code(connection)


def check_earlier(database: Database, revision: str) -> None:
    """Raise ``ConfigurationError`` unless the schema can be taken back to ``revision``."""
    with database.reading() as session:
        _check_earlier(revision, session.connection())


@contextmanager
def changing(database: Database) -> Iterator[Connection]:
    """One transaction on the schema; a second process that migrates waits for the first."""
    try:
        with database.writer.connect() as connection, _unguarded(connection), connection.begin():
            yield connection
            _check_references(connection)
    except CommandError as error:
        raise ConfigurationError(revisions.NEWER) from error
    except DatabaseError as error:
        raise _unchanged(error) from error


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings, made here so that there is no ini file to disagree with."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _unchanged(error: DatabaseError) -> StorageUnavailable | ConfigurationError:
    fault = faults.of_database(error)
    if fault is not None:
        sentence = "The database could not be migrated and is as it was."
        return type(fault)(sentence, f"{sentence} {fault.advice}")
    return ConfigurationError(
        f"The migration does not fit what is in the database ({error.orig}), so it was undone; "
        "mend the rows, or go on with the release before."
    )


def _scripts(connection: Connection) -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config(connection))


def _check_earlier(revision: str, connection: Connection) -> None:
    current = current_revision(connection)
    known = revisions.REVISIONS
    if current is not None and current not in known:
        raise ConfigurationError(revisions.NEWER)
    earlier = known[: known.index(current)] if current else ()
    if revision not in earlier:
        raise ConfigurationError(
            f"The schema cannot be taken back to {revision!r}, which is no revision before "
            f"that of the database, {current}; nothing was changed."
        )


def _tell_oldest_code(connection: Connection) -> None:
    """Have the database say it: old code cannot read the files of revisions that came later."""
    if not inspect(connection).has_table(SchemaCompatibility.__tablename__):
        return
    script = _scripts(connection).get_revision(str(current_revision(connection)))
    oldest = script.revision if script.module.phase == "contract" else script.down_revision
    connection.execute(delete(SchemaCompatibility))
    connection.execute(insert(SchemaCompatibility).values(id=1, oldest_code=oldest))


def _unguarded(connection: Connection) -> AbstractContextManager[None]:
    if connection.dialect.name == "sqlite":
        return sqlite.without_foreign_keys(connection)
    return nullcontext()


def _check_references(connection: Connection) -> None:
    """With foreign keys off a migration could leave rows that point nowhere."""
    if connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise ConfigurationError(
            "The migration would leave rows that refer to missing ones, so it was undone; "
            "restore the newest backup and run sketchnorm migrate again."
        )
