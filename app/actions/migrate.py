"""Bring a database to this release's schema, or back to an earlier one; saved before it changes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import ConfigurationError
from app.storage import schema
from app.storage.copies import BEFORE_MIGRATION, copy_beside
from app.storage.database import Database
from app.storage.revision import NEWER, REVISIONS, Standing, find_revision, find_standing
from app.storage.tables import now

Save = Callable[[str], object]


@dataclass(frozen=True)
class Migrated:
    """From which revision to which; the same where there was nothing to do. ``saved`` is where."""

    before: str | None
    after: str | None
    saved: object = None


def migrate(database: Database, save: Save) -> Migrated:
    """Migrate to the newest revision; ``save`` is told what it would become, before it does.

    Raise ``ConfigurationError`` where the database is ahead of this release, even by a step that
    this release can serve with.
    """
    before = find_revision(database)
    standing = find_standing(database)
    if standing in (Standing.ONE_AHEAD, Standing.AHEAD):
        raise ConfigurationError(NEWER)
    if standing is Standing.CURRENT:
        return Migrated(before, before)
    saved = None if standing is Standing.EMPTY else save(REVISIONS[-1])
    schema.migrate(database)
    return Migrated(before, find_revision(database), saved)


def take_back(database: Database, revision: str, save: Save) -> Migrated:
    """Undo all revisions after ``revision``; what they added to the tables is lost."""
    before = find_revision(database)
    schema.check_earlier(database, revision)
    saved = save(revision)
    schema.take_back(database, revision)
    return Migrated(before, revision, saved)


def copy_of(database: Database) -> Save:
    """Save a copy beside the file, named after the revision that follows."""

    def save(revision: str) -> Path:
        if database.engine.dialect.name != "sqlite":
            raise ConfigurationError(
                "Only SQLite databases are copied before they are migrated; make a copy with "
                "pg_dump, then run sketchnorm migrate --without-copy."
            )
        file = Path(str(database.engine.url.database))
        return copy_beside(file, f"{BEFORE_MIGRATION}{revision}", now())

    return save


def no_copy(revision: str) -> None:
    """Where the operator has saved the database already."""
