"""What visitors hand in is kept while the store is away, and gets there once, whatever happens."""

import logging
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from app.errors import NotFound, StorageRefused, StorageUnavailable
from app.storage.blobs.spool import Drained, Spool
from app.storage.blobs.spooling import PAUSE_SECONDS, SpoolingBlobStore
from app.storage.blobs.store import FolderBlobStore
from tests.support.stores.doubles import DistantStore

KEY = "drawings/a"


@pytest.fixture
def store(distant: DistantStore, spool: Spool) -> SpoolingBlobStore:
    """Much time passes between any two looks at its clock, so it asks again each time."""
    return SpoolingBlobStore(distant, spool, partial(next, count(0.0, PAUSE_SECONDS)))


def waiting_files(spool: Spool) -> list[str]:
    found = spool.folder.iterdir() if spool.folder.exists() else ()
    return [path.name for path in found if path.name != ".lock"]


def test_while_the_store_is_there_nothing_waits(
    store: SpoolingBlobStore, distant: DistantStore, spool: Spool
) -> None:
    store.put(KEY, b"x", "image/png")
    assert (distant.blobs, distant.types) == ({KEY: b"x"}, {KEY: "image/png"})
    assert not spool.folder.exists()
    asked = distant.asked
    assert store.drain() == Drained(0, 0)
    assert distant.asked == asked


