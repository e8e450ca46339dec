"""The scheduled functions, called as Lambda calls them."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.errors import BackupError, StorageUnavailable
from app.storage.blobs.store import FolderBlobStore
from app.telemetry import Metric
from handlers import backup, restore_drill
from tests.support.people.operators import Operator

EVENTS = Path(__file__).parents[1] / "events"
HEAVY = ("onnxruntime", "fastapi", "starlette", "numpy", "PIL", "boto3", "mahotas", "alembic")


def event(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return read


@pytest.fixture
def deployed(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """The functions find the operator's site."""
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("DATA_DIR", str(operator.folder))
    monkeypatch.setenv("METRICS_ENABLED", "true")
    return operator


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, list[float]]:
    """The values of each metric that was written."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [line for line in lines if "_aws" in line]
    return {name: line[name] for line in told for name in line if name in set(Metric)}


def test_the_schedule_backs_up_and_notes_the_second_time(deployed: Operator) -> None:
    first = backup.handler(event("scheduled_backup"), None)
    second = backup.handler(event("scheduled_backup"), None)
    assert (first["copied"], second["copied"]) == (True, False)
    assert first["missing"] == first["unreferred"] == 0
    assert json.loads(json.dumps(first)) == first


def test_a_backup_counts_itself(deployed: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    backup.handler(event("scheduled_backup"), None)
    assert counted(capsys)["BackupSucceeded"] == [1.0]


def test_a_store_that_cannot_be_listed_makes_no_second_backup(
    deployed: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(store: FolderBlobStore, prefix: str) -> tuple[str, ...]:
        if prefix == "backups":
            return listed(store, prefix)
        raise StorageUnavailable("The store cannot be listed.")

    listed = FolderBlobStore.keys
    monkeypatch.setattr(FolderBlobStore, "keys", fail)
    report = backup.handler(event("scheduled_backup"), None)
    assert report["copied"]
    assert "missing" not in report


def test_a_backup_that_fails_is_counted_and_raised(
    deployed: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.database.unlink()
    with pytest.raises(StorageUnavailable):
        backup.handler(event("scheduled_backup"), None)
    assert counted(capsys)["BackupSucceeded"] == [0.0]


def test_the_drill_restores_what_was_backed_up(
    deployed: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    made = backup.handler(event("scheduled_backup"), None)
    drilled = restore_drill.handler(event("scheduled_restore_drill"), None)
    assert drilled["backup"] == made["backup"]
    assert drilled["rows"]["drawings"] == 0
    told = counted(capsys)
    assert told["RestoreDrillSucceeded"] == [1.0]
    assert told["BackupAgeSeconds"][0] >= 0


def test_a_drill_that_fails_is_counted_and_raised(
    deployed: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BackupError):
        restore_drill.handler(event("scheduled_restore_drill"), None)
    assert counted(capsys)["RestoreDrillSucceeded"] == [0.0]


@pytest.mark.parametrize("schedule", [backup, restore_drill], ids=["backup", "drill"])
def test_a_postgresql_database_is_left_to_its_own_tools(
    deployed: Operator, monkeypatch: pytest.MonkeyPatch, schedule: ModuleType
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://user:secret@host/name")
    with pytest.raises(BackupError, match="pg_dump") as refusal:
        schedule.handler(event("scheduled_backup"), None)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("handler", ["backup", "restore_drill"])
def test_the_functions_need_neither_the_web_nor_the_model(handler: str) -> None:
    script = f"import sys, handlers.{handler}; print([m for m in {HEAVY} if m in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout == "[]\n"
