"""Restore drills: the newest backup restored and thrown away, and what came of the last one."""

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from app.backups.catalogue import BackupName, list_backups
from app.backups.restore import restore
from app.backups.snapshots import Contents, examine
from app.errors import NotFound, SketchnormError, StorageUnavailable
from app.storage.blobs.store import BlobStore
from app.storage.files import working_folder

log = logging.getLogger(__name__)

RECORD: Final = "backups/drills/newest.json"


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


@dataclass(frozen=True)
class DrillRecord:
    """When the last drill was, and what was wrong; ``None`` if it worked."""

    at: datetime
    problem: str | None = None

    def as_bytes(self) -> bytes:
        """The JSON that is kept in the store."""
        written = {"at": self.at.isoformat(), "problem": self.problem}
        return json.dumps(written, indent=2).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> "DrillRecord":
        """Raise ``ValueError`` unless it is one."""
        match json.loads(content):
            case {"at": str(at), "problem": str() | None as problem}:
                record = cls(datetime.fromisoformat(at), problem)
                if record.at.tzinfo is not None:
                    return record
        raise ValueError("another format")


def drill(*, environment: str, blobs: BlobStore) -> DrillReport:
    """Restore the newest backup and throw it away; raise ``BackupError`` if it cannot be done.

    Either way the store has a record of it.
    """
    try:
        report = _restore_and_throw_away(environment, blobs)
    except SketchnormError as error:
        _record(blobs, str(error))
        raise
    _record(blobs, None)
    return report


def last_drill(blobs: BlobStore) -> DrillRecord | None:
    """What the newest record says; ``None`` if there is none that can be read."""
    try:
        return DrillRecord.from_bytes(blobs.get(RECORD))
    except (NotFound, ValueError):
        return None


def _restore_and_throw_away(environment: str, blobs: BlobStore) -> DrillReport:
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


def _record(blobs: BlobStore, problem: str | None) -> None:
    """A drill that cannot be recorded went as it went: its metrics tell, and the log."""
    record = DrillRecord(datetime.now(UTC), problem)
    try:
        blobs.put(RECORD, record.as_bytes(), "application/json")
    except StorageUnavailable as error:
        log.warning("The drill could not be recorded in the store: %s", error.advice)
