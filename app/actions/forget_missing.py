"""Remove drawings whose picture or map is gone: after a restore, those removed since the backup.

A restored database brings back rows of drawings that a visitor or retention had removed meanwhile.
Their blobs stayed away, so the rows are to go again. Not done by itself: where the store has lost
what it should have, the rows are all that tells of it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.actions.take_inventory import Inventory
from app.storage import removals
from app.storage.database import Database
from app.storage.tables import Analysis, DemoSample, Drawing


def forget_missing(
    found: Inventory, *, database: Database, now: datetime, however_many: bool = False
) -> int:
    """How many drawings referred to missing blobs and are removed with all that is theirs.

    A sample of the demonstration goes as well; the next start seeds it anew. Raise
    ``ImplausibleLoss`` where so many are missing that the store may be another's, unless it may
    be ``however_many``.
    """
    if not however_many:
        what = "files that rows refer to are missing"
        removals.check_plausible(len(found.missing), found.referred, what)
    keys, forgotten = sorted(found.missing), 0
    for start in range(0, len(keys), removals.BATCH):
        with database.writing() as session:
            ids = _drawings_of(session, keys[start : start + removals.BATCH])
            session.execute(delete(DemoSample).where(DemoSample.drawing_id.in_(ids)))
            removals.remove_drawings(session, ids, now)
        forgotten += len(ids)
    return forgotten


def _drawings_of(session: Session, keys: Sequence[str]) -> Sequence[str]:
    by_picture = select(Drawing.id).where(Drawing.picture_key.in_(keys))
    by_map = select(Analysis.drawing_id).where(Analysis.map_key.in_(keys))
    return session.scalars(by_picture.union(by_map)).all()
