"""PostgreSQL keeps the promises of SQLite, and each of its troubles has the same error."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from app.errors import (
    ConfigurationError,
    ReadOnly,
    StorageBusy,
    StorageDamaged,
    StorageFull,
    StorageUnavailable,
)
from app.storage import database as database_module
from app.storage.database import Database
from app.storage.schema import changing
from app.storage.tables import Drawing
from tests.support.faults.disks import full, impatient, locked, small_disk
from tests.support.stores.databases import ON_POSTGRESQL, Kind, Place, a_row

if TYPE_CHECKING:
    from tests.support.stores.postgres_server import PostgresServer

ADDRESS = "postgresql+psycopg://sketchnorm:hunter2@127.0.0.1:1/drawings"
HOW_MANY = select(func.count()).select_from(Drawing)


@pytest.fixture(params=[ON_POSTGRESQL])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture(autouse=True)
def _hurried_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WATCHER_WAITS_MS", 50)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with place.opened() as database:
        yield database


@pytest.fixture
def name(database: Database) -> str:
    """Of the database, for who does not use the app."""
    return str(database.engine.url.database)


def keep(database: Database, drawings: int = 1) -> None:
    with database.writing() as tx:
        tx.add_all([a_row(category="x" * 60) for _ in range(drawings)])


def kept(database: Database) -> int:
    with database.reading() as tx:
        return tx.scalar(HOW_MANY) or 0


# --- the promises ------------------------------------------------------------------------------


def test_a_writer_holds_the_lock_from_its_first_statement_and_readers_go_on(
    database: Database,
) -> None:
    with database.writing() as tx:
        tx.scalar(HOW_MANY)
        assert kept(database) == 0
        with pytest.raises(StorageBusy):
            keep(impatient(database))
    keep(impatient(database))
    assert kept(database) == 1


def test_a_reader_has_one_view_for_its_whole_transaction(database: Database) -> None:
    with database.reading() as tx:
        assert tx.scalar(HOW_MANY) == 0
        keep(database)
        assert tx.scalar(HOW_MANY) == 0
    assert kept(database) == 1


def test_a_writer_sees_what_was_committed_while_it_waited(database: Database) -> None:
    with database.writing() as tx:
        tx.add(a_row(id="counter", age_years=0))
    ready = threading.Barrier(4)

    def count_up(times: int) -> None:
        ready.wait(10)
        for _ in range(times):
            with database.writing() as tx:
                tx.get_one(Drawing, "counter").age_years += 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count_up, [25] * 4))
    with database.reading() as tx:
        assert tx.get_one(Drawing, "counter").age_years == 100


def test_writers_of_another_database_of_the_server_are_not_waited_for(
    database: Database, postgres_server: "PostgresServer", tmp_path: Path
) -> None:
    with (
        postgres_server.new_database() as url,
        Place(tmp_path, url).opened() as other,
        locked(other),
    ):
        keep(impatient(database))


@pytest.mark.parametrize(
    ("set_to", "used"), [("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")]
)
def test_what_was_answered_is_on_the_disk_whatever_the_server_was_set_to(
    database: Database, postgres_server: "PostgresServer", name: str, set_to: str, used: str
) -> None:
    postgres_server.says(f"ALTER DATABASE {name} SET synchronous_commit = {set_to}")
    database.close()
    with database.reading() as tx:
        assert tx.scalar(text("SHOW synchronous_commit")) == used


def test_what_a_frozen_writer_holds_is_let_go_of(database: Database) -> None:
    frozen = pytest.raises(StorageUnavailable, match="cannot be reached now")
    with frozen as met, database.writing() as tx:
        tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 50"))
        threading.Event().wait(0.5)
        keep(impatient(database))
        tx.scalar(HOW_MANY)
    assert "IdleInTransactionSessionTimeout" in met.value.advice
    assert kept(database) == 1


def test_no_writer_may_be_frozen_for_longer_than_a_minute(database: Database) -> None:
    with database.reading() as tx:
        assert tx.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"


def test_one_that_only_reads_can_change_nothing(place: Place, database: Database) -> None:
    keep(database)
    with closing(Database.for_reading(place.url, "local")) as reader:
        assert kept(reader) == 1
        with pytest.raises(ReadOnly), reader.reading() as tx:
            tx.execute(text("DELETE FROM drawings"))
        with pytest.raises(ReadOnly):
            keep(reader)
    assert kept(database) == 1


# --- its troubles ------------------------------------------------------------------------------


def test_a_lock_held_for_too_long(database: Database) -> None:
    with locked(database):
        with pytest.raises(StorageBusy, match="try again in half a minute") as met:
            keep(impatient(database))
        assert "pg_stat_activity" in met.value.advice
        assert "LockNotAvailable" in met.value.advice
        with pytest.raises(StorageBusy):
            database.check()
        database.ping()
    database.check()


def test_a_migration_waits_for_writers_and_says_so(database: Database) -> None:
    busy = pytest.raises(StorageBusy, match="could not be migrated and is as it was")
    with locked(database), busy, changing(impatient(database)):
        pass


def test_a_table_locked_by_another_tool(
    database: Database, postgres_server: "PostgresServer", name: str
) -> None:
    with postgres_server.connects(name) as other, other.transaction():
        other.execute("LOCK TABLE environment_stamp IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StorageBusy):
            database.ping()
    database.ping()


def test_a_deadlock_with_another_tool(
    database: Database, postgres_server: "PostgresServer", name: str
) -> None:
    """Our writers make none among themselves, as each takes the same lock first."""
    with database.writing() as tx:
        tx.add_all([a_row(id="one"), a_row(id="other")])
    touch = "UPDATE drawings SET category = 'house' WHERE id = '{}'"
    with postgres_server.connects(name) as tool, ThreadPoolExecutor(1) as thread:
        tool.execute("BEGIN")
        tool.execute("SET LOCAL deadlock_timeout = '10s'")  # so that ours is the one to end
        tool.execute(touch.format("other").encode())
        busy = pytest.raises(StorageBusy)
        with busy as met, database.writing() as tx:
            tx.execute(text("SET LOCAL deadlock_timeout = 500"))
            tx.execute(text(touch.format("one")))
            waiting = thread.submit(tool.execute, touch.format("one").encode())
            tx.execute(text(touch.format("other")))
        waiting.result(10)
    assert "DeadlockDetected" in met.value.advice


def test_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    named = r"sketchnorm:\*\*\*@127.0.0.1:1/drawings cannot be opened"
    for address in (ADDRESS, f"{ADDRESS}?password=hunter2"):
        with pytest.raises(StorageUnavailable, match=named) as met:
            Database.open(address, "local")
        assert "hunter2" not in str(met.value)


def test_a_database_that_is_not_there(postgres_server: "PostgresServer") -> None:
    with pytest.raises(StorageUnavailable, match="cannot be opened now"):
        Database.open(postgres_server.url("missing"), "local")


def test_a_full_disk_of_the_server(
    database: Database, postgres_server: "PostgresServer", name: str
) -> None:
    with disk_of_drawings(postgres_server, name) as disk:
        keep(database)
        with full(disk):
            with pytest.raises(StorageFull, match="no room to keep") as met:
                keep(database, 2000)
            assert "disk of the database server is full" in met.value.advice
            assert kept(database) == 1
        keep(database, 300)
        assert kept(database) == 301


@contextmanager
def disk_of_drawings(server: "PostgresServer", name: str) -> Iterator[Path]:
    """A small disk, on which that table alone lies."""
    with (
        TemporaryDirectory(dir=server.folder, ignore_cleanup_errors=True) as folder,
        small_disk(Path(folder), 8000),
    ):
        Path(folder).chmod(0o755)
        server.owns(Path(folder) / "space")
        server.says(f"CREATE TABLESPACE small LOCATION '{folder}/space'")
        server.says("ALTER TABLE drawings SET TABLESPACE small", name)
        try:
            yield Path(folder)
        finally:
            server.says("ALTER TABLE drawings SET TABLESPACE pg_default", name)
            server.says("DROP TABLESPACE small")


def test_a_server_that_takes_no_writes(
    database: Database, postgres_server: "PostgresServer", name: str
) -> None:
    keep(database)
    postgres_server.says(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    database.close()
    attempts: tuple[Callable[[], None], ...] = (lambda: keep(database), database.check)
    for attempt in attempts:
        with pytest.raises(ReadOnly, match="Nothing can be kept here") as met:
            attempt()
        assert "standby" in met.value.advice
    assert kept(database) == 1
    database.ping()


def test_a_role_without_rights(
    database: Database, postgres_server: "PostgresServer", name: str
) -> None:
    postgres_server.says("CREATE ROLE poor LOGIN")
    url = postgres_server.url(name).replace("//sketchnorm@", "//poor@")
    try:
        with pytest.raises(StorageUnavailable, match="make it the owner"):
            Database.open(url, "local")
    finally:
        postgres_server.says("DROP ROLE poor")


def test_a_server_that_stops_is_unavailable_and_used_again_once_it_is_back(
    database: Database, postgres_server: "PostgresServer"
) -> None:
    keep(database)
    postgres_server.stop()
    try:
        for attempt in (database.ping, database.check, lambda: keep(database)):
            with pytest.raises(StorageUnavailable, match="cannot be reached now"):
                attempt()
    finally:
        postgres_server.start()
    keep(database)
    assert kept(database) == 2


def test_nobody_notices_a_server_that_was_restarted_meanwhile(
    database: Database, postgres_server: "PostgresServer"
) -> None:
    keep(database)
    postgres_server.stop()
    postgres_server.start()
    keep(database)
    assert kept(database) == 2


def test_a_connection_that_the_server_ends_in_a_transaction(
    database: Database, postgres_server: "PostgresServer", name: str
) -> None:
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    ended = pytest.raises(StorageUnavailable, match="cannot be reached now")
    with ended as met, database.writing() as tx:
        tx.add(a_row())
        tx.flush()
        postgres_server.says(end)
        tx.scalar(HOW_MANY)
    assert "AdminShutdown" in met.value.advice
    assert kept(database) == 0


CODES = {
    "40001": StorageBusy,
    "53300": StorageUnavailable,
    "57P03": StorageUnavailable,
    "58030": StorageUnavailable,
    "XX001": StorageDamaged,
}


@pytest.mark.parametrize(("code", "error"), CODES.items(), ids=CODES)
def test_what_a_test_cannot_bring_about_is_known_by_its_code(
    database: Database, code: str, error: type[StorageUnavailable]
) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"
    with pytest.raises(StorageUnavailable) as met, database.reading() as tx:
        tx.execute(text(raising))
    assert type(met.value) is error


def test_damage_is_remembered(database: Database) -> None:
    damaged = text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'XX002'; END $$")
    with pytest.raises(StorageDamaged), database.reading() as tx:
        tx.execute(damaged)
    with pytest.raises(StorageDamaged):
        database.check()


def test_a_fault_of_a_statement_is_none_of_the_storage(database: Database) -> None:
    with pytest.raises(DatabaseError), database.reading() as tx:
        tx.execute(text("SELEKT"))


# --- what does not apply -----------------------------------------------------------------------


def test_it_has_none_of_the_journals_of_sqlite() -> None:
    with pytest.raises(ConfigurationError, match="set DATABASE_JOURNAL=auto") as met:
        Database.open(ADDRESS, "local", "wal")
    assert "hunter2" not in str(met.value)


def test_it_is_no_copy_that_nobody_writes() -> None:
    with pytest.raises(ConfigurationError, match="set READ_ONLY=false"):
        Database.open_read_only(ADDRESS, "local")


def test_another_driver_is_refused() -> None:
    begin = r"begin DATABASE_URL with postgresql\+psycopg://"
    with pytest.raises(ConfigurationError, match=begin):
        Database.open(ADDRESS.replace("psycopg", "asyncpg"), "local")
