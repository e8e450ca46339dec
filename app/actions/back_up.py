"""Copy the database into the store, once the copy has proven to be whole."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.errors import BackupError, WrongEnvironment
from app.storage.backup_names import BackupName, Part
from app.storage.backups import Manifest, keep, name_of, newest, note_unchanged, read_manifest
from app.storage.blobs import BlobStore
from app.storage.folders import working_folder
from app.storage.snapshots import Contents, Measure, compress, copy_database, examine


@dataclass(frozen=True)
class BackupMade:
    """The backup that holds the database as it is now; ``copied`` unless an earlier one did."""

    name: BackupName
    manifest: Manifest
    copied: bool


def back_up(
    *, database: Path, environment: str, blobs: BlobStore, anew: bool = False
) -> BackupMade:
    """Back up the file ``database``; where it is unchanged that is noted, unless ``anew``.

    The first backup of a month is made in any case: it is the one that is kept for long.
    """
    with working_folder("sketchnorm-backup-") as folder:
        copy, packed = folder / database.name, folder / "packed.gz"
        copy_database(database, copy)
        now = datetime.now(UTC)
        contents = examine(copy)
        _check_ours(contents.environment, environment)
        earlier = None if anew else _still_good(blobs, name_of(now, contents), contents)
        if earlier is not None:
            note_unchanged(blobs, now, earlier.name)
            return earlier
        compress(copy, packed)
        manifest = Manifest(contents, Measure.of(copy), Measure.of(packed))
        made = BackupMade(name_of(now, contents), manifest, copied=True)
        keep(blobs, made.name, made.manifest, packed)
    return made


def _still_good(blobs: BlobStore, name: BackupName, contents: Contents) -> BackupMade | None:
    """The newest backup, if it is of this month, holds the same, and is there."""
    earlier = newest(blobs)
    if earlier is None or earlier.digest != name.digest or not earlier.same_month(name):
        return None
    try:
        manifest = read_manifest(blobs, earlier)
    except BackupError:
        return None  # a damaged one is made good by a new one
    if manifest.contents.digest != contents.digest or not blobs.exists(earlier.key(Part.COPY)):
        return None
    return BackupMade(earlier, manifest, copied=False)


def _check_ours(stamped: str, environment: str) -> None:
    if stamped != environment:
        raise WrongEnvironment(
            f"This database was made by the environment {stamped!r} and is now backed up by "
            f"{environment!r}; set ENVIRONMENT={stamped}, or use another DATABASE_URL."
        )
