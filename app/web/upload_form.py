"""What the upload form shows, empty or with what was typed before."""

import secrets

from app.bootstrap import Services
from app.web.forms import SubmittedForm


def upload_context(
    services: Services, typed: SubmittedForm | None = None, problem: str | None = None
) -> dict[str, object]:
    """The names that ``upload.html`` uses; a file cannot be put back, browsers forbid it."""
    return {
        "problem": problem,
        "age_years": typed.age_years if typed else "",
        "category": typed.category if typed else "",
        "keep": typed is None or typed.keep != "false",
        # Sent along so that a form sent twice, as by a double click, makes no twin.
        "attempt": secrets.token_urlsafe(12),
        "categories": services.categories,
        "keep_uploads": services.keep_uploads,
    }
