"""The picture of a form that could not be answered, carried by the form that comes back.

No browser refills a file field, so the page holds the picture as text in hidden fields, which are
read where no new file is chosen.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from app.errors import InvalidRequest
from app.imaging.thumbnail import thumbnail
from app.web.data_uri import data_uri
from app.web.limits import LARGEST_DRAWING

FIELD_LENGTH: Final = 512 * 1024  # the framework refuses a field of more than 1 MiB


@dataclass(frozen=True)
class PictureAgain:
    """The fields, none where the picture as text would be too large to be sent again."""

    fields: tuple[str, ...]
    thumbnail: str | None

    @classmethod
    def of(cls, picture: bytes) -> Self:
        """Put ``picture`` into as many fields as it needs."""
        text = base64.b64encode(picture).decode()
        if len(text) > LARGEST_DRAWING:
            return cls((), None)
        starts = range(0, len(text), FIELD_LENGTH)
        small = thumbnail(picture)
        return cls(
            tuple(text[start : start + FIELD_LENGTH] for start in starts),
            data_uri(small, "image/jpeg") if small is not None else None,
        )


def join(fields: Sequence[str]) -> bytes:
    """The picture that the fields hold; raise ``InvalidRequest`` where they were changed."""
    try:
        return base64.b64decode("".join(fields), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            "The picture could not be sent again from this form; choose it anew."
        ) from error
