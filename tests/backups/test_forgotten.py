"""What a visitor deleted does not come back with a backup from before, and everything else does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.backups.catalogue import list_backups
from app.backups.drills import drill
from app.backups.restore import restore
from app.errors import StorageUnavailable
from app.storage import markers, schema
from app.storage.blobs.store import MARKERS, FolderBlobStore
from tests.support.people.operators import Operator
from tests.support.stores.databases import contents, open_database
from tests.support.stores.sites import DAYS, Site

NOW = datetime.now(UTC)


@contextmanager
def site_of(operator: Operator) -> Iterator[Site]:
    """The site while its app runs."""
    with open_database(operator.folder, operator.environment) as database:
        yield Site(database, operator.blobs)


@pytest.fixture
def kept(operator: Operator) -> list[str]:
    """Three drawings that were backed up."""
    with site_of(operator) as site:
        ids = [site.submits(key) for key in "abc"]
    operator.backs_up()
    return ids


def delete(operator: Operator, drawing_id: str) -> None:
    with site_of(operator) as site:
        site.forgets(drawing_id, NOW)


def found(operator: Operator) -> set[str]:
    with site_of(operator) as site:
        return site.drawings


def test_what_was_deleted_since_the_backup_is_left_out(operator: Operator, kept: list[str]) -> None:
    delete(operator, kept[0])
    assert operator.restores().forgotten == 1
    with site_of(operator) as site:
        assert site.drawings == set(kept[1:])
        assert site.referred == site.stored


def test_nothing_that_belonged_to_it_is_left_in_the_file(
    operator: Operator, kept: list[str]
) -> None:
    delete(operator, kept[0])
    file = operator.restores().file
    assert kept[0].encode() not in file.read_bytes()
    assert kept[1].encode() in file.read_bytes()


def test_a_drawing_backed_up_after_its_marker_was_made_is_left_out_too(
    operator: Operator, kept: list[str]
) -> None:
    """As by a process that was killed between the marker and the rows."""
    markers.mark(operator.blobs, kept[0], NOW)
    operator.backs_up(anew=True)
    assert operator.restores().forgotten == 1
    assert found(operator) == set(kept[1:])


def test_each_earlier_backup_is_restored_without_it(operator: Operator, kept: list[str]) -> None:
    operator.keeps("boat")
    operator.backs_up()
    delete(operator, kept[0])
    operator.backs_up()
    for listed in list_backups(operator.blobs):
        operator.restores(at=listed.name.made_at)
        assert found(operator) >= set(kept[1:])
        assert kept[0] not in found(operator)


def test_a_copy_to_look_into_is_without_it_as_well(
    operator: Operator, kept: list[str], tmp_path: Path
) -> None:
    delete(operator, kept[0])
    copy = operator.restores(to=tmp_path / "copy.sqlite3").file
    with closing(sqlite3.connect(copy)) as connection:
        ids = {row[0] for row in connection.execute("SELECT id FROM drawings")}
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    assert (ids, mode) == (set(kept[1:]), "delete")
    assert [path.name for path in copy.parent.glob("copy*")] == ["copy.sqlite3"]


def test_a_backup_of_an_older_schema_is_restored_without_it(
    operator: Operator, kept: list[str]
) -> None:
    with open_database(operator.folder) as database:
        schema.take_back(database, schema.REVISIONS[0])
    old = operator.backs_up().name
    delete(operator, kept[0])
    assert operator.restores(at=old.made_at).forgotten == 1
    assert found(operator) == set(kept[1:])


def test_a_drawing_that_was_an_example_in_the_backup_goes_with_its_sample(
    operator: Operator, kept: list[str]
) -> None:
    with site_of(operator) as site:
        site.shows(kept[0])
    operator.backs_up()
    markers.mark(operator.blobs, kept[0], NOW)
    assert operator.restores().forgotten == 1
    assert found(operator) == set(kept[1:])


def test_more_than_fit_into_one_transaction_are_left_out(operator: Operator) -> None:
    with site_of(operator) as site:
        ids = [site.submits() for _ in range(120)]
    operator.backs_up()
    for drawing_id in ids[:101]:
        markers.mark(operator.blobs, drawing_id, NOW)
    assert operator.restores().forgotten == 101
    assert found(operator) == set(ids[101:])


class Unlisted(FolderBlobStore):
    """Does not list its markers."""

    def keys(self, prefix: str) -> tuple[str, ...]:
        if prefix == MARKERS:
            raise StorageUnavailable("The store is away.")
        return super().keys(prefix)


def test_without_the_markers_nothing_is_restored(operator: Operator, kept: list[str]) -> None:
    delete(operator, kept[0])
    before = contents(operator.folder)
    with pytest.raises(StorageUnavailable):
        restore(
            to=operator.database,
            environment="local",
            blobs=Unlisted(operator.folder / "blobs", "local"),
        )
    assert contents(operator.folder) == before


def test_a_file_put_back_by_hand_is_freed_of_it_by_retention(
    operator: Operator, kept: list[str]
) -> None:
    """As with a dump of PostgreSQL, which other tools restore."""
    copy = operator.database.read_bytes()
    delete(operator, kept[0])
    operator.database.write_bytes(copy)
    assert found(operator) == set(kept)
    with site_of(operator) as site:
        assert site.retains(NOW).forgotten == 1
        assert site.drawings == set(kept[1:])
        assert site.referred == site.stored


def test_what_retention_had_removed_comes_back_and_is_removed_by_its_next_run(
    operator: Operator,
) -> None:
    with site_of(operator) as site:
        old, young = site.keeps(NOW - (DAYS + 1) * timedelta(days=1)), site.keeps(NOW)
    operator.backs_up()
    with site_of(operator) as site:
        site.retains(NOW)
    assert operator.restores().forgotten == 0
    with site_of(operator) as site:
        assert site.drawings == {old, young}
        site.retains(NOW)
        assert site.drawings == {young}
        assert site.referred == site.stored


def test_a_drill_bears_markers_and_touches_nothing(operator: Operator, kept: list[str]) -> None:
    delete(operator, kept[0])
    before = operator.database.read_bytes(), operator.blobs.keys(MARKERS)
    assert drill(environment="local", blobs=operator.blobs).contents.rows["drawings"] == 2
    assert (operator.database.read_bytes(), operator.blobs.keys(MARKERS)) == before
