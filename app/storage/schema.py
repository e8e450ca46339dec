"""The schema's revisions, kept by Alembic in ``migrations/``, and how a database stands to them.

Expand and contract only: while a new version starts, the old one still runs on the new schema.
Each revision says in ``phase`` which of the two it is, and the database says what follows from
that: ``schema_compatibility.oldest_code``. Alembic is imported where the schema is changed, as what
only serves need not load it: it is a fifth of all that would be imported.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.exc import DatabaseError

from app.errors import ConfigurationError, StorageUnavailable
from app.storage import faults, sqlite
from app.storage.database import Database
from app.storage.tables import EnvironmentStamp, SchemaCompatibility, now

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

MIGRATIONS = Path(__file__).parents[2] / "migrations"
# Those in migrations/versions, the oldest first; this code was written for the last one.
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
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


def check_schema(database: Database) -> None:
    """Raise ``ConfigurationError`` unless this code can run on the schema.

    One expand step ahead is allowed: the state after a rolled-back deployment.
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
    with database.reading() as tx:
        current = current_revision(tx.connection())
        oldest_code = _oldest_code(tx.connection())
    if current is None:
        return Standing.EMPTY
    if current == REVISIONS[-1]:
        return Standing.CURRENT
    if current in REVISIONS:
        return Standing.OLDER
    return Standing.ONE_AHEAD if oldest_code == REVISIONS[-1] else Standing.AHEAD


def find_revision(database: Database) -> str | None:
    """The revision of the schema, ``None`` before the first."""
    with database.reading() as tx:
        return current_revision(tx.connection())


def current_revision(connection: Connection) -> str | None:
    """The revision of the schema, ``None`` before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _oldest_code(connection: Connection) -> str | None:
    if not inspect(connection).has_table(SchemaCompatibility.__tablename__):
        return None
    return connection.scalar(select(SchemaCompatibility.oldest_code))


def migrate(database: Database) -> None:
    """Bring the schema to the newest revision and stamp it, all in one transaction."""
    from alembic import command

    with changing(database) as connection:
        command.upgrade(alembic_config(connection), "head")
        _tell_oldest_code(connection)
        if database.check_stamp(connection) is None:
            row = {"id": 1, "environment": database.environment, "made_at": now()}
            connection.execute(insert(EnvironmentStamp).values(row))


def take_back(database: Database, revision: str) -> None:
    """Undo every revision after ``revision``, in one transaction; what they added is lost."""
    from alembic import command

    with changing(database) as connection:
        _check_earlier(revision, connection)
        command.downgrade(alembic_config(connection), revision)
        _tell_oldest_code(connection)


def check_earlier(database: Database, revision: str) -> None:
    """Raise ``ConfigurationError`` unless the schema can be taken back to ``revision``."""
    with database.reading() as tx:
        _check_earlier(revision, tx.connection())


@contextmanager
def changing(database: Database) -> Iterator[Connection]:
    """One transaction on the schema; a second process that migrates waits for the first."""
    from alembic.util import CommandError

    try:
        with database.writer.connect() as connection, _unguarded(connection), connection.begin():
            yield connection
            _check_references(connection)
    except CommandError as error:
        raise ConfigurationError(NEWER) from error
    except DatabaseError as error:
        raise _unchanged(error) from error


def alembic_config(connection: Connection) -> "Config":
    """Alembic's settings, made here so that there is no ini file to disagree with."""
    from alembic.config import Config

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


def _script(connection: Connection) -> "Script":
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config(connection))
    return scripts.get_revision(str(current_revision(connection)))


def _check_earlier(revision: str, connection: Connection) -> None:
    current = current_revision(connection)
    known = REVISIONS
    if current is not None and current not in known:
        raise ConfigurationError(NEWER)
    earlier = known[: known.index(current)] if current else ()
    if revision not in earlier:
        raise ConfigurationError(
            f"The schema cannot be taken back to {revision!r}, which is no revision before "
            f"that of the database, {current}; nothing was changed."
        )


def _tell_oldest_code(connection: Connection) -> None:
    """Write it into the database: old code cannot read the files of later revisions."""
    if not inspect(connection).has_table(SchemaCompatibility.__tablename__):
        return
    script = _script(connection)
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
