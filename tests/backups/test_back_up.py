"""Backing up a database that may be in use, unchanged, or not ours."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app.background.work import Work, run_due_jobs
from app.backups.back_up import back_up
from app.backups.catalogue import BackupBlob, BackupName, list_backups
from app.errors import BackupError, StorageUnavailable, WrongEnvironment
from app.storage.jobs import Recurring, enqueue
from app.storage.tables import UsageHour
from app.usage.counts import add, hour_of
from app.usage.uptime import say
from tests.support.people.operators import Operator
from tests.support.polling import until
from tests.support.stores import ledger
from tests.support.stores.databases import a_row, contents, open_database


def test_a_backup_is_made_while_the_app_has_the_database_open(operator: Operator) -> None:
    with open_database(operator.folder) as database, database.writing() as tx:
        tx.add(a_row(category="never"))
        tx.flush()
        assert operator.backs_up().manifest.contents.rows["drawings"] == 0


def test_an_unchanged_database_is_noted_and_not_copied_again(operator: Operator) -> None:
    first, second = operator.backs_up(), operator.backs_up()
    assert (first.copied, second.copied) == (True, False)
    assert first.name == second.name
    (listed,) = list_backups(operator.blobs)
    assert listed.unchanged_at is not None
    assert listed.unchanged_at > first.name.made_at


def test_a_changed_database_is_copied_and_the_note_stays_with_the_one_before(
    operator: Operator,
) -> None:
    operator.backs_up()
    operator.backs_up()
    operator.keeps("house")
    assert operator.backs_up().copied
    first, second = list_backups(operator.blobs)
    assert first.unchanged_at is not None
    assert second.unchanged_at is None


def test_that_the_site_is_up_is_no_reason_for_a_copy_and_a_visit_is_one(
    operator: Operator,
) -> None:
    operator.backs_up()
    at = datetime.now(UTC)
    with open_database(operator.folder) as database, database.writing() as tx:
        say(tx, up=[at])
    assert not operator.backs_up().copied
    with open_database(operator.folder) as database, database.writing() as tx:
        add(tx, UsageHour, {"hour": hour_of(at)}, requests=1)
    assert operator.backs_up().copied


def test_work_that_comes_again_by_itself_is_no_reason_for_a_copy(operator: Operator) -> None:
    first = operator.backs_up()
    with open_database(operator.folder) as database:
        schedule = [Recurring(kind, timedelta(minutes=5)) for kind in ("retention", "drain")]
        handlers = {one.kind: lambda payload: None for one in schedule}
        assert run_due_jobs(Work(database, handlers, schedule)).done == 2
        assert enqueue(database, "retention", "k", datetime.now(UTC))
    second = operator.backs_up()
    assert (second.name, second.copied) == (first.name, False)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE drawings SET age_years = 7", id="a value"),
        pytest.param("UPDATE drawings SET category = '7'", id="a text for nothing"),
        pytest.param("DELETE FROM drawings", id="a row less"),
        pytest.param("CREATE TABLE more (id INTEGER)", id="a table"),
        pytest.param("ALTER TABLE drawings ADD COLUMN more INTEGER", id="a column"),
        pytest.param("CREATE INDEX more ON drawings (category, age_years)", id="an index"),
        pytest.param(
            "INSERT INTO jobs (kind, unique_key, payload, attempts, created_at, run_after) VALUES "
            "('bulk', 'k', '{\"of\": \"somebody\"}', 0, '2026-01-01', '2026-01-01')",
            id="work that somebody asked for",
        ),
    ],
)
def test_any_other_change_is_copied(operator: Operator, change: str) -> None:
    with open_database(operator.folder) as database, database.writing() as tx:
        tx.add(a_row(age_years=6))
    operator.backs_up()
    with open_database(operator.folder) as database, database.writing() as tx:
        tx.execute(text(change))
    assert operator.backs_up().copied
    assert not operator.backs_up().copied


def test_an_unchanged_database_is_copied_anew_on_request(operator: Operator) -> None:
    first, second = operator.backs_up(), operator.backs_up(anew=True)
    assert second.copied
    assert second.name > first.name


@pytest.mark.parametrize("part", [BackupBlob.COPY, BackupBlob.MANIFEST])
def test_an_unchanged_database_whose_backup_is_gone_is_copied_again(
    operator: Operator, part: BackupBlob
) -> None:
    operator.file(operator.backs_up().name, part).unlink()
    assert operator.backs_up().copied


def test_an_unchanged_database_whose_manifest_is_damaged_is_copied_again(
    operator: Operator,
) -> None:
    operator.file(operator.backs_up().name, BackupBlob.MANIFEST).write_text("{")
    assert operator.backs_up().copied


def test_the_first_backup_of_a_month_is_made_of_an_unchanged_database_too(
    operator: Operator,
) -> None:
    name = operator.backs_up().name
    last_month = BackupName(name.made_at.replace(day=1) - timedelta(days=1), name.digest)
    for part in (BackupBlob.COPY, BackupBlob.MANIFEST):
        file = operator.file(last_month, part)
        file.parent.mkdir(parents=True, exist_ok=True)
        operator.file(name, part).rename(file)
    assert operator.backs_up().copied


def test_a_backup_holds_nothing_from_after_the_time_in_its_name(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(work))
    ledger.start(operator.database, "DELETE")
    with ThreadPoolExecutor(1) as threads, closing(ledger.connect(operator.database)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        backup = threads.submit(operator.backs_up)
        until(lambda: any(work.glob(f"*/{operator.database.name}")), what="the copy to begin")
        writer.execute("CREATE TABLE late (n INTEGER)")
        written_at = datetime.now(UTC)
        writer.execute("COMMIT")
    made = backup.result()
    assert "late" in made.manifest.contents.rows
    assert made.name.made_at > written_at


def test_a_database_without_tables_is_refused(operator: Operator) -> None:
    operator.database.unlink()
    operator.database.touch()
    with pytest.raises(BackupError, match="sketchnorm migrate"):
        operator.backs_up()


def test_a_database_of_another_environment_is_refused(operator: Operator) -> None:
    before = contents(operator.folder)
    with pytest.raises(WrongEnvironment, match="ENVIRONMENT=local"):
        back_up(file=operator.database, environment="production", blobs=operator.blobs)
    assert contents(operator.folder).keys() >= before.keys()
    assert list_backups(operator.blobs) == ()


def test_a_place_for_temporary_files_that_is_gone_is_named(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(operator.folder / "gone"))
    with pytest.raises(StorageUnavailable, match="gone cannot be worked in"):
        operator.backs_up()
