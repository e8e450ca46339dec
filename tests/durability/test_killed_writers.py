"""What a killed writer was told to be kept is kept, and what it was not told is whole or absent."""

import hashlib
import os
import random
import shutil
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from app.storage.sqlite import JournalChoice
from app.storage.tables import IdempotencyKey
from tests.support.processes import Child
from tests.support.storage import open_database
from tests.support.writers import check_whole, keep_until_killed, store

ROUNDS = int(os.environ.get("SKETCHNORM_ROUNDS", "30"))
ON_ONE_DATABASE = 10  # with more of them the disk would fill up and the checks take longer
WRITERS = 4
MODES: tuple[JournalChoice, ...] = ("wal", "delete")


def kill_four(folder: Path, mode: JournalChoice) -> dict[str, str]:
    """Let four write, kill each at a random moment; what they were told, by the drawing's id."""
    writers = [Child.start(keep_until_killed, folder, mode) for _ in range(WRITERS)]
    assert writers[0].ear.poll(20), "nothing was written"
    began = time.monotonic()
    moments = sorted(random.uniform(0, 0.25) for _ in writers)  # noqa: S311 - no secret
    for writer, moment in zip(random.sample(writers, WRITERS), moments, strict=True):
        time.sleep(max(0, began + moment - time.monotonic()))
        writer.kill()
    told = (line.split() for writer in writers for line in writer.said())
    return {words[0]: words[1] for words in told}


def kill_rounds(folder: Path, mode: JournalChoice, rounds: int) -> None:
    """On one database, so that each round begins with what the kills before it left."""
    acknowledged: dict[str, str] = {}
    kept: set[str] = set()
    with open_database(folder, journal=mode):
        pass
    for _ in range(rounds):
        acknowledged |= kill_four(folder, mode)
        with open_database(folder, journal=mode) as database:
            found = check_whole(database, store(folder), kept)
        assert found >= kept | acknowledged.keys()
        kept = found
    assert len(acknowledged) > 2 * rounds, "too few writes to prove anything"
    check_contents(folder, mode, acknowledged)


def check_contents(folder: Path, mode: JournalChoice, acknowledged: dict[str, str]) -> None:
    """Each file holds the bytes that were handed in, and each key leads to its drawing."""
    blobs = store(folder)
    for drawing_id, digest in acknowledged.items():
        assert hashlib.sha256(blobs.get(f"drawings/{drawing_id}")).hexdigest() == digest
        turned = blobs.get(f"saliency_maps/{drawing_id}.png")[::-1]
        assert hashlib.sha256(turned).hexdigest() == digest
    with open_database(folder, journal=mode) as database, database.reading() as tx:
        keys = {row.drawing_id: row.key for row in tx.scalars(select(IdempotencyKey))}
    assert {drawing_id: keys[drawing_id] for drawing_id in acknowledged} == acknowledged


@pytest.mark.parametrize("mode", MODES)
def test_nothing_acknowledged_is_lost_when_writers_are_killed(
    quick_disk: Path, mode: JournalChoice
) -> None:
    kill_rounds(quick_disk, mode, 3)


@pytest.mark.endurance
@pytest.mark.parametrize("mode", MODES)
def test_nothing_acknowledged_is_lost_however_often_writers_are_killed(
    quick_disk: Path, mode: JournalChoice
) -> None:
    for done in range(0, ROUNDS, ON_ONE_DATABASE):
        folder = quick_disk / str(done)
        kill_rounds(folder, mode, min(ON_ONE_DATABASE, ROUNDS - done))
        shutil.rmtree(folder)
