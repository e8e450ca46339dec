"""Each trouble of the disk has an error of its own, and leaves what was there."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app.errors import (
    ConfigurationError,
    ReadOnly,
    StorageBusy,
    StorageDamaged,
    StorageFull,
    StorageUnavailable,
)
from app.storage import database as database_module
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.sqlite import JournalChoice
from app.storage.tables import Drawing
from tests.support.faults.disks import (
    failing,
    file_of,
    full,
    impatient,
    locked,
    read_only,
    ruin,
    small_disk,
)
from tests.support.stores.databases import JOURNALS, a_row, contents, open_database, sqlite_url

EACH_MODE = pytest.mark.parametrize("mode", JOURNALS)


@contextmanager
def one_drawing(folder: Path, mode: JournalChoice) -> Iterator[Database]:
    with open_database(folder, journal=mode) as database:
        keep(database)
        yield database


def keep(database: Database, drawings: int = 1) -> None:
    """Enough in one transaction to need pages that the file does not have yet."""
    with database.writing() as tx:
        tx.add_all([a_row(category="x" * 60) for _ in range(drawings)])


def check_whole(database: Database, drawings: int) -> None:
    """Nothing half-written is left, and it can be written again."""
    with database.reading() as tx:
        assert tx.scalar(select(func.count()).select_from(Drawing)) == drawings
        assert tx.scalar(text("PRAGMA integrity_check")) == "ok"
    keep(database)
    database.check()


@pytest.fixture(autouse=True)
def _hurried_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WATCHER_WAITS_MS", 50)


@EACH_MODE
def test_a_lock_held_for_too_long(tmp_path: Path, mode: JournalChoice) -> None:
    with one_drawing(tmp_path, mode) as database:
        with locked(database):
            with pytest.raises(StorageBusy, match="try again in half a minute") as met:
                keep(impatient(database))
            assert "locked by another writer" in met.value.advice
            assert "SQLITE_BUSY" in met.value.advice
            with pytest.raises(StorageBusy):
                database.check()
        check_whole(database, 1)


@EACH_MODE
def test_a_full_disk(tmp_path: Path, mode: JournalChoice) -> None:
    with small_disk(tmp_path, 8000), one_drawing(tmp_path, mode) as database:
        with full(tmp_path):
            with pytest.raises(StorageFull, match="no room to keep") as met:
                keep(database, 300)
            assert "disk of the database is full" in met.value.advice
            database.ping()
            with pytest.raises(StorageFull, match="no room"):
                database.check()
        check_whole(database, 1)


def test_a_disk_is_called_full_before_a_drawing_does_not_fit(tmp_path: Path) -> None:
    refused = pytest.raises(StorageFull)
    with small_disk(tmp_path, 3000), one_drawing(tmp_path, "wal") as database, refused:
        database.check()


def test_a_disk_that_turned_read_only(tmp_path: Path) -> None:
    with one_drawing(tmp_path, "delete") as database:
        with read_only(tmp_path):
            with pytest.raises(ReadOnly, match="Nothing can be kept here") as met:
                keep(database)
            assert "read-only" in met.value.advice
            database.ping()
            with pytest.raises(ReadOnly):
                database.check()
        check_whole(database, 1)


def test_a_connection_that_may_only_read(tmp_path: Path) -> None:
    with one_drawing(tmp_path, "wal") as database:
        with database.reading() as tx:
            tx.execute(text("PRAGMA query_only = ON"))  # on the pool's one connection
        with pytest.raises(ReadOnly):
            keep(database)


@EACH_MODE
def test_a_failing_disk(tmp_path: Path, mode: JournalChoice) -> None:
    with one_drawing(tmp_path, mode) as database:
        with failing():
            with pytest.raises(StorageUnavailable, match="cannot be reached now") as met:
                keep(database, 300)
            assert "see its disk" in met.value.advice
            assert "SQLITE_IOERR_" in met.value.advice
            with pytest.raises(StorageUnavailable):
                database.check()
        check_whole(database, 1)


@EACH_MODE
def test_damage_is_told_and_remembered(tmp_path: Path, mode: JournalChoice) -> None:
    with one_drawing(tmp_path, mode) as database:
        file = file_of(database)
    ruin(file, "drawings")
    database = Database.open(sqlite_url(tmp_path), "local", mode)
    database.check()
    with pytest.raises(StorageDamaged, match="damaged and cannot be used") as met:
        keep(database)
    assert "restore the newest backup" in met.value.advice
    database.ping()
    with pytest.raises(StorageDamaged) as told:
        database.check()
    assert told.value.advice == met.value.advice
    database.close()


def test_a_file_overwritten_while_it_is_used_is_damaged(tmp_path: Path) -> None:
    with one_drawing(tmp_path, "delete") as database:
        file_of(database).write_bytes(b"something else, " * 1000)
        with pytest.raises(StorageDamaged, match="damaged"):
            keep(database)


def test_a_damaged_file_is_refused_at_start_with_what_to_do(tmp_path: Path) -> None:
    with one_drawing(tmp_path, "wal") as database:
        file = file_of(database)
    ruin(file, "environment_stamp")
    with pytest.raises(StorageUnavailable, match="restore the newest backup"):
        Database.open(sqlite_url(tmp_path), "local")
    file.write_bytes(b"\0" * 100 + file.read_bytes()[100:])
    with pytest.raises(ConfigurationError, match="not a database; restore"):
        Database.open(sqlite_url(tmp_path), "local")


def test_no_sentence_tells_a_path(tmp_path: Path) -> None:
    met = pytest.raises(StorageBusy)
    with one_drawing(tmp_path, "delete") as database, locked(database), met as refused:
        keep(impatient(database))
    assert str(tmp_path) not in str(refused.value) + refused.value.advice


STORE_TROUBLES = {"full": StorageFull, "read-only": ReadOnly, "failing": StorageUnavailable}


def trouble(kind: str, disk: Path) -> AbstractContextManager[None]:
    if kind == "full":
        return full(disk)
    return read_only(disk) if kind == "read-only" else failing()


@pytest.mark.parametrize(("kind", "error"), STORE_TROUBLES.items(), ids=STORE_TROUBLES)
def test_the_store_tells_its_troubles_too_and_keeps_nothing_by_halves(
    tmp_path: Path, kind: str, error: type[StorageUnavailable]
) -> None:
    disk = small_disk(tmp_path, 8000) if kind == "full" else nullcontext()
    with disk:
        store = FolderBlobStore(tmp_path, "local")
        store.put("drawings/a", b"before", "image/png")
        before = contents(tmp_path)
        with trouble(kind, tmp_path):
            with pytest.raises(error, match="try again") as met:
                store.put("drawings/a", os.urandom(9000), "image/png")
            assert "the store" in met.value.advice
            with pytest.raises(error):
                store.check()
            assert store.get("drawings/a") == b"before"
        assert contents(tmp_path) == before
        store.check()
