"""What SQLite needs to be told so that it is durable, and safe on a network file system.

WAL needs shared memory between all processes that open the file. Over NFS there is none, and
measured with two clients it loses data, so there the journal is ``DELETE`` and nothing is pooled.
"""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, Pool, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from app.errors import ConfigurationError
from app.storage.faults import primary_code

JournalChoice = Literal["auto", "wal", "delete"]

MOUNTS = Path("/proc/self/mountinfo")
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "virtiofs",
     "fuse.sshfs", "fuse.glusterfs"}
)  # fmt: skip
# A page that is mapped and then cut off by another machine kills the process, hence no mapping.
# Deleted rows are overwritten: a backup copies pages as they are, with what was left in them.
FOR_EACH_CONNECTION = ("foreign_keys = ON", "mmap_size = 0", "secure_delete = ON")
# Reads the file, and so waits if it is locked: only once it is known for how long.
FOR_EACH_TRANSACTION = ("synchronous = FULL",)
# Of an engine, for either kind of database: how its transactions begin, and how long they wait.
BEGIN_OPTION: Final = "sketchnorm_begin"
PATIENCE_OPTION: Final = "sketchnorm_patience_ms"
IMMEDIATELY: Final = "IMMEDIATE"
WRITING: Final = {BEGIN_OPTION: IMMEDIATELY}

BETWEEN_TRIES = (0.0005, 0.003)  # in seconds; at random, so that two do not try in step
Step = Literal["BEGIN IMMEDIATE", "COMMIT"]
BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"


@dataclass(frozen=True)
class Mode:
    """How a file is written; a connection that is pooled would keep an NFS client's old view."""

    journal: str
    pool: type[Pool]
    patience_ms: int


WAL: Final = Mode("wal", QueuePool, 5_000)
DELETE: Final = Mode("delete", NullPool, 15_000)


def make_engine(url: URL, mode: Mode) -> Engine:
    """An engine for the file at ``url``; its folder is made if need be."""
    _make_folder(_file(url).parent)
    return _listened(create_engine(url, poolclass=mode.pool), mode)


def make_read_only_engine(url: URL) -> Engine:
    """An engine for a file that nobody writes; neither it nor anything beside it is changed."""
    file = _file(url)
    _check_settled(file)
    # Only "immutable" reads a file in WAL mode without making two files beside it.
    address = f"file:{quote(str(file.absolute()))}?mode=ro&immutable=1"
    connect = partial(sqlite3.connect, address, uri=True, check_same_thread=False)
    return _listened(create_engine(url, creator=connect, poolclass=QueuePool), WAL)


def choose_mode(url: URL, choice: JournalChoice) -> Mode:
    """By the file system, unless the operator chose; WAL on a network is refused either way."""
    file = _file(url)
    if not on_network(file):
        return DELETE if choice == "delete" else WAL
    if choice == "wal":
        raise ConfigurationError(
            f"DATABASE_JOURNAL is wal, but {file} lies on a network file system, where WAL loses "
            "data; set DATABASE_JOURNAL=auto, or use a DATABASE_URL on a local disk."
        )
    if _is_in_wal(file):
        raise ConfigurationError(
            f"The database {file} is in WAL mode on a network file system, where it would lose "
            "data; run PRAGMA journal_mode=DELETE on it from one machine first."
        )
    return DELETE


def settle_journal(engine: Engine, mode: Mode) -> None:
    """Set the journal; it is kept in the file, so this waits until the file is known as ours."""
    with engine.connect().execution_options(**{BEGIN_OPTION: None}) as connection:
        settled = connection.exec_driver_sql(f"PRAGMA journal_mode = {mode.journal}").scalar()
    if settled != mode.journal:
        raise ConfigurationError(
            f"The journal of {_file(engine.url)} is {settled} and cannot be made {mode.journal} "
            "here; set DATABASE_JOURNAL=delete, or use a DATABASE_URL on a local disk."
        )


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """For migrations: SQLite alters a table by copying and dropping it, and a drop cascades.

    To be entered before a transaction begins: inside one this pragma does nothing, silently.
    """
    _pragma(connection.connection, "foreign_keys = OFF")
    try:
        yield
    finally:
        _pragma(connection.connection, "foreign_keys = ON")


