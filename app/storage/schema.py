"""The schema's revisions, which Alembic keeps in ``migrations/``.

Expand and contract only: while a new version starts, the old one still runs on the new schema.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, insert
from sqlalchemy.exc import OperationalError

from app.errors import ConfigurationError, StorageUnavailable
from app.storage import sqlite
from app.storage.database import Database
from app.storage.revision import NEWER
from app.storage.tables import EnvironmentStamp, now

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def migrate(database: Database) -> None:
    """Bring the schema to the newest revision and stamp it, all in one transaction."""
    with changing(database) as connection:
        command.upgrade(alembic_config(connection), "head")
        if database.check_stamp(connection) is None:
            row = {"id": 1, "environment": database.environment, "made_at": now()}
            connection.execute(insert(EnvironmentStamp).values(row))


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
