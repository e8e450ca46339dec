"""How a database's schema stands to this code.

Apart from ``schema``, which changes it: what only serves need not load Alembic, a fifth of all
that it would import.
"""

from enum import Enum

from sqlalchemy import Connection, inspect, select, text

from app.errors import ConfigurationError
from app.storage.database import Database
from app.storage.tables import SchemaCompatibility

# Those in migrations/versions, the oldest first; this code was written for the last one.
REVISIONS = ("0001", "0002")
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
        current = current_revision(session.connection())
        oldest_code = _oldest_code(session.connection())
    if current is None:
        return Standing.EMPTY
    if current == REVISIONS[-1]:
        return Standing.CURRENT
    if current in REVISIONS:
        return Standing.OLDER
    return Standing.ONE_AHEAD if oldest_code == REVISIONS[-1] else Standing.AHEAD


def find_revision(database: Database) -> str | None:
    """The revision of the schema, ``None`` before the first."""
    with database.reading() as session:
        return current_revision(session.connection())


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
