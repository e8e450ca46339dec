"""Drawings and their answers, as JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse

from app.actions.show import ShownDrawing, show, show_demo
from app.actions.submit import Submission, submit
from app.bootstrap import Services
from app.web.access import public
from app.web.data_uri import data_uri
from app.web.deps import CurrentForm, CurrentRoot, CurrentServices
from app.web.forms import check_key

router = APIRouter(prefix="/api")
NO_MAP = "No map could be made for this drawing."
WAITING = (
    "Where drawings are kept cannot be reached just now. This one is safe beside it, and will be "
    "moved there; nothing needs to be done."
)


@router.post("/drawings", status_code=201)
@public
def post(
    form: CurrentForm,
    services: CurrentServices,
    root: CurrentRoot,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> JSONResponse:
    """Analyse a drawing; keep it unless ``keep`` or the operator says otherwise."""
    submission = Submission(
        content=form.read_image(),
        age_years=form.read_age(),
        category=form.read_category(),
        idempotency_key=check_key(idempotency_key),
    )
    if not (form.read_keep() and services.keep_uploads):
        return JSONResponse(_answer_only(submission, services))
    drawing_id = submit(
        submission,
        analyzer=services.analyzer,
        database=services.database,
        blobs=services.blobs,
    )
    drawing = show(drawing_id, database=services.database)
    body = {**as_json(drawing, root), **_warning(drawing, services)}
    return JSONResponse(body, 201, {"Location": f"{root}/api/drawings/{drawing_id}"})


@router.get("/drawings/{drawing_id}")
@public
def get(drawing_id: str, services: CurrentServices, root: CurrentRoot) -> JSONResponse:
    """The newest answer about a kept drawing."""
    drawing = show(drawing_id, database=services.database)
    body = {**as_json(drawing, root), **_warning(drawing, services)}
    return JSONResponse(body, headers={"Cache-Control": "private, no-cache"})


@router.get("/demo")
@public
def get_demo(services: CurrentServices, root: CurrentRoot) -> JSONResponse:
    """The drawings of the first page."""
    samples = [
        {
            "slug": sample.slug,
            "title": sample.title,
            "description": sample.description,
            **as_json(sample.drawing, root),
        }
        for sample in show_demo(database=services.database)
    ]
    return JSONResponse({"samples": samples})


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


def is_waiting(drawing: ShownDrawing, services: Services) -> bool:
    """Whether a file of the drawing has still to be moved to where it belongs."""
    keys = (drawing.picture_key, drawing.map_key)
    return any(services.is_waiting(key) for key in keys if key is not None)


def _warning(drawing: ShownDrawing, services: Services) -> dict[str, str]:
    return {"warning": WAITING} if is_waiting(drawing, services) else {}


def _answer_only(submission: Submission, services: Services) -> dict[str, Any]:
    analysis = services.analyzer.analyze(
        submission.content, submission.age_years, submission.category
    )
    if analysis.saliency_map is None:
        return {"analysis": analysis.as_json(), "map": None, "map_reason": NO_MAP}
    return {"analysis": analysis.as_json(), "map": data_uri(analysis.saliency_map, "image/png")}
