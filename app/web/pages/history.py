"""The list of the drawings that were handed in; from here they are opened and deleted."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.actions.forget import forget
from app.errors import NotFound
from app.storage.history import Page, list_handed_in
from app.storage.tables import now
from app.web.access import admin
from app.web.deps import CurrentRendering, CurrentRoot, CurrentServices
from app.web.headers import CLEARED
from app.web.history_view import FLAGS, HistoryQuery, RowView

router = APIRouter()
EMPTY = Page((), None)


@router.get("/history")
@admin
def get(
    query: Annotated[HistoryQuery, Query()], services: CurrentServices, rendering: CurrentRendering
) -> HTMLResponse:
    """A page of the list, or the filters with what is wrong with them."""
    read = query.read()
    page = (
        EMPTY
        if read.problems
        else list_handed_in(services.stores.database, read.wanted, read.after)
    )
    context = {
        "query": query,
        "problems": read.problems,
        "flags": FLAGS,
        "categories": services.categories,
        "rows": [RowView.of(drawing) for drawing in page.drawings],
        "older": query.address(cursor=page.next.cursor) if page.next else None,
        "newest": query.address(cursor="") if query.cursor else None,
    }
    return rendering.page("history.html", context, 422 if read.problems else 200)


@router.post("/history/{drawing_id}/forget")
@admin
def post(
    drawing_id: str,
    services: CurrentServices,
    root: CurrentRoot,
    back: Annotated[str, Form()] = "",
) -> Response:
    """Delete it and lead back to the list as it was; what is gone already is no fault."""
    with suppress(NotFound):
        forget(drawing_id, stores=services.stores, now=now())
    shown = HistoryQuery.of(back.removeprefix("?")).address()
    return RedirectResponse(f"{root}/history{shown}", 303, CLEARED)
