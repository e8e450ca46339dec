"""The folder in which files wait: what leaves it, what stays, and what it costs to look."""

import os
import time
import tracemalloc
from datetime import timedelta

import pytest

from app.errors import StorageFull
from app.storage.blobs.spool import Drained, Spool
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.files import ABANDONED
from tests.support.faults.disks import full, small_disk
from tests.support.stores.doubles import DistantStore

MIB = 1 << 20
SAID = "The bucket refused (NoReason)."


def keep(spool: Spool, number: int, content: bytes = b"x") -> list[str]:
    keys = [f"drawings/{one}" for one in range(number)]
    for key in keys:
        spool.keep(key, content, "image/png")
    return keys


def test_what_the_store_refuses_stays_and_holds_up_nothing_else(
    spool: Spool, distant: DistantStore, caplog: pytest.LogCaptureFixture
) -> None:
    keys = keep(spool, 60)
    distant.refuses = {keys[7], keys[30]}
    assert spool.drain(distant) == Drained(58, 2, 2, SAID)
    assert set(distant.blobs) == {*keys} - distant.refuses
    assert [line for line in caplog.messages if "refuse" in line] == [
        f"The store refuses 2 files of the spool: {SAID}"
    ]
    assert spool.drain(distant) == Drained(0, 2, 2, SAID)
    distant.refuses.clear()
    assert spool.drain(distant) == Drained(2, 0)


def test_a_store_that_is_away_is_asked_once(spool: Spool, distant: DistantStore) -> None:
    keep(spool, 5)
    distant.away = True
    assert spool.drain(distant) == Drained(0, 5)
    assert distant.asked == 1


class Forgetful(DistantStore):
    """What lies at a key is deleted by another just after it was said to be taken."""

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        kept = super().put_new(key, content, content_type)
        if not kept:
            del self.blobs[key]
        return kept


def test_a_blob_that_is_deleted_while_it_is_compared_is_kept_anew(spool: Spool) -> None:
    (key,) = keep(spool, 1)
    store = Forgetful(blobs={key: b"x"})
    assert spool.drain(store) == Drained(1, 0)
    assert store.blobs == {key: b"x"}


def test_a_file_that_names_no_key_is_left_there_and_holds_nothing_up(
    spool: Spool, distant: DistantStore
) -> None:
    keep(spool, 1)
    for file in spool.folder.iterdir():
        line = b'{"key": "../outside", "type": "", "deleted": false}'
        file.with_name("0" * 64).write_bytes(line + b"\nx")
    assert spool.drain(distant) == Drained(1, 1)
    assert distant.written == ["drawings/0"]


def test_to_list_keys_is_not_to_read_all_that_waits(spool: Spool, distant: DistantStore) -> None:
    keys = keep(spool, 4, bytes(8 * MIB))
    store = SpoolingBlobStore(distant, spool)
    tracemalloc.start()
    try:
        assert store.keys("drawings") == tuple(keys)
        assert store.exists(keys[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MIB


def test_where_nothing_ever_waits_the_spool_is_not_looked_at(
    spool: Spool, distant: DistantStore
) -> None:
    spool.folder.write_bytes(b"in the way")
    assert SpoolingBlobStore(distant, spool).keys("backups") == ()


def test_what_a_killed_writer_left_unfinished_is_removed_after_a_day(
    spool: Spool, distant: DistantStore
) -> None:
    keep(spool, 1)
    spool.drain(distant)
    for name, age in ((".unfinished-old", ABANDONED), (".unfinished-new", ABANDONED / 2)):
        file = spool.folder / name
        file.write_bytes(b"a drawing")
        then = time.time() - age.total_seconds() - timedelta(minutes=1).total_seconds()
        os.utime(file, (then, then))
    assert spool.drain(distant) == Drained(0, 0)
    assert {path.name for path in spool.folder.iterdir()} == {".lock", ".unfinished-new"}


def test_a_full_disk_is_told_from_another_trouble(spool: Spool) -> None:
    with small_disk(spool.folder, 400), full(spool.folder):
        with pytest.raises(StorageFull) as refused:
            spool.keep("drawings/a", b"x", "image/png")
        assert refused.value.advice.startswith("The disk of the spool is full")
        with pytest.raises(StorageFull):
            spool.check()
