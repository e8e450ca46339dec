"""Copies of databases that others have open, or died over."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from app.backups.snapshots import compress, copy_database, examine, expand
from app.errors import BackupError, StorageUnavailable
from tests.support.people.operators import Operator
from tests.support.stores import ledger
from tests.support.stores.databases import contents

MODES = ("WAL", "DELETE")
# Small pages of cache make a big transaction spill into the file before it is committed.
DIE_IN_A_WRITE = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 5")
connection.execute("BEGIN IMMEDIATE")
for n in range(2, 3000):
    connection.execute("INSERT INTO ledger VALUES (?, ?)", (n, "x" * 400))
os.kill(os.getpid(), 9)
"""


def die_in_a_write(file: Path) -> None:
    subprocess.run([sys.executable, "-c", DIE_IN_A_WRITE, file], check=False)


@pytest.fixture(params=MODES)
def database(request: pytest.FixtureRequest, operator: Operator) -> Path:
    """A database with one transaction, in each mode."""
    ledger.start(operator.database, request.param)
    with closing(ledger.connect(operator.database)) as connection:
        ledger.add(connection)
    return operator.database


def test_a_copy_holds_what_was_committed_and_can_go_to_a_network_disk(
    database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    with closing(ledger.connect(database)) as connection:
        ledger.add(connection)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM ledger")
        copy_database(database, copy)
    assert ledger.proven_count(copy) == 2
    assert copy.read_bytes()[18:20] == b"\x01\x01"  # no WAL; sqlite.org/fileformat.html, 1.3.3
    assert examine(copy).rows["ledger"] == 2


def test_an_unchanged_database_gives_the_same_bytes(database: Path, tmp_path: Path) -> None:
    copies = [tmp_path / "one", tmp_path / "two"]
    for copy in copies:
        copy_database(database, copy)
        with closing(ledger.connect(database)) as connection:
            connection.execute("SELECT * FROM ledger").fetchall()
    assert copies[0].read_bytes() == copies[1].read_bytes()


def test_copying_changes_nothing_and_leaves_the_journal_as_it_is(
    database: Path, tmp_path: Path
) -> None:
    before = database.read_bytes()
    copy_database(database, tmp_path / "copy")
    assert database.read_bytes() == before


def test_what_a_writer_left_half_done_is_said_and_not_mended(
    operator: Operator, tmp_path: Path
) -> None:
    ledger.start(operator.database, "DELETE")
    die_in_a_write(operator.database)
    before = contents(operator.folder)
    assert "sketchnorm.sqlite3-journal" in before
    with pytest.raises(BackupError, match="left in the middle of a write"):
        copy_database(operator.database, tmp_path / "copy", patience=0)
    assert contents(operator.folder) == before


def test_a_copy_waits_until_the_app_has_undone_what_was_left_half_done(
    operator: Operator, tmp_path: Path
) -> None:
    ledger.start(operator.database, "DELETE")
    die_in_a_write(operator.database)
    app = threading.Timer(0.2, ledger.count, [operator.database])
    app.start()
    copy_database(operator.database, tmp_path / "copy")
    app.join()
    assert ledger.proven_count(tmp_path / "copy") == 0


def test_what_a_killed_writer_had_committed_is_in_the_copy_in_wal(
    operator: Operator, tmp_path: Path
) -> None:
    ledger.start(operator.database, "WAL")
    with closing(ledger.connect(operator.database)) as held:
        ledger.add(held)
        die_in_a_write(operator.database)
        copy_database(operator.database, tmp_path / "copy")
    assert ledger.proven_count(tmp_path / "copy") == 1


def test_a_database_that_stays_locked_is_given_up(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.database.LOCK_SECONDS", 0.05)
    ledger.start(operator.database, "DELETE")
    with closing(ledger.connect(operator.database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageUnavailable, match="locked for too long"):
            copy_database(operator.database, tmp_path / "copy", patience=0.1)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="cannot be read"):
        copy_database(tmp_path / "missing", tmp_path / "copy")
    assert not (tmp_path / "missing").exists()


def damage(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\x7f" * (len(content) - 4096))


def point_nowhere(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO demo_samples VALUES ('a', 'A', '', 1, 'missing')")
        connection.commit()


def lose_the_stamp(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE environment_stamp")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (damage, "is damaged"),
        (lambda file: file.write_bytes(b"no database " * 1000), "is damaged"),
        (point_nowhere, "refer to missing ones"),
        (lose_the_stamp, "no tables of ours"),
    ],
    ids=["pages overwritten", "no database", "foreign key broken", "no stamp"],
)
def test_a_copy_that_is_not_whole_is_refused(operator: Operator, harm: object, why: str) -> None:
    assert callable(harm)
    harm(operator.database)
    with pytest.raises(BackupError, match=why):
        examine(operator.database)


def test_the_same_bytes_pack_the_same_and_come_back(tmp_path: Path) -> None:
    plain, packed, again, back = (tmp_path / name for name in ("a", "b", "c", "d"))
    plain.write_bytes(b"sketch" * 500_000)
    compress(plain, packed)
    compress(plain, again)
    assert packed.read_bytes() == again.read_bytes()
    expand(packed, back, 3_000_000)
    assert back.read_bytes() == plain.read_bytes()


@pytest.mark.parametrize("size", [0, 2_999_999, 3_000_001])
def test_a_backup_that_expands_to_another_size_is_refused_before_it_fills_the_disk(
    tmp_path: Path, size: int
) -> None:
    plain, packed, back = (tmp_path / name for name in ("a", "b", "c"))
    plain.write_bytes(b"sketch" * 500_000)
    compress(plain, packed)
    with pytest.raises(BackupError, match="another size"):
        expand(packed, back, size)
    assert back.stat().st_size <= size + 1
