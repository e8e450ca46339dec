"""Backups in the store: which there are, which have had their time, and whether each is whole.

Nothing about them is believed that was not proven.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backups.catalogue import (
    BackupBlob,
    BackupName,
    expired,
    keep,
    list_backups,
    made_backups,
    newest,
    of_kind,
    parse,
    read_manifest,
)
from app.errors import BackupError, WrongEnvironment
from app.storage.blobs.store import FolderBlobStore, check_key
from app.storage.schema import REVISIONS
from tests.support.data.bundles import flip_a_byte
from tests.support.people.operators import Operator
from tests.support.stores.databases import contents

Harm = Callable[[Operator, BackupName], None]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAYS = st.lists(st.floats(0, 600), max_size=60, unique=True)


def flip(operator: Operator, name: BackupName) -> None:
    flip_a_byte(operator.file(name, BackupBlob.COPY))


def truncate(operator: Operator, name: BackupName) -> None:
    copy = operator.file(name, BackupBlob.COPY)
    copy.write_bytes(copy.read_bytes()[:-100])


def lose_the_copy(operator: Operator, name: BackupName) -> None:
    operator.file(name, BackupBlob.COPY).unlink()


def take_another_manifest(operator: Operator, name: BackupName) -> None:
    operator.keeps("another")
    other = operator.backs_up().name
    operator.file(name, BackupBlob.MANIFEST).write_bytes(
        operator.file(other, BackupBlob.MANIFEST).read_bytes()
    )
    operator.file(other, BackupBlob.MANIFEST).unlink()


def rewrite(**changes: object) -> Harm:
    def harm(operator: Operator, name: BackupName) -> None:
        file = operator.file(name, BackupBlob.MANIFEST)
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return harm


def say_other_contents(operator: Operator, name: BackupName) -> None:
    said = json.loads(operator.file(name, BackupBlob.MANIFEST).read_text())["contents"]
    said["rows"]["drawings"] += 1
    rewrite(contents=said)(operator, name)


def say_other_bytes(operator: Operator, name: BackupName) -> None:
    size = operator.database.stat().st_size
    rewrite(plain={"sha256": name.digest + "0" * 52, "size": size})(operator, name)


def scribble(operator: Operator, name: BackupName) -> None:
    operator.file(name, BackupBlob.MANIFEST).write_text("{")


REFUSALS: dict[str, tuple[Harm, str]] = {
    "a flipped byte": (flip, "not what its manifest says"),
    "a truncated file": (truncate, "not what its manifest says"),
    "a missing object": (lose_the_copy, "its copy is missing"),
    "another's manifest": (take_another_manifest, "another's"),
    "a manifest cut short": (scribble, "damaged"),
    "a manifest of a newer release": (rewrite(format=2), "newer release"),
    "a manifest without contents": (rewrite(contents=None), "damaged"),
    "a manifest with other counts": (say_other_contents, "other rows"),
    "a manifest of other bytes": (say_other_bytes, "not what its"),
    "a manifest of a shorter file": (rewrite(packed={"sha256": "0", "size": 1}), "not what its"),
}


@pytest.mark.parametrize(("harm", "why"), REFUSALS.values(), ids=REFUSALS)
def test_a_backup_that_is_not_what_it_was_is_refused_before_anything_is_touched(
    operator: Operator, harm: Harm, why: str
) -> None:
    operator.keeps("house")
    name = operator.backs_up().name
    harm(operator, name)
    before = contents(operator.folder)
    with pytest.raises(BackupError, match=why) as refusal:
        operator.restores()
    assert "--at" in str(refusal.value)
    assert contents(operator.folder) == before


def test_a_backup_of_another_environment_is_refused(operator: Operator) -> None:
    name = operator.backs_up().name
    said = json.loads(operator.file(name, BackupBlob.MANIFEST).read_text())["contents"]
    rewrite(contents=said | {"environment": "production"})(operator, name)
    with pytest.raises(WrongEnvironment, match="ENVIRONMENT=production"):
        operator.restores()


def test_the_manifest_says_what_was_copied_by_which_release(operator: Operator) -> None:
    operator.keeps("house")
    name = operator.backs_up().name
    manifest = read_manifest(operator.blobs, name)
    assert manifest.contents.rows["drawings"] == 1
    assert (manifest.contents.revision, manifest.contents.environment) == (REVISIONS[-1], "local")
    assert manifest.packed.size == operator.file(name, BackupBlob.COPY).stat().st_size
    assert manifest.app_version == "0.1.0"


def test_a_copy_without_a_manifest_is_no_backup(operator: Operator) -> None:
    first = operator.backs_up().name
    operator.keeps("house")
    operator.file(operator.backs_up().name, BackupBlob.MANIFEST).unlink()
    assert [listed.name for listed in list_backups(operator.blobs)] == [first]
    operator.restores()
    assert operator.finds() == []


def test_the_newest_backup_not_after_a_time_is_found_to_the_microsecond(
    operator: Operator,
) -> None:
    first = operator.backs_up().name
    operator.keeps("house")
    second = operator.backs_up().name
    just_before = second.made_at - timedelta(microseconds=1)
    assert (
        newest(made_backups(operator.blobs))
        == newest(made_backups(operator.blobs), second.made_at)
        == second
    )
    assert (
        newest(made_backups(operator.blobs), just_before)
        == newest(made_backups(operator.blobs), first.made_at)
        == first
    )
    assert newest(made_backups(operator.blobs), first.made_at - timedelta(microseconds=1)) is None


def test_an_upload_whose_answer_was_lost_is_finished_by_trying_again(operator: Operator) -> None:
    made = operator.backs_up()
    operator.file(made.name, BackupBlob.MANIFEST).unlink()
    packed = operator.file(made.name, BackupBlob.COPY)
    keep(operator.blobs, made.name, made.manifest, packed, ())
    assert newest(made_backups(operator.blobs)) == made.name


def test_what_lies_at_the_name_already_is_never_replaced(
    operator: Operator, tmp_path: Path
) -> None:
    made = operator.backs_up()
    operator.file(made.name, BackupBlob.MANIFEST).unlink()
    packed = tmp_path / "packed.gz"
    packed.write_bytes(operator.file(made.name, BackupBlob.COPY).read_bytes())
    flip(operator, made.name)
    before = contents(operator.folder)
    with pytest.raises(BackupError, match="not replaced"):
        keep(operator.blobs, made.name, made.manifest, packed, ())
    assert contents(operator.folder) == before


class Archive(FolderBlobStore):
    """A folder that notes what it is asked to keep cheaply."""

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        self.put(f"{key}.asked", str(archived).encode(), "text/plain")
        return super().put_new_file(key, file, content_type, archived=archived)


def test_only_the_first_backup_of_a_month_is_archived(operator: Operator, tmp_path: Path) -> None:
    manifest = operator.backs_up().manifest
    packed = tmp_path / "packed"
    packed.touch()
    archive = Archive(tmp_path / "archive", "local")
    days = [(9, 30), (10, 1), (10, 2), (11, 2)]
    for month, day in days:
        moment = datetime(2026, month, day, tzinfo=UTC)
        keep(archive, BackupName(moment, "0123456789ab"), manifest, packed, made_backups(archive))
    asked = [key for key in archive.keys("backups") if key.endswith(".asked")]
    assert [archive.get(key) for key in asked] == [b"True", b"True", b"False", b"True"]


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
