"""A seeded copy is read where nothing can be written, and nothing there changes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.errors import ConfigurationError, ReadOnly, StorageUnavailable
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import check_schema, migrate
from app.storage.sqlite import JournalChoice
from app.storage.tables import Drawing
from tests.support.faults.disks import read_only
from tests.support.stores.databases import a_row, contents, open_database, sqlite_url


def seed(folder: Path, journal: JournalChoice = "auto") -> None:
    with open_database(folder, journal=journal) as database, database.writing() as tx:
        tx.add(a_row(category="house"))


def read_all(database: Database) -> int:
    with database.reading() as tx:
        return tx.scalar(select(func.count()).select_from(Drawing)) or 0


def use(folder: Path) -> None:
    """Everything that a server does with it."""
    database = Database.open_read_only(sqlite_url(folder), "local")
    try:
        check_schema(database)
        database.ping()
        assert read_all(database) == 1
        with pytest.raises(ReadOnly, match="without keeping"), database.writing() as tx:
            tx.add(a_row())
        with pytest.raises(ReadOnly):
            migrate(database)
    finally:
        database.close()


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_reading_leaves_every_byte_and_puts_nothing_beside_it(
    tmp_path: Path, journal: JournalChoice
) -> None:
    folder = tmp_path / "50% of a #name"
    folder.mkdir()
    seed(folder, journal)
    before = contents(folder)
    use(folder)
    assert contents(folder) == before
    assert list(before) == ["sketchnorm.sqlite3"]


def test_it_can_be_read_on_a_disk_that_nobody_can_write(tmp_path: Path) -> None:
    seed(tmp_path)
    with read_only(tmp_path):
        use(tmp_path)


def test_no_statement_can_change_it_either(tmp_path: Path) -> None:
    seed(tmp_path)
    database = Database.open_read_only(sqlite_url(tmp_path), "local")
    refused = pytest.raises(sqlite3.OperationalError, match="readonly")
    with closing(database.engine.raw_connection()) as connection, refused:
        connection.cursor().execute("DELETE FROM drawings")
    database.close()


def test_it_opens_in_any_environment_because_the_stamp_guards_what_is_written(
    tmp_path: Path,
) -> None:
    seed(tmp_path)
    database = Database.open_read_only(sqlite_url(tmp_path), "production")
    assert read_all(database) == 1
    database.close()


def test_a_read_only_store_is_read_in_any_environment_and_takes_nothing(tmp_path: Path) -> None:
    FolderBlobStore(tmp_path, "local").put("demo/a", b"x", "text/plain")
    before = contents(tmp_path)
    store = FolderBlobStore(tmp_path, "production", read_only=True)
    assert store.get("demo/a") == b"x"
    for write in (store.put, store.put_new):
        with pytest.raises(StorageUnavailable, match="read-only"):
            write("demo/b", b"y", "text/plain")
    with pytest.raises(StorageUnavailable, match="read-only"):
        store.delete("demo/a")
    assert contents(tmp_path) == before


def test_where_there_is_none_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no database at"):
        Database.open_read_only(sqlite_url(tmp_path / "folder"), "local")
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_in_use_is_refused_because_its_last_changes_would_be_missed(
    tmp_path: Path,
) -> None:
    with open_database(tmp_path) as database:
        with database.writing() as tx:
            tx.add(a_row())
        with pytest.raises(ConfigurationError, match="is in use"):
            Database.open_read_only(sqlite_url(tmp_path), "local")


def test_a_store_that_is_only_read_is_well_where_nothing_can_be_written(tmp_path: Path) -> None:
    FolderBlobStore(tmp_path / "blobs", "local")
    with read_only(tmp_path):
        FolderBlobStore(tmp_path / "blobs", "local", read_only=True).check()
    with pytest.raises(StorageUnavailable):
        FolderBlobStore(tmp_path / "nothing", "local", read_only=True).check()
