"""What the admin sees of who is let in: logins and tokens."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.admin import Access
from app.access.tokens import PER_MINUTE, list_tokens, make_token, revoke_token
from app.errors import InvalidRequest
from app.web.access import admin
from app.web.deps import CurrentAccess, CurrentRendering, CurrentRoot, CurrentServices
from app.web.rendering import Rendering

router = APIRouter()
MOST_DAYS: Final = 3660


@router.get("/configuration")
@admin
def get(access: CurrentAccess, rendering: CurrentRendering) -> HTMLResponse:
    """All of it."""
    return _page(access, rendering)


@router.post("/configuration/tokens")
@admin
def post_token(
    access: CurrentAccess,
    rendering: CurrentRendering,
    name: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = "",
    per_minute: Annotated[str, Form()] = str(PER_MINUTE),
) -> HTMLResponse:
    """Make a token and show it, this once."""
    at = access.clock()
    lasts = _whole_number("days", days, MOST_DAYS) if days.strip() else None
    made = make_token(
        access.database, name.strip(), at,
        expires_at=at + timedelta(days=lasts) if lasts is not None else None,
        per_minute=_whole_number("requests a minute", per_minute, MOST_DAYS),
    )  # fmt: skip
    return _page(access, rendering, made)


@router.post("/configuration/tokens/revoke")
@admin
def post_revocation(
    access: CurrentAccess,
    services: CurrentServices,
    root: CurrentRoot,
    name: Annotated[str, Form()] = "",
) -> Response:
    """At once and for good."""
    revoke_token(access.database, services.stores.blobs, name, access.clock())
    return RedirectResponse(f"{root}/configuration", 303)


def _page(access: Access, rendering: Rendering, made: str | None = None) -> HTMLResponse:
    context = {
        "made": made,
        "now": access.clock(),
        "per_minute": PER_MINUTE,
        "logins": access.live_logins(),
        "tokens": list_tokens(access.database),
        "fault": access.secret.fault,
    }
    return rendering.page("configuration.html", context)


def _whole_number(what: str, text: str, most: int) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= most:
        raise InvalidRequest(f"The number of {what} is from 1 to {most}; give such a number.")
    return int(text)
