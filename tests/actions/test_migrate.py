"""Migrating saves the database first, and refuses what it could only make worse."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.actions.migrate import copy_of, migrate, no_copy, take_back
from app.errors import BackupError, ConfigurationError, StorageUnavailable
from app.storage import schema
from app.storage.database import Database
from app.storage.revision import REVISIONS, Standing, find_standing
from tests.support.journals import JOURNALS, use_journal
from tests.support.revisions import later_release
from tests.support.storage import a_drawing, contents, sqlite_url


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
        tx.add(a_drawing(category="house"))
    schema.take_back(database, "0001")
    return database


def copies(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if ".before-" in path.name)


def found_in(file: Path) -> tuple[str, str]:
    """The revision and the category of the drawing in a copy, opened by itself."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        question = "SELECT version_num, category FROM alembic_version, drawings"
        revision, category = connection.execute(question).fetchone()
    return revision, category


def test_an_empty_database_is_migrated_and_there_is_nothing_to_save(
    database: Database, tmp_path: Path
) -> None:
    done = migrate(database, copy_of(database))
    assert (done.before, done.after, done.saved) == (None, REVISIONS[-1], None)
    assert copies(tmp_path) == []


def test_the_database_as_it_was_lies_beside_it_in_one_whole_file(
    older: Database, tmp_path: Path
) -> None:
    done = migrate(older, copy_of(older))
    (copy,) = copies(tmp_path)
    assert done.saved == copy
    assert copy.name.startswith(f"sketchnorm.sqlite3.before-{REVISIONS[-1]}.")
    assert found_in(copy) == ("0001", "house")
    assert find_standing(older) is Standing.CURRENT


def test_where_nothing_is_to_be_done_nothing_is_saved(older: Database, tmp_path: Path) -> None:
    migrate(older, no_copy)
    done = migrate(older, copy_of(older))
    assert done.before == done.after == REVISIONS[-1]
    assert copies(tmp_path) == []


def test_a_database_that_cannot_be_saved_is_not_touched(older: Database) -> None:
    def full(revision: str) -> None:
        raise StorageUnavailable("The disk is full.")

    with pytest.raises(StorageUnavailable, match="disk is full"):
        migrate(older, full)
    assert find_standing(older) is Standing.OLDER
    migrate(older, no_copy)
    with pytest.raises(StorageUnavailable, match="disk is full"):
        take_back(older, "0001", full)
    assert find_standing(older) is Standing.CURRENT


def test_a_damaged_database_is_neither_saved_nor_migrated(older: Database, tmp_path: Path) -> None:
    orphan = (
        "INSERT INTO analyses (drawing_id, created_at, bundle_version, bundle_sha256, result) "
        "VALUES ('missing', '2026-01-01', '1', '0', '{}')"
    )
    with closing(sqlite3.connect(tmp_path / "sketchnorm.sqlite3")) as careless, careless:
        careless.execute(orphan)
    with pytest.raises(
        BackupError, match=r"sketchnorm.sqlite3 has rows that refer to missing ones"
    ):
        migrate(older, copy_of(older))
    assert find_standing(older) is Standing.OLDER
    assert not [name for name in contents(tmp_path) if "before" in name]


@pytest.mark.parametrize("phase", ["expand", "contract"])
def test_a_database_that_is_ahead_is_refused(
    database: Database, tmp_path: Path, phase: str
) -> None:
    migrate(database, no_copy)
    with later_release(tmp_path, REVISIONS[-1], phase):
        migrate(database, no_copy)
    with pytest.raises(ConfigurationError, match="newer version"):
        migrate(database, copy_of(database))
    with pytest.raises(ConfigurationError, match="newer version"):
        take_back(database, "0001", copy_of(database))
    assert copies(tmp_path) == []


def test_a_way_back_is_taken_on_request_and_saved_before(older: Database, tmp_path: Path) -> None:
    migrate(older, no_copy)
    done = take_back(older, "0001", copy_of(older))
    assert (done.before, done.after) == (REVISIONS[-1], "0001")
    (copy,) = copies(tmp_path)
    assert found_in(copy) == (REVISIONS[-1], "house")
    with pytest.raises(ConfigurationError, match="cannot be taken back"):
        take_back(older, "0001", copy_of(older))
    assert copies(tmp_path) == [copy]
