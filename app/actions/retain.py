"""Remove what was kept for long enough: drawings, their files, exports, backups, leftovers.

Safe to run twice, by two at once, and to be killed anywhere: the next run does what is left.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, exists, select

from app.actions.forget import forget_marked
from app.backups import replacement
from app.backups.catalogue import PREFIX as BACKUPS
from app.backups.catalogue import expired, oldest
from app.errors import ImplausibleLoss, StorageUnavailable
from app.storage import markers, removals
from app.storage.blobs.store import MARKERS, BlobStore, FolderBlobStore
from app.storage.database import Database
from app.storage.jobs import forget_finished
from app.storage.tables import DemoSample, Drawing, IdempotencyKey
from app.usage.counts import forget_passed

log = logging.getLogger(__name__)

BATCH = removals.BATCH
EXPORT_DAYS = 7
JOB_DAYS = 7
# Long enough to notice that a restored backup was too old a one, and to restore a newer.
STRAY_DAYS = 7
# Stores do not tell how old a blob is, so an export says it: exports/2026-11-23/….
EXPORT = re.compile(r"exports/(?P<day>\d{4}-\d{2}-\d{2})/.+")


@dataclass(frozen=True)
class Retained:
    """How many of each were removed.

    ``usage`` are rows that are only needed for a while after their day or hour. ``forgotten`` are
    drawings whose deletion by their visitor was cut off and is complete now, and ``strays`` blobs
    without a row, to be removed later; ``replaced`` and ``unfinished`` are files that restores and
    killed writers left.
    """

    forgotten: int
    drawings: int
    idempotency_keys: int
    jobs: int
    usage: int
    blobs: int
    strays: int
    exports: int
    backups: int
    replaced: int
    unfinished: int

    def as_json(self) -> dict[str, int]:
        """For the log and the answer of the function."""
        return asdict(self)


def retain(
    *,
    database: Database,
    blobs: BlobStore,
    days: int,
    now: datetime,
    however_many: bool = False,
) -> Retained:
    """Remove what is older than ``days``; drawings of the demo stay.

    Rows go first: if the store is away they are gone all the same, and their blobs follow. What
    fails keeps nothing else from being removed; the first error is raised at the end.
    ``however_many``: even if most blobs are strays.
    """
    before = now - timedelta(days=days)
    stray_due = now + timedelta(days=min(days, STRAY_DAYS))
    parts: dict[str, Callable[[], int]] = {
        "forgotten": lambda: _complete_forgotten(database, blobs, now),
        "drawings": lambda: _in_batches(lambda: _remove_drawings(database, before, now)),
        "idempotency_keys": lambda: _in_batches(lambda: _remove_keys(database, before)),
        "jobs": lambda: _in_batches(lambda: _forget_jobs(database, now)),
        "usage": lambda: forget_passed(database, now),
        "blobs": lambda: removals.carry_out(database, blobs, now),
        "strays": lambda: removals.note_unreferred(
            database, blobs, stray_due, however_many=however_many
        ),
        "exports": lambda: _delete(blobs, _old_exports(blobs.keys("exports"), now)),
        "backups": lambda: _delete(blobs, expired(blobs.keys(BACKUPS), now)),
        "replaced": lambda: _remove_replaced(database, before),
        "unfinished": lambda: _remove_unfinished(database, blobs),
    }
    return Retained(**_each(parts))


def _each(parts: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """What came of each; the first error, once all were tried."""
    removed, failures = {}, []
    for name, remove in parts.items():
        try:
            removed[name] = remove()
        except (StorageUnavailable, ImplausibleLoss) as error:
            log.error("Retention (%s) failed: %s", name, error)  # noqa: TRY400 - the sentence tells
            failures.append(error)
    for failure in failures:
        raise failure
    return removed


def _in_batches(remove: Callable[[], int]) -> int:
    """Until a batch is not full; each is a transaction of its own, so that others get a turn."""
    total = 0
    while True:
        removed = remove()
        total += removed
        if removed < BATCH:
            return total


def _complete_forgotten(database: Database, blobs: BlobStore, now: datetime) -> int:
    """No marker goes before all that it asks for was done."""
    completed = forget_marked(database=database, blobs=blobs, now=now)
    oldest_backup = oldest(blobs.keys(BACKUPS))
    _delete(blobs, markers.useless(blobs.keys(MARKERS), oldest_backup))
    return completed


def _remove_drawings(database: Database, before: datetime, now: datetime) -> int:
    shown = exists().where(DemoSample.drawing_id == Drawing.id)
    old = select(Drawing.id).where(Drawing.created_at < before, ~shown).limit(BATCH)
    with database.writing() as tx:
        ids = tx.scalars(old).all()
        removals.remove_drawings(tx, ids, now)
    return len(ids)


def _remove_keys(database: Database, before: datetime) -> int:
    old = select(IdempotencyKey.key).where(IdempotencyKey.created_at < before).limit(BATCH)
    with database.writing() as tx:
        keys = tx.scalars(old).all()
        tx.execute(delete(IdempotencyKey).where(IdempotencyKey.key.in_(keys)))
    return len(keys)


def _forget_jobs(database: Database, now: datetime) -> int:
    return forget_finished(database, now - timedelta(days=JOB_DAYS), BATCH)


def _remove_replaced(database: Database, before: datetime) -> int:
    return replacement.remove_replaced(database.file, before) if database.file else 0


def _remove_unfinished(database: Database, blobs: BlobStore) -> int:
    """What killed writers and restores left: pictures and rows are in it, too."""
    removed = replacement.remove_abandoned_restores(database.file) if database.file else 0
    return removed + (blobs.remove_abandoned() if isinstance(blobs, FolderBlobStore) else 0)


def _old_exports(keys: Iterable[str], now: datetime) -> tuple[str, ...]:
    oldest_kept = (now - timedelta(days=EXPORT_DAYS)).astimezone(UTC).date()
    days = ((key, _export_day(key)) for key in keys)
    return tuple(key for key, day in days if day is not None and day < oldest_kept)


def _export_day(key: str) -> date | None:
    """``None`` if the key does not say it: what is not understood is not removed."""
    dated = EXPORT.fullmatch(key)
    try:
        return date.fromisoformat(dated["day"]) if dated else None
    except ValueError:
        return None


def _delete(blobs: BlobStore, keys: Iterable[str]) -> int:
    wanted = tuple(keys)
    kept, failure = removals.delete_each(blobs, wanted)
    if failure is not None:
        raise failure
    return len(wanted) - len(kept)
