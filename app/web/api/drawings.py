"""Drawings and their answers, as JSON."""

from typing import Annotated, Any, NotRequired

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse, Response
from typing_extensions import TypedDict

from app.actions.forget import forget
from app.actions.show import ShownDrawing, show
from app.actions.submit import Submission, answer, answer_upload
from app.bootstrap import Services
from app.inference.analysis import Analysis
from app.storage.tables import now
from app.usage.analyses import AnalysisCounter
from app.web.access import public
from app.web.api.uploads import uploads_of
from app.web.demo_view import NO_MAP
from app.web.deps import CurrentCounter, CurrentForm, CurrentRoot, CurrentServices
from app.web.errors import refused
from app.web.forms import FORM
from app.web.rendering import data_uri, halo
from app.wording import WAITING

router = APIRouter(prefix="/api")


class Links(TypedDict):
    """Paths on this site."""

    self: str
    page: str
    map: str | None
    picture: str


class Kept(TypedDict):
    """A kept drawing and the newest answer about it."""

    id: str
    analysis: dict[str, Any]
    links: Links
    map_reason: NotRequired[str]
    warning: NotRequired[str]


class NotKept(TypedDict):
    """The answer about a drawing that is forgotten at once; ``map`` is a data URI."""

    analysis: dict[str, Any]
    map: str | None
    map_reason: NotRequired[str]


@router.post(
    "/drawings", status_code=201, openapi_extra=FORM,
    responses={200: {"model": NotKept}, 201: {"model": Kept}, **refused(404, 415, 422, 429)},
)  # fmt: skip
@public
def post(
    form: CurrentForm,
    services: CurrentServices,
    root: CurrentRoot,
    counter: CurrentCounter,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> JSONResponse:
    """Analyse a drawing; keep it unless ``keep`` or the operator says otherwise."""
    submission = form.read(kept_here=services.keep_uploads, idempotency_key=idempotency_key)
    answered = _answer(submission, services, counter)
    if isinstance(answered, Analysis):
        return JSONResponse(_answer_only(answered))
    body = _kept(answered, services, root)
    return JSONResponse(body, 201, {"Location": f"{root}/api/drawings/{answered}"})


@router.get("/drawings/{drawing_id}", responses={200: {"model": Kept}})
@public
def get(drawing_id: str, services: CurrentServices, root: CurrentRoot) -> JSONResponse:
    """The newest answer about a kept drawing."""
    return JSONResponse(_kept(drawing_id, services, root))


@router.delete("/drawings/{drawing_id}", status_code=204)
@public
def delete(drawing_id: str, services: CurrentServices) -> Response:
    """Delete a kept drawing for good; whoever knows its id may."""
    forget(drawing_id, stores=services.stores, now=now())
    return Response(status_code=204)


def as_json(drawing: ShownDrawing, root: str) -> Kept:
    """The same for a fresh answer, a repeated one and one looked up later."""
    page = f"{root}/drawings/{drawing.id}"
    has_map = drawing.map_key is not None
    links: Links = {
        "self": f"{root}/api/drawings/{drawing.id}",
        "page": page,
        "map": f"{page}/map.png" if has_map else None,
        "picture": f"{page}/picture",
    }
    body: Kept = {"id": drawing.id, "analysis": drawing.result, "links": links}
    return body if has_map else {**body, "map_reason": NO_MAP}


def _answer(submission: Submission, services: Services, counter: AnalysisCounter) -> str | Analysis:
    analyzer, stores = services.analyzer, services.stores
    level = services.current_level.read()
    if submission.upload is None:
        return answer(submission, analyzer=analyzer, stores=stores, level=level, counter=counter)
    uploads = uploads_of(services)
    return answer_upload(
        submission, uploads, analyzer=analyzer, stores=stores, level=level, counter=counter
    )


def _kept(drawing_id: str, services: Services, root: str) -> Kept:
    drawing = show(drawing_id, database=services.stores.database)
    body = as_json(drawing, root)
    return {**body, "warning": WAITING} if drawing.waits(services.stores) else body


def _answer_only(analysis: Analysis) -> NotKept:
    if analysis.saliency_map is None:
        return {"analysis": analysis.as_json(), "map": None, "map_reason": NO_MAP}
    shown = data_uri(halo(analysis.saliency_map), "image/png")
    return {"analysis": analysis.as_json(), "map": shown}
