"""The thread beside the app works, outlives what goes wrong, and ends when it is told to."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.background import worker as module
from app.background.work import Work
from app.background.worker import Worker
from app.storage.database import Database
from app.storage.jobs import enqueue
from app.storage.tables import now
from tests.support.polling import until
from tests.support.stores.databases import open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as database:
        yield database


def ask_for(database: Database, kind: str) -> None:
    assert enqueue(database, kind, kind, now())


def test_jobs_are_done_at_once_and_those_that_come_later_too(database: Database) -> None:
    done: list[str] = []
    kinds = {name: lambda payload, name=name: done.append(name) for name in ("first", "second")}
    worker = Worker(Work(database, kinds), seconds=0.01)
    ask_for(database, "first")
    worker.start()
    until(lambda: done == ["first"])
    ask_for(database, "second")
    until(lambda: done == ["first", "second"])
    assert worker.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_foresaw_is_loud_and_the_thread_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: loud.append(args.exc_type))
    done = threading.Event()

    def breaks(payload: Mapping[str, Any]) -> None:
        raise ZeroDivisionError

    worker = Worker(Work(database, {"a": breaks, "b": lambda payload: done.set()}), seconds=0.01)
    ask_for(database, "a")
    ask_for(database, "b")
    worker.start()
    assert done.wait(20)
    assert loud == [ZeroDivisionError]
    assert worker.stop()


def test_a_database_that_is_away_for_a_while_does_not_end_the_thread(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    ask_for(database, "a")
    with database.writing() as tx:
        tx.execute(text("ALTER TABLE jobs RENAME TO away"))
    worker = Worker(Work(database, {"a": lambda payload: done.set()}), seconds=0.01)
    worker.start()
    until(lambda: "has to wait" in caplog.text)
    with database.writing() as tx:
        tx.execute(text("ALTER TABLE away RENAME TO jobs"))
    assert done.wait(20)
    assert worker.stop()


def test_it_stops_without_waiting_for_the_next_look(database: Database) -> None:
    worker = Worker(Work(database, {}), seconds=3600)
    worker.start()
    until(lambda: not any(thread.name == "jobs" for thread in threading.enumerate()))
    assert worker.stop()


def test_it_lives_from_the_start_of_a_server_to_its_end(database: Database) -> None:
    done = threading.Event()
    ask_for(database, "a")
    worker = Worker(Work(database, {"a": lambda payload: done.set()}))

    async def serve() -> None:
        async with worker.lifespan(None):
            await asyncio.to_thread(done.wait, 20)

    asyncio.run(serve())
    assert done.is_set()
    assert not any(thread.name in ("jobs", "worker") for thread in threading.enumerate())


def test_a_job_that_takes_long_does_not_hold_up_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.05)
    begun, end = threading.Event(), threading.Event()

    def lasts(payload: Mapping[str, Any]) -> None:
        begun.set()
        end.wait(20)

    worker = Worker(Work(database, {"a": lasts}))
    ask_for(database, "a")
    worker.start()
    assert begun.wait(20)
    before = time.monotonic()
    assert not worker.stop()
    assert time.monotonic() - before < 10
    assert "cut off" in caplog.text
    end.set()
    until(lambda: not any(thread.name in ("jobs", "worker") for thread in threading.enumerate()))
