"""The function that does retention and other due work, called as Lambda calls it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigurationError, JobFailed, StorageUnavailable
from app.storage import schema
from app.storage.blobs.store import FolderBlobStore
from app.storage.jobs import list_open
from app.storage.tables import now
from app.usage.uptime import read_uptime
from handlers.retention import handler
from tests.support import ROOT
from tests.support.stores.databases import open_database
from tests.support.stores.sites import DAYS, Site

EVENT = ROOT / "tests" / "events" / "scheduled_retention.json"
HEAVY = ("onnxruntime", "fastapi", "starlette", "numpy", "PIL", "mahotas", "boto3", "typer", "rich")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with one drawing that was kept for long enough."""
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with open_database(tmp_path) as database:
        blobs = FolderBlobStore(tmp_path / "blobs", "local")
        Site(database, blobs).keeps(datetime.now(UTC) - timedelta(days=DAYS + 1))
    return tmp_path


def test_the_salt_of_a_day_that_is_over_is_destroyed(data: Path) -> None:
    """Where only functions run, nobody else may come for days."""
    (data / "visits-2026-11-01.salt").write_bytes(bytes(32))
    today = data / f"visits-{now():%Y-%m-%d}.salt"
    today.write_bytes(bytes(32))
    handler(event(), None)
    assert list(data.glob("visits-*")) == [today]


def event() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(EVENT.read_text())
    return read


def test_the_schedule_removes_what_is_old_and_twice_is_as_once(data: Path) -> None:
    assert handler(event(), None) == {"done": 1, "failed": 0}
    assert handler(event(), None) == {"done": 0, "failed": 0}
    with open_database(data) as database:
        site = Site(database, FolderBlobStore(data / "blobs", "local"))
        assert (site.drawings, site.stored) == (set(), set())


def test_the_schedule_says_that_the_database_can_be_written(data: Path) -> None:
    handler(event(), None)
    with open_database(data) as database, database.reading() as tx:
        uptime = read_uptime(tx, datetime.now(UTC))
    assert (uptime.up, uptime.down) == (1, 0)


def test_a_job_that_fails_is_raised_so_that_alarms_see_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(store: FolderBlobStore, key: str) -> None:
        raise StorageUnavailable("The store cannot be used now.")

    monkeypatch.setattr(FolderBlobStore, "delete", away)
    with pytest.raises(JobFailed, match="tried again"):
        handler(event(), None)
    with open_database(data) as database:
        (job,) = list_open(database)
        assert job.last_error == "The store cannot be used now."


def test_a_database_of_an_older_schema_is_refused(data: Path) -> None:
    with open_database(data) as database:
        schema.take_back(database, "0001")
    with pytest.raises(ConfigurationError, match="run sketchnorm migrate"):
        handler(event(), None)


def test_the_function_needs_neither_the_model_nor_the_web(data: Path) -> None:
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in HEAVY)
    code = f"import sys; {blocked}from handlers.retention import handler; print(handler({{}}, 0))"
    environ = {"ENVIRONMENT": "local", "DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, env=environ, capture_output=True
    )
    assert said.stdout == b"{'done': 1, 'failed': 0}\n"
