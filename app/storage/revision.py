"""Which schema this version was written for, and whether a database has it.

Apart from ``schema``, because what serves need not load Alembic, a fifth of all it would import.
"""

from sqlalchemy import inspect, text

from app.errors import ConfigurationError
from app.storage.database import Database

REVISION = "0001"
NEWER = (
    "The database was migrated by a newer version of Sketchnorm; "
    "install that version, or restore an older backup."
)


def check_schema(database: Database) -> None:
    """Raise ``ConfigurationError`` unless the schema is the one this version was written for."""
    current = current_revision(database)
    if current == REVISION:
        return
    if current is None:
        raise ConfigurationError("The database has no tables yet; run sketchnorm migrate.")
    if current < REVISION:
        raise ConfigurationError(
            f"The database has the older schema {current}; run sketchnorm migrate."
        )
    raise ConfigurationError(NEWER)


def current_revision(database: Database) -> str | None:
    """``None`` before the first migration; revisions are numbered so that they sort."""
    with database.reading() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return found
