"""Every drawing that a visitor was told to be deleted stays so when a killed server comes back."""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest

from app.storage.tables import now
from tests.support.gateway.served import served
from tests.support.people.operators import Operator
from tests.support.polling import until
from tests.support.stores.databases import POSTGRESQL, NewPlace, Place
from tests.support.stores.sites import Site

ROUNDS = int(os.environ.get("SKETCHNORM_SERVER_ROUNDS", "10"))
DRAWINGS = 60
VISITORS = 4


@dataclass
class Deletions:
    """Visitors who delete one drawing after the other until nobody answers."""

    address: str
    waiting: list[str]
    told: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def go_on(self) -> None:
        with httpx.Client(base_url=self.address, timeout=20) as client:
            try:
                while self.waiting:
                    self.delete(client, self.waiting.pop())
            except httpx.TransportError:
                return

    def delete(self, client: httpx.Client, drawing_id: str) -> None:
        answer = client.delete(f"/api/drawings/{drawing_id}")
        if answer.status_code == httpx.codes.NO_CONTENT:
            self.told.append(drawing_id)
        else:
            self.refused.append(answer.text)


def delete_until_killed(place: Place, ids: list[str]) -> Deletions:
    with served(place) as address:
        deletions = Deletions(address, list(ids))
        visitors = [threading.Thread(target=deletions.go_on) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        until(lambda: len(deletions.told) > 0)
        time.sleep(random.uniform(0, 0.15))  # noqa: S311 - no secret
    for visitor in visitors:
        visitor.join(30)
    assert deletions.refused == []
    return deletions


def kill_once(place: Place) -> bool:
    """Whether there was still something to be deleted when the server was killed."""
    with place.opened() as database:
        ids = [Site(database, place.blobs).submits() for _ in range(DRAWINGS)]
    put_back = back_up(place)
    deletions = delete_until_killed(place, ids)
    check(place, ids, deletions.told)
    put_back()
    check(place, ids, deletions.told)
    return bool(deletions.waiting)


def back_up(place: Place) -> Callable[[], object]:
    """By the tools of its kind of database; what is returned restores it."""
    if place.kind == POSTGRESQL:
        return back_up_server(place)
    operator = Operator(place.folder)
    operator.backs_up()
    return operator.restores


def back_up_server(place: Place) -> Callable[[], None]:
    """As docs/backups.md says: what a dump brings back is deleted again before anybody sees it."""
    from tests.support.stores.postgres_server import dump, restore_dump

    file = place.folder / "dump"
    dump(place.url, file)

    def restore() -> None:
        restore_dump(place.url, file)
        with place.opened() as database:
            Site(database, place.blobs).completes(now())

    return restore


def check(place: Place, ids: list[str], told: list[str]) -> None:
    """What visitors were told is so; retention completes what was begun and spares all else."""
    with place.opened() as database:
        site = Site(database, place.blobs)
        assert not set(told) & site.drawings
        site.retains(now())
        assert site.drawings == {one for one in ids if not site.has_marked(one)}
        assert site.referred == site.stored


def kill_rounds(new_place: NewPlace, rounds: int) -> None:
    """More where a machine was so quick, or so slow, that a kill fell into nothing."""
    cut_off = done = 0
    while done < rounds or not cut_off:
        done += 1
        cut_off += kill_once(new_place())


def test_a_killed_server_keeps_its_word_also_after_an_older_backup_is_restored(
    new_place: NewPlace,
) -> None:
    kill_rounds(new_place, 2)


@pytest.mark.endurance
def test_a_server_killed_again_and_again_keeps_its_word(new_place: NewPlace) -> None:
    kill_rounds(new_place, ROUNDS)
