"""What the demo door opens: anybody's copy, of which not a byte changes."""

from pathlib import Path

import pytest

from app.errors import StorageUnavailable
from app.storage.database import Database
from app.storage.folder import FolderBlobStore
from app.storage.revision import check_schema
from app.storage.tables import Drawing
from tests.support.storage import a_drawing, contents, open_database, sqlite_url


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A database with one drawing, and its store, both made by a developer."""
    with open_database(tmp_path, "local") as database, database.writing() as session:
        session.add(a_drawing(id="kept"))
    FolderBlobStore(tmp_path / "blobs", "local").put("demo/a", b"x", "text/plain")
    return tmp_path


def test_a_read_only_database_is_read_by_any_environment_and_left_as_it_is(copy: Path) -> None:
    before = contents(copy)
    database = Database.open_read_only(sqlite_url(copy), "production")
    check_schema(database)
    with database.reading() as session:
        assert session.get_one(Drawing, "kept").age_years == 6.5
        assert contents(copy) == before
    database.close()
    assert contents(copy) == before


def test_a_read_only_database_takes_nothing(copy: Path) -> None:
    database = Database.open_read_only(sqlite_url(copy), "production")
    with pytest.raises(StorageUnavailable), database.writing() as session:
        session.add(a_drawing())
    database.close()


def test_a_read_only_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        Database.open_read_only(sqlite_url(tmp_path), "production")
    assert contents(tmp_path) == {}


def test_a_read_only_store_is_read_by_any_environment_and_takes_nothing(copy: Path) -> None:
    before = contents(copy)
    store = FolderBlobStore(copy / "blobs", "production", read_only=True)
    assert store.get("demo/a") == b"x"
    for write in (store.put, store.put_new):
        with pytest.raises(StorageUnavailable, match="read-only"):
            write("demo/b", b"y", "text/plain")
    with pytest.raises(StorageUnavailable, match="read-only"):
        store.delete("demo/a")
    assert contents(copy) == before
