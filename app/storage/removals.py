"""How drawings are removed: first rows, then blobs, and nothing between them is forgotten.

The keys of a drawing's blobs are written down in the transaction that deletes its rows. So a kill
leaves no row without its blob, and a blob without its row is known and deleted by the next run.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.tables import Analysis, Drawing, Removal

log = logging.getLogger(__name__)

BATCH = 50  # a transaction on a network disk is to be short: others wait for it
DRAWING_PREFIXES = ("drawings", "saliency_maps")


def remove_drawings(session: Session, ids: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Delete the rows in this transaction and write down their blobs, whose keys are returned."""
    pictures = session.scalars(select(Drawing.picture_key).where(Drawing.id.in_(ids)))
    maps = session.scalars(select(Analysis.map_key).where(Analysis.drawing_id.in_(ids)))
    keys = tuple({key for key in (*pictures, *maps) if key is not None})
    note(session, keys, now)
    # The database cascades to analyses and to the keys of repeated requests.
    session.execute(delete(Drawing).where(Drawing.id.in_(ids)))
    return keys


def note(session: Session, keys: Iterable[str], due_at: datetime) -> None:
    """Have these blobs deleted at ``due_at``, or earlier where that was said before."""
    wanted = set(keys)
    known = session.scalars(select(Removal).where(Removal.key.in_(wanted))).all()
    for removal in known:
        removal.due_at = min(removal.due_at, due_at)
    new = wanted - {removal.key for removal in known}
    session.add_all(Removal(key=key, due_at=due_at) for key in sorted(new))


def carry_out(database: Database, blobs: BlobStore, now: datetime) -> int:
    """Delete every blob that is due; how many it were. Safe to kill anywhere and to do twice."""
    deleted = 0
    while keys := _due(database, now):
        unwanted = unreferred(database, keys)
        for key in unwanted:
            blobs.delete(key)
        with database.writing() as session:
            session.execute(delete(Removal).where(Removal.key.in_(keys)))
        deleted += len(unwanted)
    return deleted


def note_unreferred(database: Database, blobs: BlobStore, due_at: datetime) -> int:
    """Write down blobs that no row refers to; how many there are.

    Such are left by a kill between a blob and its row, by a database that was restored from
    before the row, or taken back to a schema without this table. None of them is deleted here and
    now: its row may be on the way, or in a newer backup that the operator is looking for.
    """
    kept = [key for prefix in DRAWING_PREFIXES for key in blobs.keys(prefix)]
    found = 0
    for batch in _batches(kept):
        strays = unreferred(database, batch)
        found += len(strays)
        if strays and _unnoted(database, strays):
            log.warning("%d blobs have no row; they are deleted at %s.", len(strays), due_at)
            with database.writing() as session:
                note(session, strays, due_at)
    return found


def unreferred(database: Database, keys: Sequence[str]) -> tuple[str, ...]:
    """Those that no drawing and no analysis refers to; ``keys`` are a batch at most."""
    with database.reading() as session:
        pictures = session.scalars(select(Drawing.picture_key).where(Drawing.picture_key.in_(keys)))
        maps = session.scalars(select(Analysis.map_key).where(Analysis.map_key.in_(keys)))
        kept = {*pictures, *maps}
    return tuple(key for key in keys if key not in kept)


def _unnoted(database: Database, keys: Sequence[str]) -> bool:
    with database.reading() as session:
        noted = session.scalars(select(Removal.key).where(Removal.key.in_(keys))).all()
    return len(noted) < len(keys)


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _due(database: Database, now: datetime) -> Sequence[str]:
    due = select(Removal.key).where(Removal.due_at <= now).order_by(Removal.due_at).limit(BATCH)
    with database.reading() as session:
        return session.scalars(due).all()
