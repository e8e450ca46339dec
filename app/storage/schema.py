"""The schema's revisions, which Alembic keeps in ``migrations/``.

Expand and contract only: while a new version starts, the old one still runs on the new schema.
Each revision says in ``phase`` which of the two it is, and the database says what follows from
that: ``schema_compatibility.oldest_code``.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, delete, insert, inspect, select
from sqlalchemy.exc import OperationalError

from app.errors import ConfigurationError, StorageUnavailable
from app.storage import sqlite
from app.storage.database import Database
from app.storage.tables import EnvironmentStamp, SchemaCompatibility, now

MIGRATIONS = Path(__file__).parents[2] / "migrations"
NEWER = (
    "The database was migrated by a newer version of Sketchnorm; "
    "install that version, or restore an older backup."
)


class Standing(Enum):
    """How a database's schema stands to this code."""

    EMPTY = "has no tables yet"
    OLDER = "is to be migrated"
    CURRENT = "is the one this code was written for"
    ONE_AHEAD = "is one expand step ahead, so that this code runs on it"
    AHEAD = "was made for newer code"


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


def check_schema(database: Database) -> None:
    """Raise ``ConfigurationError`` unless this code can run on the schema.

    One expand step ahead is well: so it stands once a deployment that migrated was rolled back.
    """
    standing = find_standing(database)
    if standing is Standing.EMPTY:
        raise ConfigurationError("The database has no tables yet; run sketchnorm migrate.")
    if standing is Standing.OLDER:
        raise ConfigurationError(
            f"The database has the older schema {find_revision(database)}; run sketchnorm migrate."
        )
    if standing is Standing.AHEAD:
        raise ConfigurationError(NEWER)


def find_standing(database: Database) -> Standing:
    """Compare the database with the revisions that this code knows."""
    with database.reading() as session:
        connection = session.connection()
        current, scripts = _current(connection), _scripts(connection)
        if current is None:
            return Standing.EMPTY
        if current == scripts.get_current_head():
            return Standing.CURRENT
        if current in _known(scripts):
            return Standing.OLDER
        one_ahead = _oldest_code(connection) == scripts.get_current_head()
        return Standing.ONE_AHEAD if one_ahead else Standing.AHEAD


def newest_revision(database: Database) -> str:
    """The revision that this code was written for."""
    with database.reading() as session:
        return str(_scripts(session.connection()).get_current_head())


def find_revision(database: Database) -> str | None:
    """The revision of the schema, ``None`` before the first."""
    with database.reading() as session:
        return _current(session.connection())


@contextmanager
def changing(database: Database) -> Iterator[Connection]:
    """One transaction on the schema; a second process that migrates waits for the first."""
    try:
        with database.writer.connect() as connection, _unguarded(connection), connection.begin():
            yield connection
            _check_references(connection)
    except CommandError as error:
        raise ConfigurationError(NEWER) from error
    except OperationalError as error:
        raise StorageUnavailable(
            "The database could not be migrated and is as it was; "
            "see that nothing else holds it, and run sketchnorm migrate again."
        ) from error


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings, made here so that there is no ini file to disagree with."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _scripts(connection: Connection) -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config(connection))


def _known(scripts: ScriptDirectory) -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_earlier(revision: str, connection: Connection) -> None:
    current = _current(connection)
    newest_first = [script.revision for script in _scripts(connection).walk_revisions()]
    if current is not None and current not in newest_first:
        raise ConfigurationError(NEWER)
    earlier = newest_first[newest_first.index(current) + 1 :] if current else []
    if revision not in earlier:
        raise ConfigurationError(
            f"The schema cannot be taken back to {revision!r}, which is no revision before "
            f"that of the database, {current}; nothing was changed."
        )


def _oldest_code(connection: Connection) -> str | None:
    if not inspect(connection).has_table(SchemaCompatibility.__tablename__):
        return None
    return connection.scalar(select(SchemaCompatibility.oldest_code))


def _tell_oldest_code(connection: Connection) -> None:
    """Have the database say it: old code cannot read the files of revisions that came later."""
    if not inspect(connection).has_table(SchemaCompatibility.__tablename__):
        return
    script = _scripts(connection).get_revision(str(_current(connection)))
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
