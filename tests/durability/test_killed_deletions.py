"""Every drawing that a visitor was told to be deleted stays so when a killed server comes back."""

import os
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.storage.sqlite import JournalChoice
from app.storage.tables import now
from tests.support.gateway.served import served
from tests.support.people.operators import Operator
from tests.support.polling import until
from tests.support.stores.databases import JOURNALS, open_database
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


def delete_until_killed(folder: Path, mode: JournalChoice, ids: list[str]) -> Deletions:
    with served(folder, mode) as address:
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


def kill_once(folder: Path, mode: JournalChoice) -> bool:
    """Whether there was still something to be deleted when the server was killed."""
    operator = Operator(folder)
    with open_database(folder, journal=mode) as database:
        ids = [Site(database, operator.blobs).submits() for _ in range(DRAWINGS)]
    operator.backs_up()
    deletions = delete_until_killed(folder, mode, ids)
    check(operator, mode, ids, deletions.told)
    operator.restores()
    check(operator, mode, ids, deletions.told)
    return bool(deletions.waiting)


def check(operator: Operator, mode: JournalChoice, ids: list[str], told: list[str]) -> None:
    """What visitors were told is so; retention completes what was begun and spares all else."""
    with open_database(operator.folder, journal=mode) as database:
        site = Site(database, operator.blobs)
        assert not set(told) & site.drawings
        site.retains(now())
        assert site.drawings == {one for one in ids if not site.has_marked(one)}
        assert site.referred == site.stored


def kill_rounds(folder: Path, mode: JournalChoice, rounds: int) -> None:
    """More where a machine was so quick, or so slow, that a kill fell into nothing."""
    cut_off = done = 0
    while done < rounds or not cut_off:
        done += 1
        place = folder / str(done)
        place.mkdir()
        cut_off += kill_once(place, mode)


@pytest.mark.parametrize("mode", JOURNALS)
def test_a_killed_server_keeps_its_word_also_after_an_older_backup_is_restored(
    quick_disk: Path, mode: JournalChoice
) -> None:
    kill_rounds(quick_disk, mode, 2)


@pytest.mark.endurance
@pytest.mark.parametrize("mode", JOURNALS)
def test_a_server_killed_again_and_again_keeps_its_word(
    quick_disk: Path, mode: JournalChoice
) -> None:
    kill_rounds(quick_disk, mode, ROUNDS)
