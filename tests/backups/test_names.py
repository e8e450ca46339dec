"""Names of backups, and which of them have had their time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backups.catalogue import BackupBlob, BackupName, expired, of_kind, parse
from app.storage.blobs.store import check_key

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAYS = st.lists(st.floats(0, 600), max_size=60, unique=True)


def name(days: float) -> BackupName:
    """A backup of so many days ago."""
    return BackupName(NOW - timedelta(days=days), "0123456789ab")


def keys(
    *names: BackupName, parts: tuple[BackupBlob, ...] = (BackupBlob.COPY, BackupBlob.MANIFEST)
) -> list[str]:
    return [name.key(part) for name in names for part in parts]


def kept(*names: BackupName) -> list[BackupName]:
    return list(of_kind(set(keys(*names)) - set(expired(keys(*names), NOW)), BackupBlob.MANIFEST))


def test_a_name_tells_the_time_to_the_microsecond_and_is_read_back() -> None:
    made = BackupName(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "0123456789ab")
    key = made.key(BackupBlob.COPY)
    assert key == "backups/2026/01/02/030405.000006Z-0123456789ab.sqlite3.gz"
    assert check_key(key) == key
    assert [parse(made.key(part)) for part in BackupBlob] == [(made, part) for part in BackupBlob]


@pytest.mark.parametrize(
    "key",
    [
        "backups/notes.txt",
        "backups/2026/13/02/030405.000006Z-0123456789ab.json",
        "backups/2026/01/02/030405.000006Z-0123456789ab.txt",
        "drawings/2026/01/02/030405.000006Z-0123456789ab.json",
    ],
)
def test_what_is_no_backup_is_never_deleted(key: str) -> None:
    assert parse(key) is None
    assert expired([key], NOW) == ()


def test_names_sort_by_time_whatever_their_bytes() -> None:
    earlier = BackupName(NOW, "ffffffffffff")
    later = BackupName(NOW + timedelta(microseconds=1), "000000000000")
    assert of_kind(keys(later, earlier), BackupBlob.MANIFEST) == (earlier, later)
    assert str(earlier) < str(later)


def test_every_backup_of_35_days_is_kept_and_the_newest_one_before_them() -> None:
    first_of_month, older, before, recent = name(45), name(40), name(36), name(34.9)
    assert kept(first_of_month, older, before, recent) == [first_of_month, before, recent]


def test_the_only_backup_of_a_database_that_never_changes_is_kept() -> None:
    assert kept(name(3000)) == [name(3000)]


def test_the_first_of_each_month_is_kept_for_13_months() -> None:
    daily = [name(days) for days in range(500)]
    months = [made for made in kept(*daily) if made.made_at < NOW - timedelta(days=36)]
    assert [made.made_at.day for made in months] == [1] * len(months)
    assert (months[0].made_at.year, months[0].made_at.month) == (2025, 11)
    assert len(months) == 12


@given(DAYS)
def test_every_moment_of_35_days_stays_restorable_and_the_newest_backup_stays(
    days: list[float],
) -> None:
    names = sorted(name(age) for age in days)
    left = kept(*names)
    assert left[-1:] == names[-1:]
    for moment in (NOW - timedelta(days=age) for age in (0, 1, 10, 34.9)):
        before = [made for made in names if made.made_at <= moment]
        assert [made for made in left if made.made_at <= moment][-1:] == before[-1:]


@given(DAYS)
def test_deleting_twice_deletes_nothing_more(days: list[float]) -> None:
    stored = set(keys(*(name(age) for age in days), parts=tuple(BackupBlob)))
    left = stored - set(expired(stored, NOW))
    assert expired(left, NOW) == ()


def test_manifests_go_first_so_that_a_killed_deletion_leaves_no_backup_without_a_copy() -> None:
    gone = expired(keys(name(38), name(37), name(36), name(0)), NOW)
    assert gone == (
        name(37).key(BackupBlob.MANIFEST),
        name(37).key(BackupBlob.COPY),
    )
    assert expired([name(37).key(BackupBlob.COPY), *keys(name(0))], NOW) == (
        name(37).key(BackupBlob.COPY),
    )


def test_a_copy_without_a_manifest_is_left_alone_while_it_may_still_be_uploaded() -> None:
    assert expired([name(0.5).key(BackupBlob.COPY)], NOW) == ()
    assert expired([name(1.5).key(BackupBlob.COPY)], NOW) == (name(1.5).key(BackupBlob.COPY),)


def test_notes_are_kept_for_35_days() -> None:
    young, old = name(34).key(BackupBlob.NOTE), name(36).key(BackupBlob.NOTE)
    assert expired([young, old], NOW) == (old,)
