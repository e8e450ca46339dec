"""The first page: what this is, what it is not, and the demo."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.actions.show import show_demo
from app.web.access import public
from app.web.deps import CurrentRendering, CurrentServices
from app.web.headers import ASKED_AGAIN
from app.web.result_view import ResultView

router = APIRouter()


@router.get("/")
@public
def get(services: CurrentServices, rendering: CurrentRendering) -> HTMLResponse:
    """With no demo seeded the page says so instead of showing an empty gallery."""
    samples = [
        (sample, ResultView.of(sample.drawing.result))
        for sample in show_demo(database=services.stores.database)
    ]
    return rendering.page("home.html", {"samples": samples}, headers=ASKED_AGAIN)
