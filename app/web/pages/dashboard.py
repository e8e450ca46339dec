"""How each part of the site is, and what needs a hand now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.access.current_secret import CurrentSecret
from app.actions.health import OK, Health
from app.backups.catalogue import proven_at
from app.errors import StorageUnavailable
from app.storage.tables import now
from app.stores import Stores
from app.web.access import admin
from app.web.deps import CurrentAccess, CurrentRendering, CurrentServices

router = APIRouter()
LATE: Final = timedelta(hours=7)  # a backup is made, or found unnecessary, every six hours
NOBODY_LOOKED: Final = "It was not looked for yet."


@dataclass(frozen=True)
class PartView:
    """A part of the site: what is wrong with it, if anything, and what else is to be said."""

    name: str
    fault: str | None = None
    note: str = ""


@router.get("/dashboard")
@admin
def get(
    services: CurrentServices, access: CurrentAccess, rendering: CurrentRendering
) -> HTMLResponse:
    """What ``/healthz`` says, the password and the backups, in words."""
    health = services.health.read()
    parts = [
        *_parts(health),
        _password(access.secret, has_password=access.has_password),
        _backups(services.stores, now()),
    ]
    return rendering.page("dashboard.html", {"health": health, "parts": parts})


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


def _backups(stores: Stores, at: datetime) -> PartView:
    if stores.database.file is None:
        return PartView("Backups", None, "Those of PostgreSQL are made by its own means.")
    try:
        made_at = proven_at(stores.blobs)
    except StorageUnavailable as error:
        return PartView("Backups", f"They cannot be listed now: {error.advice}")
    if made_at is None:
        return PartView("Backups", "None was made yet; run sketchnorm backup, or see its schedule.")
    note = f"The newest has all that was kept until {_when(made_at)}."
    late = "The newest is older than seven hours; run sketchnorm backup, and see its schedule."
    return PartView("Backups", late if at - made_at > LATE else None, note)


def _when(instant: datetime) -> str:
    return f"{instant:%d %B %Y, %H:%M} UTC"
