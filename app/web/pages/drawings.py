"""The result page of a kept drawing, its picture and its map, and how all of it is deleted."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from app.actions.forget import forget
from app.actions.show import ShownFile, show, show_map, show_picture
from app.backups.catalogue import ARCHIVED_MONTHS
from app.storage.tables import now
from app.web.access import public
from app.web.deps import CurrentRendering, CurrentRoot, CurrentServices
from app.web.headers import CLEARED, FOR_ALL
from app.web.rendering import halo
from app.web.result_view import ResultView
from app.web.static_files import cached
from app.wording import WAITING

router = APIRouter()
# The link is the permission: search engines must not spread it.
UNLISTED = {"X-Robots-Tag": "noindex"}
PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/*": {}}},
    304: {"description": "An example's picture that the browser has already."},
}


@router.get("/drawings/{drawing_id}")
@public
def get(
    drawing_id: str, services: CurrentServices, rendering: CurrentRendering, root: CurrentRoot
) -> HTMLResponse:
    """Everything that is known of one drawing, in words."""
    drawing = show(drawing_id, database=services.stores.database)
    page = f"{root}/drawings/{drawing.id}"
    context = {
        "result": ResultView.of(drawing.result),
        "age_years": drawing.age_years,
        "picture_url": f"{page}/picture",
        "map_url": f"{page}/map.png" if drawing.map_key is not None else None,
        "kept_id": drawing.id,
        "removable": not drawing.in_demo and not services.stores.database.read_only,
        "warning": WAITING if drawing.waits(services.stores) else None,
    }
    return rendering.page("result.html", context, headers=UNLISTED)


@router.post("/drawings/{drawing_id}/forget")
@public
def post(drawing_id: str, services: CurrentServices, rendering: CurrentRendering) -> HTMLResponse:
    """Delete the drawing and say what became of it."""
    complete = forget(drawing_id, stores=services.stores, now=now())
    context = {
        "complete": complete,
        "counts": services.requests.database is not None,
        "months": ARCHIVED_MONTHS,
    }
    return rendering.page("forgotten.html", context, headers=CLEARED)


@router.get("/drawings/{drawing_id}/picture", response_class=Response, responses=PICTURE)
@public
def get_picture(drawing_id: str, request: Request, services: CurrentServices) -> Response:
    """The drawing, upright and without metadata."""
    stores = services.stores
    file = show_picture(drawing_id, database=stores.database, blobs=stores.blobs)
    return _sent(request, file, file.content)


@router.get("/drawings/{drawing_id}/map.png", response_class=Response, responses=PICTURE)
@public
def get_map(drawing_id: str, request: Request, services: CurrentServices) -> Response:
    """White, of the picture's size, more opaque where the ink seems less to belong."""
    stores = services.stores
    file = show_map(drawing_id, database=stores.database, blobs=stores.blobs)
    return _sent(request, file, halo(file.content))


def _sent(request: Request, file: ShownFile, content: bytes) -> Response:
    """Only the demonstration's may be stored: whose drawing is deleted expects it to be gone."""
    if file.in_demo:
        return cached(request, content, file.media_type, FOR_ALL)
    return Response(content, media_type=file.media_type)
