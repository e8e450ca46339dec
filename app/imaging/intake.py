"""Untrusted bytes -> an upright RGB picture without metadata, or a refusal that says why.

Limits are checked on the header, before any pixel is decoded: a PNG of 200 KB can hold
200 megapixels. Libraries decode within ``refusing`` alone: they raise anything at all on damaged
files. Nothing of our own runs in it, so that no fault of ours is told to a visitor as theirs.
"""

import io
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import numpy as np
from PIL import ExifTags, Image, ImageFile

from app.errors import DrawingTooLarge, MissingDrawing, UnreadableDrawing, UnusableDrawing
from app.imaging import mending

MAX_BYTES: Final = 25 * 1024 * 1024
# How many pixels are read. Of what is decoded reduced: A3 at 600 dpi, and the largest phones'
# pictures but for their special modes.
MAX_REDUCED_PIXELS: Final = 75_000_000
# Of what is decoded as a whole: 100 MB then, as Pillow has four bytes a pixel.
MAX_PIXELS: Final = 25_000_000
# Of WebP, and of HEIC with transparency, whose libraries hold a picture several times while they
# decode; no camera makes larger ones.
MAX_HEAVY_PIXELS: Final = 10_000_000
MIN_SIDE: Final = 16
# Of a JPEG; cameras and programs make ten, and a small file can hold 100,000.
MOST_SCANS: Final = 500

FORMATS: Final = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
UNKNOWN: Final = (
    "The file is not a picture that can be read; give a PNG, JPEG, HEIC, WebP, GIF or BMP file."
)
DAMAGED: Final = "The picture is damaged or cut short; save or send it again."
AVIF: Final = "AVIF pictures cannot be read here; save the picture as JPEG or PNG and send that."

REDUCED: Final = "reduced"  # the one name in the ``info`` of a picture that was read reduced

_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_COMPRESSION: Final = 1  # zlib's higher levels cost more time than the bytes they save are worth
_GREYS: Final = 256
_SEEN: Final = 64  # of 255: what is more transparent is not looked at
_LIGHT: Final = 170  # of 255: strokes from here on would vanish on white
_NEARLY_ALL: Final = 0.95  # of what is seen; a dark outline around white is seen on white
_WHITE: Final = 255
_BAND_PIXELS: Final = 250_000
_RAMP: Final = bytes(level for level in range(_GREYS) for _ in "RGB")

THUMBNAIL_SIDE: Final = 320
# It is wanted when the server is busy already, so it must cost far less than an analysis: a JPEG
# is decoded at an eighth of its size, other large pictures are left, and one is made at a time.
THUMBNAIL_PIXELS: Final = 4_000_000
_TURN: Final = threading.Lock()


