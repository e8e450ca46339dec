"""Restoring over a database that is in use, crashed, ruined, another's or not there."""

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.backups.catalogue import made_backups, newest
from app.errors import BackupError, StorageUnavailable, WrongEnvironment
from tests.support.people.operators import Operator
from tests.support.stores import ledger
from tests.support.stores.databases import contents, open_database

WAITING_WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
print("waits", flush=True)
try:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM drawings")
    connection.execute("COMMIT")
except sqlite3.OperationalError as error:
    print(error.sqlite_errorname)
"""


@pytest.fixture
def backed_up(operator: Operator) -> Operator:
    """A house was kept and backed up, and a boat since."""
    operator.keeps("house")
    operator.backs_up()
    operator.keeps("boat")
    return operator


def test_the_newest_backup_takes_the_place_of_the_database_which_is_kept(
    backed_up: Operator,
) -> None:
    restored = backed_up.restores()
    assert backed_up.finds() == ["house"]
    assert restored.replaced is not None
    assert backed_up.finds(restored.replaced) == ["house", "boat"]
    assert not list(backed_up.folder.glob(".restoring-*"))


def test_the_app_goes_on_with_what_was_restored(backed_up: Operator) -> None:
    backed_up.restores()
    backed_up.keeps("tree")
    assert backed_up.finds() == ["house", "tree"]


def test_an_earlier_time_gets_the_backup_of_that_time(backed_up: Operator) -> None:
    first = newest(made_backups(backed_up.blobs))
    assert first is not None
    backed_up.backs_up()
    backed_up.restores(at=first.made_at)
    assert backed_up.finds() == ["house"]


def test_a_time_before_every_backup_is_refused(backed_up: Operator) -> None:
    before = contents(backed_up.folder)
    with pytest.raises(BackupError, match="no backup made at 2020-01-01"):
        backed_up.restores(at=datetime(2020, 1, 1, tzinfo=UTC))
    assert contents(backed_up.folder) == before


def test_restoring_twice_ends_in_the_same_state_and_keeps_both_files(backed_up: Operator) -> None:
    replaced = [backed_up.restores().replaced, backed_up.restores().replaced]
    assert backed_up.finds() == ["house"]
    assert [backed_up.finds(file) for file in replaced] == [["house", "boat"], ["house"]]


def test_restoring_to_another_file_leaves_the_database_alone(
    backed_up: Operator, tmp_path: Path
) -> None:
    restored = backed_up.restores(to=tmp_path / "copy.sqlite3")
    assert restored.replaced is None
    assert backed_up.finds(restored.file) == ["house"]
    assert backed_up.finds() == ["house", "boat"]


def test_a_link_to_the_database_stays_one(backed_up: Operator, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(backed_up.database)
    backed_up.restores(to=link)
    assert link.is_symlink()
    assert backed_up.finds() == ["house"]


def test_the_restored_file_has_the_rights_of_the_one_before(backed_up: Operator) -> None:
    backed_up.database.chmod(0o640)
    backed_up.restores()
    assert backed_up.database.stat().st_mode & 0o777 == 0o640


def test_a_database_that_the_app_has_open_is_not_replaced(backed_up: Operator) -> None:
    with (
        open_database(backed_up.folder),
        pytest.raises(StorageUnavailable, match="stop the app"),
    ):
        backed_up.restores()
    assert backed_up.finds() == ["house", "boat"]
    backed_up.restores()


def test_a_database_in_the_middle_of_a_transaction_is_not_replaced(
    backed_up: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.backups.replacement.LOCK_SECONDS", 0.1)
    ledger.start(backed_up.database, "DELETE")
    with closing(ledger.connect(backed_up.database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable, match="in use"):
            backed_up.restores()


def test_a_writer_that_waits_for_the_restore_is_refused_and_loses_nothing_unawares(
    backed_up: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.start(backed_up.database, "DELETE")
    writers: list[subprocess.Popen[str]] = []

    def wait_here(target: Path, file: Path) -> None:
        writer = subprocess.Popen(
            [sys.executable, "-c", WAITING_WRITER, target], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "waits\n"
        writers.append(writer)

    monkeypatch.setattr("app.backups.replacement._take_over_rights", wait_here)
    backed_up.restores()
    said, _ = writers[0].communicate(timeout=30)
    assert said == "SQLITE_READONLY_DBMOVED\n"


def test_a_ruined_database_is_kept_with_its_journals_and_replaced(backed_up: Operator) -> None:
    backed_up.database.write_bytes(b"ruin " * 2000)
    wal = backed_up.database.with_name(f"{backed_up.database.name}-wal")
    wal.write_bytes(b"a part of the ruin")
    restored = backed_up.restores()
    assert backed_up.finds() == ["house"]
    assert restored.replaced is not None
    assert restored.replaced.read_bytes().startswith(b"ruin ")
    kept_wal = restored.replaced.with_name(f"{restored.replaced.name}-wal")
    assert kept_wal.read_bytes() == b"a part of the ruin"


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
def test_a_journal_without_its_database_is_set_aside_lest_it_be_played_into_the_restored_one(
    backed_up: Operator, suffix: str
) -> None:
    journal = backed_up.database.with_name(backed_up.database.name + suffix)
    backed_up.database.unlink()
    journal.write_bytes(b"of another database")
    backed_up.restores()
    assert not journal.exists()
    (kept,) = backed_up.folder.glob(f"*.replaced-*{suffix}")
    assert kept.read_bytes() == b"of another database"
    assert backed_up.finds() == ["house"]


def test_a_database_of_another_environment_is_not_replaced(
    backed_up: Operator, tmp_path: Path
) -> None:
    other = Operator.with_a_site(tmp_path / "other", "production")
    before = contents(other.folder)
    with pytest.raises(WrongEnvironment, match="ENVIRONMENT=production"):
        backed_up.restores(to=other.database)
    assert contents(other.folder) == before


def test_a_folder_that_is_not_there_is_named(backed_up: Operator, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="nowhere cannot be worked in"):
        backed_up.restores(to=tmp_path / "nowhere" / "file")
