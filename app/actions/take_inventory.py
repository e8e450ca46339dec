"""Compare the pictures and maps in the store with the rows that refer to them.

A restored database brings back rows of drawings that retention had removed since the backup. Their
blobs stayed away, so the rows are to go again. That is not done by itself: if the store has lost
what it should have, the rows are all that tells of it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.storage import removals
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.tables import Analysis, DemoSample, Drawing

# Longer than an upload may wait for the database between its files and its rows.
GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Inventory:
    """What does not fit together; ``referred`` is how many blobs the rows refer to."""

    referred: int
    unreferred: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every row has its blobs and every blob its row."""
        return not self.unreferred and not self.missing


def take_inventory(
    *,
    database: Database,
    blobs: BlobStore,
    grace: float = GRACE_SECONDS,
    wait: Callable[[float], object] = time.sleep,
) -> Inventory:
    """List only what was amiss twice, ``grace`` seconds apart.

    Keys carry no time, and an upload stores its files before its rows, as a deletion removes its
    rows before its files: what is under way looks amiss once.
    """
    first = _compare(database, blobs)
    if first.complete:
        return first
    wait(grace)
    second = _compare(database, blobs)
    return Inventory(
        second.referred,
        _both(first.unreferred, second.unreferred),
        _both(first.missing, second.missing),
    )


def _compare(database: Database, blobs: BlobStore) -> Inventory:
    stored = {key for prefix in removals.DRAWING_PREFIXES for key in blobs.keys(prefix)}
    referred = _referred(database)
    return Inventory(
        len(referred), tuple(sorted(stored - referred)), tuple(sorted(referred - stored))
    )


def _referred(database: Database) -> set[str]:
    """One statement, so that all of it is of one moment."""
    maps = select(Analysis.map_key).where(Analysis.map_key.is_not(None))
    keys = select(Drawing.picture_key).union_all(maps)
    with database.reading() as tx:
        return {str(key) for key in tx.scalars(keys)}


def _both(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in second if key in set(first))


def forget_missing(
    found: Inventory, *, database: Database, now: datetime, however_many: bool = False
) -> int:
    """Remove drawings that refer to missing blobs, with all that is theirs; the number removed.

    A sample of the demonstration goes as well; the next start seeds it anew. Raise
    ``ImplausibleLoss`` if so many are missing that the store may be another's, unless
    ``however_many``.
    """
    if not however_many:
        what = "files that rows refer to are missing"
        removals.check_plausible(len(found.missing), found.referred, what)
    keys, forgotten = sorted(found.missing), 0
    for start in range(0, len(keys), removals.BATCH):
        with database.writing() as tx:
            ids = _drawings_of(tx, keys[start : start + removals.BATCH])
            tx.execute(delete(DemoSample).where(DemoSample.drawing_id.in_(ids)))
            removals.remove_drawings(tx, ids, now)
        forgotten += len(ids)
    return forgotten


def _drawings_of(tx: Session, keys: Sequence[str]) -> Sequence[str]:
    by_picture = select(Drawing.id).where(Drawing.picture_key.in_(keys))
    by_map = select(Analysis.drawing_id).where(Analysis.map_key.in_(keys))
    return tx.scalars(by_picture.union(by_map)).all()
