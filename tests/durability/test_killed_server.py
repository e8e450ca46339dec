"""Every drawing that a visitor was told to be kept is there when a killed server comes back."""

import io
import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.storage.blobs.store import FolderBlobStore
from app.storage.sqlite import JournalChoice
from tests.support.data.pictures import as_bytes
from tests.support.gateway.served import served
from tests.support.polling import until
from tests.support.stores.databases import JOURNALS, open_database
from tests.support.stores.writers import check_whole

ROUNDS = int(os.environ.get("SKETCHNORM_SERVER_ROUNDS", "10"))
VISITORS = 4


@dataclass
class Uploads:
    """Visitors who upload until nobody answers; what they were told, with what they sent."""

    address: str
    kept: list[tuple[dict[str, Any], Image.Image]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def go_on(self) -> None:
        with httpx.Client(base_url=self.address, timeout=20) as client:
            try:
                while True:
                    self.upload(client, a_unique_drawing())
            except httpx.TransportError:
                return

    def upload(self, client: httpx.Client, drawing: Image.Image) -> None:
        files = {"image": ("drawing.png", as_bytes(drawing))}
        answer = client.post("/api/drawings", files=files, data={"age_years": "6"})
        if answer.status_code == httpx.codes.CREATED:
            self.kept.append((answer.json(), drawing))
        else:
            self.refused.append(answer.text)


def a_unique_drawing() -> Image.Image:
    return Image.frombytes("RGB", (20, 20), os.urandom(1200))


def upload_until_killed(folder: Path, mode: JournalChoice) -> Uploads:
    with served(folder, mode) as address:
        uploads = Uploads(address)
        visitors = [threading.Thread(target=uploads.go_on) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        until(lambda: len(uploads.kept) > 0)
        until(lambda: jobs_begun(folder) > 0, what="something to be done in the background")
        time.sleep(random.uniform(0, 0.4))  # noqa: S311 - no secret
    for visitor in visitors:
        visitor.join(30)
    assert uploads.refused == []
    return uploads


def check_told(address: str, uploads: Uploads) -> None:
    """The same answer, picture and map as before."""
    with httpx.Client(base_url=address, timeout=20) as client:
        for told, drawing in uploads.kept:
            links = told["links"]
            assert client.get(links["self"]).json() == told
            assert pixels(client.get(links["picture"]).content) == drawing.tobytes()
            assert pixels(client.get(links["map"]).content) == drawing.convert("L").tobytes()


def pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.tobytes()


def jobs_begun(folder: Path) -> int:
    """How many there were in this life of the server and those before."""
    file = folder / "sketchnorm.sqlite3"
    with closing(sqlite3.connect(file, timeout=15)) as connection:
        return int(connection.execute("SELECT count(*) FROM jobs WHERE attempts > 0").fetchone()[0])


def kill_rounds(folder: Path, mode: JournalChoice, rounds: int) -> None:
    """So many rounds, and more where a busy machine took too few uploads to prove anything."""
    with open_database(folder, journal=mode):
        pass
    done = told = 0
    seen: set[str] = set()
    while done < rounds or told <= 2 * rounds:
        uploads = upload_until_killed(folder, mode)
        done += 1
        told += len(uploads.kept)
        with served(folder, mode) as address:
            check_told(address, uploads)
        with open_database(folder, journal=mode) as database:
            seen = check_whole(database, FolderBlobStore(folder / "blobs", "local"), seen)
        assert seen >= {answer["id"] for answer, _ in uploads.kept}


@pytest.mark.parametrize("mode", JOURNALS)
def test_a_killed_server_has_lost_nothing_it_answered(
    quick_disk: Path, mode: JournalChoice
) -> None:
    kill_rounds(quick_disk, mode, 2)


@pytest.mark.endurance
@pytest.mark.parametrize("mode", JOURNALS)
def test_a_server_killed_again_and_again_has_lost_nothing_it_answered(
    quick_disk: Path, mode: JournalChoice
) -> None:
    kill_rounds(quick_disk, mode, ROUNDS)
