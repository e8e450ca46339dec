"""What the admin sets: when drawings are flagged, the bundle, and who is let in."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.tokens import PER_MINUTE, list_tokens, make_token, revoke_token
from app.errors import BundleError, InvalidRequest, StorageUnavailable
from app.publishing.published import SHA256, ListedBundle, list_bundles
from app.storage.blobs.store import BlobStore
from app.web.access import admin
from app.web.deps import (
    CurrentAccess,
    CurrentRoot,
    CurrentServices,
    access_of,
    rendering_for,
    services_of,
)
from app.web.errors import refused
from app.wording import how_often

router = APIRouter()
MOST_DAYS: Final = 3660


@dataclass(frozen=True)
class Said:
    """What came of a form: the token that was made, or what is wrong and what was typed."""

    made: str | None = None
    level: str | None = None
    level_problem: str | None = None
    bundle_problem: str | None = None


@router.get("/configuration")
@admin
def get(request: Request) -> HTMLResponse:
    """All of it."""
    return _page(request)


@router.post("/configuration/level")
@admin
def post_level(
    request: Request,
    services: CurrentServices,
    root: CurrentRoot,
    percent: Annotated[str, Form()] = "",
) -> Response:
    """In force for the next drawing; ``percent`` of ordinary drawings are flagged."""
    try:
        services.current_level.change(_share(percent))
    except InvalidRequest as error:
        return _page(request, Said(level=percent, level_problem=str(error)), 422)
    return RedirectResponse(f"{root}/configuration#level", 303)


@router.post("/configuration/bundle")
@admin
def post_bundle(
    request: Request,
    services: CurrentServices,
    root: CurrentRoot,
    sha256: Annotated[str, Form()] = "",
) -> Response:
    """Turn to a bundle that is in the store, once it has passed its self-test."""
    try:
        if not SHA256.fullmatch(sha256):
            raise InvalidRequest("There is no such bundle; choose one of the list.")
        services.current.turn_to(sha256)
    except (InvalidRequest, BundleError, StorageUnavailable) as error:
        return _page(request, Said(bundle_problem=f"Nothing was changed. {error}"), 422)
    return RedirectResponse(f"{root}/configuration#bundle", 303)


@router.post("/configuration/tokens")
@admin
def post_token(
    request: Request,
    access: CurrentAccess,
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
    return _page(request, Said(made=made))


@router.post(
    "/configuration/tokens/revoke", status_code=303, response_class=RedirectResponse,
    responses=refused(404),
)  # fmt: skip
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


def _page(request: Request, said: Said = Said(), status: int = 200) -> HTMLResponse:
    services, access = services_of(request), access_of(request)
    level = services.current_level.read()
    listed, unlisted = _held(services.stores.blobs)
    context = {
        "said": said,
        "now": access.clock(),
        "per_minute": PER_MINUTE,
        "logins": access.live_logins(),
        "tokens": list_tokens(access.database),
        "fault": access.secret.fault,
        "percent": f"{100 * level:g}",
        "how_often": how_often(level),
        "retention_days": services.retention_days,
        "keep_uploads": services.keep_uploads,
        "bundle": services.bundle,
        "bundle_fault": services.current.fault,
        "bundles": listed,
        "unlisted": unlisted,
    }
    return rendering_for(request).page("configuration.html", context, status)


def _held(blobs: BlobStore) -> tuple[tuple[ListedBundle, ...], str | None]:
    """The bundles in the store, or why they cannot be listed."""
    try:
        return list_bundles(blobs=blobs), None
    except (BundleError, StorageUnavailable) as error:
        return (), str(error)


def _share(percent: str) -> float:
    """The share that so many per cent are."""
    try:
        return float(Decimal(percent.strip().removesuffix("%").strip().replace(",", ".")) / 100)
    except ArithmeticError as error:
        raise InvalidRequest("Give a number of per cent, such as 5 or 2.5.") from error


def _whole_number(what: str, text: str, most: int) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= most:
        raise InvalidRequest(f"The number of {what} is from 1 to {most}; give such a number.")
    return int(text)
