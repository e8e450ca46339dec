"""Bring a database to this release's schema, or back to an earlier one; backed up before."""

from collections.abc import Callable
from dataclasses import dataclass

from app.backups.back_up import back_up
from app.backups.catalogue import BackupName
from app.errors import ConfigurationError
from app.storage import schema
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.schema import NEWER, Standing, find_revision, find_standing

Save = Callable[[], object]


@dataclass(frozen=True)
class Migrated:
    """From which revision to which; the same if there was nothing to do.

    ``saved`` is the backup made before, if any.
    """

    before: str | None
    after: str | None
    saved: object = None


def migrate(database: Database, save: Save) -> Migrated:
    """Migrate to the newest revision; ``save`` is called before anything is changed.

    Nothing is done where it is ahead by one step that this release serves with: a later release
    was taken back. Raise ``ConfigurationError`` if it is further ahead.
    """
    before = find_revision(database)
    standing = find_standing(database)
    if standing is Standing.AHEAD:
        raise ConfigurationError(NEWER)
    if standing in (Standing.CURRENT, Standing.ONE_AHEAD):
        return Migrated(before, before)
    saved = None if standing is Standing.EMPTY else save()
    schema.migrate(database)
    return Migrated(before, find_revision(database), saved)


def check_serving(revision: str) -> None:
    """Raise ``ConfigurationError`` if a release that knows ``revision`` at most could not start.

    It starts on one step more than it knows. A revision that is not known here is a newer one.
    """
    known = schema.REVISIONS
    after = known[known.index(revision) + 1 :] if revision in known else ()
    if len(after) > 1:
        raise ConfigurationError(
            f"The release that serves knows the schema up to {revision} and could not start on "
            f"{after[-1]}, so nothing was changed; deploy the release in between first, whose "
            f"newest revision is {after[0]}."
        )


def take_back(database: Database, revision: str, save: Save) -> Migrated:
    """Undo all revisions after ``revision``; what they added to the tables is lost."""
    before = find_revision(database)
    schema.check_earlier(database, revision)
    saved = save()
    schema.take_back(database, revision)
    return Migrated(before, revision, saved)


def backup_of(database: Database, blobs: BlobStore) -> Save:
    """Back it up in the store first, as its schedule does."""

    def save() -> BackupName:
        if database.file is None:
            raise ConfigurationError(
                "Only SQLite databases are backed up before they are migrated; make a backup with "
                "pg_dump, then run sketchnorm migrate --without-backup."
            )
        return back_up(file=database.file, environment=database.environment, blobs=blobs).name

    return save


def no_backup() -> None:
    """For operators who have made one already."""