def test_while_the_store_is_away_a_blob_is_kept_and_can_be_read(
    store: SpoolingBlobStore,
    distant: DistantStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    distant.away = True
    with caplog.at_level(logging.WARNING):
        store.put(KEY, b"x", "image/png")
    assert "The file store is away, so files wait in" in caplog.text
    store.get_file(KEY, tmp_path / "copy")
    assert (store.get(KEY), store.exists(KEY), store.is_waiting(KEY)) == (b"x", True, True)
    assert (tmp_path / "copy").read_bytes() == b"x"
    assert distant.blobs == {}


def test_the_operator_is_told_that_files_wait_and_why(
    store: SpoolingBlobStore, distant: DistantStore, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    distant.away = True
    with caplog.at_level(logging.WARNING):
        store.put(KEY, b"x", "image/png")
        store.drain()
    assert caplog.messages == [
        f"The file store is away, so files wait in {spool.folder}: The store is away.",
        "What waits in the spool stays there for now: The store is away.",
    ]


def test_another_process_finds_it_and_moves_it_once_the_store_is_back(
    store: SpoolingBlobStore, distant: DistantStore, spool: Spool
) -> None:
    distant.away = True
    store.put(KEY, b"a\nb\0c", "image/png")
    other = SpoolingBlobStore(distant, spool)
    assert other.drain() == Drained(0, 1)
    distant.away = False
    assert other.keys("drawings") == (KEY,)
    assert other.drain() == Drained(1, 0)
    assert (distant.blobs, distant.types) == ({KEY: b"a\nb\0c"}, {KEY: "image/png"})
    assert (store.get(KEY), store.is_waiting(KEY), waiting_files(spool)) == (b"a\nb\0c", False, [])


def test_reading_what_is_only_in_the_store_says_that_it_is_away(
    store: SpoolingBlobStore, distant: DistantStore, tmp_path: Path
) -> None:
    store.put(KEY, b"x", "image/png")
    distant.away = True
    for read in (store.get, store.exists, lambda key: store.get_file(key, tmp_path / "copy")):
        with pytest.raises(StorageUnavailable, match="The store is away"):
            read(KEY)
    with pytest.raises(StorageUnavailable):
        store.keys("drawings")


@pytest.mark.parametrize("key", ["models/current.json", "backups/a", "exports/a", "demo/a"])
def test_what_an_operator_or_a_job_writes_does_not_wait(
    store: SpoolingBlobStore, distant: DistantStore, spool: Spool, tmp_path: Path, key: str
) -> None:
    distant.away = True
    file = tmp_path / "file"
    file.touch()
    for use in (
        lambda: store.put(key, b"x", "text/plain"),
        lambda: store.put_new(key, b"x", "text/plain"),
        lambda: store.put_new_file(key, file, "text/plain"),
        lambda: store.delete(key),
    ):
        with pytest.raises(StorageUnavailable):
            use()
    assert spool.count() == 0


def test_a_marker_of_a_deleted_drawing_waits_and_is_listed_with_those_in_the_store(
    store: SpoolingBlobStore, distant: DistantStore
) -> None:
    there, waiting = (f"backups/forgotten/2026-11-26/{name}" for name in "ab")
    distant.blobs = {there: b"x", "backups/a": b"x"}
    distant.away = True
    store.put(waiting, b"x", "text/plain")
    distant.away = False
    assert store.keys("backups/forgotten") == (there, waiting)
    assert store.drain() == Drained(1, 0)
    assert distant.blobs.keys() == {there, waiting, "backups/a"}


def test_a_blob_deleted_while_it_waits_does_not_come_back(
    store: SpoolingBlobStore, distant: DistantStore, spool: Spool
) -> None:
    distant.away = True
    store.put(KEY, b"secret", "image/png")
    store.delete(KEY)
    assert all(b"secret" not in path.read_bytes() for path in spool.folder.iterdir())
    with pytest.raises(NotFound):
        store.get(KEY)
    assert not store.exists(KEY)
    distant.away = False
    assert store.keys("drawings") == ()
    store.drain()
    assert (distant.blobs, distant.written, waiting_files(spool)) == ({}, [], [])


def test_a_blob_in_a_store_that_is_away_is_deleted_once_it_is_back(
    store: SpoolingBlobStore, distant: DistantStore
) -> None:
    store.put(KEY, b"x", "image/png")
    distant.away = True
    store.delete(KEY)
    assert not store.exists(KEY)
    distant.away = False
    assert not store.exists(KEY)
    assert store.drain() == Drained(1, 0)
    assert distant.blobs == {}


def test_a_blob_deleted_while_it_is_being_moved_does_not_stay(
    store: SpoolingBlobStore, distant: DistantStore
) -> None:
    distant.away = True
    store.put(KEY, b"x", "image/png")
    distant.away = False
    distant.inside.clear()
    distant.door.clear()
    with ThreadPoolExecutor(1) as thread:
        moving = thread.submit(store.drain)
        assert distant.inside.wait(20)
        store.delete(KEY)
        assert not store.exists(KEY)
        distant.door.set()
        assert moving.result(20) == Drained(1, 1)
    assert store.drain() == Drained(1, 0)
    assert distant.blobs == {}


def test_the_last_content_wins_even_if_the_store_came_back_in_between(
    store: SpoolingBlobStore, distant: DistantStore
) -> None:
    store.put(KEY, b"first", "image/png")
    distant.away = True
    store.put(KEY, b"second", "image/png")
    distant.away = False
    store.put(KEY, b"third", "image/png")
    assert store.get(KEY) == b"third"
    assert store.drain() == Drained(1, 0)
    assert distant.blobs == {KEY: b"third"}


def test_what_was_kept_though_its_answer_was_lost_is_not_kept_twice(
    store: SpoolingBlobStore, distant: DistantStore
) -> None:
    distant.lose_answers = True
    store.put(KEY, b"x", "image/png")
    distant.lose_answers = False
    assert store.drain() == Drained(1, 0)
    assert (distant.blobs, distant.written) == ({KEY: b"x"}, [KEY])


def test_whether_a_key_is_free_is_not_guessed(
    store: SpoolingBlobStore, distant: DistantStore
) -> None:
    distant.away = True
    store.put(KEY, b"x", "image/png")
    assert not store.put_new(KEY, b"y", "image/png")
    with pytest.raises(StorageUnavailable, match="The store is away"):
        store.put_new("drawings/b", b"y", "image/png")
    store.delete(KEY)
    with pytest.raises(StorageUnavailable, match="still being removed"):
        store.put_new(KEY, b"y", "image/png")


def test_after_a_failure_the_store_is_left_in_peace_for_a_while(
    distant: DistantStore, spool: Spool
) -> None:
    times = [100.0]
    store = SpoolingBlobStore(distant, spool, clock=lambda: times[0])
    distant.away = True
    for times[0] in (100.0, 101.0, 100.0 + PAUSE_SECONDS - 0.1):
        store.put(f"drawings/{times[0]}", b"x", "image/png")
    assert distant.asked == 1
    distant.away, times[0] = False, 100.0 + PAUSE_SECONDS
    store.put("drawings/direct", b"x", "image/png")
    assert list(distant.blobs) == ["drawings/direct"]


def read_all(store: SpoolingBlobStore, key: str, folder: Path) -> None:
    """By each way of reading; each must say that the store is away."""
    for read in (store.get, store.exists, lambda key: store.get_file(key, folder / "copy")):
        with pytest.raises(StorageUnavailable, match="cannot be reached now"):
            read(key)


def test_who_reads_is_told_at_once_as_soon_as_one_found_the_store_away(
    distant: DistantStore, spool: Spool, tmp_path: Path
) -> None:
    times = [100.0]
    store = SpoolingBlobStore(distant, spool, clock=lambda: times[0])
    distant.away = True
    with pytest.raises(StorageUnavailable, match="The store is away"):
        store.get(KEY)
    read_all(store, KEY, tmp_path)
    store.put(KEY, b"x", "image/png")
    assert (distant.asked, store.get(KEY)) == (1, b"x")
    distant.away, times[0] = False, 100.0 + PAUSE_SECONDS
    assert not store.exists("drawings/b")
    assert not store.exists("drawings/c")
    assert distant.asked == 3


def test_after_the_pause_one_finds_out_for_all_others(
    distant: DistantStore, spool: Spool, tmp_path: Path
) -> None:
    times = [100.0]
    store = SpoolingBlobStore(distant, spool, lambda: times[0], away=True)
    read_all(store, KEY, tmp_path)
    times[0] += PAUSE_SECONDS
    distant.door.clear()
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(store.exists, KEY)
        assert distant.inside.wait(20)
        read_all(store, KEY, tmp_path)
        distant.door.set()
        assert not asking.result(20)
    assert (distant.asked, store.exists(KEY)) == (1, False)


def test_moving_what_waits_ends_the_pause(distant: DistantStore, spool: Spool) -> None:
    store = SpoolingBlobStore(distant, spool, clock=lambda: 100.0)
    distant.away = True
    store.put(KEY, b"x", "image/png")
    distant.away = False
    assert store.drain() == Drained(1, 0)
    assert store.get(KEY) == b"x"


def test_what_one_is_refused_keeps_nobody_else_from_asking(
    distant: DistantStore, spool: Spool
) -> None:
    store = SpoolingBlobStore(distant, spool, clock=lambda: 100.0)
    distant.refuses = {KEY}
    with pytest.raises(StorageRefused):
        store.get(KEY)
    store.put(KEY, b"x", "image/png")
    store.put("drawings/b", b"y", "image/png")
    assert (distant.blobs, store.get(KEY)) == ({"drawings/b": b"y"}, b"x")


def test_what_the_store_refused_is_told_until_nothing_waits(
    store: SpoolingBlobStore, distant: DistantStore
) -> None:
    distant.away = True
    store.put(KEY, b"x", "image/png")
    assert store.trouble is None
    distant.away, distant.refuses = False, {KEY}
    for _ in range(2):
        assert store.drain() == Drained(0, 1, 1, "The bucket refused (NoReason).")
        assert store.trouble == "The bucket refused (NoReason)."
    distant.refuses.clear()
    assert SpoolingBlobStore(distant, store.spool).drain() == Drained(1, 0)
    assert store.trouble is None


def test_what_waits_and_cannot_be_written_to_a_file_is_a_refusal_of_ours(
    store: SpoolingBlobStore, spool: Spool, tmp_path: Path
) -> None:
    spool.keep(KEY, b"x", "image/png")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageUnavailable) as refused:
        store.get_file(KEY, tmp_path / "folder")
    assert "folder to work in" in refused.value.advice


def test_of_two_that_move_at_once_one_does_and_the_other_leaves(
    distant: DistantStore, spool: Spool
) -> None:
    for number in range(5):
        spool.keep(f"drawings/{number}", b"x", "image/png")
    distant.door.clear()
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(spool.drain, distant)
        assert distant.inside.wait(20)
        assert Spool(spool.folder).drain(distant) == Drained(0, 5)
        distant.door.set()
        assert first.result(20) == Drained(5, 0)
    assert sorted(distant.written) == [f"drawings/{number}" for number in range(5)]


KILLED = """
import os, signal, sys
from pathlib import Path
from app.storage.blobs.store import FolderBlobStore
from app.storage.blobs.spool import Spool

class Deadly(FolderBlobStore):
    def put_new(self, *blob):
        super().put_new(*blob)
        os.kill(os.getpid(), signal.SIGKILL)

Spool(Path(sys.argv[1])).drain(Deadly(Path(sys.argv[2]), "local"))
"""


@pytest.mark.parametrize("then", ["left", "deleted", "replaced"])
def test_a_mover_killed_after_keeping_and_before_removing_does_no_harm(
    spool: Spool, tmp_path: Path, then: str
) -> None:
    folder = FolderBlobStore(tmp_path / "store", "local")
    store = SpoolingBlobStore(folder, spool)
    spool.keep(KEY, b"x", "image/png")
    script = [sys.executable, "-c", KILLED, str(spool.folder), str(folder.root)]
    assert subprocess.run(script, check=False).returncode == -signal.SIGKILL
    assert (folder.get(KEY), store.get(KEY), spool.count()) == (b"x", b"x", 1)
    if then == "deleted":
        store.delete(KEY)
    elif then == "replaced":
        store.put(KEY, b"y", "image/png")
    assert store.drain() == Drained(1, 0)
    expected = {"left": [b"x"], "deleted": [], "replaced": [b"y"]}[then]
    assert [folder.get(key) for key in folder.keys("drawings")] == expected


def test_a_damaged_file_is_left_where_it_is_and_holds_nothing_up(
    store: SpoolingBlobStore, distant: DistantStore, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    spool.keep("drawings/a", b"x", "image/png")
    for damaged in spool.folder.iterdir():
        damaged.write_bytes(b"{}\n")
    spool.keep("drawings/b", b"y", "image/png")
    assert store.drain() == Drained(1, 1)
    assert "is damaged and left there" in caplog.text
    assert distant.blobs == {"drawings/b": b"y"}
    with pytest.raises(StorageUnavailable, match="damaged"):
        store.get("drawings/a")


def test_with_neither_store_nor_disk_nothing_is_kept_and_that_is_said(
    store: SpoolingBlobStore, distant: DistantStore, spool: Spool
) -> None:
    distant.away = True
    spool.folder.touch()
    with pytest.raises(StorageUnavailable, match="store cannot be used now"):
        store.put(KEY, b"x", "image/png")
    with pytest.raises(StorageUnavailable):
        spool.check()
