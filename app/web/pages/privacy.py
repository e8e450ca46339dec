"""What is stored of whom, for how long, and how it is deleted."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.access.limits import FORGOTTEN
from app.backups.catalogue import ARCHIVED_MONTHS
from app.web.access import public
from app.web.deps import CurrentRendering, CurrentServices
from app.web.headers import ASKED_AGAIN

router = APIRouter()


@router.get("/privacy")
@public
def get(services: CurrentServices, rendering: CurrentRendering) -> HTMLResponse:
    """As this site is set up, in plain words."""
    access = services.access
    context = {
        "keeps": services.keep_uploads,
        "days": services.retention_days,
        "backup_months": ARCHIVED_MONTHS,
        "counts": services.requests.database is not None,
        "by_key": services.stores.uploads is not None,
        "login_hours": access.lifetimes.whole.total_seconds() / 3600 if access else None,
        "attempt_hours": FORGOTTEN.total_seconds() / 3600,
    }
    return rendering.page("privacy.html", context, headers=ASKED_AGAIN)
