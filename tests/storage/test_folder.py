"""The folder store: whole blobs or none, and nothing outside its six folders."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ConfigurationError, InvalidRequest, NotFound, StorageUnavailable
from app.storage.blobs import PREFIXES, BlobStore, check_key
from app.storage.folder import FolderBlobStore
from tests.support.storage import contents


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return FolderBlobStore(tmp_path / "store", "local")


def test_what_was_put_is_got_back_and_can_be_replaced(store: BlobStore) -> None:
    store.put("drawings/2026/a.png", b"one", "image/png")
    store.put("drawings/2026/a.png", b"two", "image/png")
    assert store.get("drawings/2026/a.png") == b"two"
    assert store.exists("drawings/2026/a.png")


def test_a_new_blob_never_replaces_one(store: BlobStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"third")
    assert store.put_new("backups/a", b"first", "text/plain")
    assert not store.put_new("backups/a", b"second", "text/plain")
    assert not store.put_new_file("backups/a", file, "text/plain")
    assert store.put_new_file("backups/b", file, "text/plain", archived=True)
    assert (store.get("backups/a"), store.get("backups/b")) == (b"first", b"third")
    assert store.keys("backups") == ("backups/a", "backups/b")


def test_a_blob_is_fetched_into_a_file(store: BlobStore, tmp_path: Path) -> None:
    store.put("backups/a", b"content", "text/plain")
    store.get_file("backups/a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"
    with pytest.raises(NotFound):
        store.get_file("backups/none", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_what_was_deleted_is_gone_and_may_be_deleted_again(store: BlobStore) -> None:
    store.put("demo/a", b"x", "text/plain")
    for _ in range(2):
        store.delete("demo/a")
    assert not store.exists("demo/a")
    with pytest.raises(NotFound):
        store.get("demo/a")


@pytest.mark.parametrize("key", ["demo/folder", "demo/folder/blob/below", "demo/none"])
def test_a_key_that_is_only_part_of_another_holds_nothing(store: BlobStore, key: str) -> None:
    store.put("demo/folder/blob", b"x", "text/plain")
    store.delete(key)
    assert not store.exists(key)
    with pytest.raises(NotFound):
        store.get(key)
    assert store.get("demo/folder/blob") == b"x"


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


NOT_KEYS = """
drawings|drawings/|/drawings/a|drawings/../a|drawings/./a|drawings//a|other/a|Drawings/a
drawings/.environment.json|.environment.json|drawings\\a|drawings/a b|drawings/é
"""


@pytest.mark.parametrize(
    "key",
    [*NOT_KEYS.replace("\n", "|").split("|"), "demo/a\n", "demo/a\0", "demo/" + "a" * 300],
    ids=repr,
)
def test_a_key_that_could_mean_something_else_is_refused(store: BlobStore, key: str) -> None:
    for use in (store.get, store.delete, store.exists):
        with pytest.raises(InvalidRequest):
            use(key)
    with pytest.raises(InvalidRequest):
        store.put(key, b"x", "text/plain")


PARTS = st.sampled_from([*PREFIXES, "..", ".", "", "a.png", "~"]) | st.text("a./\\ ", max_size=5)


@given(st.lists(PARTS, max_size=4).map("/".join))
def test_every_key_that_is_taken_lies_below_its_prefix(key: str) -> None:
    root = Path("/store")
    try:
        place = (root / check_key(key)).resolve()
    except InvalidRequest:
        return
    assert root / key.partition("/")[0] in place.parents


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="make it writable"):
        FolderBlobStore(tmp_path / "file" / "store", "local")


@pytest.mark.parametrize("stamp", [b"", b"{}", b"[]", b"\xff"], ids=repr)
def test_a_damaged_stamp_is_not_taken_for_none(tmp_path: Path, stamp: bytes) -> None:
    (tmp_path / ".environment.json").write_bytes(stamp)
    with pytest.raises(ConfigurationError, match="damaged"):
        FolderBlobStore(tmp_path, "local")


def test_the_keys_below_a_prefix_are_listed_without_unfinished_files(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path, "local")
    for key in ("models/b/file", "models/a", "demo/c"):
        store.put(key, b"x", "text/plain")
    (tmp_path / "models" / ".unfinished-x").touch()
    assert store.keys("models") == ("models/a", "models/b/file")
    assert store.keys("exports") == ()


@pytest.mark.parametrize("prefix", ["", ".", "..", "models/a", "other"])
def test_what_is_no_prefix_is_not_listed(store: BlobStore, prefix: str) -> None:
    with pytest.raises(InvalidRequest, match="no prefix"):
        store.keys(prefix)
