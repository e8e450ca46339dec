"""The OpenAPI document: what can be asked, and what each operation needs."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.web.access import describe, public
from app.web.deps import CurrentServices, cookie_name

router = APIRouter()


@router.get("/openapi.json")
@public
def get(request: Request, services: CurrentServices) -> JSONResponse:
    """The same for everyone: what somebody may not do is described, too."""
    return JSONResponse(describe(request.app, cookie_name(services.secure)))
