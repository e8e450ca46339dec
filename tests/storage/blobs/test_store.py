"""The folder store: whole blobs or none, and nothing outside its six folders."""

from pathlib import Path

import pytest

from app.errors import ConfigurationError, StorageUnavailable
from app.storage.blobs.store import PREFIXES, BlobStore, FolderBlobStore
from tests.support.stores.databases import contents


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return FolderBlobStore(tmp_path / "store", "local")


def test_a_blob_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path, "local")
    store.put("demo/folder/blob", b"x", "text/plain")
    before = contents(tmp_path)
    for key in ("demo/folder", "demo/folder/blob/below"):
        with pytest.raises(StorageUnavailable):
            store.put(key, b"y", "text/plain")
    assert contents(tmp_path) == before


def test_the_store_has_the_six_folders_and_its_stamp(tmp_path: Path) -> None:
    FolderBlobStore(tmp_path, "local")
    assert set(contents(tmp_path)) == {*PREFIXES, ".environment.json"}


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="make it writable"):
        FolderBlobStore(tmp_path / "file" / "store", "local")


@pytest.mark.parametrize("stamp", [b"", b"{}", b"[]", b"\xff"], ids=repr)
def test_a_damaged_stamp_is_not_taken_for_none(tmp_path: Path, stamp: bytes) -> None:
    (tmp_path / ".environment.json").write_bytes(stamp)
    with pytest.raises(ConfigurationError, match="damaged"):
        FolderBlobStore(tmp_path, "local")


def test_unfinished_files_are_not_listed(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path, "local")
    store.put("models/a", b"x", "text/plain")
    (tmp_path / "models" / ".unfinished-x").touch()
    assert store.keys("models") == ("models/a",)


def test_a_disk_that_fails_does_not_say_that_a_blob_is_not_there(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path, "local")
    assert not store.exists("demo/a")
    (tmp_path / "demo" / "a").symlink_to("a")
    with pytest.raises(StorageUnavailable):
        store.exists("demo/a")
