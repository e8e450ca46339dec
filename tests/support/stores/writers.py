"""Processes that keep drawings until they are stopped, and say so after each."""

import hashlib
import json
import os
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import select, text

from app.actions.submit import Submission, submit
from app.inference.analysis import Analysis
from app.scoring.assessment import LEVEL
from app.storage import tables
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import a_png
from tests.support.polling import until
from tests.support.stores.databases import Place, a_row

# A commit of many pages takes long enough for a kill to fall into it.
REPEATED = 1500
GO = "go"


@dataclass(frozen=True)
class Echo:
    """Answers at once; every part of the answer follows from the bytes that were handed in."""

    answer: Analysis

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        sentences = (digest_of(content) * REPEATED,)
        return replace(
            self.answer, sentences=sentences, picture=content, saliency_map=content[::-1]
        )


def digest_of(content: bytes) -> str:
    """By which a drawing is known again."""
    return hashlib.sha256(content).hexdigest()


def keep_until_killed(place: Place, mouth: Connection) -> None:
    """Hand in drawings of random bytes; each that is kept is told with its checksum."""
    database, blobs = place.open(), place.blobs
    echo = Echo(FakeAnalyzer().analyze(a_png(), 6, None))
    while True:
        content = os.urandom(3000)
        digest = digest_of(content)
        submission = Submission(content, 6.5, "house", idempotency_key=digest)
        drawing_id = submit(submission, analyzer=echo, database=database, blobs=blobs)
        mouth.send_bytes(f"{drawing_id} {digest}".encode())


def count_up(place: Place, name: str, times: int, mouth: Connection) -> None:
    """Add one to a number that others add to as well, each time with a row of its own.

    It says when it is ready, and begins once there is a file ``GO``, so that all begin together.
    """
    database = place.open()
    mouth.send_bytes(b"ready")
    until((place.folder / GO).exists, pause=0.001)
    for number in range(times):
        with database.writing() as tx:
            counter = tx.get_one(tables.Drawing, "counter")
            counter.age_years += 1
            tx.add(a_row(id=f"{name}-{number}", age_years=counter.age_years))
    mouth.send_bytes(b"done")
    database.close()


def note_waits(place: Place, seconds: float, mouth: Connection) -> None:
    """Write on and on; at the end, when each transaction ended and how long it took."""
    database = place.open()
    waits: list[tuple[float, float]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        with database.writing() as tx:
            tx.add(a_row(id=str(len(waits)), age_years=len(waits)))
        waits.append((time.time(), time.perf_counter() - began))
        time.sleep(0.001)
    mouth.send_bytes(json.dumps(waits).encode())
    database.close()


def hog(place: Place, mouth: Connection) -> None:
    """Write without a pause, each time as long as it takes on a slow disk."""
    database = place.open()
    while True:
        with database.writing() as tx:
            tx.get_one(tables.Drawing, "counter").age_years += 1
            tx.flush()
            time.sleep(0.03)
        mouth.send_bytes(b"writing")


def check_whole(database: Database, blobs: BlobStore, seen: set[str]) -> set[str]:
    """The ids of all drawings, once the file is sound and each new one has all of its parts."""
    with database.reading() as session:
        if database.file is not None:
            _check_file(session.connection())
        drawings = session.scalars(select(tables.Drawing)).all()
        for drawing in drawings:
            if drawing.id in seen:
                continue
            (analysis,) = drawing.analyses
            assert analysis.map_key is not None
            picture, saliency_map = blobs.get(drawing.picture_key), blobs.get(analysis.map_key)
            assert picture
            assert saliency_map
        return {drawing.id for drawing in drawings}


def _check_file(connection: SqlConnection) -> None:
    assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    assert connection.execute(text("PRAGMA foreign_key_check")).first() is None
