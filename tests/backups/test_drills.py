"""Restore drills: nothing is touched, and what came of the last one is kept."""

from datetime import UTC, datetime

import pytest

from app.backups.catalogue import BackupBlob
from app.backups.drills import RECORD, DrillReport, drill, last_drill
from app.errors import BackupError, StorageRefused
from app.storage.blobs.store import FolderBlobStore
from tests.support.data.bundles import flip_a_byte
from tests.support.people.operators import Operator
from tests.support.stores.databases import contents


def drilled(operator: Operator) -> DrillReport:
    return drill(environment=operator.environment, blobs=operator.blobs)


def without_records(operator: Operator) -> dict[str, bytes | None]:
    found = contents(operator.folder)
    return {name: content for name, content in found.items() if "backups/drills" not in name}


def test_the_newest_backup_is_restored_and_nothing_is_touched(operator: Operator) -> None:
    operator.backs_up()
    operator.keeps("house")
    newest = operator.backs_up().name
    before = without_records(operator)
    report = drilled(operator)
    assert report.name == newest
    assert report.contents.rows["drawings"] == 1
    assert report.size == operator.database.stat().st_size
    assert without_records(operator) == before


def test_what_came_of_it_is_kept_in_the_store(operator: Operator) -> None:
    assert last_drill(operator.blobs) is None
    operator.backs_up()
    before = datetime.now(UTC)
    drilled(operator)
    record = last_drill(operator.blobs)
    assert record is not None
    assert before <= record.at <= datetime.now(UTC)
    assert record.problem is None
    flip_a_byte(operator.file(operator.backs_up().name, BackupBlob.COPY))
    with pytest.raises(BackupError) as raised:
        drilled(operator)
    failed = last_drill(operator.blobs)
    assert failed is not None
    assert failed.at > record.at
    assert failed.problem == str(raised.value)


def test_a_drill_that_may_not_be_recorded_has_worked_all_the_same(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: object, *_: object) -> None:
        raise StorageRefused("The store is of no use now.", "The bucket refused.")

    operator.backs_up()
    monkeypatch.setattr(FolderBlobStore, "put", refuse)
    assert drilled(operator).contents.rows["drawings"] == 0
    assert last_drill(operator.blobs) is None
    assert "could not be recorded in the store: The bucket refused." in caplog.text


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"[]",
        b'{"at": "once", "problem": null}',
        b'{"at": "2026-11-26T12:00:00", "problem": null}',
        b"\xff",
    ],
)
def test_a_record_that_cannot_be_read_is_none(operator: Operator, damaged: bytes) -> None:
    operator.blobs.put(RECORD, damaged, "application/json")
    assert last_drill(operator.blobs) is None


def test_the_age_counts_from_when_the_database_was_last_the_same(operator: Operator) -> None:
    made = operator.backs_up().name.made_at
    before = datetime.now(UTC)
    operator.backs_up()
    report = drilled(operator)
    longest = (datetime.now(UTC) - before).total_seconds()
    assert 0 <= report.age_seconds <= longest
    assert before > made


def test_a_store_without_backups_fails_the_drill(operator: Operator) -> None:
    with pytest.raises(BackupError, match="no backup in the store"):
        drilled(operator)


def test_a_damaged_backup_fails_the_drill(operator: Operator) -> None:
    flip_a_byte(operator.file(operator.backs_up().name, BackupBlob.COPY))
    with pytest.raises(BackupError, match="not what its manifest says"):
        drilled(operator)
