"""The demonstration, as JSON."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.web.access import public
from app.web.demo_view import demo_samples
from app.web.deps import CurrentRoot, CurrentServices
from app.web.headers import ASKED_AGAIN

router = APIRouter(prefix="/api")


@router.get("/demo")
@public
def get(services: CurrentServices, root: CurrentRoot) -> JSONResponse:
    """What the page of the demonstration shows."""
    samples = [sample.as_json() for sample in demo_samples(services.stores.database, root)]
    return JSONResponse({"samples": samples}, headers=ASKED_AGAIN)
