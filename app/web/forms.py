"""The fields of an upload, first as they were typed, then as what they mean.

Read here and not by pydantic: a refusal must be a sentence for the person who filled in the form,
and the wish that a drawing be not kept must not be lost on the way. So a body that breaks off, or
says anything that would be overlooked, is refused as a whole.
"""

import asyncio
import base64
import binascii
import re
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartParser
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from app.actions.submit import Submission
from app.errors import (
    DrawingTooLarge,
    IncompleteRequest,
    InvalidRequest,
    MissingDrawing,
)
from app.imaging.intake import MAX_BYTES
from app.inference.analysis import read_age

LARGE: Final = 1024 * 1024  # a body, in bytes
TAKEN_APART_AT_ONCE: Final = 2  # each is three times in memory meanwhile
PIECE: Final = 64 * 1024
HEADING: Final = re.compile(rb"content-disposition", re.IGNORECASE)
OTHER_PARTS: Final = 64 * 1024  # the other fields and multipart's own lines
LONGEST_CATEGORY = 64
LONGEST_KEY = 200
LONGEST_NAME = 40
LONGEST_ATTEMPT = 64
CHOICES = {"": True, "true": True, "false": False}
# The fields that are text; picture_again may come in several parts, the others once.
TEXTS: Final = ("age_years", "category", "keep", "attempt", "key")
FIELDS: Final = ("image", *TEXTS, "picture_again")
LONGEST_TEXT: Final = 1000
_TEXT: Final = {"type": "string", "maxLength": LONGEST_TEXT}
# What the OpenAPI document says of a form that is read here, and not by the framework.
FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {"type": "string", "contentMediaType": "application/octet-stream"},
                        **dict.fromkeys(TEXTS, _TEXT),
                        "keep": {"type": "string", "enum": list(CHOICES)},
                        "picture_again": {"type": "array", "items": {"type": "string"}},
                    },
                    "required": ["age_years"],
                    "additionalProperties": False,
                }
            }
        },
    }
}
MOST_PARTS: Final = 32
INCOMPLETE: Final = (
    "The upload did not arrive whole, or its parts cannot be told from each other; "
    "nothing was kept, so send it again."
)


@dataclass(frozen=True)
class UploadLimit:
    """How large a picture may be that is sent in a request.

    ``by_key``: larger ones can be sent to the store, and their key here. Of large bodies few are
    ``taken_apart`` at once.
    """

    megabytes: int
    by_key: bool = False
    taken_apart: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(TAKEN_APART_AT_ONCE), repr=False
    )

    @property
    def picture(self) -> int:
        """In bytes."""
        return self.megabytes * 1024 * 1024

    @property
    def body(self) -> int:
        """The same of a request's body, which is held in memory."""
        return self.picture + OTHER_PARTS

    @property
    def read(self) -> int:
        """Of a body that is too large so many bytes are read and thrown away.

        A browser shows an answer only once it has sent its whole request.
        """
        return 4 * self.body

    @property
    def sentence(self) -> str:
        """Names the limit and the cure."""
        another_way = (
            f"; a program can send up to {MAX_BYTES // 2**20} MB through POST /api/uploads"
            if self.by_key
            else ""
        )
        return (
            f"The file is larger than {self.megabytes} MB, the most that can be sent here; save "
            f"the picture smaller, such as a JPEG at 300 dpi{another_way}."
        )


def limit_of(request: Request) -> UploadLimit:
    """The limit of the application that is asked."""
    return cast(UploadLimit, request.app.state.upload_limit)


@dataclass(frozen=True)
class SubmittedForm:
    """The fields as typed; ``attempt`` is the same for a form that is sent twice.

    ``image`` is ``None`` if no file was chosen; ``picture_again`` is the picture of an earlier try,
    for that case, and ``key`` names one that was sent to the store.
    """

    image: bytes | None = field(repr=False)
    age_years: str
    category: str
    keep: str
    attempt: str
    key: str = ""
    picture_again: tuple[str, ...] = field(default=(), repr=False)

    def read(self, *, kept_here: bool, idempotency_key: str | None = None) -> Submission:
        """Raise ``Refusal`` for the first field that cannot be understood.

        ``kept_here``: whether drawings are kept on this site at all.
        """
        return Submission(
            content=b"" if self.key else self.read_image(),
            age_years=self.read_age(),
            category=self.read_category(),
            idempotency_key=check_key(idempotency_key),
            keep=self.read_keep() and kept_here,
            upload=self.read_key(),
        )

    def read_image(self) -> bytes:
        """Raise ``MissingDrawing`` if there is none."""
        if self.image is None and self.picture_again:
            return join_picture(self.picture_again)
        if self.image is None:
            raise MissingDrawing("No drawing was given; choose a picture file to send.")
        if not self.image:
            raise MissingDrawing("The file is empty; choose a picture of the drawing.")
        return self.image

    def read_key(self) -> str | None:
        """Raise ``InvalidRequest`` if there is a picture beside it."""
        if self.key and (self.image is not None or self.picture_again):
            raise InvalidRequest("Send either a picture or the key of one, not both.")
        return self.key or None

    def read_age(self) -> float:
        """Raise ``InvalidAge`` unless it is an age; the analyzer knows its bounds."""
        return read_age(self.age_years)

    def read_category(self) -> str | None:
        """What was drawn, ``None`` if it was not named."""
        return read_category(self.category)

    def read_keep(self) -> bool:
        """Whether the drawing may be kept; yes if nothing is said."""
        choice = CHOICES.get(self.keep.strip().lower())
        if choice is None:
            raise InvalidRequest("The field keep must be true or false.")
        return choice


