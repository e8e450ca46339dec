"""The demonstration: what Sketchnorm is, and its answers about drawings that anyone may see."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.web.access import public
from app.web.demo_view import demo_samples
from app.web.deps import CurrentRendering, CurrentServices
from app.web.headers import ASKED_AGAIN
from app.wording import how_often

router = APIRouter()


@router.get("/demo")
@public
def get(services: CurrentServices, rendering: CurrentRendering) -> HTMLResponse:
    """With no demo seeded the page says so instead of showing an empty gallery."""
    samples = demo_samples(services.stores.database, rendering.root)
    context = {"samples": samples, "often": how_often(services.current_level.read())}
    return rendering.page("demo.html", context, headers=ASKED_AGAIN)
