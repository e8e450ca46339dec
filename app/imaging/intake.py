"""Untrusted bytes -> an upright RGB picture without metadata, or a refusal that says why.

Limits are checked on the header, before any pixel is decoded: a PNG of 200 KB can hold
200 megapixels.
"""

import io
import struct
import threading
import zlib
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from app.errors import DrawingTooLarge, MissingDrawing, UnreadableDrawing

MAX_BYTES = 25 * 1024 * 1024
MAX_PIXELS = 25_000_000  # the largest phone pictures of today, and 75 MB once decoded
MIN_SIDE = 16

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)

_COMPRESSION = 1  # zlib's higher levels cost more time than the bytes that they save are worth
_GREYS = 256
_RAMP = bytes(level for level in range(_GREYS) for _ in "RGB")

READABLE = "PNG, JPEG, BMP, WebP or GIF"
_SEEN = 64  # of 255: what is more transparent is not looked at
_LIGHT = 170  # of 255: strokes from here on would vanish on white
_NEARLY_ALL = 0.95  # of what is seen; a dark outline around white is seen on white

THUMBNAIL_SIDE: Final = 320
# It is wanted when the server is busy already, so it must cost far less than an analysis: a JPEG
# is decoded at an eighth of its size, other large pictures are left, and one is made at a time.
THUMBNAIL_PIXELS: Final = 4_000_000
_TURN: Final = threading.Lock()


def read(content: bytes) -> Image.Image:
    """Decode the first frame, turned upright by its EXIF tag, on white, in mode ``RGB``."""
    picture = _open(content)
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_many_pixels(f"{picture.width} × {picture.height} pixels")
    if min(picture.size) < MIN_SIDE:
        raise UnreadableDrawing(
            f"The picture is {picture.width} × {picture.height} pixels, too small to hold a "
            f"drawing; give one of at least {MIN_SIDE} pixels a side."
        )
    try:
        ImageOps.exif_transpose(picture, in_place=True)  # decodes; a copy can take 100 MB
        return on_white(picture)
    except BROKEN as error:
        raise UnreadableDrawing(
            "The picture is damaged or cut short; save or send it again."
        ) from error


def encode(picture: Image.Image, content: bytes) -> tuple[bytes, str]:
    """Re-encode an upright picture without metadata: lossy if ``content`` was, else as PNG."""
    buffer = io.BytesIO()
    if content[:2] == b"\xff\xd8" or _is_heic(content):
        picture.save(buffer, "JPEG", quality=92)
        return buffer.getvalue(), "image/jpeg"
    _as_grey(picture).save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue(), "image/png"


def encode_map(saliency_map: Image.Image) -> bytes:
    """Encode an 8-bit grey map as PNG."""
    buffer = io.BytesIO()
    saliency_map.save(buffer, "PNG", compress_level=_COMPRESSION, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def _as_grey(picture: Image.Image) -> Image.Image:
    """The very same pixels as numbers of greys, if there is no other colour.

    Pillow tries no line filters on a palette, which do little for drawings and take most time.
    """
    colours = picture.getcolors(_GREYS)
    if colours is None or any(isinstance(c, tuple) and len(set(c)) > 1 for _, c in colours):
        return picture
    grey = picture.convert("L")
    grey.putpalette(_RAMP)
    return grey


def _open(content: bytes) -> Image.Image:
    if not content:
        raise MissingDrawing("The file is empty; choose the picture again.")
    if len(content) > MAX_BYTES:
        raise DrawingTooLarge(
            f"The file is larger than {MAX_BYTES // 2**20} MB; save the picture smaller."
        )
    if _is_heic(content):
        return _open_heic(content)
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels("far more pixels than a drawing needs") from error
    except (UnidentifiedImageError, *BROKEN) as error:
        raise UnreadableDrawing(
            f"The file is not a picture that can be read; give a {READABLE} file."
        ) from error


def _open_heic(content: bytes) -> Image.Image:
    try:
        import pillow_heif
    except ImportError as error:
        raise UnreadableDrawing(
            "HEIC pictures cannot be read here; save the picture as JPEG and try again "
            "(an operator can install the extra `sketchnorm[heic]`)."
        ) from error
    try:
        return pillow_heif.open_heif(content, convert_hdr_to_8bit=True).to_pillow()
    except BROKEN as error:
        raise UnreadableDrawing("The HEIC picture is damaged; send it again.") from error


def _is_heic(content: bytes) -> bool:
    return content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS


def _too_many_pixels(what: str) -> DrawingTooLarge:
    return DrawingTooLarge(
        f"The picture has {what}, more than the {MAX_PIXELS // 10**6} million that are read; "
        "save it smaller."
    )


def on_white(picture: Image.Image) -> Image.Image:
    """Mode ``RGB``, with white where nothing was drawn; with black under light strokes."""
    if picture.mode.startswith("I"):  # 16-bit grey: convert() would clip instead of scale
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        sheet = Image.new("RGBA", layered.size, _sheet_under(layered))
        picture = Image.alpha_composite(sheet, layered)
    upright = picture if picture.mode == "RGB" else picture.convert("RGB")
    upright.info = {}  # Pillow would save an ICC profile, comments and the like from here
    return upright


def _sheet_under(layered: Image.Image) -> str:
    """What light strokes on nothing, such as a stylus app saves them, can be seen on."""
    alpha = layered.getchannel("A")
    seen = alpha.point(lambda value: 255 if value > _SEEN else 0)
    visible = seen.histogram()[255]
    if not visible or 2 * visible > layered.width * layered.height:
        return "white"
    tones = layered.convert("L").histogram(seen)
    light = sum(tones[_LIGHT:])
    return "black" if light > _NEARLY_ALL * visible else "white"


def thumbnail(content: bytes) -> bytes | None:
    """A small JPEG to show beside a form; ``None`` if it is no picture or would cost much now."""
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
        picture.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        if picture.width * picture.height > THUMBNAIL_PIXELS:
            return None
        small = on_white(ImageOps.exif_transpose(picture))
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