def read_category(text: str) -> str | None:
    """A category as it is kept, ``None`` for no text; raise ``InvalidRequest`` if it is none."""
    plain = " ".join(text.lower().split())
    if len(plain) > LONGEST_CATEGORY or not plain.isprintable():
        raise InvalidRequest(
            f"Say what was drawn in at most {LONGEST_CATEGORY} letters, such as: house."
        )
    return plain or None


async def read_submitted_form(request: Request) -> SubmittedForm:
    """Remembered with the request, so that a refusal can show again what was typed.

    The file is read here because it is closed by the time that a refusal is answered.
    """
    limit = limit_of(request)
    async with _received(request, limit) as body:
        fields = await _take_apart(request, body)
        is_cut = body.is_cut
        body.content.clear()
        try:
            form = await _as_typed(fields)
            is_too_large = is_cut or len(form.image or b"") > limit.picture
            request.state.form = replace(form, image=None) if is_too_large else form
            if is_too_large:
                raise DrawingTooLarge(limit.sentence)
            _check_fields(request, fields)
            return form
        finally:
            await fields.close()


def let_form_go(scope: Scope) -> None:
    """For an answer that has begun, so that no picture waits until somebody has taken it."""
    scope.get("state", {}).pop("form", None)


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
        key=_text(fields, "key"),
        picture_again=tuple(p for p in fields.getlist("picture_again") if isinstance(p, str)),
    )


@dataclass(frozen=True)
class _Body:
    """What was received; of a body that is too large its beginning and its end."""

    content: bytearray = field(repr=False)
    is_cut: bool = False

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Small, because the parser copies each of them."""
        for start in range(0, len(self.content), PIECE):
            yield bytes(self.content[start : start + PIECE])


@asynccontextmanager
async def _received(request: Request, limit: UploadLimit) -> AsyncIterator[_Body]:
    """The body, of which no more than the limit is in memory.

    What is left out of a larger one lies within the picture: the other fields have no room for it.
    """
    content, end, is_cut = bytearray(), b"", False
    try:
        async for chunk in request.stream():
            content += chunk
            if is_cut or len(content) > limit.body:
                is_cut = True
                end = (end + content[OTHER_PARTS:])[-OTHER_PARTS:]
                del content[OTHER_PARTS:]
    except ClientDisconnect as error:
        raise IncompleteRequest(INCOMPLETE) from error
    content += end
    async with _turn(limit.taken_apart) if len(content) > LARGE else nullcontext():
        yield _Body(content, is_cut)


@asynccontextmanager
async def _turn(places: threading.Semaphore) -> AsyncIterator[None]:
    """Wait for those before, whose bodies are here: that takes no longer than they need."""
    while not places.acquire(blocking=False):
        await asyncio.sleep(0.05)
    try:
        yield
    finally:
        places.release()


async def _take_apart(request: Request, received: _Body) -> FormData:
    """The parts of a multipart body; raise ``IncompleteRequest`` unless it is whole.

    It is whole if nothing follows the boundary that closes it, and if each heading begins a part:
    elsewhere a field would be missing that nobody misses.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    body = received.content
    if not body:
        return FormData()
    if received.is_cut:
        with suppress(Exception):  # whatever the parser meets in untrusted bytes
            return await _parse(request, received)
        raise DrawingTooLarge(limit_of(request).sentence)
    if kind != b"multipart/form-data":
        raise InvalidRequest("The drawing must be sent as multipart/form-data, in the field image.")
    boundary = b"--" + options.get(b"boundary", b"")
    if body.count(boundary) > MOST_PARTS + 1:
        raise InvalidRequest(f"The form has too many fields; send {', '.join(FIELDS)}.")
    end = b"\r\n" + boundary + b"--"
    closed = body.find(end)
    if closed < 0 or body[closed + len(end) :].strip():
        raise IncompleteRequest(INCOMPLETE)
    try:
        fields = await _parse(request, received)
    except Exception as error:  # whatever the parser meets in untrusted bytes
        raise IncompleteRequest(INCOMPLETE) from error
    if sum(1 for _ in HEADING.finditer(body)) > len(fields.multi_items()):
        await fields.close()
        raise IncompleteRequest(INCOMPLETE)
    return fields


async def _parse(request: Request, received: _Body) -> FormData:
    return await MultiPartParser(request.headers, received.pieces()).parse()


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
    elif name in TEXTS and any(isinstance(v, str) and len(v) > LONGEST_TEXT for v in values):
        raise InvalidRequest(f"The field {name} is longer than {LONGEST_TEXT} letters.")


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
