"""What a database or a disk answers when it fails, told apart by its code and never by its words.

A visitor learns what to do now. The operator learns, from the log and from ``/healthz``, which part
is ill and what mends it; paths are in neither.
"""

import errno
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from app.errors import (
    ReadOnly,
    StorageBusy,
    StorageDamaged,
    StorageFull,
    StorageUnavailable,
)

LEAST_ROOM: Final = 4 * 1024 * 1024  # with less a drawing, its map and its rows may not fit
PROBE: Final = bytes(4096)

BUSY: Final = "Others are writing here just now; please try again in half a minute."
FULL: Final = (
    "There is no room to keep anything here just now; please try again later, "
    "or have the drawing compared without keeping it."
)
UNWRITABLE: Final = (
    "Nothing can be kept here just now; please try again later, "
    "or have the drawing compared without keeping it."
)
DAMAGED: Final = "What is kept here is damaged and cannot be used now; please try again later."
UNREACHABLE: Final = "The database cannot be reached now; try again in a moment."
UNUSABLE: Final = "The store cannot be used now; try again in a moment."


@dataclass(frozen=True)
class Meaning:
    """The refusal that a code stands for; ``advice`` is put before the code's own name."""

    kind: type[StorageUnavailable]
    sentence: str
    advice: str

    def refusal(self, code: str) -> StorageUnavailable:
        """The error to be raised."""
        return self.kind(self.sentence, f"{self.advice} ({code}).")


_LOCKED = Meaning(
    StorageBusy,
    BUSY,
    "The database is locked by another writer: wait for it or end it; the lock of a machine that "
    "died lasts for about 90 seconds",
)
_FAILING = Meaning(
    StorageUnavailable,
    UNREACHABLE,
    "The database cannot be read or written: see its disk, its mount and the system's log",
)
_OTHERWISE = Meaning(
    StorageUnavailable,
    UNREACHABLE,
    "The database does not answer as it should: see that it runs, can be reached and has the "
    "schema of this version",
)
_RUINED = Meaning(
    StorageDamaged,
    DAMAGED,
    "The database is damaged: stop the app, check the disk and restore the newest backup",
)
MEANINGS: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: Meaning(
        StorageFull, FULL, "The disk of the database is full: free space on it or enlarge it"
    ),
    sqlite3.SQLITE_READONLY: Meaning(
        ReadOnly,
        UNWRITABLE,
        "The disk of the database is read-only: make it writable; one that became so by itself "
        "is failing",
    ),
    sqlite3.SQLITE_IOERR: _FAILING,
    sqlite3.SQLITE_CANTOPEN: _FAILING,
    sqlite3.SQLITE_CORRUPT: _RUINED,
    sqlite3.SQLITE_NOTADB: _RUINED,
}


def of_database(error: DatabaseError) -> StorageUnavailable | None:
    """What it means, ``None`` if the fault is not in the storage but in the statement."""
    name = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
    usual = _OTHERWISE if isinstance(error, OperationalError) else None
    meaning = MEANINGS.get(primary_code(error), usual)
    return meaning.refusal(name) if meaning is not None else None


def primary_code(error: DBAPIError) -> int:
    """SQLite's code for what went wrong, 0 from another kind of database.

    The higher bits of a code say more of the same (sqlite.org/rescode.html).
    """
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def of_disk(error: OSError, part: str) -> StorageUnavailable:
    """What it means that a file of ``part`` (the database, the store) could not be used."""
    code = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = f"The disk of {part} is full: free space on it or enlarge it"
        return Meaning(StorageFull, FULL, advice).refusal(code)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        advice = f"The disk of {part} cannot be written: make it writable"
        return Meaning(ReadOnly, UNWRITABLE, advice).refusal(code)
    advice = f"The disk of {part} fails: see it, its mount and the system's log"
    return Meaning(StorageUnavailable, UNUSABLE, advice).refusal(code)


def check_disk(folder: Path, part: str) -> None:
    """Raise unless a file can be written in ``folder`` now and a drawing would still fit."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(PROBE)
            file.flush()
            os.fsync(file.fileno())
        if shutil.disk_usage(folder).free < LEAST_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise of_disk(error, part) from error
