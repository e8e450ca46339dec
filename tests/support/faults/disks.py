"""Disks that are read-only, full or failing, and databases that are locked or ruined.

Where this machine lets no file system be mounted, a test that needs one is skipped.
"""

import errno
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.storage.database import Database
from app.storage.sqlite import PATIENCE_OPTION

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """What lies in ``folder`` can be read only; permission bits would not stop root."""
    with _mounted(folder, "--bind", str(folder)):
        _mount("-o", "remount,bind,ro", str(folder))
        yield


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """``folder`` is a disk of its own that holds no more than that."""
    folder.mkdir(exist_ok=True)
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs"):
        yield


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not one more block fits on ``disk``, which should be a small one."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        _fill(file.fileno())
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def failing() -> Iterator[None]:
    """This process can write no file beyond its first bytes: each further write is an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def file_of(database: Database) -> Path:
    """Where SQLite keeps it."""
    return Path(str(database.engine.url.database))


def impatient(database: Database) -> Database:
    """The same database for who does not want to wait for a lock in a test."""
    return replace(database, engine=database.engine.execution_options(**{PATIENCE_OPTION: 50}))


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Another has begun to write and does not end: a process, or a connection to a server."""
    if database.file is None:
        with database.writing() as tx:
            tx.connection()  # only now the transaction begins
            yield
        return
    command = [sys.executable, "-c", HOLD, str(file_of(database))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.kill()


def ruin(file: Path, table: str) -> None:
    """Write over the pages where ``table`` begins; nobody may have the database open."""
    with closing(sqlite3.connect(file)) as connection:
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = ?", [table])
        pages = [page for (page,) in roots]
    content = bytearray(file.read_bytes())
    for page in pages:
        content[(page - 1) * page_size : page * page_size] = bytes([0xAB]) * page_size
    file.write_bytes(content)


@contextmanager
def _mounted(folder: Path, *words: str) -> Iterator[None]:
    _mount(*words, str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")


def _fill(descriptor: int) -> None:
    for size in (65536, 4096, 1):
        try:
            while True:
                os.write(descriptor, bytes(size))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
