"""A site looked after from the command line: migrated, cleared by retention, its jobs listed."""

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
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


def test_the_newest_revision_that_a_release_knows_is_said_without_a_database(
    tmp_path: Path,
) -> None:
    said = sketchnorm(tmp_path / "none", "migrate", "--head", DATABASE_URL="none")
    assert (said.returncode, said.stdout) == (0, f"{REVISIONS[-1]}\n")
    assert list(tmp_path.iterdir()) == []


def test_the_schema_does_not_go_two_steps_beyond_the_release_that_serves(data: Path) -> None:
    sketchnorm(data, "migrate", "--to", "0001")
    refused = sketchnorm(data, "migrate", "--serving", "0001")
    assert refused.returncode == 1
    assert "deploy the release in between first" in " ".join(refused.stderr.split())
    done = sketchnorm(data, "migrate", "--serving", REVISIONS[-2], "--without-backup")
    assert f"from schema 0001 to {REVISIONS[-1]}" in done.stdout


def test_a_database_a_step_ahead_is_said_to_be_so(data: Path) -> None:
    with closing(sqlite3.connect(data / "sketchnorm.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")
        connection.execute("UPDATE schema_compatibility SET oldest_code = ?", (REVISIONS[-1],))
    said = sketchnorm(data, "migrate")
    assert "later, one step ahead of this release" in " ".join(said.stdout.split())


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
