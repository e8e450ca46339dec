"""The function that runs commands, called as operators and CloudFormation call it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import CommandFailed
from app.storage.schema import NEWER, REVISIONS
from handlers import deployment
from handlers.command import handler
from tests.support.gateway.deployments import Deployment, listening


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the database is to be."""
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cloudformation() -> Iterator[Deployment]:
    with listening() as it:
        yield it


def say(*words: str) -> object:
    return handler({"command": list(words)}, None)


def move_to(file: Path, revision: str, oldest_code: str) -> None:
    """As a later release would have left the database."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", [revision])
        database.execute("UPDATE schema_compatibility SET oldest_code = ?", [oldest_code])


def test_a_command_answers_with_what_it_printed(data: Path) -> None:
    assert f"from schema none to {REVISIONS[-1]}" in str(say("migrate"))
    assert "The backup " in str(say("backup"))
    assert "The backup " in str(say("restore"))
    assert "No job waits" in str(say("jobs"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(("backups", "--every"), "No such option", id="not understood"),
        pytest.param(("restore", "--at", "2020-01-01"), "no backup", id="refused"),
    ],
)
def test_a_command_that_fails_is_raised_with_what_it_printed(
    data: Path, words: tuple[str, ...], sentence: str
) -> None:
    say("migrate")
    with pytest.raises(CommandFailed, match=sentence):
        say(*words)


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_deployment_has_the_database_migrated_and_is_told(
    data: Path, cloudformation: Deployment, kind: str
) -> None:
    event = cloudformation.asks(kind)
    handler(event, None)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    assert {answer[name] == event[name] for name in ("RequestId", "StackId", "LogicalResourceId")}
    assert "already" in str(say("migrate"))


def test_the_stack_is_deleted_and_its_database_stays_as_it_is(
    data: Path, cloudformation: Deployment
) -> None:
    handler(cloudformation.asks("Delete"), None)
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    assert list(data.iterdir()) == []


@pytest.mark.parametrize(
    ("oldest_code", "status"),
    [
        pytest.param(REVISIONS[-1], "SUCCESS", id="a step that this release can serve with"),
        pytest.param("9999", "FAILED", id="a step that it cannot serve with"),
    ],
)
def test_a_deployment_that_is_rolled_back_asks_the_release_before(
    data: Path, cloudformation: Deployment, oldest_code: str, status: str
) -> None:
    say("migrate")
    move_to(data / "sketchnorm.sqlite3", "9999", oldest_code)
    handler(cloudformation.asks("Update"), None)
    (answer,) = cloudformation.answers
    assert answer["Status"] == status
    assert (answer["Reason"] == NEWER) == (status == "FAILED")


def test_a_database_that_is_away_stops_the_deployment_with_the_cure(
    data: Path, cloudformation: Deployment
) -> None:
    (data / "sketchnorm.sqlite3").mkdir()
    handler(cloudformation.asks("Update"), None)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "see its disk" in answer["Reason"]


def test_a_deployment_is_told_even_of_what_nobody_thought_of(
    data: Path, cloudformation: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "prepare", lambda settings: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        handler(cloudformation.asks("Update"), None)
    assert [answer["Status"] for answer in cloudformation.answers] == ["FAILED"]
