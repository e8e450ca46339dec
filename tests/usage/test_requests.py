"""Batches of requests: written within seconds, never twice, and told when they are lost."""

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.errors import StorageUnavailable
from app.storage import database as database_module
from app.storage.database import Database
from app.storage.tables import UsageDay, UsageHour, UsageVisit
from app.telemetry import Metrics, Signals
from app.usage import counts, requests
from app.usage.countries import published_week
from app.usage.counts import forget_passed
from app.usage.metrics import read_metrics
from app.usage.requests import Batch, RequestCounter, SeenRequest
from app.usage.uptime import read_uptime
from tests.support.clocks import Clock
from tests.support.faults.disks import locked
from tests.support.polling import until
from tests.support.stores.databases import open_database
from tests.usage.conftest import NOON

SEEN = SeenRequest(0.25, visitor="a", country="DE")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WATCHER_WAITS_MS", 50)


def told(capsys: pytest.CaptureFixture[str], metric: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if metric in line]


def written(database: Database) -> int:
    with database.reading() as tx:
        return sum(tx.scalars(select(UsageDay.requests)))


def test_a_request_is_counted_with_its_time_and_its_visitor(
    counter: RequestCounter, database: Database
) -> None:
    counter.note(SEEN)
    counter.note(replace(SEEN, failed=True))
    assert written(database) == 0
    counter.flush()
    with database.reading() as tx:
        (day,) = tx.scalars(select(UsageDay)).all()
    assert (day.requests, day.server_errors, day.response_us, day.visits) == (2, 1, 500_000, 1)


def test_nothing_is_written_where_nothing_happened(
    counter: RequestCounter, database: Database
) -> None:
    counter.flush()
    with writes(database) as transactions:
        counter.flush()
    assert transactions == []


