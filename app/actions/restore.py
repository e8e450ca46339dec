"""Put a backup in the place of the database, or into a file of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.errors import BackupError
from app.storage.backup_names import BackupName
from app.storage.backups import fetch_checked, newest
from app.storage.blobs import BlobStore
from app.storage.folders import working_folder
from app.storage.leftovers import RESTORING
from app.storage.replacement import put_in_place


@dataclass(frozen=True)
class Restored:
    """What was restored, and where the file lies that was there before."""

    name: BackupName
    file: Path
    replaced: Path | None


def restore(
    *, to: Path, environment: str, blobs: BlobStore, at: datetime | None = None
) -> Restored:
    """Restore the newest backup, or the newest not after ``at``, to the file ``to``.

    All of it is proven in a folder beside ``to`` before anything else is touched. Who is killed
    on the way leaves the old file or the new one, and at worst a folder ``.restoring-…``.
    """
    name = _choose(blobs, at)
    target = to.resolve()  # a link to the database stays a link
    with working_folder(RESTORING, target.parent) as folder:
        file = fetch_checked(blobs, name, environment, folder)
        replaced = put_in_place(file, target, environment, datetime.now(UTC))
    return Restored(name, target, replaced)


def _choose(blobs: BlobStore, at: datetime | None) -> BackupName:
    name = newest(blobs, at)
    if name is None:
        when = "" if at is None else f" made at {at.isoformat()} or before"
        raise BackupError(
            f"There is no backup{when} in the store; sketchnorm backups lists what there is."
        )
    return name
