"""Logins of the admin: made, found by what the browser holds, and ended.

The browser holds 256 random bits and the database their SHA-256, so that who reads a backup cannot
log in with it.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update

from app.storage.database import Database
from app.storage.tables import AdminLogin

SEEN = timedelta(minutes=1)  # a login that was seen so lately is not written down anew
SHORTEST, LONGEST = 40, 64  # characters of a token; others are not looked for


@dataclass(frozen=True)
class Lifetimes:
    """How long a login lives: unused for ``idle``, and ``whole`` altogether."""

    idle: timedelta
    whole: timedelta

    def live(self, epoch: int, now: datetime) -> ColumnElement[bool]:
        """What is true of the rows of live logins."""
        return and_(
            AdminLogin.epoch == epoch,
            AdminLogin.made_at > now - self.whole,
            AdminLogin.last_seen_at > now - self.idle,
        )


@dataclass(frozen=True)
class Login:
    """A live login, without what would let anybody use it."""

    id: str
    made_at: datetime
    last_seen_at: datetime
    country: str | None


def make_login(
    database: Database, epoch: int, country: str | None, lifetimes: Lifetimes, now: datetime
) -> str:
    """Return what the browser is to hold; logins that are over are forgotten meanwhile."""
    token = secrets.token_urlsafe(32)
    row = AdminLogin(id=digest(token), epoch=epoch, made_at=now, last_seen_at=now, country=country)
    with database.writing() as tx:
        tx.execute(delete(AdminLogin).where(AdminLogin.made_at <= now - lifetimes.whole))
        tx.add(row)
    return token


def find_login(
    database: Database, token: str, epoch: int, lifetimes: Lifetimes, now: datetime
) -> Login | None:
    """The live login of a token; ``None`` if there is none."""
    if not SHORTEST <= len(token) <= LONGEST:
        return None
    with database.reading() as tx:
        row = tx.scalar(
            select(AdminLogin).where(AdminLogin.id == digest(token), lifetimes.live(epoch, now))
        )
    return None if row is None else _shown(row)


def note_use(database: Database, login: Login, now: datetime) -> None:
    """From now on it is idle anew; written down once a minute."""
    if now - login.last_seen_at >= SEEN:
        with database.writing() as tx:
            seen = update(AdminLogin).where(AdminLogin.id == login.id).values(last_seen_at=now)
            tx.execute(seen)


def live_logins(
    database: Database, epoch: int, lifetimes: Lifetimes, now: datetime
) -> Sequence[Login]:
    """All of them, the newest first."""
    with database.reading() as tx:
        rows = tx.scalars(
            select(AdminLogin)
            .where(lifetimes.live(epoch, now))
            .order_by(AdminLogin.made_at.desc(), AdminLogin.id)
        )
        return [_shown(row) for row in rows]


def end_login(database: Database, token: str) -> None:
    """Log out; what is not there is ended already."""
    with database.writing() as tx:
        tx.execute(delete(AdminLogin).where(AdminLogin.id == digest(token)))


def end_all(database: Database) -> None:
    """Log out everywhere."""
    with database.writing() as tx:
        tx.execute(delete(AdminLogin))


def digest(token: str) -> str:
    """What is kept of a token; it is too random to be found by trying."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(row: AdminLogin) -> Login:
    return Login(row.id, row.made_at, row.last_seen_at, row.country)
