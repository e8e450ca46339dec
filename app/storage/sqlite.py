"""What SQLite needs to be told so that it is durable, and safe on a network file system.

WAL needs shared memory between all processes that open the file. Over NFS there is none, and
measured with two clients it loses data, so there the journal is ``DELETE`` and nothing is pooled.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from app.errors import ConfigurationError

MOUNTS = Path("/proc/self/mountinfo")
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
FOR_EACH_CONNECTION = ("foreign_keys = ON", "synchronous = FULL", "busy_timeout = 5000")
BEGIN_OPTION = "sqlite_begin"


def make_engine(url: URL) -> Engine:
    """An engine for the file at ``url``; its folder is made if need be."""
    file = Path(str(url.database))
    _make_folder(file.parent)
    shared = on_network(file.parent)
    if shared and _is_in_wal(file):
        raise ConfigurationError(
            f"The database {file} is in WAL mode on a network file system, where it would lose "
            "data; run PRAGMA journal_mode=DELETE on it from one machine first."
        )
    engine = create_engine(url, poolclass=NullPool if shared else QueuePool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def make_read_only_engine(url: URL) -> Engine:
    """An engine for a file that does not change: no lock is taken, no journal looked for.

    Without ``immutable`` SQLite could not open a copy on a disk that cannot be written, because
    even a reader keeps files beside a database that was left in WAL mode.
    """
    file = Path(str(url.database)).resolve()
    read_only = URL.create(
        "sqlite", database=f"file:{quote(str(file))}?mode=ro&immutable=1", query={"uri": "true"}
    )
    engine = create_engine(read_only)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def settle_journal(engine: Engine) -> None:
    """Choose the journal; it is kept in the file, so this waits until the file is known as ours."""
    mode = "DELETE" if on_network(Path(str(engine.url.database)).parent) else "WAL"
    with engine.connect().execution_options(**{BEGIN_OPTION: None}) as connection:
        connection.exec_driver_sql(f"PRAGMA journal_mode = {mode}")


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


def on_network(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Whether ``folder`` lies on a network file system; where no mounts are listed, it does not."""
    if not mounts.exists():
        return False
    kinds = dict(_mount(line) for line in mounts.read_text().splitlines())
    place = folder.resolve()
    nearest = next((p for p in (place, *place.parents) if p in kinds), None)
    return nearest is not None and kinds[nearest] in NETWORK_FILE_SYSTEMS


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


def _is_in_wal(file: Path) -> bool:
    """Byte 18 of the header is 2 in WAL mode (sqlite.org/fileformat.html, 1.3.3)."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(19)[18:] == b"\x02"


def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    # Python's sqlite3 begins transactions late and only for some statements; we begin them all.
    connection.isolation_level = None
    for setting in FOR_EACH_CONNECTION:
        _pragma(connection, setting)


def _begin(connection: Connection) -> None:
    # A transaction that starts by reading and then writes can fail where waiting would have
    # helped; IMMEDIATE takes the write lock first, and so waits for ``busy_timeout``.
    kind = connection.get_execution_options().get(BEGIN_OPTION, "DEFERRED")
    if kind is not None:
        connection.exec_driver_sql(f"BEGIN {kind}")
