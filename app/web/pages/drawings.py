"""The result page of a kept drawing, its picture and its map."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from app.actions.show import show, show_map, show_picture
from app.web.access import public
from app.web.deps import CurrentRendering, CurrentRoot, CurrentServices
from app.web.rendering import halo
from app.web.result_view import ResultView
from app.web.static_files import cached
from app.wording import WAITING

router = APIRouter()
# The link is the permission: search engines must not spread it.
UNLISTED = {"X-Robots-Tag": "noindex"}
# "immutable" holds: a kept file never changes. Private: nobody else's cache may hold it.
FOR_ONE = "private, max-age=86400, immutable"


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
        "warning": WAITING if drawing.waits(services.stores) else None,
    }
    return rendering.page("result.html", context, headers=UNLISTED)


@router.get("/drawings/{drawing_id}/picture")
@public
def get_picture(drawing_id: str, request: Request, services: CurrentServices) -> Response:
    """The drawing, upright and without metadata."""
    stores = services.stores
    file = show_picture(drawing_id, database=stores.database, blobs=stores.blobs)
    return cached(request, file.content, file.media_type, FOR_ONE)


@router.get("/drawings/{drawing_id}/map.png")
@public
def get_map(drawing_id: str, request: Request, services: CurrentServices) -> Response:
    """White, of the picture's size, more opaque where the ink seems less to belong."""
    stores = services.stores
    file = show_map(drawing_id, database=stores.database, blobs=stores.blobs)
    return cached(request, halo(file.content), file.media_type, FOR_ONE)
