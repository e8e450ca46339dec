"""The documentation: the repository's folder ``docs/``, for everyone."""

from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.access import public
from app.web.deps import CurrentRendering, CurrentRoot
from app.web.documentation import Documentation
from app.web.headers import FOR_ALL, FOR_MINUTES
from app.web.rendering import Rendering
from app.web.static_files import cached

router = APIRouter()


@router.get("/docs")
@public
def get_index(request: Request, rendering: CurrentRendering, root: CurrentRoot) -> Response:
    """All pages, by who reads them."""
    return _sent("", request, rendering, root)


@router.get("/docs/{page}")
@public
def get(page: str, request: Request, rendering: CurrentRendering, root: CurrentRoot) -> Response:
    """One page, or a file that one leads to."""
    return _sent(page, request, rendering, root)


@router.get("/docs/{folder}/{page}")
@public
def get_in_folder(
    folder: str, page: str, request: Request, rendering: CurrentRendering, root: CurrentRoot
) -> Response:
    """The same in one of the folder's own folders."""
    return _sent(f"{folder}/{page}", request, rendering, root)


def _sent(address: str, request: Request, rendering: Rendering, root: str) -> Response:
    documentation = cast(Documentation, request.app.state.documentation)
    file = documentation.file(address)
    if not file.is_page:
        return cached(request, file.path.read_bytes(), file.media_type, FOR_ALL)
    page = documentation.page(file, root)
    # The same for everyone, as it may be kept between us and who reads it.
    shown = rendering.under(root).page("docs.html", {"page": page, "is_index": not address})
    return cached(request, bytes(shown.body), "text/html", FOR_MINUTES)
