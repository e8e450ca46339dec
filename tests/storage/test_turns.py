"""With a rollback journal a commit waits for readers, and a backup is one."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, select

from app.errors import StorageBusy
from app.storage.database import Database
from app.storage.tables import Drawing
from tests.support.faults.disks import impatient
from tests.support.stores.databases import a_drawing, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path, journal="delete") as database:
        yield database


def keep(database: Database) -> None:
    with database.writing() as tx:
        tx.add(a_drawing())


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
