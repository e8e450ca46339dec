"""Tokens with which researchers' programs are let in: made and revoked by the admin.

Shown once, when it is made; the database holds the SHA-256. A revoked one stays in the list, so
that its name is not taken for another.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from app.access.logins import digest
from app.errors import InvalidRequest, NotFound
from app.storage import markers
from app.storage.blobs.store import BlobStore
from app.storage.database import Database
from app.storage.tables import ApiToken

PREFIX: Final = "sketchnorm_"  # what scanners of published code can look for
LENGTH: Final = len(PREFIX) + 43
NAME: Final = re.compile(r"[\w .-]{1,64}")
PER_MINUTE, MOST_PER_MINUTE = 60, 6000


@dataclass(frozen=True)
class Token:
    """A token, without what would let anybody use it."""

    id: int
    name: str
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    per_minute: int


def make_token(
    database: Database,
    name: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    per_minute: int = PER_MINUTE,
) -> str:
    """Return the token itself; raise ``InvalidRequest`` if it cannot be made so."""
    _check(name, now, expires_at, per_minute)
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        name=name, digest=digest(token), made_at=now, expires_at=expires_at, per_minute=per_minute
    )
    try:
        with database.writing() as tx:
            tx.add(row)
    except IntegrityError as error:
        raise InvalidRequest(
            f"There is a token with the name {name} already; choose another name."
        ) from error
    return token


def find_token(database: Database, token: str, now: datetime) -> Token | None:
    """``None`` if it was never made, is revoked, or its time is over."""
    if len(token) != LENGTH or not token.startswith(PREFIX):
        return None
    live = (
        ApiToken.revoked_at.is_(None),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
    )
    with database.reading() as tx:
        row = tx.scalar(select(ApiToken).where(ApiToken.digest == digest(token), *live))
        return None if row is None else _shown(row)


def list_tokens(database: Database) -> Sequence[Token]:
    """All that were ever made, by name."""
    with database.reading() as tx:
        return [_shown(row) for row in tx.scalars(select(ApiToken).order_by(ApiToken.name))]


def revoke_token(database: Database, blobs: BlobStore, name: str, now: datetime) -> None:
    """At once and for good: a marker keeps it revoked if an older backup is restored.

    Raise ``NotFound`` if no live token has this name.
    """
    with database.reading() as tx:
        live = ApiToken.name == name, ApiToken.revoked_at.is_(None)
        found = tx.scalar(select(ApiToken).where(*live))
    if found is None:
        raise NotFound(f"No live token has the name {name}; see the list of tokens.")
    markers.mark(blobs, found.digest, now)
    with database.writing() as tx:
        tx.execute(update(ApiToken).where(ApiToken.id == found.id).values(revoked_at=now))


def _check(name: str, now: datetime, expires_at: datetime | None, per_minute: int) -> None:
    if not NAME.fullmatch(name) or not name.strip():
        raise InvalidRequest(
            "A token's name has 1 to 64 letters, digits, spaces, dots or hyphens; give another."
        )
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("The token would have expired already; give a later time.")
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise InvalidRequest(
            f"A token's rate is from 1 to {MOST_PER_MINUTE} requests a minute; give such a number."
        )


def _shown(row: ApiToken) -> Token:
    return Token(row.id, row.name, row.made_at, row.expires_at, row.revoked_at, row.per_minute)
