"""Remove what was kept for long enough: drawings, their files, exports, backups, copies.

Safe to run twice, by two at once, and to be killed anywhere: the next run does what is left.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, exists, select

from app.storage import removals
from app.storage.blobs import BlobStore
from app.storage.copies import remove_old
from app.storage.database import Database
from app.storage.jobs import forget_finished
from app.storage.tables import DemoSample, Drawing, IdempotencyKey

BATCH = removals.BATCH
EXPORT_DAYS = 7
JOB_DAYS = 7
# Long enough to notice that a restored backup was too old a one, and to restore a newer.
STRAY_DAYS = 7
# Stores do not tell how old a blob is, so an export says it: exports/2026-11-23/….
EXPORT = re.compile(r"exports/(?P<day>\d{4}-\d{2}-\d{2})/.+")

Expired = Callable[[Iterable[str], datetime], Iterable[str]]


@dataclass(frozen=True)
class Retained:
    """How many of each were removed; ``strays`` are blobs without a row, to be removed later."""

    drawings: int
    idempotency_keys: int
    jobs: int
    blobs: int
    strays: int
    exports: int
    backups: int
    copies: int

    def as_json(self) -> dict[str, int]:
        """For the log and the answer of the function."""
        return asdict(self)


def no_backups(keys: Iterable[str], now: datetime) -> Iterable[str]:
    """Where backups expire by other means."""
    return ()


def retain(
    *,
    database: Database,
    blobs: BlobStore,
    days: int,
    now: datetime,
    expired_backups: Expired = no_backups,
) -> Retained:
    """Remove what is older than ``days``; drawings of the demo stay.

    Rows go first: where the store is away they are gone all the same, and their blobs follow.
    """
    before = now - timedelta(days=days)
    stray_due = now + timedelta(days=min(days, STRAY_DAYS))
    return Retained(
        drawings=_in_batches(lambda: _remove_drawings(database, before, now)),
        idempotency_keys=_in_batches(lambda: _remove_keys(database, before)),
        jobs=_in_batches(lambda: forget_finished(database, now - timedelta(days=JOB_DAYS), BATCH)),
        blobs=removals.carry_out(database, blobs, now),
        strays=removals.note_unreferred(database, blobs, stray_due),
        exports=_delete(blobs, _old_exports(blobs.keys("exports"), now)),
        backups=_delete(blobs, expired_backups(blobs.keys("backups"), now)),
        copies=_remove_copies(database, before),
    )


def _in_batches(remove: Callable[[], int]) -> int:
    """Until a batch is not full; each is a transaction of its own, so that others get a turn."""
    total = 0
    while True:
        removed = remove()
        total += removed
        if removed < BATCH:
            return total


def _remove_drawings(database: Database, before: datetime, now: datetime) -> int:
    shown = exists().where(DemoSample.drawing_id == Drawing.id)
    old = select(Drawing.id).where(Drawing.created_at < before, ~shown).limit(BATCH)
    with database.writing() as session:
        ids = session.scalars(old).all()
        removals.remove_drawings(session, ids, now)
    return len(ids)


def _remove_keys(database: Database, before: datetime) -> int:
    old = select(IdempotencyKey.key).where(IdempotencyKey.created_at < before).limit(BATCH)
    with database.writing() as session:
        keys = session.scalars(old).all()
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.key.in_(keys)))
    return len(keys)


def _remove_copies(database: Database, before: datetime) -> int:
    """What migrations saved beside the file: drawings are in it, too."""
    if database.engine.dialect.name != "sqlite":
        return 0
    return remove_old(Path(str(database.engine.url.database)), before)


def _old_exports(keys: Iterable[str], now: datetime) -> tuple[str, ...]:
    oldest_kept = (now - timedelta(days=EXPORT_DAYS)).astimezone(UTC).date()
    days = ((key, _export_day(key)) for key in keys)
    return tuple(key for key, day in days if day is not None and day < oldest_kept)


def _export_day(key: str) -> date | None:
    """``None`` where the key does not say it: what is not understood is not removed."""
    dated = EXPORT.fullmatch(key)
    try:
        return date.fromisoformat(dated["day"]) if dated else None
    except ValueError:
        return None


def _delete(blobs: BlobStore, keys: Iterable[str]) -> int:
    deleted = tuple(keys)
    for key in deleted:
        blobs.delete(key)
    return len(deleted)
