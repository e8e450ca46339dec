"""How drawings are removed: first rows, then blobs, and nothing between them is forgotten.

The keys of a drawing's blobs are written down in the transaction that deletes its rows. So a kill
leaves no row without its blob, and a blob without its row is known and deleted by the next run.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.errors import ImplausibleLoss, ReadOnly, StorageRefused, StorageUnavailable
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.tables import Analysis, Drawing, Removal

log = logging.getLogger(__name__)

BATCH = 50  # a transaction on a network disk is to be short: others wait for it
# More files than that, and more than the fifth part of all, are not lost by a kill or a restore.
UNSUSPICIOUS, UNSUSPICIOUS_SHARE = 50, 5
DRAWING_PREFIXES = ("drawings", "saliency_maps")


def remove_drawings(tx: Session, ids: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Delete the rows in this transaction and write down their blobs, whose keys are returned."""
    pictures = tx.scalars(select(Drawing.picture_key).where(Drawing.id.in_(ids)))
    maps = tx.scalars(select(Analysis.map_key).where(Analysis.drawing_id.in_(ids)))
    keys = tuple({key for key in (*pictures, *maps) if key is not None})
    note(tx, keys, now)
    delete_rows(tx, ids)
    return keys


def delete_rows(tx: Session, ids: Sequence[str]) -> None:
    """The database cascades to analyses and to the keys of repeated requests."""
    tx.execute(delete(Drawing).where(Drawing.id.in_(ids)))


def note(tx: Session, keys: Iterable[str], due_at: datetime) -> None:
    """Have these blobs deleted at ``due_at``, or earlier if that was noted before."""
    wanted = set(keys)
    known = tx.scalars(select(Removal).where(Removal.key.in_(wanted))).all()
    for removal in known:
        removal.due_at = min(removal.due_at, due_at)
    new = wanted - {removal.key for removal in known}
    tx.add_all(Removal(key=key, due_at=due_at) for key in sorted(new))


def carry_out(database: Database, blobs: BlobStore, now: datetime) -> int:
    """Delete every blob that is due; the number deleted. Safe to kill anywhere and to do twice.

    One that cannot be deleted stays written down and holds up no other; its error is raised once
    all others are gone.
    """
    deleted, after = 0, ""
    failure: StorageUnavailable | None = None
    while keys := _due(database, now, after):
        after = keys[-1]
        gone, failed = delete_noted(database, blobs, keys)
        deleted += gone
        failure = failure or failed
    if failure is not None:
        raise failure
    return deleted


def delete_noted(
    database: Database, blobs: BlobStore, keys: Sequence[str]
) -> tuple[int, StorageUnavailable | None]:
    """Delete these blobs and what was written down of them; the number deleted, the first error."""
    unwanted = unreferred(database, keys)
    kept, failure = delete_each(blobs, unwanted)
    with database.writing() as tx:
        tx.execute(delete(Removal).where(Removal.key.in_(set(keys) - set(kept))))
    return len(unwanted) - len(kept), failure


def delete_each(
    blobs: BlobStore, keys: Sequence[str]
) -> tuple[Sequence[str], StorageUnavailable | None]:
    """Delete all that can be; those that could not, and the first error.

    What answers is asked for the next one, too. What does not answer is not: each question costs
    seconds.
    """
    kept: list[str] = []
    failure: StorageUnavailable | None = None
    for position, key in enumerate(keys):
        try:
            blobs.delete(key)
        except (StorageRefused, ReadOnly) as error:
            kept.append(key)
            failure = failure or error
        except StorageUnavailable as error:
            return [*kept, *keys[position:]], error
    return kept, failure


def check_plausible(lost: int, of: int, what: str) -> None:
    """Raise ``ImplausibleLoss`` if it looks as if database and store do not belong together."""
    if lost > max(UNSUSPICIOUS, of / UNSUSPICIOUS_SHARE):
        raise ImplausibleLoss(
            f"{lost} of {of} {what}, as if the database and the store did not belong together; "
            "nothing was done about them. See DATABASE_URL, S3_BUCKET_NAME and DATA_DIR, restore "
            "the newest backup, or say --however-many if that is as it should be."
        )


def note_unreferred(
    database: Database, blobs: BlobStore, due_at: datetime, *, however_many: bool = False
) -> int:
    """Write down blobs that no row refers to; the number of them.

    Such are left by a kill between a blob and its row, by a database that was restored from
    before the row, or taken back to a schema without this table. None of them is deleted here and
    now: its row may be on the way, or in a newer backup that the operator is looking for.
    """
    kept = [key for prefix in DRAWING_PREFIXES for key in blobs.keys(prefix)]
    strays = [key for batch in _batches(kept) for key in unreferred(database, batch)]
    new = [key for batch in _batches(strays) for key in _unnoted(database, batch)]
    if not however_many:
        check_plausible(len(new), len(kept), "files of drawings have no row")
    if new:
        log.warning("%d blobs have no row; they are deleted at %s.", len(new), due_at)
    for batch in _batches(new):
        with database.writing() as tx:
            note(tx, batch, due_at)
    return len(strays)


def unreferred(database: Database, keys: Sequence[str]) -> tuple[str, ...]:
    """Those that no drawing and no analysis refers to; ``keys`` are a batch at most."""
    with database.reading() as tx:
        pictures = tx.scalars(select(Drawing.picture_key).where(Drawing.picture_key.in_(keys)))
        maps = tx.scalars(select(Analysis.map_key).where(Analysis.map_key.in_(keys)))
        kept = {*pictures, *maps}
    return tuple(key for key in keys if key not in kept)


def _unnoted(database: Database, keys: Sequence[str]) -> Sequence[str]:
    with database.reading() as tx:
        noted = set(tx.scalars(select(Removal.key).where(Removal.key.in_(keys))))
    return [key for key in keys if key not in noted]


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _due(database: Database, now: datetime, after: str) -> Sequence[str]:
    due = select(Removal.key).where(Removal.due_at <= now, Removal.key > after)
    with database.reading() as tx:
        return tx.scalars(due.order_by(Removal.key).limit(BATCH)).all()
