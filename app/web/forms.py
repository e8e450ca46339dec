"""The fields of an upload, first as they were typed, then as what they mean.

Read here and not by pydantic: a refusal must be a sentence for the person who filled in the form.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import File, Form, Request, UploadFile

from app.actions.analysis import check_age
from app.errors import DrawingTooLarge, InvalidAge, InvalidRequest, MissingDrawing

NUMBER = re.compile(r"-?[0-9]{1,6}([.,][0-9]{0,6})?")
LARGEST_DRAWING = 4 * 1024 * 1024
TOO_LARGE = "The file is larger than 4 MB; send a smaller picture of the drawing."
LONGEST_CATEGORY = 64
LONGEST_KEY = 200
CHOICES = {"": True, "true": True, "false": False}


@dataclass(frozen=True)
class SubmittedForm:
    """The fields as typed; ``attempt`` is the same for a form that is sent twice."""

    image: UploadFile | None
    age_years: str
    category: str
    keep: str
    attempt: str

    def read_image(self) -> bytes:
        """Raise ``MissingDrawing`` where there is none, ``DrawingTooLarge`` above 4 MiB."""
        content = b"" if self.image is None else self.image.file.read()
        if not content and (self.image is None or not self.image.filename):
            raise MissingDrawing("No drawing was given; choose a picture file to send.")
        if not content:
            raise MissingDrawing("The file is empty; choose a picture of the drawing.")
        if len(content) > LARGEST_DRAWING:
            raise DrawingTooLarge(TOO_LARGE)
        return content

    def read_age(self) -> float:
        """Raise ``InvalidAge`` unless it is a number of years from 2 to 18."""
        text = self.age_years.strip()
        if not text:
            raise InvalidAge("The age is missing; give the child's age in years, such as 6.5.")
        if not NUMBER.fullmatch(text):
            raise InvalidAge("The age is not a number; give it in years, such as 6 or 6.5.")
        return check_age(float(text.replace(",", ".")))

    def read_category(self) -> str | None:
        """What was drawn, ``None`` where it was not named."""
        text = " ".join(self.category.lower().split())
        if len(text) > LONGEST_CATEGORY or not text.isprintable():
            raise InvalidRequest(
                f"Say what was drawn in at most {LONGEST_CATEGORY} letters, such as: house."
            )
        return text or None

    def read_keep(self) -> bool:
        """Whether the drawing may be kept; yes where nothing is said."""
        choice = CHOICES.get(self.keep.strip().lower())
        if choice is None:
            raise InvalidRequest("The field keep must be true or false.")
        return choice


def read_submitted_form(
    request: Request,
    image: Annotated[UploadFile | None, File()] = None,
    age_years: Annotated[str, Form()] = "",
    category: Annotated[str, Form()] = "",
    keep: Annotated[str, Form()] = "",
    attempt: Annotated[str, Form()] = "",
) -> SubmittedForm:
    """Remembered with the request, so that a refusal can show again what was typed."""
    form = SubmittedForm(image, age_years, category, keep, attempt)
    request.state.form = form
    return form


def check_key(key: str | None) -> str | None:
    """The Idempotency-Key as it can be kept; raise ``InvalidRequest`` where it cannot."""
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"The Idempotency-Key must be 1 to {LONGEST_KEY} printable ASCII characters."
        )
    return key
