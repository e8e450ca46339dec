"""The form, and what becomes of it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.actions.submit import Submission, submit
from app.bootstrap import Services
from app.web.access import public
from app.web.data_uri import data_uri
from app.web.deps import CurrentForm, CurrentRendering, CurrentRoot, CurrentServices
from app.web.forms import LONGEST_ATTEMPT, SubmittedForm
from app.web.rendering import Rendering
from app.web.result_view import ResultView
from app.web.upload_form import upload_context

router = APIRouter()


@router.get("/upload")
@public
def get(services: CurrentServices, rendering: CurrentRendering) -> HTMLResponse:
    """The empty form."""
    return rendering.page("upload.html", upload_context(services))


@router.post("/upload")
@public
def post(
    form: CurrentForm,
    services: CurrentServices,
    rendering: CurrentRendering,
    root: CurrentRoot,
) -> Response:
    """Lead to the result's own page, or show it here where nothing is kept."""
    submission = _read(form)
    if not (form.read_keep() and services.keep_uploads):
        return _show_unkept(submission, services, rendering)
    drawing_id = submit(
        submission,
        analyzer=services.analyzer,
        database=services.database,
        blobs=services.blobs,
    )
    return RedirectResponse(f"{root}/drawings/{drawing_id}", 303)


def _read(form: SubmittedForm) -> Submission:
    plain = Submission(form.read_image(), form.read_age(), form.read_category())
    if not form.attempt:
        return plain
    # With the content in the key, a form that is corrected and sent again is a new request.
    key = f"form-{form.attempt[:LONGEST_ATTEMPT]}-{plain.fingerprint()}"
    return Submission(plain.content, plain.age_years, plain.category, key)


def _show_unkept(submission: Submission, services: Services, rendering: Rendering) -> HTMLResponse:
    analysis = services.analyzer.analyze(
        submission.content, submission.age_years, submission.category
    )
    saliency_map = analysis.saliency_map
    context = {
        "result": ResultView.of(analysis.as_json()),
        "age_years": submission.age_years,
        "picture_url": data_uri(analysis.picture, analysis.picture_type),
        "map_url": data_uri(saliency_map, "image/png") if saliency_map is not None else None,
        "kept_id": None,
        "warning": None,
    }
    return rendering.page("result.html", context, headers={"Cache-Control": "no-store"})
