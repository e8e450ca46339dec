"""Drawings and their answers, as JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse, Response

from app.actions.forget import forget
from app.actions.show import ShownDrawing, show
from app.actions.submit import Submission, answer, answer_upload
from app.bootstrap import Services
from app.inference.analysis import Analysis
from app.storage.tables import now
from app.web.access import public
from app.web.api.uploads import uploads_of
from app.web.demo_view import NO_MAP
from app.web.deps import CurrentForm, CurrentRoot, CurrentServices
from app.web.rendering import data_uri, halo
from app.wording import WAITING

router = APIRouter(prefix="/api")


@router.post("/drawings", status_code=201)
@public
def post(
    form: CurrentForm,
    services: CurrentServices,
    root: CurrentRoot,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> JSONResponse:
    """Analyse a drawing; keep it unless ``keep`` or the operator says otherwise."""
    submission = form.read(kept_here=services.keep_uploads, idempotency_key=idempotency_key)
    answered = _answer(submission, services)
    if isinstance(answered, Analysis):
        return JSONResponse(_answer_only(answered))
    body = _kept(answered, services, root)
    return JSONResponse(body, 201, {"Location": f"{root}/api/drawings/{answered}"})


@router.get("/drawings/{drawing_id}")
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


def as_json(drawing: ShownDrawing, root: str) -> dict[str, Any]:
    """The same for a fresh answer, a repeated one and one looked up later."""
    page = f"{root}/drawings/{drawing.id}"
    has_map = drawing.map_key is not None
    links = {
        "self": f"{root}/api/drawings/{drawing.id}",
        "page": page,
        "map": f"{page}/map.png" if has_map else None,
        "picture": f"{page}/picture",
    }
    body = {"id": drawing.id, "analysis": drawing.result, "links": links}
    return body if has_map else {**body, "map_reason": NO_MAP}


def _answer(submission: Submission, services: Services) -> str | Analysis:
    analyzer, stores, level = services.analyzer, services.stores, services.level
    if submission.upload is None:
        return answer(submission, analyzer=analyzer, stores=stores, level=level)
    uploads = uploads_of(services)
    return answer_upload(submission, uploads, analyzer=analyzer, stores=stores, level=level)


def _kept(drawing_id: str, services: Services, root: str) -> dict[str, Any]:
    drawing = show(drawing_id, database=services.stores.database)
    warning = {"warning": WAITING} if drawing.waits(services.stores) else {}
    return {**as_json(drawing, root), **warning}


def _answer_only(analysis: Analysis) -> dict[str, Any]:
    if analysis.saliency_map is None:
        return {"analysis": analysis.as_json(), "map": None, "map_reason": NO_MAP}
    shown = data_uri(halo(analysis.saliency_map), "image/png")
    return {"analysis": analysis.as_json(), "map": shown}
