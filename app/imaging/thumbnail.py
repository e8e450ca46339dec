"""A picture made small enough to be shown again beside a form."""

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from app.imaging.intake import BROKEN, FORMATS, on_white

SIDE = 320
# It is wanted when the server is busy already, and there it must not cost what an analysis does.
MOST_PIXELS = 4_000_000


def thumbnail(content: bytes) -> bytes | None:
    """A JPEG without metadata; ``None`` where it would cost much, or is no picture."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            picture.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded at an eighth of its size
            if picture.width * picture.height > MOST_PIXELS:
                return None
            small = on_white(ImageOps.exif_transpose(picture))
    except (UnidentifiedImageError, Image.DecompressionBombError, *BROKEN):
        return None
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
