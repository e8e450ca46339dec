"""The fields of an upload, first as they were typed, then as what they mean.

Read here and not by pydantic: a refusal must be a sentence for the person who filled in the form.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import File, Form, Request, UploadFile

from app.actions.submit import Submission
from app.errors import DrawingTooLarge, InvalidRequest, MissingDrawing
from app.inference.age import read_age

LARGEST_DRAWING: Final = 4 * 1024 * 1024
TOO_LARGE: Final = "The file is larger than 4 MB; send a smaller picture of the drawing."
LONGEST_CATEGORY = 64
LONGEST_KEY = 200
LONGEST_ATTEMPT = 64
CHOICES = {"": True, "true": True, "false": False}


@dataclass(frozen=True)
class SubmittedForm:
    """The fields as typed; ``attempt`` is the same for a form that is sent twice.

    ``image`` is ``None`` if no file was chosen; ``picture_again`` is the picture of an earlier try,
    for that case.
    """

    image: bytes | None = field(repr=False)
    age_years: str
    category: str
    keep: str
    attempt: str
    picture_again: tuple[str, ...] = field(default=(), repr=False)

    def read(self, *, kept_here: bool, idempotency_key: str | None = None) -> Submission:
        """Raise ``Refusal`` for the first field that cannot be understood.

        ``kept_here``: whether drawings are kept on this site at all.
        """
        return Submission(
            content=self.read_image(),
            age_years=self.read_age(),
            category=self.read_category(),
            idempotency_key=check_key(idempotency_key),
            keep=self.read_keep() and kept_here,
        )

    def read_image(self) -> bytes:
        """Raise ``MissingDrawing`` if there is none, ``DrawingTooLarge`` above 4 MiB."""
        if self.image is None and self.picture_again:
            return join_picture(self.picture_again)
        if self.image is None:
            raise MissingDrawing("No drawing was given; choose a picture file to send.")
        if not self.image:
            raise MissingDrawing("The file is empty; choose a picture of the drawing.")
        if len(self.image) > LARGEST_DRAWING:
            raise DrawingTooLarge(TOO_LARGE)
        return self.image

    def read_age(self) -> float:
        """Raise ``InvalidAge`` unless it is an age; the analyzer knows its bounds."""
        return read_age(self.age_years)

    def read_category(self) -> str | None:
        """What was drawn, ``None`` if it was not named."""
        text = " ".join(self.category.lower().split())
        if len(text) > LONGEST_CATEGORY or not text.isprintable():
            raise InvalidRequest(
                f"Say what was drawn in at most {LONGEST_CATEGORY} letters, such as: house."
            )
        return text or None

    def read_keep(self) -> bool:
        """Whether the drawing may be kept; yes if nothing is said."""
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
    picture_again: Annotated[tuple[str, ...], Form()] = (),
) -> SubmittedForm:
    """Remembered with the request, so that a refusal can show again what was typed.

    The file is read here because it is closed by the time that a refusal is answered.
    """
    content = image.file.read() if image is not None else b""
    chosen = bool(content) or (image is not None and bool(image.filename))
    form = SubmittedForm(
        content if chosen else None, age_years, category, keep, attempt, picture_again
    )
    request.state.form = form
    return form


def check_key(key: str | None) -> str | None:
    """The Idempotency-Key as it can be kept; raise ``InvalidRequest`` if it cannot."""
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"The Idempotency-Key must be 1 to {LONGEST_KEY} printable ASCII characters."
        )
    return key


def join_picture(fields: Sequence[str]) -> bytes:
    """The picture that the fields hold; raise ``InvalidRequest`` if they were changed."""
    try:
        return base64.b64decode("".join(fields), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            "The picture could not be sent again from this form; choose it anew."
        ) from error
