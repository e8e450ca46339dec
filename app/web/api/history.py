"""The list of the drawings that were handed in, as JSON."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from app.storage.history import list_handed_in
from app.web.access import admin
from app.web.deps import CurrentRoot, CurrentServices
from app.web.history_view import HistoryQuery, as_json

router = APIRouter(prefix="/api")


@router.get("/history")
@admin
def get(
    query: Annotated[HistoryQuery, Query()], services: CurrentServices, root: CurrentRoot
) -> JSONResponse:
    """A page of the list, the newest first; ``next`` leads to the one after it."""
    read = query.read().check()
    page = list_handed_in(services.stores.database, read.wanted, read.after)
    return JSONResponse(as_json(page, query, root))
