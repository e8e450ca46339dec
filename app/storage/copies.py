"""A copy of the database beside it, made before something is done that cannot be undone."""

from datetime import UTC, datetime
from pathlib import Path

from app.errors import BackupError
from app.storage.snapshots import copy_database, examine

TIME = "%Y%m%dT%H%M%S%fZ"
BEFORE_MIGRATION = "before-"  # followed by the revision that it became


def copy_beside(database: Path, word: str, now: datetime) -> Path:
    """Copy the file as it is now, to ``<database>.<word>.<time>``, and prove the copy whole.

    Raise ``BackupError`` or ``StorageUnavailable`` where that cannot be done; no copy is left then.
    """
    copy = database.with_name(f"{database.name}.{word}.{now.astimezone(UTC):{TIME}}")
    unfinished = copy.with_name(f".{copy.name}")
    try:
        copy_database(database, unfinished)
        examine(unfinished)
        unfinished.rename(copy)
    except BackupError as error:
        # Of the copy only because it is of the database: that is the file to be named.
        raise BackupError(str(error).replace(unfinished.name, database.name)) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return copy


def remove_old(database: Path, before: datetime) -> int:
    """Delete the copies of migrations made before then, unfinished ones as well."""
    word = f"{database.name}.{BEFORE_MIGRATION}"
    names = (word, f".{word}")
    copies = [path for path in database.parent.iterdir() if path.name.startswith(names)]
    old = [copy for copy in copies if (_made_at(copy) or before) < before]
    for copy in old:
        copy.unlink(missing_ok=True)
    return len(old)


def _made_at(copy: Path) -> datetime | None:
    try:
        return datetime.strptime(copy.suffix, f".{TIME}").replace(tzinfo=UTC)
    except ValueError:
        return None
