"""A copy of the database beside it, made before something is done that cannot be undone."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.errors import StorageUnavailable

TIME = "%Y%m%dT%H%M%S%fZ"
BEFORE_MIGRATION = "before-"  # followed by the revision that it became


def copy_beside(database: Path, word: str, now: datetime) -> Path:
    """Copy the file as it is now, to ``<database>.<word>.<time>``, and check the copy.

    Through SQLite's own means: a plain copy of the file could miss its journal, or be torn.
    """
    copy = database.with_name(f"{database.name}.{word}.{now.astimezone(UTC):{TIME}}")
    unfinished = copy.with_name(f".{copy.name}")
    try:
        _copy(database, unfinished)
        unfinished.rename(copy)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise StorageUnavailable(
            f"The database could not be copied to {copy} ({error}), and nothing else was done; "
            "see that the disk has room and the database is whole, and try again."
        ) from error
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


def _copy(database: Path, copy: Path) -> None:
    # Not by the path alone: that would make an empty database where there is none.
    address = f"{database.resolve().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        # The copy is to be one file, whatever journal the original has.
        target.execute("PRAGMA journal_mode = DELETE")
        _check(target)


def _check(connection: sqlite3.Connection) -> None:
    found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise sqlite3.DatabaseError(found[0])
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise sqlite3.DatabaseError("rows refer to missing ones")
