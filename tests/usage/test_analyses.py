"""Analyses and failures: counted with what is kept, and never at the cost of an answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from app.actions.forget import forget
from app.actions.submit import Submission, add_rows, answer, plan_keeping
from app.inference.analysis import Analysis
from app.storage import database as database_module
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.tables import USAGE_ANALYSES, UsageDay
from app.stores import Stores
from app.telemetry import Metrics, Signals
from app.usage import counts
from app.usage.analyses import AnalysisCounter
from tests.support.clocks import Clock
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.disks import locked
from tests.support.stores.sites import PICTURE
from tests.usage.conftest import NOON


@pytest.fixture
def stores(database: Database, tmp_path: Path) -> Stores:
    return Stores(database, FolderBlobStore(tmp_path / "blobs", "local"))


def hands_in(stores: Stores, clock: Clock, **of_it: object) -> str | Analysis:
    counter = AnalysisCounter(Signals(Metrics(enabled=True)), clock)
    usual: dict[str, Any] = {"age_years": 6.9, "category": "house"}
    submission = Submission(PICTURE, **{**usual, **of_it})
    analyzer = FakeAnalyzer()
    return answer(submission, analyzer=analyzer, stores=stores, level=0.05, counter=counter)


def rows(database: Database) -> list[dict[str, Any]]:
    with database.reading() as tx:
        return [dict(row._mapping) for row in tx.execute(select(USAGE_ANALYSES))]


def day(database: Database) -> UsageDay | None:
    with database.reading() as tx:
        return tx.get(UsageDay, NOON.date())


def test_the_row_of_an_analysis_has_no_id_and_stays_when_the_drawing_goes(
    stores: Stores, clock: Clock
) -> None:
    kept = hands_in(stores, clock)
    forget(str(kept), stores=stores, now=NOON)
    (row,) = rows(stores.database)
    assert row == {
        "day": NOON.date(), "age_years": 6, "category_known": True, "p_value": 0.03,
        "terms": {"typicality": 0.03, "marks": 0.12, "age": 0.6, "category": None, "parts": 0.4,
                  "orientation": 0.9},
        "bundle": "test-1", "domain_matched": True,
    }  # fmt: skip
    assert not USAGE_ANALYSES.primary_key.columns


@pytest.mark.parametrize(
    ("category", "known"), [("house", True), ("spaceship", False), (None, False)]
)
def test_a_category_is_known_if_it_was_compared_within(
    stores: Stores, clock: Clock, category: str | None, known: bool
) -> None:
    hands_in(stores, clock, category=category)
    assert [row["category_known"] for row in rows(stores.database)] == [known]


# The statement that takes the writers' lock, on either engine.
FIRST_OF_A_WRITER = ("BEGIN IMMEDIATE", "SELECT pg_advisory_xact_lock")


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "unkept"])
def test_one_transaction_writes_an_analysis_and_its_count(
    stores: Stores, clock: Clock, keep: bool
) -> None:
    with statements(stores.database) as said:
        hands_in(stores, clock, keep=keep)
    assert sum(one.startswith(FIRST_OF_A_WRITER) for one in said) == 1
    counted = day(stores.database)
    assert counted is not None
    assert (counted.analyses, counted.unkept, counted.processing_us) == (1, int(not keep), 12_500)


def test_an_unkept_analysis_is_answered_while_its_count_cannot_be_written(
    stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(database_module, "WATCHER_WAITS_MS", 50)
    with locked(stores.database):
        answered = hands_in(stores, clock, keep=False)
    assert isinstance(answered, Analysis)
    assert rows(stores.database) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (lost,) = [line for line in lines if "CountsLost" in line]
    assert (lost["CountsLost"], lost["kind"]) == ([1.0], "analyses")
    assert [line["Analyses"] for line in lines if "Analyses" in line] == [[1.0]]


def test_cloudwatch_is_told_of_an_analysis_once_it_is_kept(
    stores: Stores, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    hands_in(stores, clock)
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["Analyses"], line["AnalysisMilliseconds"]) == ([1.0], [12.5])
    assert (line["bundle"], line["kept"]) == ("test-1", True)


def test_a_row_that_another_writer_makes_meanwhile_is_added_to(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL two can find that there is none; here the first look is made to find none."""
    key = {"day": NOON.date()}
    with database.writing() as tx:
        counts.add(tx, UsageDay, key, failures=1)
    look, looks = counts._added, count()
    monkeypatch.setattr(counts, "_added", lambda *of_it: next(looks) > 0 and look(*of_it))
    with database.writing() as tx:
        counts.add(tx, UsageDay, key, failures=1)
    counted = day(database)
    assert counted is not None
    assert counted.failures == 2


def test_a_repeated_request_fails_as_one_on_the_first_of_a_day_too(database: Database) -> None:
    """Its key is written late, while the row of the day is being made."""
    analysis = FakeAnalyzer().analyze(PICTURE, 6.9, None)
    submission = Submission(PICTURE, 6.9, None, "the same")
    for day_ in range(2):
        clock = Clock(NOON + timedelta(days=day_))
        with pytest.raises(IntegrityError) if day_ else nullcontext(), database.writing() as tx:
            add_rows(tx, plan_keeping(analysis), analysis, submission)
            AnalysisCounter(clock=clock).kept(tx, analysis, 6.9)
    assert len(rows(database)) == 1