def take_turn(connection: Connection, step: Step, patience_ms: int) -> None:
    """Do ``step`` (BEGIN or COMMIT), trying more often than SQLite does; raise once patience ends.

    SQLite tries less and less often, ten times a second in the end. Beside a writer that writes on
    and on it comes too late each time; after a backup with a rollback journal it sleeps on for up
    to 100 ms. BEGIN waits for other writers, and with a rollback journal COMMIT for readers. A
    COMMIT that has to wait leaves its transaction as it was (sqlite.org/lang_transaction.html).
    """
    end = time.monotonic() + patience_ms / 1000
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    while not _done(connection, step, last_try=time.monotonic() >= end):
        time.sleep(random.uniform(*BETWEEN_TRIES))  # noqa: S311 - no secret
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience_ms}")


def _done(connection: Connection, step: Step, *, last_try: bool) -> bool:
    try:
        connection.exec_driver_sql(step)
    except OperationalError as error:
        if last_try or primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def on_network(file: Path, mounts: Path = MOUNTS) -> bool:
    """Whether ``file`` lies on a network file system; false if no mounts are listed.

    SQLite follows a link and keeps the journal where the file itself is.
    """
    if not mounts.exists():
        return False
    kinds = dict(_mount(line) for line in mounts.read_text().splitlines())
    place = file.resolve()
    nearest = next((p for p in (place, *place.parents) if p in kinds), None)
    return nearest is not None and kinds[nearest] in NETWORK_FILE_SYSTEMS


def _listened(engine: Engine, mode: Mode) -> Engine:
    def begin(connection: Connection) -> None:
        _begin(connection, _patience_ms(connection, mode))

    def commit(connection: Connection) -> None:
        # The driver's own COMMIT, which follows, then finds nothing left to do.
        if _kind(connection) == IMMEDIATELY:
            take_turn(connection, COMMIT, _patience_ms(connection, mode))

    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", begin)
    event.listen(engine, "commit", commit)
    return engine


def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    # Python's sqlite3 begins transactions late and only for some statements; we begin them all.
    connection.isolation_level = None
    for setting in FOR_EACH_CONNECTION:
        _pragma(connection, setting)


def _begin(connection: Connection, patience_ms: int) -> None:
    for setting in (f"busy_timeout = {patience_ms}", *FOR_EACH_TRANSACTION):
        connection.exec_driver_sql(f"PRAGMA {setting}")
    kind = _kind(connection)
    # A transaction that starts by reading and then writes can fail when waiting would have
    # helped; IMMEDIATE takes the write lock first, and so waits for it.
    if kind == IMMEDIATELY:
        take_turn(connection, BEGIN, patience_ms)
    elif kind is not None:
        connection.exec_driver_sql(f"BEGIN {kind}")


def _kind(connection: Connection) -> str | None:
    """Of its transactions; ``None`` if each statement is one of its own."""
    kind: str | None = connection.get_execution_options().get(BEGIN_OPTION, "DEFERRED")
    return kind


def _patience_ms(connection: Connection, mode: Mode) -> int:
    return int(connection.get_execution_options().get(PATIENCE_OPTION, mode.patience_ms))


def _pragma(connection: DBAPIConnection | PoolProxiedConnection, setting: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA {setting}")


def _mount(line: str) -> tuple[Path, str]:
    """Where and what is mounted; see proc(5). Spaces in paths are written as ``\\040``."""
    before, _, after = line.partition(" - ")
    return Path(before.split()[4].replace("\\040", " ")), after.split()[0]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} for the database cannot be made; "
            "make it writable, or use another DATABASE_URL."
        ) from error


def _file(url: URL) -> Path:
    return Path(str(url.database))


def _check_settled(file: Path) -> None:
    """Refuse what ``immutable`` would read wrongly: a file whose last changes lie beside it."""
    if not file.is_file():
        raise ConfigurationError(
            f"There is no database at {file} to be read; put one there, use another DATABASE_URL, "
            "or set READ_ONLY=false to make one."
        )
    journals = (Path(f"{file}{ending}") for ending in ("-wal", "-journal"))
    if any(journal.exists() and journal.stat().st_size for journal in journals):
        raise ConfigurationError(
            f"The database {file} is in use, or its last writer was killed: changes lie in a "
            "journal beside it; open it once without READ_ONLY and close it."
        )


def _is_in_wal(file: Path) -> bool:
    """Byte 18 of the header is 2 in WAL mode (sqlite.org/fileformat.html, 1.3.3)."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(19)[18:] == b"\x02"