@contextmanager
def refusing(sentence: str) -> Iterator[None]:
    """Turn whatever a library raises on untrusted bytes into a refusal that says ``sentence``."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels("far more pixels than a drawing needs") from error
    except Exception as error:
        raise UnreadableDrawing(sentence) from error


def read(content: bytes) -> Image.Image:
    """Decode the first frame, turned upright by its EXIF tag, on white, in mode ``RGB``.

    Of more than 25 million pixels it is read at a half or a quarter of its width and height:
    ``reduction_of`` says so.
    """
    if not content:
        raise MissingDrawing("The file is empty; choose the picture again.")
    if len(content) > MAX_BYTES:
        raise DrawingTooLarge(
            f"The file is larger than {MAX_BYTES // 2**20} MB; save the picture smaller."
        )
    try:
        return _decode(content)
    except UnreadableDrawing:
        if mending.lacks_its_end(content):
            with suppress(UnreadableDrawing):
                return _decode_endless(content)
        for mended in mending.spellings(content):
            with suppress(UnreadableDrawing):
                return _decode(mended)
        raise


def reduction_of(picture: Image.Image) -> int:
    """How many times smaller each way than in its file ``read`` has made a picture; mostly 1."""
    return int(picture.info.get(REDUCED, 1))


def thumbnail(content: bytes) -> bytes | None:
    """A small JPEG to show beside a form; ``None`` if it is no picture or would cost much now."""
    if not _TURN.acquire(blocking=False):
        return None
    try:
        return _small_jpeg(content)
    except UnusableDrawing:
        return None
    finally:
        _TURN.release()


def encode(picture: Image.Image, content: bytes) -> tuple[bytes, str]:
    """Re-encode an upright picture without metadata: lossy if ``content`` was, else as PNG."""
    buffer = io.BytesIO()
    if content[:2] == b"\xff\xd8" or _brands(content):
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


def _decode(content: bytes) -> Image.Image:
    brands = _brands(content)
    if brands & _AVIF_BRANDS:
        raise UnreadableDrawing(AVIF)
    if brands & _HEIC_BRANDS:
        return opaque(_decode_heic(content), turn=None)
    picture = _open(content)
    _check_size(*picture.size)
    most = MAX_HEAVY_PIXELS if picture.format == "WEBP" else MAX_PIXELS
    if picture.width * picture.height > most:
        return _reduced(picture, content, most)
    _load(picture)
    if picture.format == "PNG":
        scale_transparent_colour(picture, depth=content[24])
    if picture.format == "BMP" and picture.mode == "RGBA":
        _ignore_empty_alpha(picture)
    return opaque(picture, turn_of(picture))


def _reduced(picture: ImageFile.ImageFile, content: bytes, most: int) -> Image.Image:
    from app.imaging import reduction  # which few pictures need, and which is built on this

    if not reduction.can_be_reduced(picture, content):
        raise _too_many_as_it_is(*picture.size, most)
    factor = reduction.factor_of(picture.size)
    upright = opaque(*reduction.read_reduced(picture, content, factor))
    upright.info[REDUCED] = factor
    return upright


def _decode_heic(content: bytes) -> Image.Image:
    import pillow_heif  # takes 20 ms and 7 MiB, and few pictures need it

    with refusing(DAMAGED):
        container = pillow_heif.open_heif(content, convert_hdr_to_8bit=True)
        width, height = container.size
    _check_size(width, height)
    most = MAX_HEAVY_PIXELS if container.has_alpha else MAX_PIXELS
    if width * height > most:
        raise _too_many_as_it_is(width, height, most)
    with refusing(DAMAGED):
        return container.to_pillow()  # upright: the container's own turns are applied


def _decode_endless(content: bytes) -> Image.Image:
    """A JPEG without its end marker, if all its pixels are there.

    Then what is put between them and a new marker changes none of them. The library makes up
    pixels that are missing, in the colour of the paper.
    """
    filled = zlib.crc32(_decode(mending.with_end(content, mending.NOISE)).tobytes())
    picture = _decode(mending.with_end(content))
    if zlib.crc32(picture.tobytes()) != filled:
        raise UnreadableDrawing(DAMAGED)
    return picture


def _small_jpeg(content: bytes) -> bytes | None:
    picture = _open(content)
    _check_size(*picture.size)
    if picture.width * picture.height > MAX_PIXELS:
        return None
    with refusing(DAMAGED):
        picture.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    if picture.width * picture.height > THUMBNAIL_PIXELS:
        return None
    _load(picture)
    small = opaque(picture, turn_of(picture))
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _open(content: bytes) -> ImageFile.ImageFile:
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > MOST_SCANS:
        raise UnreadableDrawing("The JPEG consists of too many scans; save the picture anew.")
    with refusing(UNKNOWN):
        return open_as(content)


def open_as(content: bytes, formats: tuple[str, ...] = FORMATS) -> ImageFile.ImageFile:
    """A picture of one of these formats, its header read; whatever Pillow raises is let through."""
    return Image.open(io.BytesIO(content), formats=formats)


def _load(picture: Image.Image) -> None:
    """Decode the pixels of an opened picture."""
    with refusing(DAMAGED):
        picture.load()


def opaque(picture: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """As ``on_white``, and turned; ``picture`` is closed on the way.

    Channel by channel: two whole copies of 24 megapixels would take 200 MB.
    """
    if turn is None and _is_plain(picture):
        return on_white(picture)
    channels = _channels_on_white(picture)
    picture.close()
    if turn is not None:
        for number in range(len(channels)):
            channels[number] = channels[number].transpose(turn)
    return Image.merge("RGB", channels)


def _brands(content: bytes) -> set[bytes]:
    """The major and the compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3)."""
    if content[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(content[:4]), len(content), 256)
    return {content[8:12]} | {content[place : place + 4] for place in range(16, end, 4)}


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_REDUCED_PIXELS:
        raise _too_many_pixels(f"{width} × {height} pixels")
    if min(width, height) < MIN_SIDE:
        raise UnreadableDrawing(
            f"The picture is {width} × {height} pixels, too small to hold a "
            f"drawing; give one of at least {MIN_SIDE} pixels a side."
        )


def _too_many_pixels(what: str) -> DrawingTooLarge:
    return DrawingTooLarge(
        f"The picture has {what}, more than the {MAX_REDUCED_PIXELS // 10**6} million that are "
        "read; save it smaller."
    )


def _too_many_as_it_is(width: int, height: int, most: int) -> DrawingTooLarge:
    return DrawingTooLarge(
        f"The picture has {width} × {height} pixels, more than the {most // 10**6} million that "
        "are read of a file of this kind; save it smaller, or as an ordinary JPEG, not a "
        "progressive one."
    )


def turn_of(picture: Image.Image) -> Image.Transpose | None:
    """As EXIF or XMP has it; none if they cannot be read: metadata never refuses a picture."""
    try:
        with refusing(DAMAGED):
            return _TURNS.get(int(picture.getexif().get(ExifTags.Base.Orientation, 1)))
    except UnreadableDrawing:
        return None


def scale_transparent_colour(picture: Image.Image, depth: int) -> None:
    """Pillow scales samples to 8 bits, and not the colour that stands for transparent paper."""
    colour = picture.info.get("transparency")
    if isinstance(colour, tuple) and depth == 16:
        picture.info["transparency"] = tuple(sample >> 8 for sample in colour)
    elif isinstance(colour, int) and picture.mode == "L" and depth < 8:
        picture.info["transparency"] = colour * 255 // (2**depth - 1)


def _ignore_empty_alpha(picture: Image.Image) -> None:
    """Programs that know no transparency leave the fourth byte of a BMP's pixels zero."""
    if picture.getchannel("A").getextrema() == (0, 0):
        picture.putalpha(255)


