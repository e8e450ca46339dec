"""The demo door starts from a snapshot of itself, which holds nothing that has to be its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.templates import Templates, properties
from tests.support import ROOT
from tests.support.gateway.stack import Stack, translated
from tests.support.people.operators import Operator

# Imports the handler and tells what a snapshot would hold of the world outside.
TELL = """
import os, socket, sys
import handlers.api
from contextlib import suppress
families = []
for one in os.listdir("/proc/self/fd"):
    with suppress(OSError), socket.socket(fileno=os.dup(int(one))) as held:
        families.append(held.family.name)
print(*(one for one in families if one != "AF_UNIX"))  # a pair by which an event loop wakes itself
print(*(one for one in ("boto3", "botocore.session") if one in sys.modules))
"""


def alias(stack: Stack) -> dict[str, Any]:
    return properties(stack, "ApiFunctionAliaslive")


def test_only_the_demo_door_starts_from_a_snapshot(templates: Templates) -> None:
    assert properties(templates.demo, "ApiFunction")["SnapStart"] == {
        "ApplyOn": "PublishedVersions"
    }
    # Lambda refuses it where a file system is mounted.
    assert properties(templates.sole, "ApiFunction")["SnapStart"] == {"ApplyOn": "None"}
    assert "FileSystemConfigs" in properties(templates.sole, "ApiFunction")


def test_it_can_be_done_without(templates: Templates) -> None:
    door = translated(templates.raw["functions"], ApiRole="demo", SnapStart="None")
    assert properties(door, "ApiFunction")["SnapStart"] == {"ApplyOn": "None"}


def test_visitors_are_served_by_the_published_version(templates: Templates) -> None:
    (name,) = templates.demo.of_type("AWS::Lambda::Version")
    assert alias(templates.demo)["FunctionVersion"] == {"Fn::GetAtt": [name, "Version"]}
    (api,) = templates.demo.of_type("AWS::ApiGateway::RestApi").values()
    for path in api["Body"]["paths"].values():
        asked = path["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["uri"]
        assert "${ApiFunctionAliaslive}" in asked["Fn::Sub"]


def test_versions_that_serve_nobody_are_removed(templates: Templates) -> None:
    for stack in (templates.demo, templates.sole):
        found = stack.resources()
        versions = stack.of_type("AWS::Lambda::Version")
        assert versions
        assert {found[name]["DeletionPolicy"] for name in versions} == {"Delete"}


def test_a_new_revision_is_a_new_version(templates: Templates) -> None:
    door = translated(templates.raw["functions"], ApiRole="demo", Revision="2026-11-26")
    (version,) = door.of_type("AWS::Lambda::Version").values()
    # A new description replaces it; and Lambda publishes none of a function that is as before.
    assert version["Description"] == "2026-11-26"
    assert properties(door, "ApiFunction")["Description"]["Fn::Sub"].endswith("${Revision}.")


def test_a_changed_setting_is_a_new_version(templates: Templates) -> None:
    path = ("ApiFunction", "Properties", "Environment", "Variables", "ENVIRONMENT")
    changed = templates.changed("functions", path, "other").demo
    assert set(changed.of_type("AWS::Lambda::Version")) != set(
        templates.demo.of_type("AWS::Lambda::Version")
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of a handler that was imported over a seeded read-only database, as in the image."""
    folder = tmp_path_factory.mktemp("door")
    operator = Operator.with_a_site(folder / "site", "local")
    environ = {
        "PATH": "", "PYTHONPATH": str(ROOT), "ENVIRONMENT": "production", "READ_ONLY": "true",
        "AWS_REGION": "us-east-1", "SECRET_MANAGER_ENABLED": "false",
        "DATA_DIR": str(Path(operator.database).parent),
        "DATABASE_URL": f"sqlite:///{operator.database}",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", TELL], env=environ, cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


def test_the_snapshot_holds_no_connection(told: list[str]) -> None:
    assert told[0] == ""


def test_the_snapshot_holds_no_credentials(told: list[str]) -> None:
    assert told[1] == ""  # nothing that could ask for any was even imported


def test_what_the_door_draws_at_random_comes_from_the_system() -> None:
    """The numbers of ``random`` would be the same in every copy; the system's are not."""
    rooms = ("access", "actions", "inference", "reports", "storage", "usage", "web")
    drawing = {
        str(file.relative_to(ROOT))
        for room in rooms
        for file in (ROOT / "app" / room).rglob("*.py")
        if "import random" in file.read_text() or "from random" in file.read_text()
    }
    # How long a writer waits before it looks again; the door writes nothing.
    assert drawing == {"app/storage/sqlite.py"}
