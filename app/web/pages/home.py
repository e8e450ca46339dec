"""The first page: what this is, what it is not, and one example of each kind of answer."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.web.access import public
from app.web.demo_view import demo_samples, one_of_each
from app.web.deps import CurrentRendering, CurrentServices
from app.web.headers import ASKED_AGAIN

router = APIRouter()


@router.get("/")
@public
def get(services: CurrentServices, rendering: CurrentRendering) -> HTMLResponse:
    """With no demo seeded the page says so instead of showing an empty gallery."""
    samples = one_of_each(demo_samples(services.stores.database, rendering.root))
    return rendering.page("home.html", {"samples": samples}, headers=ASKED_AGAIN)
