"""The upload form, and what becomes of it.

No browser refills a file field. So a form that could not be answered comes back with the picture as
text in hidden fields, which are read if no new file is chosen.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Self

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.actions.submit import Submission, answer
from app.bootstrap import Services
from app.errors import InvalidRequest, Refusal
from app.imaging.intake import thumbnail
from app.inference.analysis import Analysis
from app.web.access import public
from app.web.deps import (
    CurrentCounter,
    CurrentForm,
    CurrentRendering,
    CurrentRoot,
    CurrentServices,
    rendering_for,
    services_of,
)
from app.web.errors import Problem, refused
from app.web.forms import FORM, LONGEST_ATTEMPT, SubmittedForm, UploadLimit, limit_of
from app.web.headers import ASKED_AGAIN
from app.web.rendering import Rendering, data_uri, halo
from app.web.result_view import ResultView

router = APIRouter()
LARGEST_CARRIED: Final = 4 * 1024 * 1024  # of the picture as text, which makes the page as large
MAY_WORK_LATER: Final = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
FIELD_LENGTH: Final = 512 * 1024  # the framework refuses a field of more than 1 MiB


@router.get("/upload")
@public
def get(services: CurrentServices, rendering: CurrentRendering, request: Request) -> HTMLResponse:
    """The empty form; who comes back to it finds what they typed."""
    context = form_context(services, limit_of(request))
    return rendering.page("upload.html", context, headers=ASKED_AGAIN)


@router.post(
    "/upload", openapi_extra=FORM,
    responses={303: {"description": "To the result, if it is kept."}, **refused(415, 422, 429)},
)  # fmt: skip
@public
def post(
    form: CurrentForm,
    services: CurrentServices,
    root: CurrentRoot,
    request: Request,
    counter: CurrentCounter,
) -> Response:
    """Lead to the result's own page, or show it here if nothing is kept."""
    if form.key:
        raise InvalidRequest("A key is only read by POST /api/drawings; choose a picture file.")
    submission = _with_attempt(form.read(kept_here=services.keep_uploads), form)
    analyzer, stores = services.analyzer, services.stores
    level = services.current_level.read()
    answered = answer(submission, analyzer=analyzer, stores=stores, level=level, counter=counter)
    if isinstance(answered, Analysis):
        return _show_unkept(answered, submission.age_years, rendering_for(request))
    return RedirectResponse(f"{root}/drawings/{answered}", 303)


def show_again(request: Request, problem: Problem, headers: Mapping[str, str]) -> Response:
    """The form with what was typed and what is wrong; with the picture, if it may work later."""
    services, limit = services_of(request), limit_of(request)
    typed: SubmittedForm | None = getattr(request.state, "form", None)
    context = form_context(services, limit, typed, problem.detail)
    if typed is not None and problem.status in MAY_WORK_LATER:
        context |= _to_send_again(typed, limit)
    return rendering_for(request).page("upload.html", context, problem.status, headers)


def form_context(
    services: Services,
    limit: UploadLimit,
    typed: SubmittedForm | None = None,
    problem: str | None = None,
) -> dict[str, object]:
    """The names that ``upload.html`` uses."""
    return {
        "problem": problem,
        "limit": limit,
        "age_years": typed.age_years if typed else "",
        "category": typed.category if typed else "",
        "keep": typed is None or typed.keep != "false",
        # Sent along so that a form sent twice, as by a double click, makes no twin.
        "attempt": secrets.token_urlsafe(12),
        "again": None,
        "categories": services.categories,
        "keep_uploads": services.keep_uploads,
    }


@dataclass(frozen=True)
class PictureAgain:
    """The hidden fields, none if the picture as text would be too large to be sent again."""

    fields: tuple[str, ...]
    thumbnail: str | None

    @classmethod
    def of(cls, picture: bytes, most: int = LARGEST_CARRIED) -> Self:
        """Put ``picture`` into as many fields as it needs, if its text has ``most`` letters."""
        text = base64.b64encode(picture).decode()
        if len(text) > most:
            return cls((), None)
        starts = range(0, len(text), FIELD_LENGTH)
        small = thumbnail(picture)
        return cls(
            tuple(text[start : start + FIELD_LENGTH] for start in starts),
            data_uri(small, "image/jpeg") if small is not None else None,
        )


def _to_send_again(typed: SubmittedForm, limit: UploadLimit) -> dict[str, object]:
    """The picture, if any, and the same ``attempt``: a drawing kept after all is kept once."""
    try:
        again = PictureAgain.of(typed.read_image(), min(LARGEST_CARRIED, limit.picture))
    except Refusal:
        return {}
    return {"again": again, "attempt": typed.attempt[:LONGEST_ATTEMPT]}


def _with_attempt(submission: Submission, form: SubmittedForm) -> Submission:
    if not form.attempt:
        return submission
    # With the content in the key, a form that is corrected and sent again is a new request.
    key = f"form-{form.attempt[:LONGEST_ATTEMPT]}-{submission.fingerprint()}"
    return replace(submission, idempotency_key=key)


def _show_unkept(analysis: Analysis, age_years: float, rendering: Rendering) -> HTMLResponse:
    saliency_map = analysis.saliency_map
    context = {
        "result": ResultView.of(analysis.as_json()),
        "age_years": age_years,
        "picture_url": data_uri(analysis.picture, analysis.picture_type),
        "map_url": data_uri(halo(saliency_map), "image/png") if saliency_map is not None else None,
        "kept_id": None,
        "removable": False,
        "warning": None,
    }
    return rendering.page("result.html", context)
