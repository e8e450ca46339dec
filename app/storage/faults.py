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
_TAKEN = Meaning(
    StorageBusy,
    BUSY,
    "Others hold what is needed in the database: see pg_stat_activity, and wait for them or end "
    "them; what a machine that died holds is free after about 90 seconds",
)
_AWAY = Meaning(
    StorageUnavailable,
    UNREACHABLE,
    "The database server is stopping, starting or full of connections: see its log",
)
_WITHOUT_RIGHTS = Meaning(
    StorageUnavailable,
    UNREACHABLE,
    "The role in DATABASE_URL may not do this: make it the owner of the database",
)
_OF_SQLITE: Final[dict[int | str, Meaning]] = {
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
# By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html).
_OF_POSTGRESQL: Final[dict[int | str, Meaning]] = {
    "55P03": _TAKEN,  # lock_not_available: waited for lock_timeout
    "40001": _TAKEN,  # serialization_failure
    "40P01": _TAKEN,  # deadlock_detected
    "53100": Meaning(
        StorageFull, FULL, "The disk of the database server is full: free space on it or enlarge it"
    ),
    "25006": Meaning(
        ReadOnly,
        UNWRITABLE,
        "The database server takes no writes: use the primary instead of a standby, or free space "
        "on its disk and switch default_transaction_read_only off",
    ),
    "25P03": Meaning(
        StorageUnavailable,
        UNREACHABLE,
        "This process stood still in a transaction for more than a minute: give it more CPU",
    ),
    "53300": _AWAY,  # too_many_connections
    "57P01": _AWAY,  # admin_shutdown
    "57P02": _AWAY,  # crash_shutdown
    "57P03": _AWAY,  # cannot_connect_now
    "58030": _FAILING,  # io_error
    "58P01": _FAILING,  # undefined_file
    "XX001": _RUINED,  # data_corrupted
    "XX002": _RUINED,  # index_corrupted
    "42501": _WITHOUT_RIGHTS,  # insufficient_privilege
    "42P01": _OTHERWISE,  # undefined_table
    "42703": _OTHERWISE,  # undefined_column
}
MEANINGS: Final = {**_OF_SQLITE, **_OF_POSTGRESQL}


def of_database(error: DatabaseError) -> StorageUnavailable | None:
    """What it means, ``None`` if the fault is not in the storage but in the statement."""
    name = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
    of_connection = isinstance(error, OperationalError) or error.connection_invalidated
    usual = _OTHERWISE if of_connection else None
    sqlstate: str | None = getattr(error.orig, "sqlstate", None)
    meaning = MEANINGS.get(sqlstate or primary_code(error), usual)
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
