"""What is done in the background, with the parts that it is done with."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.background.work import JobsRun, run_due_jobs, work_for
from app.environment import Settings
from app.storage.blobs.spool import Spool
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.stores import Stores
from tests.support.stores.databases import open_database
from tests.support.stores.doubles import DistantStore


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as database:
        yield database


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


def test_a_folder_needs_no_moving(database: Database, settings: Settings, tmp_path: Path) -> None:
    stores = Stores(database, FolderBlobStore(tmp_path / "blobs", "local"))
    assert set(work_for(stores, settings).functions) == {"retention"}
