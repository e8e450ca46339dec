"""Put a backup in the place of the database or into a file of its own."""

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, delete, func, inspect, select
from sqlalchemy.orm import Session

from app.backups.catalogue import BackupName, fetch_checked, made_backups, newest
from app.backups.replacement import RESTORING, put_in_place
from app.backups.snapshots import examine
from app.errors import BackupError, SecretUnavailable
from app.storage import markers, removals
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.files import working_folder
from app.storage.tables import AdminLogin, DemoSample, KnownSecret

if TYPE_CHECKING:  # it needs argon2, which the function that drills does without
    from app.access.secrets import SecretSource


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
    *,
    to: Path,
    environment: str,
    blobs: BlobStore,
    at: datetime | None = None,
    secret: "SecretSource | None" = None,
) -> Restored:
    """Restore the newest backup, or the newest not after ``at``, to the file ``to``.

    All of it is proven in a folder beside ``to`` before anything else is touched. A process that is
    killed on the way leaves the old file or the new one, and at worst a folder ``.restoring-…``.
    With a ``secret`` its epoch is raised above every one in the backup before the file is moved.
    """
    name = _choose(blobs, at)
    target = to.resolve()  # a link to the database stays a link
    with working_folder(RESTORING, target.parent) as folder:
        file = fetch_checked(blobs, name, environment, folder)
        forgotten, epoch = _bring_up_to_date(file, environment, blobs)
        if secret is not None:
            _raise_epoch(secret, above=epoch)
        replaced = put_in_place(file, target, environment, datetime.now(UTC))
    return Restored(name, target, replaced, forgotten)


def _bring_up_to_date(file: Path, environment: str, blobs: BlobStore) -> tuple[int, int]:
    """Do in the copy what a restore must not undo.

    Return the number of drawings left out, and the highest epoch that any login had. Whatever is
    newer than the backup and has to outlast it belongs here.
    """
    marked = markers.read_markers(blobs)
    address = URL.create("sqlite", database=str(file)).render_as_string()
    with closing(Database.open(address, environment, "delete")) as copy:
        forgotten = markers.find_marked(copy, marked)
        _leave_out(forgotten, copy)
        with copy.writing() as tx:
            epoch, changed = _close(tx, marked)
    if forgotten or changed:
        examine(file)
    return len(forgotten), epoch


def _close(tx: Session, marked: Collection[str]) -> tuple[int, bool]:
    """End every login, forget the password and revoke the marked tokens.

    Return the highest epoch found, and whether anything was changed. A login of the past may have
    been ended since, and its password replaced. A backup of an older schema has none of them.
    """
    if not inspect(tx.connection()).has_table(AdminLogin.__tablename__):
        return 0, False
    tables = AdminLogin, KnownSecret
    epochs = [tx.scalar(select(func.max(table.epoch))) for table in tables]
    found = [epoch for epoch in epochs if epoch is not None]
    for table in tables:
        tx.execute(delete(table))
    revoked = markers.revoke_marked(tx, marked, datetime.now(UTC))
    return max(found, default=0), bool(found or revoked)


def _raise_epoch(secret: "SecretSource", *, above: int) -> None:
    """So that a login ends wherever its row is or comes from; without a password none is live."""
    try:
        known = secret.read()
        if known is not None:
            secret.write(known.raised(above))
    except SecretUnavailable as error:
        raise BackupError(
            f"Nothing was restored, because the epoch of logins cannot be raised: {error.advice} "
            "Restore again later, or at once with --keep-epoch: the logins in the backup are "
            "removed all the same."
        ) from error


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
