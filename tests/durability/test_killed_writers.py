"""What a killed writer was told to be kept is kept, and what it was not told is whole or absent."""

import os
import random
import shutil
import time

import pytest
from sqlalchemy import select

from app.storage.tables import Drawing, IdempotencyKey
from tests.support.faults.processes import Child
from tests.support.stores.databases import NewPlace, Place
from tests.support.stores.writers import REPEATED, check_whole, digest_of, keep_until_killed

ROUNDS = int(os.environ.get("SKETCHNORM_ROUNDS", "30"))
ON_ONE_DATABASE = 10  # with more of them the disk would fill up and the checks take longer
WRITERS = 4


def kill_four(place: Place) -> dict[str, str]:
    """Let four write, kill each at a random moment; what they were told, by the drawing's id."""
    writers = [Child.start(keep_until_killed, place) for _ in range(WRITERS)]
    assert writers[0].ear.poll(20), "nothing was written"
    began = time.monotonic()
    moments = sorted(random.uniform(0, 0.25) for _ in writers)  # noqa: S311 - no secret
    for writer, moment in zip(random.sample(writers, WRITERS), moments, strict=True):
        time.sleep(max(0, began + moment - time.monotonic()))
        writer.kill()
    told = (line.split() for writer in writers for line in writer.said())
    return {words[0]: words[1] for words in told}


def kill_rounds(place: Place, rounds: int) -> None:
    """On one database, so that each round begins with what the kills before it left.

    There are more rounds where a busy machine let the writers write too little to prove anything.
    """
    done = 0
    acknowledged: dict[str, str] = {}
    kept: set[str] = set()
    with place.opened():
        pass
    while done < rounds or len(acknowledged) <= 2 * rounds:
        acknowledged |= kill_four(place)
        done += 1
        with place.opened() as database:
            found = check_whole(database, place.blobs, kept)
        assert found >= kept | acknowledged.keys()
        kept = found
    check_contents(place, acknowledged)


def check_contents(place: Place, acknowledged: dict[str, str]) -> None:
    """Each file and each row is the one of the drawing that was handed in."""
    blobs = place.blobs
    with place.opened() as database, database.reading() as tx:
        keys = {row.drawing_id: row.key for row in tx.scalars(select(IdempotencyKey))}
        for drawing_id, digest in acknowledged.items():
            (analysis,) = tx.get_one(Drawing, drawing_id).analyses
            assert analysis.result["sentences"] == [digest * REPEATED]
            assert digest_of(blobs.get(f"drawings/{drawing_id}")) == digest
            assert digest_of(blobs.get(f"saliency_maps/{drawing_id}.png")[::-1]) == digest
            assert keys[drawing_id] == digest


def test_nothing_acknowledged_is_lost_when_writers_are_killed(place: Place) -> None:
    kill_rounds(place, 3)


@pytest.mark.endurance
def test_nothing_acknowledged_is_lost_however_often_writers_are_killed(
    new_place: NewPlace,
) -> None:
    for done in range(0, ROUNDS, ON_ONE_DATABASE):
        place = new_place()
        kill_rounds(place, min(ON_ONE_DATABASE, ROUNDS - done))
        shutil.rmtree(place.folder)
