"""The one way to the database: ``with database.writing() as tx`` and ``with database.reading()``.

Exactly one package writes it. A database made by another environment is refused before anything in
it is touched.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm import Session

from app.errors import (
    ConfigurationError,
    ReadOnly,
    StorageBusy,
    StorageDamaged,
    StorageUnavailable,
    WrongEnvironment,
)
from app.storage import faults, postgresql, sqlite
from app.storage.tables import EnvironmentStamp

WATCHER_WAITS_MS = 2_000
LOCK_SECONDS = 15.0  # how long a reader waits for a rollback journal's writer
WRITING: Final = {"sqlite": sqlite.WRITING, "postgresql": postgresql.WRITING}
DRIVER_EXTRA: Final = "pip install 'sketchnorm[postgresql]'"


@dataclass(frozen=True)
class Database:
    """An open database; ``environment`` opened it, and has to be the one that made it."""

    engine: Engine
    environment: str
    read_only: bool = False
    lazy: bool = False
    _damage: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def open(cls, url: str, environment: str, journal: sqlite.JournalChoice = "auto") -> Self:
        """Open or make it; the schema is neither made nor checked here, see ``schema``."""
        place = make_url(url)
        if not _is_sqlite(place):
            return cls._open_server(place, environment, journal)
        mode = sqlite.choose_mode(place, journal)
        database = cls(sqlite.make_engine(place, mode), environment)
        with database._opening():
            sqlite.settle_journal(database.engine, mode)
        return database

    @classmethod
    def _open_server(cls, place: URL, environment: str, journal: sqlite.JournalChoice) -> Self:
        if journal != "auto":
            raise ConfigurationError(
                f"DATABASE_JOURNAL is {journal}, but DATABASE_URL names a PostgreSQL server, which "
                "has a log of its own; set DATABASE_JOURNAL=auto."
            )
        database = cls(_make_server_engine(place), environment)
        with database._opening():
            return database

    @classmethod
    def open_read_only(cls, url: str, environment: str) -> Self:
        """Open one that nobody writes, such as a seeded copy; nothing at its place is changed.

        It may be of any environment: the stamp guards what is written.
        """
        place = make_url(url)
        if not _is_sqlite(place):
            raise ConfigurationError(
                "READ_ONLY is true, but DATABASE_URL names a PostgreSQL server, which others may "
                "write; use a copy in SQLite, or set READ_ONLY=false."
            )
        database = cls(sqlite.make_read_only_engine(place), environment, read_only=True)
        with database._opening(any_environment=True):
            return database

    @classmethod
    def for_reading(cls, url: str, environment: str) -> Self:
        """One that others write: connected to, and its stamp checked, when it is read.

        Nothing about it is changed, its journal neither.
        """
        place = make_url(url)
        if not _is_sqlite(place):
            engine = _make_server_engine(place, read_only=True)
            return cls(engine, environment, read_only=True, lazy=True)
        file = Path(str(place.database))
        engine = create_engine(place, creator=lambda: connect_read_only(file), poolclass=NullPool)
        return cls(engine, environment, read_only=True, lazy=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view; whatever is changed in it is not kept."""
        with self._reporting(), self._transaction(self.engine) as tx:
            if self.lazy:
                self.check_stamp(tx.connection())
            yield tx

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed at the end, undone when the block raises."""
        with self._reporting(), self._transaction(self.writer) as tx, tx.begin():
            yield tx

    @property
    def file(self) -> Path | None:
        """The SQLite file; ``None`` if the database is of another kind."""
        url = self.engine.url
        return Path(str(url.database)) if _is_sqlite(url) and url.database else None

    @property
    def writer(self) -> Engine:
        """The same connections, whose transactions take the write lock at once."""
        if self.read_only:
            raise ReadOnly(faults.UNWRITABLE, "The database is opened to be read only.")
        return self.engine.execution_options(**WRITING[self.engine.dialect.name])

    @property
    def impatient(self) -> Self:
        """The same database for a health check, which gives up before a writer would."""
        return replace(self, engine=_impatient(self.engine))

    def ping(self) -> None:
        """Raise ``StorageUnavailable`` unless a table can be read; ``SELECT 1`` reads no file."""
        with self._reporting():
            self._read_stamp(self.engine)

    def check(self) -> None:
        """Raise ``StorageUnavailable`` unless it can be read and written, and was never damaged.

        Damage is remembered until the end of the process: the next rows may happen to be whole.
        """
        for advice in self._damage:
            raise StorageDamaged(faults.DAMAGED, advice)
        with self._reporting():
            if not self.read_only and self.file is not None:
                faults.check_disk(self.file.parent, "the database")
            self._read_stamp(self.engine) if self.read_only else self._lock_stamp()

    def close(self) -> None:
        """Give all connections back; SQLite then folds its WAL into the file."""
        self.engine.dispose()

    def check_stamp(self, connection: Connection) -> str | None:
        """The environment that made the database, ``None`` before the first migration.

        Raise ``WrongEnvironment`` unless it is this one.
        """
        stamped = _stamped(connection)
        if stamped not in (None, self.environment):
            raise WrongEnvironment(
                "This database", stamped, self.environment, "opened", "use another DATABASE_URL"
            )
        return stamped

    @contextmanager
    def _opening(self, *, any_environment: bool = False) -> Iterator[None]:
        """The stamp is read first, so that a refusal leaves the file as it was."""
        with ExitStack() as on_failure, _unopened(self.engine.url):
            on_failure.callback(self.close)
            with self.engine.connect() as connection:
                _stamped(connection) if any_environment else self.check_stamp(connection)
            yield
            on_failure.pop_all()

    def _read_stamp(self, engine: Engine) -> None:
        with self._transaction(_impatient(engine)) as tx:
            tx.scalar(select(EnvironmentStamp.environment))

    def _lock_stamp(self) -> None:
        """As a write would: where there are row locks, a server that takes no writes refuses it."""
        locked = select(EnvironmentStamp.environment).with_for_update()
        with self._transaction(_impatient(self.writer)) as tx:
            tx.scalar(locked)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            with _unavailable():
                yield
        except StorageDamaged as error:
            self._damage.add(error.advice)
            raise

    @staticmethod
    def _transaction(engine: Engine) -> Session:
        # Rows stay readable after the commit: pages are rendered once the lock is given back.
        return Session(engine, expire_on_commit=False)


def connect_read_only(file: Path) -> sqlite3.Connection:
    """Past SQLAlchemy, to copy and to examine; unlike ``sqlite3.connect`` it never makes a file."""
    return sqlite3.connect(
        f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=LOCK_SECONDS, isolation_level=None
    )


def _stamped(connection: Connection) -> str | None:
    if not inspect(connection).has_table(EnvironmentStamp.__tablename__):
        return None
    return connection.scalar(select(EnvironmentStamp.environment))


def _impatient(engine: Engine) -> Engine:
    return engine.execution_options(**{sqlite.PATIENCE_OPTION: WATCHER_WAITS_MS})


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _make_server_engine(url: URL, *, read_only: bool = False) -> Engine:
    try:
        return postgresql.make_engine(url, read_only=read_only)
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"The driver for {url.drivername} is not installed; run {DRIVER_EXTRA}, "
            "or use another DATABASE_URL."
        ) from error


@contextmanager
def _unopened(url: URL) -> Iterator[None]:
    # The password is rendered as ***, and the query may hold another.
    place = url.set(query={}).render_as_string()
    try:
        yield
    except DatabaseError as error:
        if faults.primary_code(error) == sqlite3.SQLITE_NOTADB:
            raise ConfigurationError(
                f"What lies at {place} is not a database; restore the newest backup, "
                "or use another DATABASE_URL."
            ) from error
        fault = faults.of_database(error)
        if fault is None:
            raise
        raise StorageUnavailable(
            f"The database {place} cannot be opened now. {fault.advice}"
        ) from error


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except PoolExhausted as error:
        raise StorageBusy(faults.BUSY, "All connections to the database are in use.") from error
    except DatabaseError as error:
        fault = faults.of_database(error)
        if fault is None:
            raise
        raise fault from error
