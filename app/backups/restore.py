"""Put a backup in the place of the database or into a file of its own; drill doing so."""

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, delete, inspect, select

from app.backups.catalogue import BackupName, fetch_checked, list_backups, made_backups, newest
from app.backups.replacement import RESTORING, put_in_place
from app.backups.snapshots import Contents, examine
from app.errors import BackupError
from app.storage import markers, removals
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.files import working_folder
from app.storage.tables import AdminLogin, DemoSample


@dataclass(frozen=True)
class Restored:
    """What was restored, and where the file lies that was there before.

    ``forgotten`` is how many drawings were left out, as their visitors have deleted them.
    """

    name: BackupName
    file: Path
    replaced: Path | None
    forgotten: int


def restore(
    *, to: Path, environment: str, blobs: BlobStore, at: datetime | None = None
) -> Restored:
    """Restore the newest backup, or the newest not after ``at``, to the file ``to``.

    All of it is proven in a folder beside ``to`` before anything else is touched. A process that is
    killed on the way leaves the old file or the new one, and at worst a folder ``.restoring-…``.
    """
    name = _choose(blobs, at)
    target = to.resolve()  # a link to the database stays a link
    with working_folder(RESTORING, target.parent) as folder:
        file = fetch_checked(blobs, name, environment, folder)
        forgotten = _bring_up_to_date(file, environment, blobs)
        replaced = put_in_place(file, target, environment, datetime.now(UTC))
    return Restored(name, target, replaced, forgotten)


def _bring_up_to_date(file: Path, environment: str, blobs: BlobStore) -> int:
    """Do in the copy what a restore must not undo; the number of drawings left out.

    Whatever is newer than the backup and has to outlast it belongs here.
    """
    marked = markers.read_markers(blobs)
    address = URL.create("sqlite", database=str(file)).render_as_string()
    with closing(Database.open(address, environment, "delete")) as copy:
        forgotten = markers.find_marked(copy, marked)
        _leave_out(forgotten, copy)
        changed = _close(copy, marked)
    if forgotten or changed:
        examine(file)
    return len(forgotten)


def _close(copy: Database, marked: Collection[str]) -> int:
    """End every login and revoke the marked tokens; the number of both.

    A login of the past may have been ended since. A backup of an older schema has neither.
    """
    with copy.writing() as tx:
        if not inspect(tx.connection()).has_table(AdminLogin.__tablename__):
            return 0
        ended = len(tx.scalars(select(AdminLogin.id)).all())
        tx.execute(delete(AdminLogin))
        return ended + markers.revoke_marked(tx, marked, datetime.now(UTC))


def _leave_out(ids: Sequence[str], copy: Database) -> None:
    """Rows only: their files went when they were deleted, and a backup may know no ``removals``."""
    for start in range(0, len(ids), removals.BATCH):
        batch = ids[start : start + removals.BATCH]
        with copy.writing() as tx:
            tx.execute(delete(DemoSample).where(DemoSample.drawing_id.in_(batch)))
            removals.delete_rows(tx, batch)


def _choose(blobs: BlobStore, at: datetime | None) -> BackupName:
    name = newest(made_backups(blobs), at)
    if name is None:
        when = "" if at is None else f" made at {at.isoformat()} or before"
        raise BackupError(
            f"There is no backup{when} in the store; sketchnorm backups lists what there is."
        )
    return name


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
    """Restore the newest backup and throw it away; raise ``BackupError`` if it cannot be done."""
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
