"""Compare the pictures and maps in the store with the rows that refer to them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from app.storage import tables
from app.storage.blobs import BlobStore
from app.storage.database import Database

PREFIXES = ("drawings", "saliency_maps")
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
    stored = {key for prefix in PREFIXES for key in blobs.keys(prefix)}
    referred = _referred(database)
    return Inventory(
        len(referred), tuple(sorted(stored - referred)), tuple(sorted(referred - stored))
    )


def _referred(database: Database) -> set[str]:
    """One statement, so that all of it is of one moment."""
    maps = select(tables.Analysis.map_key).where(tables.Analysis.map_key.is_not(None))
    keys = select(tables.Drawing.picture_key).union_all(maps)
    with database.reading() as session:
        return {str(key) for key in session.scalars(keys)}


def _both(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in second if key in set(first))
