"""Whom to tell about a weakness of this site (RFC 9116)."""

from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from app.errors import NotFound
from app.web.access import public
from app.web.errors import refused
from app.web.front import Front
from app.web.headers import FOR_ALL

PATH: Final = "/.well-known/security.txt"
# The standard wants less than a year; a site that is up is one whose operator still answers.
GOOD_FOR: Final = timedelta(days=180)
router = APIRouter()


@router.get(PATH, response_class=PlainTextResponse, responses=refused(404))
@public
def get(request: Request) -> PlainTextResponse:
    """Raise ``NotFound`` if the operator gives no contact."""
    contact: str | None = request.app.state.security_contact
    if contact is None:
        raise NotFound("Nobody is named here to whom a weakness could be told.")
    front: Front = request.app.state.front
    expires = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + GOOD_FOR
    lines = [f"Contact: {contact}", f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}"]
    if front.base_url is not None:
        lines.append(f"Canonical: {front.base_url.rstrip('/')}{PATH}")
    return PlainTextResponse("\n".join((*lines, "Preferred-Languages: en", "")), headers=FOR_ALL)
