"""Where programs send pictures that are too large for a request."""

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict

from app.bootstrap import Services
from app.errors import NotFound
from app.imaging.intake import MAX_BYTES
from app.storage.blobs.uploads import FORM_SECONDS, Uploads
from app.web.access import public
from app.web.deps import CurrentServices, count_upload
from app.web.errors import refused

router = APIRouter(prefix="/api")


class Offer(TypedDict):
    """A form for one picture, good for ``expires_in`` seconds; ``largest`` is in bytes."""

    key: str
    url: str
    fields: dict[str, str]
    largest: int
    expires_in: int


@router.post(
    "/uploads", status_code=201, dependencies=[Depends(count_upload)],
    responses={201: {"model": Offer}, **refused(404, 429)},
)  # fmt: skip
@public
def post(services: CurrentServices) -> JSONResponse:
    """A form for one picture, and the key to hand in once the picture was sent with it."""
    offer = uploads_of(services).offer(MAX_BYTES)
    body: Offer = {
        "key": offer.key,
        "url": offer.url,
        "fields": offer.fields,
        "largest": MAX_BYTES,
        "expires_in": FORM_SECONDS,
    }
    return JSONResponse(body, 201)


def uploads_of(services: Services) -> Uploads:
    """Raise ``NotFound`` if this site takes pictures in requests alone."""
    if services.stores.uploads is None:
        raise NotFound(
            "This site takes no uploads by key; send a picture of up to "
            f"{services.largest_upload_mb} MB as the field image of POST /api/drawings."
        )
    return services.stores.uploads
