"""A real PostgreSQL server in a temporary folder, which only this machine's sockets reach.

Its programs are those on PATH or those of Debian's package. It refuses to run as root, so there it
runs as the user that the package makes.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.support.polling import until

DEBIAN = Path("/usr/lib/postgresql")
USER: Final = "postgres"
ROLE: Final = "sketchnorm"
MISSING: Final = (
    "There is no PostgreSQL here: install it (on Debian: apt-get install postgresql), or put "
    "initdb and postgres on PATH."
)
# The system keeps what was written for a server that is killed; only a power cut needs fsync. Names
# are sorted as people do it, which SQLite does not: no test may lean on SQLite's order.
MADE: Final = ("--auth=trust", "--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en-US",
               "--no-sync")  # fmt: skip
STARTED: Final = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60")


@dataclass
class PostgresServer:
    """Can be stopped, frozen and started again, with what was kept."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=count)

    @classmethod
    def make(cls, folder: Path) -> "PostgresServer":
        """A new one in an empty folder, which is then its user's; it is not started."""
        _give(folder)
        command = [_program("initdb"), f"--pgdata={folder / 'data'}", f"--username={ROLE}", *MADE]
        subprocess.run(command, check=True, capture_output=True, user=_user(), cwd=folder)
        return cls(folder)

    def url(self, name: str) -> str:
        """The address of the database ``name``."""
        return f"postgresql+psycopg://{ROLE}@/{name}?host={self.folder}"

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The address of an empty one, which is dropped at the end whoever uses it."""
        name = f"test_{next(self._names)}"
        self.says(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.says(f"DROP DATABASE {name} WITH (FORCE)")

    def owns(self, folder: Path) -> None:
        """Make a folder that the server may use."""
        folder.mkdir()
        _give(folder)

    def says(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """What the server answers to somebody who has nothing to do with the app."""
        with self.connects(name) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def connects(self, name: str = "postgres") -> psycopg.Connection:
        """A connection past the app, each of whose statements is a transaction."""
        return psycopg.connect(host=str(self.folder), user=ROLE, dbname=name, autocommit=True)

    def start(self) -> None:
        """Return once it takes connections."""
        where = ("-D", f"{self.folder}/data", "-k", str(self.folder))
        command = [_program("postgres"), *where, *STARTED]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=_user(),
                cwd=self.folder,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        until(
            self._takes_connections,
            alive=lambda: self.process is not None and self.process.poll() is None,
            pause=0.05,
            what=f"PostgreSQL to start; see {self.folder / 'log'}",
        )

    def stop(self) -> None:
        """At once, as a failure does it: the next start recovers what was acknowledged."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=30)
            self.process = None

    def _takes_connections(self) -> bool:
        try:
            self.connects().close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """In a folder with a short path, as sockets need it; stopped at the end, however that comes."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        server = PostgresServer.make(Path(name))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def dump(url: str, file: Path) -> None:
    """As docs/backups.md says."""
    _run("pg_dump", "--format=custom", f"--file={file}", _address(url))


def restore_dump(url: str, file: Path) -> None:
    """The same, into a database that is emptied first instead of a new one."""
    with psycopg.connect(_address(url)) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    _run("pg_restore", "--single-transaction", f"--dbname={_address(url)}", file)


def _address(url: str) -> str:
    """As PostgreSQL's own programs take it."""
    return url.replace("+psycopg", "")


def _run(name: str, *words: str | Path) -> None:
    subprocess.run([_program(name), *words], check=True, capture_output=True, text=True)


def _program(name: str) -> str:
    """Fails the test where there is none: it was asked for by name."""
    newest_first = sorted(DEBIAN.glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    path = os.pathsep.join([os.environ["PATH"], *map(str, newest_first)])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.fail(MISSING)
    return found


def _user() -> str | None:
    """``None``: who runs the tests."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER).pw_name
    except KeyError:
        pytest.fail(f"PostgreSQL does not run as root, and there is no user {USER} here; add one.")


def _give(folder: Path) -> None:
    if (user := _user()) is not None:
        shutil.chown(folder, user, user)


def _die_with_parent() -> None:
    """In the new process: a test run that is killed must not leave a server behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
