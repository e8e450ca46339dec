"""The bundle in use follows the store, and no request notices more than another version."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import BundleError
from app.inference.analysis import OpenedBundle
from app.publishing.current import CurrentBundle
from app.publishing.published import POINTER, publish, roll_back
from app.storage.blobs.store import FolderBlobStore
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.data.bundles import (
    a_bundle_of_other_answers,
    another_bundle,
    flip_a_byte,
    smuggle,
)
from tests.support.people.visitors import a_png
from tests.support.polling import until
from tests.support.stores.doubles import WatchedStore

OWN = "test-1"


@pytest.fixture
def blobs(tmp_path: Path) -> WatchedStore:
    return WatchedStore(FolderBlobStore(tmp_path / "store", "local"))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return another_bundle(tmp_path, "test-2")


def none_of_its_own() -> OpenedBundle:
    raise BundleError("There is no bundle in nowhere.")


def follow(current: CurrentBundle) -> None:
    """Have it look, and wait until it has."""
    current.look()
    until(lambda: not current.looking)


def start(blobs: WatchedStore, own: FakeAnalyzer | None = None) -> CurrentBundle:
    return CurrentBundle.start(blobs, 0, lambda: own or FakeAnalyzer())


def test_where_none_is_published_its_own_serves_and_that_is_well(blobs: WatchedStore) -> None:
    current = start(blobs)
    follow(current)
    assert (current.reference.version, current.fault) == (OWN, None)


def test_at_the_start_a_published_bundle_is_used_and_the_own_one_not_opened(
    blobs: WatchedStore, second: Path
) -> None:
    publish(second, blobs=blobs)
    current = CurrentBundle.start(blobs, 0, none_of_its_own)
    assert (current.reference.version, current.fault) == ("test-2", None)


def test_at_the_start_its_own_stands_in_for_a_broken_one(
    blobs: WatchedStore, tmp_path: Path
) -> None:
    smuggle(a_bundle_of_other_answers(tmp_path), blobs)
    current = start(blobs)
    assert current.reference.version == OWN
    assert current.fault is not None
    assert "other-answers fails its self-test" in current.fault


def test_with_no_good_bundle_at_all_it_does_not_start(blobs: WatchedStore, tmp_path: Path) -> None:
    smuggle(a_bundle_of_other_answers(tmp_path), blobs)
    with pytest.raises(BundleError, match="nowhere"):
        CurrentBundle.start(blobs, 0, none_of_its_own)


def test_a_store_that_was_away_at_the_start_is_followed_once_it_is_back(
    blobs: WatchedStore, second: Path
) -> None:
    publish(second, blobs=blobs)
    blobs.away = True
    current = start(blobs)
    assert current.reference.version == OWN
    assert current.fault == "The store cannot be used now; try again in a moment."
    blobs.away = False
    follow(current)
    assert (current.reference.version, current.fault is None) == ("test-2", True)


def test_an_analysis_does_not_wait_for_a_bundle_that_is_being_opened(
    blobs: WatchedStore, second: Path
) -> None:
    current = start(blobs)
    publish(second, blobs=blobs)
    blobs.door.clear()
    for _ in range(3):
        assert current.analyze(a_png(), 6.0, None).bundle.version == OWN
    blobs.door.set()
    until(lambda: current.reference.version == "test-2")
    assert current.analyze(a_png(), 6.0, None).bundle.version == "test-2"


def test_an_analysis_that_began_with_the_old_bundle_ends_with_it(
    blobs: WatchedStore, second: Path
) -> None:
    own = FakeAnalyzer(barrier=threading.Barrier(2))
    current = start(blobs, own)
    with ThreadPoolExecutor(1) as threads:
        begun = threads.submit(current.analyze, a_png(), 6.0, None)
        until(lambda: own.barrier is not None and own.barrier.n_waiting == 1)
        publish(second, blobs=blobs)
        until(lambda: not current.looking)
        follow(current)
        assert current.reference.version == "test-2"
        assert own.barrier is not None
        own.barrier.wait(10)
        assert begun.result().bundle.version == OWN


def test_the_store_is_asked_once_in_the_seconds_that_were_set(blobs: WatchedStore) -> None:
    times = [0.0]
    current = CurrentBundle.start(blobs, 30, FakeAnalyzer, clock=lambda: times[0])
    asked = []
    for times[0] in (0.0, 29.9, 30.0, 31.0, 59.9, 60.0):
        follow(current)
        asked.append(blobs.asked.count(POINTER))
    assert asked == [1, 1, 2, 2, 2, 3]


def test_a_bundle_that_failed_is_not_tried_again_until_it_is_published_again(
    blobs: WatchedStore, second: Path, tmp_path: Path
) -> None:
    current = start(blobs)
    pointer = publish(second, blobs=blobs)
    flip_a_byte(tmp_path / "store" / "models" / pointer.sha256 / "trunk.onnx")
    for _ in range(3):
        follow(current)
    assert current.reference.version == OWN
    assert current.fault is not None
    assert f"trunk.onnx in the published bundle {pointer.sha256[:12]}" in current.fault
    assert sum(key.endswith("trunk.onnx") for key in blobs.asked) == 1
    publish(second, blobs=blobs)
    follow(current)
    assert (current.reference.version, current.fault is None) == ("test-2", True)


def test_going_back_to_the_bundle_in_use_ends_the_fault(
    blobs: WatchedStore, second: Path, tmp_path: Path
) -> None:
    publish(second, blobs=blobs)
    current = start(blobs)
    pointer = publish(another_bundle(tmp_path, "test-3"), blobs=blobs)
    flip_a_byte(tmp_path / "store" / "models" / pointer.sha256 / "card.json")
    follow(current)
    assert (current.reference.version, current.fault is None) == ("test-2", False)
    roll_back(blobs=blobs)
    follow(current)
    assert (current.reference.version, current.fault is None) == ("test-2", True)


def test_a_damaged_pointer_is_said_and_forgotten_once_mended(
    blobs: WatchedStore, second: Path
) -> None:
    publish(second, blobs=blobs)
    current = start(blobs)
    content = blobs.get(POINTER)
    blobs.put(POINTER, b"{", "application/json")
    follow(current)
    assert current.reference.version == "test-2"
    assert current.fault is not None
    assert "damaged" in current.fault
    blobs.put(POINTER, content, "application/json")
    follow(current)
    assert current.fault is None


class BrokenStore(WatchedStore):
    """Fails in a way that no store should."""

    def get(self, key: str) -> bytes:
        raise RuntimeError(key)


def test_what_nobody_foresaw_is_loud_and_leaves_the_old_bundle_serving(
    blobs: WatchedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", loud.append)
    current = start(blobs)
    blobs.__class__ = BrokenStore
    current.look()
    until(lambda: len(loud) == 1)
    assert current.analyze(a_png(), 6.0, None).bundle.version == OWN
    until(lambda: len(loud) == 2)
    assert current.fault == "The published bundle could not be opened, for a reason the log tells."


def test_it_turns_to_a_bundle_of_the_store_at_once_and_others_follow(
    blobs: WatchedStore, second: Path, tmp_path: Path
) -> None:
    earlier = publish(second, blobs=blobs)
    publish(another_bundle(tmp_path, "test-3"), blobs=blobs)
    here, elsewhere = start(blobs), start(blobs)
    here.turn_to(earlier.sha256)
    assert (here.reference.version, here.fault) == ("test-2", None)
    follow(elsewhere)
    assert elsewhere.reference.version == "test-2"
    follow(here)
    assert here.reference.version == "test-2"
    assert roll_back(blobs=blobs).version == "test-3"


def test_what_it_cannot_turn_to_changes_nothing(blobs: WatchedStore, second: Path) -> None:
    pointer = publish(second, blobs=blobs)
    current = start(blobs)
    with pytest.raises(BundleError, match="missing in the store"):
        current.turn_to("0" * 64)
    follow(current)
    assert (current.reference.sha256, current.fault) == (pointer.sha256, None)
