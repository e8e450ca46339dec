"""A consistent copy of a SQLite database that others write meanwhile, and what proves it whole.

Nothing here writes the database that is copied, chooses its journal or repairs it: the function
that makes backups may only read.
"""

import gzip
import hashlib
import shutil
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import BackupError, StorageUnavailable
from app.storage.database import connect_read_only

# Of the CPU that level 6 takes a third, for 14 % more bytes: the function has a quarter of a CPU.
COMPRESSION = 1
CHUNK = 1 << 20
BETWEEN_ATTEMPTS = 0.5
# Jobs that come again by themselves, and that nothing happened in an hour but that the site was up,
# are written every few minutes, which is no reason for a copy.
LASTING = {
    "jobs": "payload <> '{}'",
    "usage_hours": "requests + server_errors + failures > 0",
}


@dataclass(frozen=True)
class Contents:
    """What a database holds, in figures that every copy of it repeats.

    ``digest`` is the SHA-256 of the schema and of all rows, but for those that come and go while
    nobody does anything.
    """

    revision: str
    environment: str
    rows: dict[str, int]
    digest: str


@dataclass(frozen=True)
class FileDigest:
    """SHA-256 and size of a file."""

    sha256: str
    size: int

    @classmethod
    def of(cls, file: Path) -> "FileDigest":
        """Read ``file`` once."""
        with file.open("rb") as stream:
            return cls(hashlib.file_digest(stream, "sha256").hexdigest(), file.stat().st_size)


def copy_database(file: Path, copy: Path, patience: float = 60) -> None:
    """Write a transactionally consistent copy, which can be restored to any kind of disk.

    All pages in one pass: in WAL nobody waits; with a rollback journal a writer waits for the
    copy's time at most, whereas step by step each write of another would start the copy anew.
    """
    end = time.monotonic() + patience
    while not _copied(file, copy, end):
        time.sleep(BETWEEN_ATTEMPTS)


def examine(file: Path) -> Contents:
    """Raise ``BackupError`` unless ``file`` is a whole database of ours."""
    with _damage_told(file), closing(connect_read_only(file)) as connection:
        problem = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if problem != "ok":
            raise BackupError(f"The database {file.name} is damaged ({problem}); {MEND}")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise BackupError(
                f"The database {file.name} has rows that refer to missing ones; {MEND}"
            )
        return _contents(connection)


def stamped_environment(connection: sqlite3.Connection) -> str | None:
    """The environment that made the database, ``None`` if none is stamped on it."""
    return _single(connection, "environment_stamp", "environment")


def compress(file: Path, packed: Path) -> None:
    """The same bytes give the same ``packed``: no time and no name are written into it."""
    with (
        file.open("rb") as source,
        packed.open("wb") as target,
        gzip.GzipFile("", "wb", COMPRESSION, target, mtime=0) as stream,
    ):
        shutil.copyfileobj(source, stream, CHUNK)


def expand(packed: Path, file: Path, size: int) -> None:
    """Raise ``BackupError`` unless ``packed`` holds ``size`` bytes; no more are ever written."""
    try:
        with gzip.open(packed) as source, file.open("wb") as target:
            left = size + 1
            while left and (chunk := source.read(min(CHUNK, left))):
                left -= target.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BackupError(f"The backup cannot be expanded; {EARLIER}") from error
    if left != 1:
        raise BackupError(f"The backup expands to another size than its manifest says; {EARLIER}")


MEND = "restore the newest good backup with sketchnorm restore."
EARLIER = "choose an earlier one with --at."


def _copied(file: Path, copy: Path, end: float) -> bool:
    """False if a killed writer's journal is still to be rolled back, which the app does."""

    def give_up(status: int, remaining: int, total: int) -> None:
        # Python tries again for ever while the database is locked.
        if status == sqlite3.SQLITE_BUSY and time.monotonic() > end:
            raise StorageUnavailable(
                f"The database {file} was locked for too long to be copied; try again later."
            )

    try:
        with (
            _damage_told(file),
            closing(connect_read_only(file)) as source,
            closing(sqlite3.connect(copy, isolation_level=None)) as target,
        ):
            _make_quick(target)
            source.backup(target, progress=give_up)
            # The copy takes over the mode of WAL, which a network disk must not see.
            target.execute("PRAGMA journal_mode = DELETE")
    except _UnfinishedWrite:
        if time.monotonic() > end:
            raise
        return False
    return True


def _make_quick(target: sqlite3.Connection) -> None:
    """A copy that a crash leaves half-done is thrown away, so it needs no journal and no sync."""
    target.execute("PRAGMA synchronous = OFF")
    target.execute("PRAGMA journal_mode = OFF")


class _UnfinishedWrite(BackupError):
    """A writer died in the middle; only who may write can undo what it had begun."""


@contextmanager
def _damage_told(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _unreadable(file, error) from error
    except sqlite3.DatabaseError as error:
        raise BackupError(f"The database {file.name} is damaged ({error}); {MEND}") from error


def _unreadable(file: Path, error: sqlite3.OperationalError) -> BackupError | StorageUnavailable:
    if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
        return _UnfinishedWrite(
            f"The database {file} was left in the middle of a write, which only the app undoes; "
            "start the app and make the backup again."
        )
    if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return StorageUnavailable(
            "There is no room for a copy of the database; make room in the folder for temporary "
            "files, or name another in TMPDIR."
        )
    return StorageUnavailable(
        f"The database {file} cannot be read now ({error}); see that it is there and readable, "
        "and try again."
    )


def _contents(connection: sqlite3.Connection) -> Contents:
    revision = _single(connection, "alembic_version", "version_num")
    environment = stamped_environment(connection)
    if revision is None or environment is None:
        raise BackupError("The database has no tables of ours; run sketchnorm migrate first.")
    tables = _tables(connection)
    counted = {name: _count(connection, name) for name in tables}
    return Contents(revision, environment, counted, _digest(connection, tables))


def _digest(connection: sqlite3.Connection, tables: list[str]) -> str:
    digest = hashlib.sha256()
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    for question in (schema, *map(_lasting_rows, tables)):
        for row in connection.execute(question):
            # Unlike repr() the same in every release of Python, whatever Unicode it knows.
            digest.update(ascii(row).encode())
    return digest.hexdigest()


def _lasting_rows(table: str) -> str:
    lasting = LASTING.get(table, "true")
    return f"SELECT * FROM {_quoted(table)} WHERE {lasting} ORDER BY rowid"  # noqa: S608 - names we read


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [name for (name,) in found if not name.startswith("sqlite_")]


def _count(connection: sqlite3.Connection, table: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {_quoted(table)}")  # noqa: S608 - a name we read
    return int(found.fetchone()[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _single(connection: sqlite3.Connection, table: str, column: str) -> str | None:
    if table not in _tables(connection):
        return None
    found = connection.execute(f"SELECT {column} FROM {table}").fetchone()  # noqa: S608 - our names
    return None if found is None else str(found[0])
