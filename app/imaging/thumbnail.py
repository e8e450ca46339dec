"""A picture made small enough to be shown again beside a form."""

import io
import threading
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from app.imaging.intake import BROKEN, FORMATS, MAX_PIXELS, on_white

SIDE: Final = 320
# It is wanted when the server is busy already, so it must cost far less than an analysis: a JPEG
# is decoded at an eighth of its size, other large pictures are left, and one is made at a time.
MOST_PIXELS: Final = 4_000_000
_TURN: Final = threading.Lock()


def thumbnail(content: bytes) -> bytes | None:
    """A JPEG without metadata; ``None`` where it is no picture or would cost much just now."""
    if not _TURN.acquire(blocking=False):
        return None
    try:
        return _small_jpeg(content)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        *BROKEN,
    ):
        return None
    finally:
        _TURN.release()


def _small_jpeg(content: bytes) -> bytes | None:
    with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            return None
        picture.draft("RGB", (SIDE, SIDE))
        if picture.width * picture.height > MOST_PIXELS:
            return None
        small = on_white(ImageOps.exif_transpose(picture))
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
