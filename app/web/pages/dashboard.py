"""How each part of the site is, what needs a hand now, and how much the site is used."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from app.access.current_secret import CurrentSecret
from app.actions.health import OK, Health
from app.backups.catalogue import proven_at
from app.backups.drills import last_drill
from app.errors import StorageUnavailable
from app.storage.blobs.store import BlobStore
from app.storage.tables import now
from app.stores import Stores
from app.usage.metrics import By, read_history, read_metrics
from app.web.access import admin
from app.web.deps import BY_ITSELF, CurrentAccess, CurrentRendering, CurrentServices
from app.web.usage_view import PERIOD_NAMES, UsageView

router = APIRouter()
LATE: Final = timedelta(hours=7)  # a backup is made, or found unnecessary, every six hours
DRILL_LATE: Final = timedelta(days=7, hours=12)  # one is made every three days
REFRESH_SECONDS: Final = 60
NOBODY_LOOKED: Final = "It was not looked for yet."


@dataclass(frozen=True)
class PartView:
    """A part of the site: what is wrong with it, if anything, and what else is to be said.

    Unless ``known`` it was never tried.
    """

    name: str
    fault: str | None = None
    note: str = ""
    known: bool = True

    @property
    def state(self) -> str:
        """In a word or three."""
        if self.fault:
            return "needs a hand"
        return "well" if self.known else "not known"


@router.get("/dashboard")
@admin
def get(
    services: CurrentServices,
    access: CurrentAccess,
    rendering: CurrentRendering,
    by: By = "day",
    refresh: Annotated[bool, Query(description="Whether the page refreshes itself.")] = True,
) -> HTMLResponse:
    """What ``/healthz`` says, the password, the backups and the use, in words and plots."""
    at, database = now(), services.stores.database
    health = services.health.read()
    parts = [
        *_parts(health),
        _password(access.secret, has_password=access.has_password),
        *_backups(services.stores, at),
    ]
    usage = UsageView.of(read_metrics(database, at), read_history(database, by, at))
    context = {
        "health": health,
        "parts": parts,
        "usage": usage,
        "by": by,
        "periods": PERIOD_NAMES,
        "refreshes": refresh,
        "seconds": REFRESH_SECONDS,
        "by_itself": BY_ITSELF,
        "shown_at": f"{at:%H:%M:%S} UTC",
    }
    return rendering.page("dashboard.html", context)


def _parts(health: Health) -> Iterator[PartView]:
    yield PartView("Database", _fault(health.database))
    yield PartView("Files", _fault(health.store))
    if health.spool:
        waiting = f"{health.waiting} wait to be moved to the store." if health.waiting else ""
        yield PartView("Files that wait", _fault(health.spool), waiting or "None waits.")
    in_use = f"{health.reference.version} ({health.reference.sha256[:12]}) is in use."
    yield PartView("Bundle", _fault(health.bundle), in_use)
    if health.work:
        yield PartView("Work in the background", _fault(health.work))


def _fault(said: str) -> str | None:
    return None if said == OK else said


def _password(secret: CurrentSecret, *, has_password: bool) -> PartView:
    since = f"Last read {_when(secret.read_at)}." if secret.read_at else NOBODY_LOOKED
    if secret.fault is None:
        return PartView("Password", None, since if has_password else f"None is set. {since}")
    lasts = (
        "Who is logged in stays so; new logins are checked against the last known one for a day."
    )
    return PartView("Password", f"It cannot be read: {secret.fault}", f"{since} {lasts}")


def _backups(stores: Stores, at: datetime) -> Iterator[PartView]:
    if stores.database.file is None:
        yield PartView("Backups", None, "Those of PostgreSQL are made by its own means.")
        return
    yield _looked_for("Backups", lambda: _newest(stores.blobs, at))
    yield _looked_for("Restore drill", lambda: _drill(stores.blobs, at))


def _looked_for(name: str, look: Callable[[], PartView]) -> PartView:
    try:
        return look()
    except StorageUnavailable as error:
        return PartView(name, f"The store cannot be asked now: {error.advice}")


def _newest(blobs: BlobStore, at: datetime) -> PartView:
    made_at = proven_at(blobs)
    if made_at is None:
        return PartView("Backups", "None was made yet; run sketchnorm backup, or see its schedule.")
    note = f"The newest has all that was kept until {_when(made_at)}."
    late = "The newest is older than seven hours; run sketchnorm backup, and see its schedule."
    return PartView("Backups", late if at - made_at > LATE else None, note)


def _drill(blobs: BlobStore, at: datetime) -> PartView:
    """Only a deployment with scheduled functions has drills, so that none was made is no fault."""
    last = last_drill(blobs)
    if last is None:
        return PartView("Restore drill", None, "None was recorded yet.", known=False)
    note = f"The last one was on {_when(last.at)}."
    if last.problem is not None:
        return PartView("Restore drill", f"The last one failed: {last.problem}", note)
    late = "There was none for more than a week; see its schedule."
    return PartView("Restore drill", late if at - last.at > DRILL_LATE else None, note)


def _when(instant: datetime) -> str:
    return f"{instant:%d %B %Y, %H:%M} UTC"
