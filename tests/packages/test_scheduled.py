"""The functions beside the site's under the emulator: woken by recorded events of EventBridge and
CloudFormation, and by operators."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.environment import Settings
from app.main import open_app
from tests.packages.doors import own_database
from tests.support import ROOT
from tests.support.gateway.deployments import listening
from tests.support.gateway.emulator import EmulatedFunction, emulated

pytestmark = pytest.mark.servers

EVENTS = ROOT / "tests" / "events"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with the database and the store of a site that ran."""
    open_app(Settings.load(own_database(tmp_path), tmp_path)).state.services.stores.close()
    return tmp_path


def wake(function: EmulatedFunction, event: str) -> dict[str, Any]:
    answer = function.invoke(json.loads((EVENTS / f"scheduled_{event}.json").read_text()))
    assert isinstance(answer, dict), answer
    return answer


def test_a_database_is_made_seeded_and_looked_after_where_no_server_runs(tmp_path: Path) -> None:
    environ = own_database(tmp_path)
    with emulated("handlers.command.handler", environ, tmp_path) as command:
        with listening() as cloudformation:
            command.invoke(cloudformation.asks("Create"))
        assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
        assert "already" in str(command.invoke({"command": ["migrate"]}))
        assert "12 drawings" in str(command.invoke({"command": ["seed"]}))
        refused = command.invoke({"command": ["restore"]})
    assert isinstance(refused, dict)
    assert "There is no backup" in refused["errorMessage"]
    with emulated("handlers.retention.handler", environ, tmp_path) as retention:
        assert wake(retention, "retention") == {"done": 1, "failed": 0}
        assert wake(retention, "retention") == {"done": 0, "failed": 0}


def test_a_backup_is_made_on_schedule_and_restored_by_the_drill(made: Path) -> None:
    environ = own_database(made)
    with emulated("handlers.restore_drill.handler", environ, made) as drill:
        assert "errorMessage" in wake(drill, "restore_drill")
    with emulated("handlers.backup.handler", environ, made) as backup:
        first, second = (wake(backup, "backup") for _ in range(2))
    assert (first["copied"], second["copied"]) == (True, False)
    assert first["missing"] == 0
    with emulated("handlers.restore_drill.handler", environ, made) as drill:
        drilled = wake(drill, "restore_drill")
    assert drilled["backup"] == first["backup"]
    assert drilled["rows"]["drawings"] == 12
