"""Delete a drawing at once because its visitor asks, so that no later restore brings it back.

First a marker in the store, then the rows, then the files. Who is killed before the marker has done
nothing; whatever is left after it, retention completes. The answer comes once the rows are gone:
from then on nobody can reach the files, even if the store is away and they have to wait.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete

from app.actions.show import show
from app.errors import NotPermitted, ReadOnly, StorageUnavailable
from app.storage import markers, removals
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.tables import DemoSample
from app.stores import Stores

log = logging.getLogger(__name__)

OF_DEMO = "This drawing is one of the examples, which cannot be deleted."
UNCHANGING = "Nothing can be deleted here: this site shows a copy that nobody changes."
NOT_NOW = "The drawing could not be deleted just now; please try again in half a minute."


def forget(drawing_id: str, *, stores: Stores, now: datetime) -> bool:
    """Delete it; False if a file has still to go, which happens by itself.

    Raise ``NotFound`` if there is no such drawing, and ``NotPermitted`` for an example. After
    ``StorageUnavailable`` the drawing is there as before, or is deleted later.
    """
    if show(drawing_id, database=stores.database).in_demo:
        raise NotPermitted(OF_DEMO)
    if stores.database.read_only:
        raise ReadOnly(UNCHANGING, "Somebody asked to delete a drawing of a read-only copy.")
    try:
        keys = _remove(drawing_id, stores.database, stores.blobs, now)
    except StorageUnavailable as error:
        raise type(error)(NOT_NOW, error.advice) from error
    return _delete_files(keys, stores.database, stores.blobs) and not any(
        map(stores.is_waiting, keys)
    )


def forget_marked(*, database: Database, blobs: BlobStore, now: datetime) -> int:
    """Complete deletions that ended after their marker; the number completed.

    Also what was restored by other means than ours, such as a copy of the file or ``pg_restore``,
    is deleted again, and tokens that came back with it are revoked again.
    """
    marked = markers.read_markers(blobs)
    ids = markers.find_marked(database, marked)
    if marked:
        with database.writing() as tx:
            markers.revoke_marked(tx, marked, now)
    for drawing_id in ids:
        keys = _remove(drawing_id, database, blobs, now)
        _delete_files(keys, database, blobs)
    return len(ids)


def _remove(drawing_id: str, database: Database, blobs: BlobStore, now: datetime) -> Sequence[str]:
    """The keys of its files, which are written down to be deleted.

    The marker is made anew even if there is one: how long it is needed counts from when the rows
    went. A sample that an older backup made of the drawing goes with it.
    """
    markers.mark(blobs, drawing_id, now)
    with database.writing() as tx:
        tx.execute(delete(DemoSample).where(DemoSample.drawing_id == drawing_id))
        return removals.remove_drawings(tx, [drawing_id], now)


def _delete_files(keys: Sequence[str], database: Database, blobs: BlobStore) -> bool:
    """Whether all are gone; retention deletes what stays behind."""
    try:
        _, failure = removals.delete_noted(database, blobs, keys)
    except StorageUnavailable as error:
        failure = error
    if failure is not None:
        log.warning("Files of a deleted drawing are left to retention: %s", failure.advice)
    return failure is None