def on_white(picture: Image.Image) -> Image.Image:
    """Mode ``RGB``, with white where nothing was drawn; with black under light strokes."""
    if not _is_plain(picture):
        return Image.merge("RGB", _channels_on_white(picture))
    picture.info = {}  # Pillow would save an ICC profile, comments and the like from here
    return picture


def _is_plain(picture: Image.Image) -> bool:
    return picture.mode == "RGB" and not picture.has_transparency_data


def _channels_on_white(picture: Image.Image) -> list[Image.Image]:
    """Red, green and blue, made band by band: together they take less than the whole."""
    if picture.mode.startswith("I"):
        picture = as_8_bits(picture)
    with refusing(DAMAGED):  # the palette and what is transparent come from the file
        if _is_plain(picture):
            return list(picture.split())
        sheet = _sheet_under(picture) if picture.has_transparency_data else None
        channels = [Image.new("L", picture.size) for _ in "RGB"]
        for top, band in _bands(picture):
            colours = band.convert("RGB") if sheet is None else _laid_on(sheet, band)
            for channel, part in zip(channels, colours.split(), strict=True):
                channel.paste(part, (0, top))
    return channels


def _laid_on(colour: str, band: Image.Image) -> Image.Image:
    layered = band.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", band.size, colour), layered).convert("RGB")


def _bands(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Each with how far from the top it lies."""
    height = max(1, _BAND_PIXELS // picture.width)
    for top in range(0, picture.height, height):
        yield top, picture.crop((0, top, picture.width, min(top + height, picture.height)))


def _sheet_under(picture: Image.Image) -> str:
    """What light strokes on nothing, such as a stylus app saves them, can be seen on."""
    visible = light = 0
    for _, part in _bands(picture):
        band = part.convert("RGBA")
        seen = band.getchannel("A").point(lambda value: 255 if value > _SEEN else 0)
        visible += seen.histogram()[255]
        light += sum(band.convert("L").histogram(seen)[_LIGHT:])
    if not visible or 2 * visible > picture.width * picture.height:
        return "white"
    return "black" if light > _NEARLY_ALL * visible else "white"


def as_8_bits(picture: Image.Image) -> Image.Image:
    """16-bit grey on white; ``convert`` would clip it and lose which grey is transparent."""
    samples = np.asarray(picture)
    grey = (samples >> 8).astype(np.uint8)
    transparent = picture.info.get("transparency")
    if transparent is not None:
        grey[samples == transparent] = _WHITE
    return Image.fromarray(grey)
