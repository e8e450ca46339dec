"""A site looked after from the command line: migrated, cleared by retention, its jobs listed."""

import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.storage.jobs import claim, enqueue, fail
from app.storage.schema import REVISIONS
from tests.support.stores.databases import a_row, open_database

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a site with one drawing, long kept."""
    with open_database(tmp_path / "var") as database, database.writing() as tx:
        tx.add(a_row(created_at=LONG_AGO))
    return tmp_path / "var"


def sketchnorm(data: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("sketchnorm"), *words],
        env={"DATA_DIR": str(data), "PATH": "/usr/bin:/bin", **settings},
        cwd=data.parent, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_port_that_is_taken_is_said_before_anything_else(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        served = sketchnorm(data, "serve", "--port", port)
    assert served.returncode == 1
    assert served.stdout == ""
    assert f"port {port}: Address already in use" in served.stderr.replace("\n", " ")


def test_migrating_forth_and_back_and_forth_says_what_was_done(data: Path) -> None:
    newest = REVISIONS[-1]
    assert f"schema of this release, {newest}, already" in sketchnorm(data, "migrate").stdout
    back = sketchnorm(data, "migrate", "--to", "0001").stdout
    assert f"from schema {newest} to 0001" in back
    assert "The database as it was is in the backup backups/" in back
    again = sketchnorm(data, "migrate", "--without-backup").stdout
    assert f"from schema 0001 to {newest}" in again
    assert len(list(data.glob("blobs/backups/**/*.gz"))) == 1


def test_a_revision_that_is_none_is_one_sentence(data: Path) -> None:
    said = sketchnorm(data, "migrate", "--to", "0815")
    assert said.returncode == 1
    assert "cannot be taken back to '0815'" in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr


def test_retention_runs_now_and_says_what_it_removed(data: Path) -> None:
    said = sketchnorm(data, "retention", RETENTION_DAYS="9999")
    assert ["drawings", "0"] in [line.split() for line in said.stdout.splitlines()]
    said = sketchnorm(data, "retention")
    assert ["drawings", "1"] in [line.split() for line in said.stdout.splitlines()]


def test_jobs_that_wait_or_were_given_up_are_listed_with_their_error(data: Path) -> None:
    assert "No job waits" in sketchnorm(data, "jobs").stdout
    with open_database(data) as database:
        enqueue(database, "tidy", "k", LONG_AGO)
        held = claim(database, ["tidy"], "a", LONG_AGO)
        assert held is not None
        fail(database, held, "The store is away.", LONG_AGO)
    listed = sketchnorm(data, "jobs", COLUMNS="200").stdout
    assert "tidy" in listed
    assert "The store is away." in listed
