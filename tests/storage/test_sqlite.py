"""Two ways of writing a file: WAL on a local disk, a deleted journal on a network file system."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import NullPool, QueuePool, func, select, text

from app.errors import ConfigurationError, StorageBusy
from app.storage import sqlite
from app.storage.database import Database
from app.storage.sqlite import JournalChoice, on_network
from app.storage.tables import Drawing
from tests.support.faults.disks import impatient
from tests.support.stores.databases import a_row, open_database, sqlite_url

ON_BOTH = {"synchronous": 2, "foreign_keys": 1, "mmap_size": 0, "secure_delete": 1}
SET_UP: dict[JournalChoice, dict[str, str | int]] = {
    "wal": {"journal_mode": "wal", "busy_timeout": 5_000, **ON_BOTH},
    "delete": {"journal_mode": "delete", "busy_timeout": 15_000, **ON_BOTH},
}
MOUNTINFO = """\
22 1 0:21 / / rw,relatime - ext4 /dev/vda rw
23 22 0:22 / /mnt/efs rw,relatime shared:1 - nfs4 127.0.0.1:/ rw,vers=4.1
24 23 0:23 / /mnt/efs/local\\040disk rw,relatime - ext4 /dev/vdb rw
"""


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder seems to lie on another machine."""
    monkeypatch.setattr(sqlite, "on_network", lambda file: True)


def journal(database: Database) -> str:
    with database.reading() as tx:
        return str(tx.scalar(text("PRAGMA journal_mode")))


@pytest.mark.parametrize("mode", SET_UP)
def test_every_connection_is_set_up_for_durability(tmp_path: Path, mode: JournalChoice) -> None:
    with open_database(tmp_path, journal=mode) as database:
        engines = (database.engine, database.engine, database.writer, database.writer)
        connections = [engine.connect() for engine in engines]
        for connection in connections:
            found = {name: connection.scalar(text(f"PRAGMA {name}")) for name in SET_UP[mode]}
            connection.rollback()
            assert found == SET_UP[mode]
        for connection in connections:
            connection.close()


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("/srv", False), ("/mnt/efs/data", True), ("/mnt/efs/local disk/x", False)],
)
def test_a_network_file_system_is_recognised_by_its_mount(
    tmp_path: Path, folder: str, expected: bool
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTINFO)
    assert on_network(Path(folder), mounts) is expected
    assert not on_network(Path(folder), tmp_path / "a system without /proc")


def test_a_link_lies_where_it_leads_and_a_file_can_be_mounted_alone(tmp_path: Path) -> None:
    mounts, link = tmp_path / "mountinfo", tmp_path / "link.sqlite3"
    for name in ("efs", "alone.sqlite3"):
        with mounts.open("a") as lines:
            lines.write(f"23 22 0:22 / {tmp_path}/{name} rw - nfs4 127.0.0.1:/ rw\n")
    link.symlink_to(tmp_path / "efs" / "real.sqlite3")
    assert on_network(link, mounts)
    assert on_network(tmp_path / "alone.sqlite3", mounts)
    assert not on_network(tmp_path / "other.sqlite3", mounts)


def test_on_a_local_disk_the_journal_is_a_wal_and_connections_are_pooled(tmp_path: Path) -> None:
    with open_database(tmp_path) as database:
        assert isinstance(database.engine.pool, QueuePool)
        assert journal(database) == "wal"


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("choice", ["auto", "delete"])
def test_on_a_network_file_system_nothing_is_pooled_and_the_journal_is_deleted(
    tmp_path: Path, choice: JournalChoice
) -> None:
    with open_database(tmp_path, journal=choice) as database:
        assert isinstance(database.engine.pool, NullPool)
        assert journal(database) == "delete"


def test_the_operator_may_choose_the_journal_on_a_local_disk(tmp_path: Path) -> None:
    choices: tuple[JournalChoice, ...] = ("delete", "wal", "delete", "auto")
    found = []
    for choice in choices:
        with open_database(tmp_path, journal=choice) as database:
            found.append(journal(database))
    assert found == ["delete", "wal", "delete", "wal"]


@pytest.mark.usefixtures("network")
def test_wal_is_refused_on_a_network_file_system_before_a_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set DATABASE_JOURNAL=auto"):
        Database.open(sqlite_url(tmp_path), "local", "wal")
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_wal_is_refused_on_a_network_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_database(tmp_path):
        pass
    monkeypatch.setattr(sqlite, "on_network", lambda file: True)
    with pytest.raises(ConfigurationError, match="WAL mode on a network"):
        Database.open(sqlite_url(tmp_path), "local")


def test_a_journal_that_cannot_be_had_is_refused_instead_of_used_in_another_way(
    tmp_path: Path,
) -> None:
    with open_database(tmp_path, journal="delete") as database:
        sqlite.settle_journal(database.engine, sqlite.DELETE)
        with pytest.raises(ConfigurationError, match="cannot be made nonsense"):
            sqlite.settle_journal(database.engine, sqlite.Mode("nonsense", NullPool, 0))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path, journal="delete") as database:
        yield database


def keep(database: Database) -> None:
    with database.writing() as tx:
        tx.add(a_row())


def kept(database: Database) -> int | None:
    with database.reading() as tx:
        return tx.scalar(select(func.count()).select_from(Drawing))


def test_a_commit_waits_until_the_reader_has_ended(database: Database) -> None:
    writer = Thread(target=keep, args=(database,))
    with database.reading() as tx:
        assert tx.scalars(select(Drawing)).all() == []
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        assert tx.scalars(select(Drawing)).all() == []
    writer.join(10)
    assert kept(database) == 1


def test_a_commit_that_had_to_wait_too_long_keeps_nothing_and_bars_nobody(
    database: Database,
) -> None:
    with database.reading() as tx:
        assert tx.scalars(select(Drawing)).all() == []
        with pytest.raises(StorageBusy, match="try again in half a minute"):
            keep(impatient(database))
    assert kept(database) == 0
    keep(database)
    assert kept(database) == 1
