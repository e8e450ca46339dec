"""Markers in the store of what must not come back: they outlive the database.

A backup may hold a drawing that a visitor deleted since, or a token that was revoked. The marker
tells that to a restore, which leaves the drawing out and the token revoked, and to retention, which
completes a deletion that was cut off after its marker.

The key says all: ``backups/forgotten/YYYY-MM-DD/<SHA-256 of the drawing's id>``, or of what is kept
of the token. It begins with ``backups/`` because no rule of the bucket lets anything expire there,
and because whatever reads, copies or moves the backups then has the markers, too. The id itself is
a link and thereby a secret. It has 128 random bits, so nobody finds it by its digest; a keyed
digest would only add a key that is lost together with the database.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.storage.blobs.store import MARKERS, BlobStore
from app.storage.database import Database
from app.storage.tables import ApiToken, Drawing

KEY = re.compile(rf"{MARKERS}/(?P<day>\d{{4}}-\d\d-\d\d)/(?P<digest>[0-9a-f]{{64}})")
CONTENT = b"This was deleted or revoked; a restore of an older backup leaves it so.\n"
# A killed deletion may leave the rows until retention completes it, be that after weeks.
SPARE = timedelta(days=35)


def mark(blobs: BlobStore, name: str, now: datetime) -> None:
    """Keep a marker, durably, before a drawing is removed or a token revoked; twice is as once."""
    day = now.astimezone(UTC).date()
    blobs.put(f"{MARKERS}/{day}/{_digest(name)}", CONTENT, "text/plain")


def read_markers(blobs: BlobStore) -> frozenset[str]:
    """The digests of all ids that are marked; of any time, as no id is ever given again."""
    return frozenset(found["digest"] for found in map(KEY.fullmatch, blobs.keys(MARKERS)) if found)


def find_marked(database: Database, marked: Collection[str]) -> Sequence[str]:
    """The ids of drawings that are there although they are marked."""
    if not marked:
        return ()
    with database.reading() as tx:
        ids = tx.scalars(select(Drawing.id)).all()
    return [one for one in ids if _digest(one) in marked]


def revoke_marked(tx: Session, marked: Collection[str], now: datetime) -> int:
    """Revoke the tokens that are marked and would let somebody in; the number of them."""
    live = tx.scalars(select(ApiToken).where(ApiToken.revoked_at.is_(None))).all()
    found = [row for row in live if _digest(row.digest) in marked]
    for row in found:
        row.revoked_at = now
    return len(found)


def useless(keys: Iterable[str], oldest_backup: datetime | None) -> tuple[str, ...]:
    """The markers among ``keys`` that are older than all backups.

    None as long as there is no backup: what else will be restored, nobody knows.
    """
    if oldest_backup is None:
        return ()
    before = (oldest_backup - SPARE).astimezone(UTC).date()
    days = ((key, _day(key)) for key in keys)
    return tuple(key for key, day in days if day is not None and day < before)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _day(key: str) -> date | None:
    """``None`` for what is no marker, or names no day: that is not removed."""
    found = KEY.fullmatch(key)
    try:
        return date.fromisoformat(found["day"]) if found else None
    except ValueError:
        return None
