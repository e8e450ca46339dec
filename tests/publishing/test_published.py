"""Publishing, going back and listing: the pointer moves only to a bundle that is good."""

from pathlib import Path

import pytest

from app.errors import BundleError
from app.inference.bundle import CHECKSUMMED, MANIFEST
from app.publishing.published import (
    POINTER,
    ListedBundle,
    Pointer,
    list_bundles,
    open_published,
    publish,
    read_pointer,
    roll_back,
)
from app.storage.blobs.store import FolderBlobStore
from tests.support.data.bundles import a_bundle_of_other_answers, another_bundle, flip_a_byte
from tests.support.stores.databases import contents


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "store", "local")


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return another_bundle(tmp_path, "test-1")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return another_bundle(tmp_path, "test-2")


def test_a_published_bundle_is_current_and_can_be_opened(
    blobs: FolderBlobStore, first: Path
) -> None:
    pointer = publish(first, blobs=blobs)
    assert read_pointer(blobs) == pointer
    assert (pointer.version, pointer.previous) == ("test-1", None)
    assert open_published(blobs, pointer.sha256).version == "test-1"
    files = {key.removeprefix(f"models/{pointer.sha256}/") for key in blobs.keys("models")}
    assert files == {POINTER, MANIFEST, *CHECKSUMMED}


def test_a_second_bundle_remembers_the_first(
    blobs: FolderBlobStore, first: Path, second: Path
) -> None:
    before = publish(first, blobs=blobs)
    assert publish(second, blobs=blobs).previous == before.sha256


def test_publishing_twice_keeps_the_way_back_and_mends_the_files(
    blobs: FolderBlobStore, first: Path, second: Path
) -> None:
    before = publish(first, blobs=blobs)
    pointer = publish(second, blobs=blobs)
    flip_a_byte(blobs.root / "models" / pointer.sha256 / "card.json")
    again = publish(second, blobs=blobs)
    assert (again.sha256, again.previous) == (pointer.sha256, before.sha256)
    assert open_published(blobs, again.sha256).version == "test-2"


def test_a_damaged_bundle_is_refused_and_nothing_is_uploaded(
    blobs: FolderBlobStore, first: Path, second: Path
) -> None:
    publish(first, blobs=blobs)
    stored = contents(blobs.root)
    flip_a_byte(second / "norms.npz")
    with pytest.raises(BundleError, match=r"norms\.npz"):
        publish(second, blobs=blobs)
    assert contents(blobs.root) == stored


def test_a_bundle_that_fails_its_self_test_is_refused(
    blobs: FolderBlobStore, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="fails its self-test"):
        publish(a_bundle_of_other_answers(tmp_path), blobs=blobs)
    assert blobs.keys("models") == ()


def test_going_back_takes_one_step_and_no_more(
    blobs: FolderBlobStore, first: Path, second: Path
) -> None:
    before = publish(first, blobs=blobs)
    publish(second, blobs=blobs)
    assert roll_back(blobs=blobs).sha256 == before.sha256
    with pytest.raises(BundleError, match="no bundle before test-1"):
        roll_back(blobs=blobs)


def test_with_nothing_published_there_is_nothing_to_go_back_to(blobs: FolderBlobStore) -> None:
    with pytest.raises(BundleError, match="sketchnorm publish"):
        roll_back(blobs=blobs)


def test_going_back_to_a_bundle_that_was_damaged_is_refused(
    blobs: FolderBlobStore, first: Path, second: Path
) -> None:
    before = publish(first, blobs=blobs)
    pointer = publish(second, blobs=blobs)
    flip_a_byte(blobs.root / "models" / before.sha256 / "trunk.onnx")
    with pytest.raises(BundleError, match=r"trunk\.onnx in the published bundle"):
        roll_back(blobs=blobs)
    assert read_pointer(blobs) == pointer


def test_the_list_says_which_is_current_and_which_came_before(
    blobs: FolderBlobStore, first: Path, second: Path
) -> None:
    assert list_bundles(blobs=blobs) == ()
    before, pointer = publish(first, blobs=blobs), publish(second, blobs=blobs)
    assert list_bundles(blobs=blobs) == (
        ListedBundle(before.sha256, "test-1", current=False, previous=True),
        ListedBundle(pointer.sha256, "test-2", current=True, previous=False),
    )


def test_an_upload_that_was_not_finished_is_listed_without_a_version(
    blobs: FolderBlobStore,
) -> None:
    blobs.put(f"models/{'a' * 64}/norms.npz", b"x", "application/octet-stream")
    assert list_bundles(blobs=blobs) == (ListedBundle("a" * 64, None, False, False),)


@pytest.mark.parametrize("file", [MANIFEST, *CHECKSUMMED])
def test_a_file_that_is_gone_from_the_store_is_named(
    blobs: FolderBlobStore, first: Path, file: str
) -> None:
    pointer = publish(first, blobs=blobs)
    blobs.delete(f"models/{pointer.sha256}/{file}")
    with pytest.raises(BundleError, match=f"{file} of the published bundle.*is missing"):
        open_published(blobs, pointer.sha256)


def test_a_manifest_that_was_replaced_is_not_the_one_that_was_published(
    blobs: FolderBlobStore, first: Path, second: Path
) -> None:
    pointer = publish(first, blobs=blobs)
    for name in (MANIFEST, *CHECKSUMMED):
        blobs.put(f"models/{pointer.sha256}/{name}", (second / name).read_bytes(), "")
    with pytest.raises(BundleError, match="was changed"):
        open_published(blobs, pointer.sha256)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        Pointer("../../drawings/x", "1", None, "").as_bytes(),
        Pointer("a" * 64, "1", "../x", "").as_bytes(),
        Pointer("a" * 64 + "\n", "1", None, "").as_bytes(),
    ],
    ids=["empty", "a list", "no fields", "elsewhere", "back to elsewhere", "a line more"],
)
def test_a_damaged_pointer_leads_nowhere_and_publishing_mends_it(
    blobs: FolderBlobStore, first: Path, content: bytes
) -> None:
    blobs.put(POINTER, content, "application/json")
    with pytest.raises(BundleError, match=r"current\.json in the store is damaged"):
        read_pointer(blobs)
    publish(first, blobs=blobs)
    assert read_pointer(blobs) is not None
