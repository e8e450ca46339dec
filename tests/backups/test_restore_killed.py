"""A restore that is killed anywhere leaves the old database or the new one, whole."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.backups.snapshots import examine
from tests.support.people.operators import Operator
from tests.support.stores import ledger
from tests.support.stores.databases import open_database
from tests.support.stores.sites import Site

OLD, NEW = 5, 2
DIE_IN_WAL = """
import os, sys
from pathlib import Path
from tests.support.stores import ledger
connection = ledger.connect(Path(sys.argv[1]))
for _ in range(3):
    ledger.add(connection)
os.kill(os.getpid(), 9)
"""
DIE_IN_A_WRITE = (
    DIE_IN_WAL.replace("os.kill", "connection.execute('PRAGMA cache_size = 5')\n%s\nos.kill")
    % """
connection.execute("BEGIN IMMEDIATE")
for n in range(100, 3000):
    connection.execute("INSERT INTO ledger VALUES (?, ?)", (n, "x" * 400))
"""
)


def close_properly(file: Path) -> None:
    with closing(ledger.connect(file)) as connection:
        for _ in range(3):
            ledger.add(connection)


def die(script: str) -> Callable[[Path], None]:
    def leave(file: Path) -> None:
        subprocess.run([sys.executable, "-c", script, file], check=False)

    return leave


LEFT_BEHIND = {
    "closed": ("DELETE", close_properly, None),
    "a WAL left by a killed app": ("WAL", die(DIE_IN_WAL), "-wal"),
    "a write left half-done": ("DELETE", die(DIE_IN_A_WRITE), "-journal"),
}


@pytest.mark.parametrize(("mode", "leave", "beside"), LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_the_database_is_the_old_one_or_the_new_one(
    operator: Operator,
    tmp_path: Path,
    mode: str,
    leave: Callable[[Path], None],
    beside: str | None,
) -> None:
    ledger.start(operator.database, mode)
    with closing(ledger.connect(operator.database)) as connection:
        ledger.add(connection)
        ledger.add(connection)
    operator.backs_up()
    leave(operator.database)
    assert beside is None or operator.database.with_name(operator.database.name + beside).exists()

    killed = subprocess.run(
        [sys.executable, "-m", "tests.support.faults.killed", operator.folder, tmp_path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    found = [look_at(Operator(tmp_path / str(step))) for step in range(1, int(killed.stdout) + 2)]
    assert found == sorted(found, reverse=True)
    assert set(found) == {OLD, NEW}
    assert len(found) > 20


def test_killed_anywhere_what_a_visitor_deleted_is_not_back(
    operator: Operator, tmp_path: Path
) -> None:
    with open_database(operator.folder) as database:
        site = Site(database, operator.blobs)
        deleted, kept = site.submits(), site.submits()
    operator.backs_up()
    with open_database(operator.folder) as database:
        site = Site(database, operator.blobs)
        site.forgets(deleted, datetime.now(UTC))
        later = site.submits()

    killed = subprocess.run(
        [sys.executable, "-m", "tests.support.faults.killed", operator.folder, tmp_path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    found = [ids_in(Operator(tmp_path / str(step))) for step in range(1, int(killed.stdout) + 2)]
    assert found == sorted(found, key=len, reverse=True)
    assert {*found} == {frozenset({kept, later}), frozenset({kept})}


def ids_in(site: Operator) -> frozenset[str]:
    examine(site.database)
    with closing(sqlite3.connect(site.database)) as connection:
        return frozenset(row[0] for row in connection.execute("SELECT id FROM drawings"))


def look_at(site: Operator) -> int:
    """What the app finds: first whatever SQLite mends by itself, then all of it."""
    ledger.count(site.database)
    examine(site.database)
    return ledger.proven_count(site.database)