@contextmanager
def writes(database: Database) -> Iterator[list[object]]:
    """The transactions that take the lock."""
    seen: list[object] = []

    def note(connection: object, _: object, statement: str, *__: object) -> None:
        if statement == "BEGIN IMMEDIATE":
            seen.append(connection)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def test_what_finds_the_database_locked_is_written_later_and_told_of_its_wait(
    counter: RequestCounter, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    counter.note(SEEN)
    with locked(database):
        counter.flush()
    (line,) = told(capsys, "DatabaseWaitMilliseconds")
    assert 40 < line["DatabaseWaitMilliseconds"][0] < 5000
    counter.note(SEEN)
    counter.flush()
    assert written(database) == 2
    assert told(capsys, "CountsLost") == []


@dataclass(frozen=True)
class FailingAtCommit(Database):
    """Nobody knows whether it committed."""

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with super().writing() as tx:
            yield tx
        raise StorageUnavailable("The disk fails.")


def flush_at_a_failing_disk(counter: RequestCounter, database: Database) -> None:
    counter.database = FailingAtCommit(database.engine, database.environment)
    counter.flush()
    counter.database = database


def test_what_may_be_written_is_not_written_again_but_told_as_lost(
    counter: RequestCounter, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    counter.note(SEEN)
    flush_at_a_failing_disk(counter, database)
    counter.flush()
    assert written(database) == 1
    (line,) = told(capsys, "CountsLost")
    assert (line["CountsLost"], line["kind"]) == ([1.0], "requests")


def test_what_waits_for_a_reader_at_the_end_is_written_later(
    tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """As while a backup is copied, with the journal that a network disk needs."""
    with open_database(tmp_path, journal="delete") as database:
        counter = RequestCounter(database, None, Signals(Metrics(enabled=True)), clock=clock)
        counter.note(SEEN)
        with database.reading() as tx:
            tx.scalars(select(UsageDay)).all()
            counter.flush()
        (line,) = told(capsys, "DatabaseWaitMilliseconds")
        assert line["DatabaseWaitMilliseconds"][0] > 40
        counter.flush()
        assert written(database) == 1
    assert told(capsys, "CountsLost") == []


def test_a_visit_that_may_be_written_is_counted_once_all_the_same(
    counter: RequestCounter, database: Database
) -> None:
    counter.note(SEEN)
    flush_at_a_failing_disk(counter, database)
    counter.flush()
    assert read_metrics(database, NOON).metrics.unique_sessions == 1


def test_what_nobody_foresaw_ends_neither_the_counting_nor_the_batch(
    counter: RequestCounter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [RuntimeError("a defect")]
    write = Batch.write

    def fail_once(self: Batch, tx: Session, today: date) -> int:
        if failures:
            raise failures.pop()
        return write(self, tx, today)

    monkeypatch.setattr(Batch, "write", fail_once)
    monkeypatch.setattr(requests, "FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # pytest would end the test

    async def serve() -> None:
        async with counter.lifespan(None):
            counter.note(SEEN)
            await asyncio.to_thread(until, lambda: written(database) == 1)

    asyncio.run(serve())
    assert not failures


def test_what_a_server_that_is_stopped_cannot_write_is_told_as_lost(
    counter: RequestCounter, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve() -> None:
        async with counter.lifespan(None):
            counter.note(SEEN)

    with locked(database):
        asyncio.run(serve())
    lost = {line["kind"]: line["CountsLost"] for line in told(capsys, "CountsLost")}
    assert lost == {"requests": [1.0], "visits": [1.0]}


def test_made_up_browsers_fill_no_disk(
    counter: RequestCounter,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(counts, "MOST_VISITS_A_DAY", 5)
    for batch in range(3):
        for browser in range(3):
            counter.note(replace(SEEN, visitor=f"one address, {batch} {browser}"))
        counter.flush()
    counter.signals.clock = lambda: math.inf
    counter.signals.tell()
    with database.reading() as tx:
        assert len(tx.scalars(select(UsageVisit)).all()) == 5
    assert read_metrics(database, NOON).metrics.unique_sessions == 5
    lost = [line["CountsLost"][0] for line in told(capsys, "CountsLost")]
    assert sum(lost) == 4


def test_a_salt_that_cannot_be_kept_is_asked_for_once_in_a_while(
    counter: RequestCounter, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    ticks = [0.0]
    asked = []

    def fail(path: Path) -> bytes:
        asked.append(path)
        raise OSError(28, "No space left on device")

    counter.ticks = lambda: ticks[0]
    assert counter.salts is not None
    counter.salts.keep = fail
    for ticks[0] in (0.0, 1.0, 4.9, 5.0):
        counter.note(SEEN)
    assert len(asked) == len(caplog.records) == 2
    assert sum(line["CountsLost"][0] for line in told(capsys, "CountsLost")) == 1  # at once


def test_a_country_that_comes_late_changes_nothing_that_was_published(
    counter: RequestCounter, database: Database, clock: Clock
) -> None:
    """Nor does a batch that an outage held for days."""
    for visitor in range(6):
        counter.note(replace(SEEN, visitor=str(visitor)))
    with locked(database):
        counter.flush()
    clock.passes(days=7)
    _, published = published_week(clock().date())
    assert published > NOON.date()
    before = read_metrics(database, clock()).metrics.geographic_distribution
    counter.flush()
    assert read_metrics(database, clock()).metrics.geographic_distribution == before == {}
    assert read_metrics(database, NOON).metrics.unique_sessions == 6


def test_no_more_visitors_are_held_than_there_is_room_for(
    counter: RequestCounter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(requests, "MOST_VISITS", 2)
    for visitor in "abc":
        counter.note(replace(SEEN, visitor=visitor))
    counter.flush()
    assert counter.database is not None
    assert read_metrics(counter.database, NOON).metrics.unique_sessions == 2
    assert [line["kind"] for line in told(capsys, "CountsLost")] == ["visits"]


def test_time_in_which_nothing_could_be_written_was_down_and_silence_is_unknown(
    counter: RequestCounter, database: Database, clock: Clock
) -> None:
    counter.flush()
    clock.passes(minutes=5)
    with locked(database):
        counter.flush()
    clock.passes(minutes=5)
    counter.flush()
    clock.passes(minutes=60)
    counter.flush()
    with database.reading() as tx:
        uptime = read_uptime(tx, clock())
    assert (uptime.up, uptime.down, uptime.percentage) == (3, 1, 75)
    assert uptime.up + uptime.down + uptime.unknown == 30 * 24 * 12 + 3


def test_where_one_process_serves_the_site_is_up(
    counter: RequestCounter, database: Database, clock: Clock
) -> None:
    other = RequestCounter(database, None, Signals(Metrics(enabled=False)), clock=clock)
    with locked(database):
        other.flush()
    counter.flush()
    clock.passes(minutes=5)
    other.flush()
    with database.reading() as tx:
        assert read_uptime(tx, clock()).percentage == 100


def test_without_a_thread_it_is_due_after_five_seconds(database: Database, clock: Clock) -> None:
    ticks = [0.0]
    counter = RequestCounter(
        database, None, Signals(Metrics(enabled=False)), clock=clock, ticks=lambda: ticks[0]
    )
    assert counter.is_due
    counter.flush()
    ticks[0] = 4.9
    assert not counter.is_due
    ticks[0] = 5.0
    assert counter.is_due


def test_while_a_server_runs_a_thread_writes_and_does_so_at_the_end(
    counter: RequestCounter, database: Database
) -> None:
    async def serve() -> None:
        async with counter.lifespan(None):
            assert not counter.is_due
            counter.note(SEEN)

    asyncio.run(serve())
    assert written(database) == 1


def test_a_door_without_a_database_counts_nothing(clock: Clock) -> None:
    counter = RequestCounter(None, None, Signals(Metrics(enabled=False)), clock=clock)
    counter.note(SEEN)
    counter.flush()
    assert not counter.is_due


def test_rows_of_visits_and_hours_go_and_what_was_counted_stays(
    counter: RequestCounter, database: Database, clock: Clock
) -> None:
    counter.note(SEEN)
    counter.flush()
    assert forget_passed(database, NOON + timedelta(days=6)) == 0
    assert forget_passed(database, NOON + timedelta(days=7)) == 1
    assert forget_passed(database, NOON + timedelta(days=36)) == 1
    with database.reading() as tx:
        assert tx.scalars(select(UsageVisit)).all() == []
        assert tx.scalars(select(UsageHour)).all() == []
    assert written(database) == 1
