"""What pages embed: pictures, maps, style sheets and scripts."""

import hashlib

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.actions.show import ShownFile, show_map, show_picture
from app.web.access import public
from app.web.deps import CurrentServices, CurrentStatic

router = APIRouter()
# "immutable" holds: a kept file never changes. Private: nobody else's cache may hold it.
FOR_ONE = "private, max-age=86400, immutable"
FOR_ALL = "public, max-age=31536000, immutable"


@router.get("/drawings/{drawing_id}/picture")
@public
def get_picture(drawing_id: str, request: Request, services: CurrentServices) -> Response:
    """The drawing, upright and without metadata."""
    picture = show_picture(drawing_id, database=services.database, blobs=services.blobs)
    return _file(request, picture, FOR_ONE)


@router.get("/drawings/{drawing_id}/map.png")
@public
def get_map(drawing_id: str, request: Request, services: CurrentServices) -> Response:
    """Grey, of the same size as the picture, brighter where the ink seems less to belong."""
    saliency_map = show_map(drawing_id, database=services.database, blobs=services.blobs)
    return _file(request, saliency_map, FOR_ONE)


@router.get("/static/{hashed_name}")
@public
def get_static(hashed_name: str, request: Request, static: CurrentStatic) -> Response:
    """One of our own files."""
    file = static.find(hashed_name)
    return _file(request, ShownFile(file.content, file.media_type), FOR_ALL)


def _file(request: Request, file: ShownFile, caching: str) -> Response:
    tag = f'"{hashlib.sha256(file.content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": caching}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
