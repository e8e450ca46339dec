"""A database file put in the place of another, so that one of the two is always there.

Never opens the file that is replaced except through SQLite: closing any other descriptor on it
would drop the locks of this process, as POSIX has it.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from app.errors import StorageUnavailable, WrongEnvironment
from app.storage.files import sync_folder
from app.storage.leftovers import replaced_name
from app.storage.snapshots import stamped_environment

LOCK_SECONDS = 5.0
JOURNALS = ("-journal", "-wal", "-shm")
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
NO_DATABASE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
PRIMARY = 0xFF  # an extended result code carries the primary one in its lowest byte


def put_in_place(file: Path, target: Path, environment: str, now: datetime) -> Path | None:
    """Move ``file`` to ``target``, on the same disk; where what was there before is kept.

    Raise ``StorageUnavailable`` while another has the database open in WAL, or is in the middle
    of a transaction. With a rollback journal a process that waits for the lock meanwhile is
    refused by SQLite, which notices that its file was moved; over NFS that may take a minute, so
    there the app must be stopped first.
    """
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
    kept = replaced_name(target, now)
    if not target.exists():
        _set_journals_aside(target, kept)
        target.hardlink_to(file)  # unlike a rename this fails where a file has appeared meanwhile
        sync_folder(target.parent)
        return None
    with _held(target, environment):
        _take_over_rights(target, file)
        kept.hardlink_to(target)
        _set_journals_aside(target, kept)
        sync_folder(target.parent)
        file.replace(target)
        sync_folder(target.parent)
    return kept


@contextmanager
def _held(target: Path, environment: str) -> Iterator[None]:
    """Nobody else uses the database, and its journals are folded into it; a ruin needs neither."""
    with closing(_open(target)) as connection:
        with _still_a_database(target):
            _check_ours(target, stamped_environment(connection), environment)
        with _still_a_database(target):
            # In WAL this fails while anybody else has the file open, even if nothing is done.
            connection.execute("PRAGMA journal_mode = DELETE")
        with _still_a_database(target):
            connection.execute("BEGIN EXCLUSIVE")
        yield


def _open(target: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{target.as_uri()}?mode=rw", uri=True, timeout=LOCK_SECONDS, isolation_level=None
        )
    except sqlite3.OperationalError as error:
        raise StorageUnavailable(
            f"{target} cannot be opened ({error}), so nothing was restored; make it writable, or "
            "name another file with --to."
        ) from error


@contextmanager
def _still_a_database(target: Path) -> Iterator[None]:
    """Pass over what a ruin cannot do; raise where the database may be whole but not be had."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & PRIMARY
        if code in LOCKED:
            raise StorageUnavailable(
                f"The database {target} is in use, so nothing was restored; "
                "stop the app and everything else that has it open, and restore again."
            ) from error
        if code not in NO_DATABASE:
            raise StorageUnavailable(
                f"The database {target} cannot be replaced ({error}); see that its folder can be "
                "written, or name another file with --to."
            ) from error


def _check_ours(target: Path, stamped: str | None, environment: str) -> None:
    if stamped not in (None, environment):
        raise WrongEnvironment(
            f"{target} was made by the environment {stamped!r} and is now restored by "
            f"{environment!r}; set ENVIRONMENT={stamped}, or name another file with --to."
        )


def _set_journals_aside(target: Path, kept: Path) -> None:
    """SQLite would play a journal that it finds beside a database into it, whoever wrote it."""
    for suffix in JOURNALS:
        journal = target.with_name(target.name + suffix)
        if journal.exists():
            kept.with_name(kept.name + suffix).hardlink_to(journal)
            journal.unlink()


def _take_over_rights(target: Path, file: Path) -> None:
    """Who restores as root must not lock the app out of its database."""
    shutil.copymode(target, file)
    owner = target.stat()
    with suppress(PermissionError):
        os.chown(file, owner.st_uid, owner.st_gid)
