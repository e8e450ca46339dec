"""Jobs are asked for once, held by one worker at a time, and tried again when they fail."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.storage import jobs
from app.storage.database import Database
from app.storage.jobs import (
    LEASE,
    MOST_ATTEMPTS,
    Recurring,
    claim,
    enqueue,
    enqueue_recurring,
    fail,
    finish,
    pause_after,
)
from app.storage.tables import Job
from tests.support.stores.databases import Place

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOURLY = Recurring("tidy", timedelta(hours=1))
SECOND = timedelta(seconds=1)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with place.opened() as database:
        yield database


def only_job(database: Database) -> Job:
    with database.reading() as tx:
        return tx.scalars(select(Job)).one()


def test_work_that_was_asked_for_under_the_same_key_is_there_once(database: Database) -> None:
    assert enqueue(database, "tidy", "k", NOON, {"days": 3})
    assert not enqueue(database, "tidy", "k", NOON, {"days": 4})
    assert only_job(database).payload == {"days": 3}


def test_a_job_is_held_by_one_worker_until_its_lease_is_out(database: Database) -> None:
    enqueue(database, "tidy", "k", NOON)
    first = claim(database, ["tidy"], "a", NOON)
    assert first is not None
    assert claim(database, ["tidy"], "b", NOON + LEASE - SECOND) is None
    second = claim(database, ["tidy"], "b", NOON + LEASE)
    assert second is not None
    assert (second.id, second.holder, second.attempt) == (first.id, "b", 2)


def test_what_a_killed_worker_held_is_free_when_the_lease_of_its_kind_is_out(
    database: Database,
) -> None:
    leases = {"tidy": timedelta(minutes=2)}
    for kind in ("tidy", "other"):
        enqueue(database, kind, kind, NOON)
        assert claim(database, [kind], "killed", NOON, leases)
    later = NOON + timedelta(minutes=2)
    found = claim(database, ["tidy", "other"], "next", later, leases)
    assert found is not None
    assert (found.kind, found.attempt) == ("tidy", 2)
    assert claim(database, ["tidy", "other"], "next", later, leases) is None


def test_who_lost_the_lease_can_neither_finish_nor_fail_the_job(database: Database) -> None:
    enqueue(database, "tidy", "k", NOON)
    first = claim(database, ["tidy"], "a", NOON)
    second = claim(database, ["tidy"], "a", NOON + LEASE)
    assert first is not None
    assert second is not None
    assert not finish(database, first, NOON + LEASE)
    assert not fail(database, first, "too late", NOON + LEASE)
    assert only_job(database).lease_holder == "a"
    assert finish(database, second, NOON + LEASE)
    assert only_job(database).last_error is None


def test_a_failed_job_is_due_again_after_a_pause_that_grows(database: Database) -> None:
    enqueue(database, "tidy", "k", NOON)
    moment = NOON
    for attempt in (1, 2, 3):
        held = claim(database, ["tidy"], "a", moment)
        assert held is not None
        fail(database, held, "The store is away.", moment)
        assert claim(database, ["tidy"], "a", moment + pause_after(attempt) - SECOND) is None
        moment += pause_after(attempt)
    assert only_job(database).last_error == "The store is away."
    assert [pause_after(n).total_seconds() for n in (1, 2, 3, 4, 5, 6)] == [
        30, 60, 120, 240, 300, 300,
    ]  # fmt: skip


def test_a_job_that_always_fails_is_given_up_and_kept_with_its_error(database: Database) -> None:
    enqueue(database, "tidy", "k", NOON)
    moment = NOON
    for _ in range(MOST_ATTEMPTS):
        held = claim(database, ["tidy"], "a", moment)
        assert held is not None
        fail(database, held, "The store is away. " * 100, moment)
        moment += jobs.LONGEST_PAUSE
    assert claim(database, ["tidy"], "a", moment) is None
    (listed,) = jobs.list_open(database)
    assert listed.finished_at is not None
    assert str(listed.last_error).startswith("The store is away.")


def test_a_job_that_kills_its_worker_each_time_is_given_up(database: Database) -> None:
    enqueue(database, "tidy", "k", NOON)
    moment = NOON
    for _ in range(MOST_ATTEMPTS):
        assert claim(database, ["tidy"], "a", moment) is not None
        assert jobs.give_up_killed(database, moment) == 0
        moment += LEASE
    assert claim(database, ["tidy"], "a", moment) is None
    assert jobs.give_up_killed(database, moment) == 1
    assert only_job(database).last_error == jobs.NEVER_ENDED


def test_the_longest_due_comes_first_and_only_what_the_worker_can_do(database: Database) -> None:
    for kind, key, minutes in (("tidy", "b", 2), ("tidy", "a", 1), ("paint", "c", 0)):
        enqueue(database, kind, key, NOON + timedelta(minutes=minutes))
    claims = [claim(database, ["tidy"], "a", NOON + timedelta(hours=1)) for _ in range(3)]
    assert [held and held.id for held in claims] == [2, 1, None]


def test_workers_that_race_for_jobs_get_each_one_once(database: Database) -> None:
    for number in range(12):
        enqueue(database, "tidy", str(number), NOON)
    ready = threading.Barrier(4)

    def work(holder: str) -> list[int]:
        ready.wait(10)
        held = iter(lambda: claim(database, ["tidy"], holder, NOON), None)
        return [one.id for one in held if one is not None]

    with ThreadPoolExecutor(4) as threads:
        shares = list(threads.map(work, "abcd"))
    assert sorted(number for share in shares for number in share) == list(range(1, 13))


def test_two_workers_enqueue_one_job_for_a_slot_of_time(database: Database) -> None:
    ready = threading.Barrier(4)

    def ask(_: int) -> int:
        ready.wait(10)
        return enqueue_recurring(database, [HOURLY], NOON)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(ask, range(4))) == 1
    assert only_job(database).kind == "tidy"


def test_the_next_slot_gets_a_job_once_the_one_before_is_done(database: Database) -> None:
    assert enqueue_recurring(database, [HOURLY], NOON) == 1
    later = NOON + timedelta(hours=1)
    assert enqueue_recurring(database, [HOURLY], later) == 0
    held = claim(database, ["tidy"], "a", later)
    assert held is not None
    finish(database, held, later)
    assert enqueue_recurring(database, [HOURLY], NOON + timedelta(minutes=59)) == 0
    assert enqueue_recurring(database, [HOURLY], later) == 1


def test_looking_for_work_where_there_is_none_needs_no_lock(database: Database) -> None:
    enqueue_recurring(database, [HOURLY], NOON)
    held = claim(database, ["tidy"], "a", NOON)
    assert held is not None
    with database.writing():
        assert enqueue_recurring(database, [HOURLY], NOON) == 0
        assert claim(database, ["tidy"], "b", NOON) is None
        assert jobs.give_up_killed(database, NOON) == 0


def test_finished_jobs_are_forgotten_after_a_while_and_open_ones_are_not(
    database: Database,
) -> None:
    enqueue(database, "tidy", "done", NOON)
    held = claim(database, ["tidy"], "a", NOON)
    assert held is not None
    finish(database, held, NOON)
    enqueue(database, "tidy", "open", NOON)
    assert jobs.forget_finished(database, NOON, 10) == 0
    assert jobs.forget_finished(database, NOON + SECOND, 10) == 1
    assert only_job(database).unique_key == "open"
