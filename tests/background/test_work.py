"""What is done in the background: one job after the other, whatever becomes of each."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.background.work import SEED_DEMO, UNFORESEEN, JobsRun, Work, run_due_jobs, work_for
from app.environment import Settings
from app.errors import StorageUnavailable
from app.storage.blobs.spool import Spool
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.jobs import LEASE, MOST_ATTEMPTS, Recurring, enqueue
from app.storage.tables import Job
from app.stores import Stores
from app.telemetry import Metrics, correlate, current_correlation_id
from tests.support.stores.databases import Place
from tests.support.stores.doubles import DistantStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIES = """
import os, signal, sys
from app.background.work import Work, run_due_jobs
from app.storage.database import Database
work = Work(Database.open(sys.argv[1], "local"),
            {"dies": lambda payload: os.kill(os.getpid(), signal.SIGKILL)})
run_due_jobs(work)
"""


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with place.opened() as database:
        yield database


def at(hour: int) -> Callable[[], datetime]:
    return lambda: datetime(2026, 1, 1, hour, tzinfo=UTC)


def fails(payload: Mapping[str, Any]) -> None:
    raise StorageUnavailable("The store is away.")


def breaks(payload: Mapping[str, Any]) -> None:
    raise ZeroDivisionError


def errors(database: Database) -> list[str | None]:
    with database.reading() as tx:
        return list(tx.scalars(select(Job.last_error).order_by(Job.id)))


def test_everything_due_is_done_with_what_it_was_given(database: Database) -> None:
    done: list[Mapping[str, Any]] = []
    for number in range(3):
        enqueue(database, "note", str(number), NOON, {"number": number})
    work = Work(database, {"note": done.append})
    assert run_due_jobs(work, clock=lambda: NOON) == JobsRun(done=3)
    assert done == [{"number": 0}, {"number": 1}, {"number": 2}]
    assert run_due_jobs(work, clock=lambda: NOON) == JobsRun()


def test_a_job_that_fails_keeps_its_error_and_the_next_is_done(database: Database) -> None:
    enqueue(database, "fails", "1", NOON)
    enqueue(database, "notes", "2", NOON)
    work = Work(database, {"fails": fails, "notes": lambda payload: None})
    assert run_due_jobs(work, clock=lambda: NOON) == JobsRun(done=1, failed=1)
    assert errors(database) == ["The store is away.", None]


def test_an_error_that_nobody_foresaw_is_kept_and_raised(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    enqueue(database, "breaks", "1", NOON)
    with pytest.raises(ZeroDivisionError):
        run_due_jobs(Work(database, {"breaks": breaks}), clock=lambda: NOON)
    assert errors(database) == [UNFORESEEN]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    later = NOON + timedelta(minutes=1)
    mended = Work(database, {"breaks": lambda payload: None})
    assert run_due_jobs(mended, clock=lambda: later) == JobsRun(done=1)
    assert errors(database) == [None]


def test_no_further_job_is_begun_once_it_is_to_stop(database: Database) -> None:
    done: list[Mapping[str, Any]] = []
    for number in range(3):
        enqueue(database, "note", str(number), NOON)
    work = Work(database, {"note": done.append})
    run_due_jobs(work, clock=lambda: NOON, stopping=lambda: len(done) == 1)
    assert len(done) == 1


def test_recurring_work_is_done_once_in_its_slot_by_two_who_run_it(database: Database) -> None:
    done: list[Mapping[str, Any]] = []
    schedule = [Recurring("note", timedelta(hours=6))]
    both = [Work(database, {"note": done.append}, schedule) for _ in range(2)]
    for hour in range(24):
        for work in both:
            run_due_jobs(work, clock=at(hour))
    assert len(done) == 4


def test_what_a_killed_worker_held_is_done_by_another_once_its_lease_is_out(
    database: Database, place: Place
) -> None:
    enqueue(database, "dies", "1", NOON)
    killed = subprocess.run([sys.executable, "-c", DIES, place.url], timeout=60, check=False)
    assert killed.returncode == -9
    work = Work(database, {"dies": lambda payload: None})
    assert run_due_jobs(work) == JobsRun()
    after = datetime.now(UTC) + LEASE
    assert run_due_jobs(work, clock=lambda: after) == JobsRun(done=1)


@pytest.fixture
def counting(settings: Settings) -> Settings:
    """Settings under which metrics are written."""
    return replace(settings, environment=replace(settings.environment, metrics_enabled=True))


def written(printed: str, metric: str) -> list[float]:
    lines = [json.loads(line) for line in printed.splitlines() if metric in line]
    return [value for line in lines for value in line[metric]]


def test_what_waits_in_the_spool_is_moved_once_the_store_is_back(
    database: Database, counting: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    distant = DistantStore(away=True)
    store = SpoolingBlobStore(distant, Spool(tmp_path / "spool"))
    store.put("drawings/a", b"picture", "image/png")
    distant.away = False
    assert run_due_jobs(work_for(Stores(database, store), counting)) == JobsRun(done=2)
    assert distant.blobs == {"drawings/a": b"picture"}
    assert written(capsys.readouterr().out, "SpoolWaiting") == [0]


def test_how_many_still_wait_is_counted_for_an_alarm(
    database: Database, counting: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SpoolingBlobStore(DistantStore(away=True), Spool(tmp_path / "spool"))
    for key in ("drawings/a", "drawings/b"):
        store.put(key, b"picture", "image/png")
    run_due_jobs(work_for(Stores(database, store), counting))
    assert written(capsys.readouterr().out, "SpoolWaiting") == [2]


def test_how_many_were_refused_is_counted_too_and_the_job_is_done(
    database: Database, counting: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = Spool(tmp_path / "spool")
    store = SpoolingBlobStore(DistantStore(refuses={"drawings/a"}), spool)
    for key in ("drawings/a", "drawings/b"):
        spool.keep(key, b"picture", "image/png")
    assert run_due_jobs(work_for(Stores(database, store), counting)) == JobsRun(done=2)
    printed = capsys.readouterr().out
    assert (written(printed, "SpoolWaiting"), written(printed, "SpoolRefused")) == ([1], [1])


def test_a_job_that_is_given_up_is_told_once(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    enqueue(database, "fails", "1", NOON)
    work = Work(database, {"fails": fails}, metrics=Metrics(enabled=True))
    for attempt in range(MOST_ATTEMPTS + 1):
        assert capsys.readouterr().out == ""
        run_due_jobs(work, clock=lambda: NOON + attempt * timedelta(hours=1))  # noqa: B023
        if attempt == MOST_ATTEMPTS - 1:
            assert written(capsys.readouterr().out, "JobsGivenUp") == [1]


def test_the_lines_of_a_job_carry_the_id_of_who_asked_or_its_own(database: Database) -> None:
    ids: list[str | None] = []

    def note(payload: Mapping[str, Any]) -> None:
        ids.append(current_correlation_id())

    def ask() -> None:
        correlate("the-request")
        enqueue(database, "note", "1", NOON)

    copy_context().run(ask)
    enqueue(database, "note", "2", NOON)
    run_due_jobs(Work(database, {"note": note}), clock=lambda: NOON)
    assert ids == ["the-request", "job-2"]
    assert current_correlation_id() is None


def test_a_folder_needs_no_moving(database: Database, settings: Settings, tmp_path: Path) -> None:
    stores = Stores(database, FolderBlobStore(tmp_path / "blobs", "local"))
    assert set(work_for(stores, settings).functions) == {"retention"}


def test_what_needs_the_model_is_done_by_who_has_it(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    stores = Stores(database, FolderBlobStore(tmp_path / "store", "local"))
    seeded: list[Mapping[str, Any]] = []
    work = work_for(stores, settings, {SEED_DEMO: seeded.append})
    assert run_due_jobs(work) == JobsRun(done=2)
    assert seeded == [{}]
