"""What every store does, whether it is a folder, a bucket, or a bucket with a spool."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest, NotFound
from app.storage.blobs.s3 import S3BlobStore
from app.storage.blobs.spool import Spool
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.blobs.store import PREFIXES, BlobStore, FolderBlobStore, check_key
from tests.support.stores.s3_server import BUCKET, REGION, S3Server

OpenStore = Callable[[], BlobStore]


@pytest.fixture
def folder(tmp_path: Path) -> OpenStore:
    return partial(FolderBlobStore, tmp_path / "store", "local")


@pytest.fixture
def s3_bucket(s3: S3Server) -> OpenStore:
    return partial(S3BlobStore.open, BUCKET, "local", REGION)


@pytest.fixture
def s3_spooling(s3: S3Server, tmp_path: Path) -> OpenStore:
    spool = Spool(tmp_path / "spool")
    return lambda: SpoolingBlobStore(S3BlobStore.open(BUCKET, "local", REGION), spool)


@pytest.fixture(params=["folder", "s3_bucket", "s3_spooling"])
def store(request: pytest.FixtureRequest) -> BlobStore:
    open_store: OpenStore = request.getfixturevalue(request.param)
    return open_store()


def test_what_was_put_is_got_back_and_can_be_replaced(store: BlobStore) -> None:
    store.put("drawings/2026/a.png", b"one", "image/png")
    store.put("drawings/2026/a.png", b"two", "image/png")
    assert store.get("drawings/2026/a.png") == b"two"
    assert store.exists("drawings/2026/a.png")


def test_size_and_replacement_are_known_without_reading(store: BlobStore) -> None:
    store.put("demo/a.png", b"one", "image/png")
    first = store.look("demo/a.png")
    assert (first.size, store.look("demo/a.png")) == (3, first)
    store.put("demo/a.png", b"two", "image/png")
    assert store.look("demo/a.png").version != first.version
    with pytest.raises(NotFound):
        store.look("demo/none.png")


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


def test_the_keys_below_a_prefix_are_listed(store: BlobStore) -> None:
    for key in ("models/b/file", "models/a", "demo/c"):
        store.put(key, b"x", "text/plain")
    assert store.keys("models") == ("models/a", "models/b/file")
    assert store.keys("exports") == ()


NOT_KEYS = """
drawings|drawings/|/drawings/a|drawings/../a|drawings/./a|drawings//a|other/a|Drawings/a
drawings/.environment.json|.environment.json|drawings\\a|drawings/a b|drawings/é
"""


@pytest.mark.parametrize(
    "key",
    [*NOT_KEYS.replace("\n", "|").split("|"), "demo/a\n", "demo/a\0", "demo/" + "a" * 300],
    ids=repr,
)
def test_a_key_that_could_mean_something_else_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest):
        check_key(key)


def test_no_store_takes_what_is_no_key(store: BlobStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for use in (
        lambda key: store.put(key, b"x", "text/plain"),
        lambda key: store.put_new(key, b"x", "text/plain"),
        lambda key: store.put_new_file(key, file, "text/plain"),
        lambda key: store.get_file(key, file),
        store.get,
        store.delete,
        store.exists,
    ):
        with pytest.raises(InvalidRequest):
            use("drawings/../.environment.json")


PARTS = st.sampled_from([*PREFIXES, "..", ".", "", "a.png", "~"]) | st.text("a./\\ ", max_size=5)


@given(st.lists(PARTS, max_size=4).map("/".join))
def test_every_key_that_is_taken_lies_below_its_prefix(key: str) -> None:
    root = Path("/store")
    try:
        place = (root / check_key(key)).resolve()
    except InvalidRequest:
        return
    assert root / key.partition("/")[0] in place.parents


def test_what_is_no_prefix_is_not_listed(store: BlobStore) -> None:
    for prefix in ("", ".", "..", "models/a", "other"):
        with pytest.raises(InvalidRequest, match="no prefix"):
            store.keys(prefix)
