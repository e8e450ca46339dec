"""Backups in the store: nothing about them is believed that was not proven."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.backups.catalogue import (
    BackupBlob,
    BackupName,
    keep,
    list_backups,
    made_backups,
    newest,
    read_manifest,
)
from app.errors import BackupError, WrongEnvironment
from app.storage.blobs.store import FolderBlobStore
from app.storage.schema import REVISIONS
from tests.support.data.bundles import flip_a_byte
from tests.support.people.operators import Operator
from tests.support.stores.databases import contents

Harm = Callable[[Operator, BackupName], None]


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
