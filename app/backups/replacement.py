"""A database file put in the place of another, and what restores leave beside it.

One of the two files is always there. Never opens the file that is replaced except through SQLite:
closing any other descriptor on it would drop the locks of this process, as POSIX has it.
"""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.backups.snapshots import stamped_environment
from app.errors import StorageUnavailable, WrongEnvironment
from app.storage import faults
from app.storage.files import ABANDONED, sync_folder

LOCK_SECONDS = 5.0
JOURNALS = ("-journal", "-wal", "-shm")
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
NO_DATABASE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
PRIMARY = 0xFF  # an extended result code carries the primary one in its lowest byte
# A folder that restores work in; it stays only if the process is killed.
RESTORING: Final = ".restoring-"
REPLACED: Final = ".replaced-"
TIME: Final = "%Y%m%dT%H%M%S.%fZ"


def put_in_place(file: Path, target: Path, environment: str, now: datetime) -> Path | None:
    """Move ``file`` to ``target``, on the same disk; return where the file it replaces is kept.

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
        target.hardlink_to(file)  # unlike a rename this fails if a file has appeared meanwhile
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
    """Hold an exclusive lock, journal checkpointed; skipped for a corrupt file."""
    with closing(_open(target)) as connection:
        with _still_a_database(target):
            _check_environment(target, stamped_environment(connection), environment)
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
    """Ignore errors from a corrupt file; raise if the database is locked or unwritable."""
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


def _check_environment(target: Path, stamped: str | None, environment: str) -> None:
    if stamped not in (None, environment):
        raise WrongEnvironment(
            str(target), stamped, environment, "restored", "name another file with --to"
        )


def _set_journals_aside(target: Path, kept: Path) -> None:
    """SQLite would play a journal that it finds beside a database into it, whoever wrote it."""
    for suffix in JOURNALS:
        journal = target.with_name(target.name + suffix)
        if journal.exists():
            kept.with_name(kept.name + suffix).hardlink_to(journal)
            journal.unlink()


def _take_over_rights(target: Path, file: Path) -> None:
    """A restore by root must not lock the app out of its database."""
    shutil.copymode(target, file)
    owner = target.stat()
    with suppress(PermissionError):
        os.chown(file, owner.st_uid, owner.st_gid)


def replaced_name(file: Path, now: datetime) -> Path:
    """The file that a database is kept as when another takes its place."""
    return file.with_name(f"{file.name}{REPLACED}{now.astimezone(UTC):{TIME}}")


def remove_replaced(file: Path, before: datetime) -> int:
    """Delete databases that were replaced before then, with their journals; the number of files."""
    dated = re.compile(re.escape(f"{file.name}{REPLACED}") + r"(\d{8}T\d{6}\.\d{6}Z)(-.*)?")
    with _named():
        found = [(path, dated.fullmatch(path.name)) for path in file.parent.iterdir()]
        old = [path for path, name in found if name and _instant(name[1]) < before]
        for path in old:
            path.unlink(missing_ok=True)
    return len(old)


def remove_abandoned_restores(file: Path) -> int:
    """Delete the folders of restores that were killed more than a day ago; the number removed."""
    before = time.time() - ABANDONED.total_seconds()
    with _named():
        folders = file.parent.glob(f"{RESTORING}*")
        abandoned = [folder for folder in folders if folder.stat().st_mtime < before]
        for folder in abandoned:
            shutil.rmtree(folder)
    return len(abandoned)


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, TIME).replace(tzinfo=UTC)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise faults.of_disk(error, "the database") from error
