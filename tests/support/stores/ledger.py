"""Writers whose every state can be told from one that never was.

Each transaction adds a row whose checksum covers the row before, and counts it in another table:
a state with half a transaction, or with a gap, cannot be read as a ledger. Run as a program this
is one writer; it needs nothing but the standard library, to be quick to start and to kill.
"""

import hashlib
import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path


def connect(file: Path) -> sqlite3.Connection:
    """As the app does: durable, and patient with other writers."""
    connection = sqlite3.connect(file, timeout=15, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def start(file: Path, mode: str) -> None:
    """Add the ledger's tables and choose the journal."""
    with closing(connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE ledger (n INTEGER PRIMARY KEY, checksum TEXT)")
        connection.execute("CREATE TABLE counter (n INTEGER)")
        connection.execute("INSERT INTO counter VALUES (0)")


def add(connection: sqlite3.Connection) -> float:
    """One transaction; how many seconds it took."""
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    (n,) = connection.execute("SELECT n FROM counter").fetchone()
    before = connection.execute("SELECT checksum FROM ledger WHERE n = ?", (n,)).fetchone()
    row = (n + 1, _checksum(n + 1, before[0] if before else ""))
    connection.execute("INSERT INTO ledger VALUES (?, ?)", row)
    connection.execute("UPDATE counter SET n = ?", (n + 1,))
    connection.execute("COMMIT")
    return time.perf_counter() - began


def count(file: Path) -> int:
    """How many transactions were acknowledged so far, while others write."""
    with closing(connect(file)) as connection:
        return int(connection.execute("SELECT n FROM counter").fetchone()[0])


def proven_count(file: Path) -> int:
    """The same, once the whole chain was followed."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT n, checksum FROM ledger ORDER BY n").fetchall()
        (counted,) = connection.execute("SELECT n FROM counter").fetchone()
    checksum = ""
    for expected, (n, written) in enumerate(rows, start=1):
        checksum = _checksum(expected, checksum)
        assert (n, written) == (expected, checksum)
    assert counted == len(rows)
    return len(rows)


def _checksum(n: int, before: str) -> str:
    return hashlib.sha256(f"{n} {before}".encode()).hexdigest()


def _write(file: Path, seconds: float, pause: float) -> None:
    end, waits = time.monotonic() + seconds, []
    with closing(connect(file)) as connection:
        while time.monotonic() < end:
            waits.append((time.time(), add(connection)))
            time.sleep(pause)
    json.dump(waits, sys.stdout)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
