"""What was kept on a PostgreSQL server that is killed is there when it is back, and used again."""

import os
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from app.errors import StorageUnavailable
from app.storage.database import Database
from tests.support.polling import until
from tests.support.stores.databases import ON_POSTGRESQL, Place
from tests.support.stores.sites import Site
from tests.support.stores.writers import check_whole

if TYPE_CHECKING:
    from tests.support.stores.postgres_server import PostgresServer

ROUNDS = int(os.environ.get("SKETCHNORM_SERVER_ROUNDS", "10"))
VISITORS = 4


@dataclass
class Uploads:
    """Visitors of one process, who go on whatever they are told; each attempt has its own key."""

    site: Site
    kept: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def go_on(self, visitor: int) -> None:
        attempt = 0
        while not self._ended.is_set():
            key = f"{visitor}-{attempt}"
            try:
                self.kept[key] = self.site.submits(key)
                attempt += 1
            except StorageUnavailable:
                self.refused += 1

    def end(self) -> None:
        self._ended.set()


def kill_rounds(site: Site, server: "PostgresServer", rounds: int) -> Uploads:
    """Kill the server and start it again while visitors upload."""
    uploads = Uploads(site)
    visitors = [threading.Thread(target=uploads.go_on, args=[n]) for n in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    try:
        for _ in range(rounds):
            before = len(uploads.kept)
            until(lambda before=before: len(uploads.kept) > before + VISITORS)  # type: ignore[misc]
            time.sleep(random.uniform(0, 0.2))  # noqa: S311 - no secret
            server.stop()
            server.start()
    finally:
        uploads.end()
        for visitor in visitors:
            visitor.join(30)
    return uploads


def check(database: Database, place: Place, uploads: Uploads) -> None:
    """Each was kept once, also if the answer to its first attempt was lost with the server."""
    assert uploads.refused > 0, "nobody noticed, which proves nothing"
    assert check_whole(database, place.blobs, set()) == set(uploads.kept.values())
    site = uploads.site
    assert all(site.submits(key) == kept for key, kept in uploads.kept.items())
    assert site.referred <= site.stored


@pytest.mark.parametrize("kind", [ON_POSTGRESQL])
@pytest.mark.parametrize("rounds", [2, pytest.param(ROUNDS, marks=pytest.mark.endurance)])
def test_a_killed_server_of_the_database_has_lost_nothing_and_is_used_again(
    place: Place, postgres_server: "PostgresServer", rounds: int
) -> None:
    with place.opened() as database:
        check(
            database,
            place,
            kill_rounds(Site(database, place.blobs), postgres_server, rounds),
        )
