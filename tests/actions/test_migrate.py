"""Migrating saves the database first, and refuses what it could only make worse."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.actions.migrate import backup_of, check_serving, migrate, no_backup, take_back
from app.backups.catalogue import list_backups
from app.backups.restore import restore
from app.errors import BackupError, ConfigurationError, StorageUnavailable
from app.storage import schema
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import REVISIONS, Standing, find_standing
from tests.support.stores.databases import JOURNALS, a_row, sqlite_url, use_journal
from tests.support.stores.migrations import later_release


@pytest.fixture(params=JOURNALS)
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    use_journal(request.param, monkeypatch)
    database = Database.open(sqlite_url(tmp_path), "local")
    yield database
    database.close()


@pytest.fixture
def older(database: Database) -> Database:
    """With a drawing, a revision behind."""
    schema.migrate(database)
    with database.writing() as tx:
        tx.add(a_row(category="house"))
    schema.take_back(database, "0001")
    return database


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "blobs", "local")


def found_in(blobs: FolderBlobStore, folder: Path) -> tuple[str, str]:
    """The revision and the category of the drawing in the newest backup, restored by itself."""
    file = folder / "restored"
    restore(to=file, environment="local", blobs=blobs)
    with closing(sqlite3.connect(file)) as connection:
        question = "SELECT version_num, category FROM alembic_version, drawings"
        revision, category = connection.execute(question).fetchone()
    return revision, category


def test_an_empty_database_is_migrated_and_there_is_nothing_to_save(
    database: Database, blobs: FolderBlobStore
) -> None:
    done = migrate(database, backup_of(database, blobs))
    assert (done.before, done.after, done.saved) == (None, REVISIONS[-1], None)
    assert list_backups(blobs) == ()


def test_the_database_as_it_was_is_the_newest_backup(
    older: Database, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    done = migrate(older, backup_of(older, blobs))
    (made,) = list_backups(blobs)
    assert done.saved == made.name
    assert found_in(blobs, tmp_path) == ("0001", "house")
    assert find_standing(older) is Standing.CURRENT


def test_where_nothing_is_to_be_done_nothing_is_saved(
    older: Database, blobs: FolderBlobStore
) -> None:
    migrate(older, no_backup)
    done = migrate(older, backup_of(older, blobs))
    assert done.before == done.after == REVISIONS[-1]
    assert list_backups(blobs) == ()


def test_a_database_that_cannot_be_saved_is_not_touched(older: Database) -> None:
    def full() -> None:
        raise StorageUnavailable("The disk is full.")

    with pytest.raises(StorageUnavailable, match="disk is full"):
        migrate(older, full)
    assert find_standing(older) is Standing.OLDER
    migrate(older, no_backup)
    with pytest.raises(StorageUnavailable, match="disk is full"):
        take_back(older, "0001", full)
    assert find_standing(older) is Standing.CURRENT


def test_a_damaged_database_is_neither_saved_nor_migrated(
    older: Database, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    orphan = (
        "INSERT INTO analyses (drawing_id, created_at, bundle_version, bundle_sha256, result) "
        "VALUES ('missing', '2026-01-01', '1', '0', '{}')"
    )
    with closing(sqlite3.connect(tmp_path / "sketchnorm.sqlite3")) as careless, careless:
        careless.execute(orphan)
    with pytest.raises(
        BackupError, match=r"sketchnorm.sqlite3 has rows that refer to missing ones"
    ):
        migrate(older, backup_of(older, blobs))
    assert find_standing(older) is Standing.OLDER
    assert list_backups(blobs) == ()


def test_a_database_that_a_release_taken_back_left_a_step_ahead_stays_as_it_is(
    database: Database, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    with later_release(tmp_path, REVISIONS[-1], "expand") as later:
        migrate(database, no_backup)
    done = migrate(database, backup_of(database, blobs))
    assert done.before == done.after == later
    assert find_standing(database) is Standing.ONE_AHEAD
    with pytest.raises(ConfigurationError, match="newer version"):
        take_back(database, "0001", backup_of(database, blobs))
    assert list_backups(blobs) == ()


@pytest.mark.parametrize("phases", [["contract"], ["expand", "expand"]])
def test_a_database_that_this_release_cannot_serve_with_is_refused(
    database: Database, blobs: FolderBlobStore, tmp_path: Path, phases: list[str]
) -> None:
    migrate(database, no_backup)
    with later_release(tmp_path, REVISIONS[-1], *phases):
        migrate(database, no_backup)
    with pytest.raises(ConfigurationError, match="newer version"):
        migrate(database, backup_of(database, blobs))
    with pytest.raises(ConfigurationError, match="newer version"):
        take_back(database, "0001", backup_of(database, blobs))
    assert list_backups(blobs) == ()


@pytest.mark.parametrize("serving", [REVISIONS[-1], REVISIONS[-2], "of a newer release"])
def test_a_release_that_serves_and_can_start_on_the_new_schema_is_no_reason_to_wait(
    serving: str,
) -> None:
    check_serving(serving)


def test_the_release_that_serves_is_not_left_two_steps_behind() -> None:
    told = f"up to {REVISIONS[-3]} and could not start on {REVISIONS[-1]}, so nothing was changed"
    with pytest.raises(ConfigurationError, match=told):
        check_serving(REVISIONS[-3])


def test_a_way_back_is_taken_on_request_and_saved_before(
    older: Database, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    migrate(older, no_backup)
    done = take_back(older, "0001", backup_of(older, blobs))
    assert (done.before, done.after) == (REVISIONS[-1], "0001")
    assert found_in(blobs, tmp_path) == (REVISIONS[-1], "house")
    with pytest.raises(ConfigurationError, match="cannot be taken back"):
        take_back(older, "0001", backup_of(older, blobs))
    assert len(list_backups(blobs)) == 1
