"""The fields of an upload, first as they were typed, then as what they mean.

Read here and not by pydantic: a refusal must be a sentence for the person who filled in the form,
and the wish that a drawing be not kept must not be lost on the way. So a body that breaks off, or
says anything that would be overlooked, is refused as a whole.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect

from app.actions.submit import Submission
from app.errors import (
    DrawingTooLarge,
    IncompleteRequest,
    InvalidRequest,
    MissingDrawing,
)
from app.inference.analysis import read_age

LARGEST_DRAWING: Final = 4 * 1024 * 1024
TOO_LARGE: Final = "The file is larger than 4 MB; send a smaller picture of the drawing."
LONGEST_CATEGORY = 64
LONGEST_KEY = 200
LONGEST_NAME = 40
LONGEST_ATTEMPT = 64
CHOICES = {"": True, "true": True, "false": False}
# The fields that are text; picture_again may come in several parts, the others once.
TEXTS: Final = ("age_years", "category", "keep", "attempt")
FIELDS: Final = ("image", *TEXTS, "picture_again")
INCOMPLETE: Final = (
    "The upload did not arrive whole, or its parts cannot be told from each other; "
    "nothing was kept, so send it again."
)


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


async def read_submitted_form(request: Request) -> SubmittedForm:
    """Remembered with the request, so that a refusal can show again what was typed.

    The file is read here because it is closed by the time that a refusal is answered.
    """
    fields = await _read_body(request)
    try:
        form = await _as_typed(fields)
        request.state.form = form
        _check_fields(request, fields)
        return form
    finally:
        await fields.close()


async def _as_typed(fields: FormData) -> SubmittedForm:
    image = fields.get("image")
    content = await image.read() if isinstance(image, UploadFile) else b""
    chosen = isinstance(image, UploadFile) and bool(content or image.filename)
    return SubmittedForm(
        content if chosen else None,
        age_years=_text(fields, "age_years"),
        category=_text(fields, "category"),
        keep=_text(fields, "keep"),
        attempt=_text(fields, "attempt"),
        picture_again=tuple(p for p in fields.getlist("picture_again") if isinstance(p, str)),
    )


async def _read_body(request: Request) -> FormData:
    """The parts of a multipart body; raise ``IncompleteRequest`` unless it is whole.

    It is whole if nothing follows the boundary that closes it, and if each heading begins a part:
    elsewhere a field would be missing that nobody misses.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise IncompleteRequest(INCOMPLETE) from error
    if not body:
        return FormData()
    if kind != b"multipart/form-data":
        raise InvalidRequest("The drawing must be sent as multipart/form-data, in the field image.")
    end = b"\r\n--" + options.get(b"boundary", b"") + b"--"
    closed = body.find(end)
    if closed < 0 or body[closed + len(end) :].strip():
        raise IncompleteRequest(INCOMPLETE)
    try:
        fields = await request.form()
    except Exception as error:  # whatever the parser meets in untrusted bytes
        raise IncompleteRequest(INCOMPLETE) from error
    if body.lower().count(b"content-disposition") > len(fields.multi_items()):
        await fields.close()
        raise IncompleteRequest(INCOMPLETE)
    return fields


def _text(fields: FormData, name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""


def _check_fields(request: Request, fields: FormData) -> None:
    """Raise ``InvalidRequest`` for what would be overlooked, such as a ``keep`` in the address."""
    if request.query_params:
        raise InvalidRequest(
            "Fields in the address are not read; send all of them in the body: "
            f"{', '.join(FIELDS)}."
        )
    for name in fields:
        if name not in FIELDS:
            raise InvalidRequest(
                f"There is no field {name[:LONGEST_NAME]!r}; send {', '.join(FIELDS)}."
            )
        _check_values(name, fields.getlist(name))


def _check_values(name: str, values: Sequence[str | UploadFile]) -> None:
    if name == "image":
        if any(isinstance(value, str) and value for value in values):  # "": no file was chosen
            raise InvalidRequest(
                "The drawing must be sent as a file, in the multipart field image."
            )
        if len(values) > 1:
            raise InvalidRequest("More than one drawing was sent; send one at a time.")
    elif not all(isinstance(value, str) for value in values):
        raise InvalidRequest(f"The field {name} must be sent as text, not as a file.")
    elif name in TEXTS and len(set(values)) > 1:
        raise InvalidRequest(f"The field {name} was sent with different values; send it once.")


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
