"""The database: durable, one writer at a time, and plain about what it cannot do."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from app.errors import ConfigurationError, StorageUnavailable
from app.storage.database import Database
from app.storage.tables import Analysis, DemoSample, Drawing, IdempotencyKey
from tests.support.stores.databases import Place, a_row, open_database, sqlite_url


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with place.opened() as database:
        yield database


def count(database: Database, table: type[Drawing | Analysis | IdempotencyKey]) -> int:
    with database.reading() as tx:
        return tx.scalar(select(func.count()).select_from(table)) or 0


def another_process(database: Database) -> closing[sqlite3.Connection]:
    """A connection that our code does not know of, and that never waits."""
    return closing(sqlite3.connect(str(database.engine.url.database), timeout=0))


def keep_with_children(database: Database) -> str:
    drawing = a_row(
        analyses=[Analysis(bundle_version="1", bundle_sha256="0" * 64, result={"p_value": 0.5})]
    )
    with database.writing() as tx:
        tx.add(drawing)
        tx.flush()
        tx.add(IdempotencyKey(key="k", fingerprint="0" * 64, drawing_id=drawing.id))
    return drawing.id


def test_what_was_written_is_there_after_reopening(place: Place) -> None:
    with place.opened() as database:
        drawing_id = keep_with_children(database)
    with place.opened() as database, database.reading() as tx:
        kept = tx.get_one(Drawing, drawing_id)
        assert kept.analyses[0].result == {"p_value": 0.5}
        assert kept.created_at.tzinfo is UTC


def test_rows_can_be_read_after_the_transaction_ended(database: Database) -> None:
    with database.writing() as tx:
        drawing = a_row(category="house")
        tx.add(drawing)
    assert drawing.category == "house"
    assert len(drawing.id) >= 22


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    orphan = Analysis(drawing_id="missing", bundle_version="1", bundle_sha256="0", result={})
    with pytest.raises(IntegrityError), database.writing() as tx:
        tx.add_all([a_row(), orphan])
    assert count(database, Drawing) == 0


def test_reading_keeps_nothing(database: Database) -> None:
    with database.reading() as tx:
        tx.add(a_row())
        tx.flush()
    assert count(database, Drawing) == 0


def test_deleting_a_drawing_takes_its_analyses_and_keys_along(database: Database) -> None:
    drawing_id = keep_with_children(database)
    with database.writing() as tx:
        tx.delete(tx.get_one(Drawing, drawing_id))
    assert count(database, Analysis) == count(database, IdempotencyKey) == 0


def test_a_drawing_in_the_demo_cannot_be_deleted(database: Database) -> None:
    drawing_id = keep_with_children(database)
    with database.writing() as tx:
        tx.add(DemoSample(slug="a", title="A", description="", position=1, drawing_id=drawing_id))
    with pytest.raises(IntegrityError), database.writing() as tx:
        tx.delete(tx.get_one(Drawing, drawing_id))


def test_instants_are_kept_in_utc_whatever_zone_they_came_in(database: Database) -> None:
    there = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    with database.writing() as tx:
        tx.add(a_row(id="x" * 22, created_at=there))
    with database.reading() as tx:
        assert tx.get_one(Drawing, "x" * 22).created_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 1, 1)
    with pytest.raises(StatementError, match="without a time zone"), database.writing() as tx:
        tx.add(a_row(created_at=naive))


def test_a_writer_holds_the_lock_from_its_first_statement_and_readers_go_on(
    tmp_path: Path,
) -> None:
    with open_database(tmp_path) as database, database.writing() as tx:
        tx.scalar(select(func.count()).select_from(Drawing))
        assert count(database, Drawing) == 0
        with another_process(database) as other, pytest.raises(sqlite3.Error, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_writers_wait_for_each_other_and_none_is_lost(database: Database) -> None:
    def keep(number: int) -> None:
        with database.writing() as tx:
            so_far = tx.scalar(select(func.count()).select_from(Drawing))
            tx.add(a_row(category=str(so_far)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(keep, range(20)))
    with database.reading() as tx:
        seen = set(tx.scalars(select(Drawing.category)))
    assert seen == {str(number) for number in range(20)}


def test_text_is_searched_whatever_its_case(database: Database) -> None:
    with database.writing() as tx:
        tx.add_all(a_row(category=one) for one in ("House", "boat", "100% house"))
    with database.reading() as tx:
        found = tx.scalars(select(Drawing.category).where(Drawing.category.icontains("HOUSE")))
        assert set(found) == {"House", "100% house"}


def test_ping_tells_a_working_database_from_one_that_is_gone(database: Database) -> None:
    database.ping()
    with database.writing() as tx:
        tx.execute(text("DROP TABLE environment_stamp"))
    with pytest.raises(StorageUnavailable):
        database.ping()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sketchnorm.sqlite3").write_bytes(b"not a database, " * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        Database.open(sqlite_url(tmp_path), "local")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be made"):
        Database.open(sqlite_url(tmp_path / "file" / "folder"), "local")


def test_a_place_that_is_a_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "sketchnorm.sqlite3").mkdir()
    with pytest.raises(StorageUnavailable, match="cannot be opened"):
        Database.open(sqlite_url(tmp_path), "local")


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(ConfigurationError, match="postgresql"):
        Database.open("postgresql+nosuchdriver://user:pw@host/name", "production")
