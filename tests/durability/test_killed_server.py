"""Every drawing that a visitor was told to be kept is there when a killed server comes back."""

import io
import os
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import func, select

from app.storage.database import Database
from app.storage.tables import Job
from tests.support.data.pictures import as_bytes
from tests.support.gateway.served import served
from tests.support.polling import until
from tests.support.stores.databases import Place
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


def upload_until_killed(place: Place) -> Uploads:
    with place.opened() as database, served(place) as address:
        uploads = Uploads(address)
        visitors = [threading.Thread(target=uploads.go_on) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        until(lambda: len(uploads.kept) > 0)
        until(lambda: jobs_begun(database) > 0, what="something to be done in the background")
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


def jobs_begun(database: Database) -> int:
    """How many there were in this life of the server and those before."""
    with database.reading() as tx:
        return tx.scalar(select(func.count()).where(Job.attempts > 0)) or 0


def kill_rounds(place: Place, rounds: int) -> None:
    """So many rounds, and more where a busy machine took too few uploads to prove anything."""
    with place.opened():
        pass
    done = told = 0
    seen: set[str] = set()
    while done < rounds or told <= 2 * rounds:
        uploads = upload_until_killed(place)
        done += 1
        told += len(uploads.kept)
        with served(place) as address:
            check_told(address, uploads)
        with place.opened() as database:
            seen = check_whole(database, place.blobs, seen)
        assert seen >= {answer["id"] for answer, _ in uploads.kept}


def test_a_killed_server_has_lost_nothing_it_answered(place: Place) -> None:
    kill_rounds(place, 2)


@pytest.mark.endurance
def test_a_server_killed_again_and_again_has_lost_nothing_it_answered(place: Place) -> None:
    kill_rounds(place, ROUNDS)
