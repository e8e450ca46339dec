"""Copy the database into the store, once the copy has proven to be whole."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.backups.catalogue import (
    BackupBlob,
    BackupName,
    Manifest,
    keep,
    made_backups,
    name_of,
    newest,
    note_unchanged,
    read_manifest,
)
from app.backups.snapshots import Contents, FileDigest, compress, copy_database, examine
from app.errors import BackupError, WrongEnvironment
from app.storage.blobs.store import BlobStore
from app.storage.files import working_folder


@dataclass(frozen=True)
class BackupMade:
    """The backup that holds the database as it is now; ``copied`` unless an earlier one did."""

    name: BackupName
    manifest: Manifest
    copied: bool


def back_up(*, file: Path, environment: str, blobs: BlobStore, anew: bool = False) -> BackupMade:
    """Back up the database ``file``; if it is unchanged that is noted instead, unless ``anew``.

    The first backup of a month is made in any case: it is the one that is kept for long.
    """
    with working_folder("sketchnorm-backup-") as folder:
        copy, packed = folder / file.name, folder / "packed.gz"
        copy_database(file, copy)
        now = datetime.now(UTC)
        contents = examine(copy)
        _check_environment(contents, environment)
        name, made = name_of(now, contents), made_backups(blobs)
        earlier = None if anew else _still_good(blobs, newest(made), name, contents)
        if earlier is not None:
            note_unchanged(blobs, now, earlier.name)
            return earlier
        compress(copy, packed)
        manifest = Manifest(contents, FileDigest.of(copy), FileDigest.of(packed))
        keep(blobs, name, manifest, packed, made)
    return BackupMade(name, manifest, copied=True)


def _still_good(
    blobs: BlobStore, earlier: BackupName | None, name: BackupName, contents: Contents
) -> BackupMade | None:
    """The earlier backup, if it is of this month, holds the same, and is there."""
    if earlier is None or earlier.digest != name.digest or not earlier.same_month(name):
        return None
    try:
        manifest = read_manifest(blobs, earlier)
    except BackupError:
        return None  # a damaged one is made good by a new one
    copy = earlier.key(BackupBlob.COPY)
    if manifest.contents.digest != contents.digest or not blobs.exists(copy):
        return None
    return BackupMade(earlier, manifest, copied=False)


def _check_environment(contents: Contents, environment: str) -> None:
    if contents.environment != environment:
        raise WrongEnvironment(
            "This database", contents.environment, environment, "backed up",
            "use another DATABASE_URL",
        )  # fmt: skip
