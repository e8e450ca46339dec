"""The result page of a kept drawing."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.actions.show import show
from app.web.access import public
from app.web.api.drawings import WAITING, is_waiting
from app.web.deps import CurrentRendering, CurrentRoot, CurrentServices
from app.web.result_view import ResultView

router = APIRouter()
# The link is the permission: search engines must not spread it.
UNLISTED = {"X-Robots-Tag": "noindex"}


@router.get("/drawings/{drawing_id}")
@public
def get(
    drawing_id: str, services: CurrentServices, rendering: CurrentRendering, root: CurrentRoot
) -> HTMLResponse:
    """Everything that is known of one drawing, in words."""
    drawing = show(drawing_id, database=services.database)
    page = f"{root}/drawings/{drawing.id}"
    context = {
        "result": ResultView.of(drawing.result),
        "age_years": drawing.age_years,
        "picture_url": f"{page}/picture",
        "map_url": f"{page}/map.png" if drawing.map_key is not None else None,
        "kept_id": drawing.id,
        "warning": WAITING if is_waiting(drawing, services) else None,
    }
    return rendering.page("result.html", context, headers=UNLISTED)
