"""The drill restores for real, to where it does no harm."""

from datetime import UTC, datetime

import pytest

from app.backups.catalogue import BackupBlob
from app.backups.restore import DrillReport, drill
from app.errors import BackupError
from tests.support.data.bundles import flip_a_byte
from tests.support.people.operators import Operator
from tests.support.stores.databases import contents


def drilled(operator: Operator) -> DrillReport:
    return drill(environment=operator.environment, blobs=operator.blobs)


def test_the_newest_backup_is_restored_and_nothing_is_touched(operator: Operator) -> None:
    operator.backs_up()
    operator.keeps("house")
    newest = operator.backs_up().name
    before = contents(operator.folder)
    report = drilled(operator)
    assert report.name == newest
    assert report.contents.rows["drawings"] == 1
    assert report.size == operator.database.stat().st_size
    assert contents(operator.folder) == before


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
