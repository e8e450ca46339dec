"""Restore the newest backup to where it does no harm, to know that it could be done."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from app.actions.restore import restore
from app.storage.backup_names import BackupName
from app.storage.backups import list_backups
from app.storage.blobs import BlobStore
from app.storage.folders import working_folder
from app.storage.snapshots import Contents, examine


@dataclass(frozen=True)
class DrillReport:
    """A restore that worked: of what, how long it took, and how much would have been lost.

    ``age_seconds`` counts from when the database was last known to be as in the backup.
    """

    name: BackupName
    age_seconds: float
    seconds: float
    size: int
    contents: Contents


def drill(*, environment: str, blobs: BlobStore) -> DrillReport:
    """Raise ``BackupError`` where the newest backup cannot be restored."""
    began = time.monotonic()
    with working_folder("sketchnorm-drill-") as folder:
        restored = restore(to=folder / "sketchnorm.sqlite3", environment=environment, blobs=blobs)
        contents, size = examine(restored.file), restored.file.stat().st_size
    seconds = time.monotonic() - began
    return DrillReport(restored.name, _age(blobs, restored.name), seconds, size, contents)


def _age(blobs: BlobStore, name: BackupName) -> float:
    known = max(
        listed.unchanged_at or listed.name.made_at
        for listed in list_backups(blobs)
        if listed.name >= name
    )
    return (datetime.now(UTC) - known).total_seconds()
