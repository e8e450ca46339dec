"""What the upload form shows: nothing yet, or what was typed and sent before."""

import secrets

from app.bootstrap import Services
from app.errors import Refusal
from app.web.forms import LONGEST_ATTEMPT, SubmittedForm
from app.web.picture_again import PictureAgain


def upload_context(
    services: Services, typed: SubmittedForm | None = None, problem: str | None = None
) -> dict[str, object]:
    """The names that ``upload.html`` uses."""
    return {
        "problem": problem,
        "age_years": typed.age_years if typed else "",
        "category": typed.category if typed else "",
        "keep": typed is None or typed.keep != "false",
        # Sent along so that a form sent twice, as by a double click, makes no twin.
        "attempt": secrets.token_urlsafe(12),
        "again": None,
        "categories": services.categories,
        "keep_uploads": services.keep_uploads,
    }


def context_to_send_again(
    services: Services, typed: SubmittedForm, problem: str
) -> dict[str, object]:
    """The same form with the same picture: sent once more it may be answered.

    It keeps its ``attempt``: if the drawing was kept after all, it is kept once.
    """
    context = upload_context(services, typed, problem)
    try:
        context["again"] = PictureAgain.of(typed.read_image())
    except Refusal:
        return context  # without a picture there is none to be sent again
    return {**context, "attempt": typed.attempt[:LONGEST_ATTEMPT]}
